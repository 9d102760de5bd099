// Tests of the thread pool: every chunk runs exactly once, whoever calls, from wherever.
import NNKernels
import Synchronization
import Testing

extension KernelTests {
  @Suite
  struct PoolTests {
    @Test(
      "every chunk runs exactly once", arguments: [0, 1, 2, 3, 8, 100, 65_535, 65_536, 200_001])
    func everyChunkOnce(chunks: Int) {
      for threads in [1, 2, 4] {
        withThreads(threads) {
          let region = Region(chunks: chunks)
          region.run(chunks)
          #expect(region.allOnce)
        }
      }
    }

    @Test("many short regions, with pauses that let the workers park")
    func manyRegions() {
      withThreads(4) {
        let region = Region(chunks: 7)
        for round in 0..<20_000 {
          region.run(7)
          if round % 4000 == 0 { busyWait(milliseconds: 3) }
        }
        #expect(region.total == 140_000)
      }
    }

    @Test("a region inside a region runs all its chunks")
    func nested() {
      withThreads(3) {
        let outer = NestedRegion()
        for _ in 0..<200 { outer.run() }
        #expect(outer.inner.total == 200 * 8 * 5)
      }
    }

    @Test("callers on several threads at once each get all their chunks")
    func concurrentCallers() async {
      nnk_set_threads(3)
      let totals = await withTaskGroup(of: Int.self) { group in
        for caller in 1...4 {
          group.addTask {
            let region = Region(chunks: caller * 3)
            for _ in 0..<3000 { region.run(caller * 3) }
            return region.total / (caller * 3)
          }
        }
        return await group.reduce(into: []) { $0.append($1) }
      }
      nnk_set_threads(0)
      #expect(totals == [3000, 3000, 3000, 3000])
    }

    @Test("the thread count can change between regions")
    func changingThreads() {
      let region = Region(chunks: 16)
      for round in 0..<2000 {
        withThreads(round % 5 + 1) {
          #expect(nnk_threads() == round % 5 + 1)
          region.run(16)
        }
      }
      #expect(region.total == 32_000)
      #expect(nnk_threads() >= 1)
    }

    @Test("small work stays on the caller's thread")
    func smallWork() {
      let region = Region(chunks: 4)
      withThreads(4) {
        nnk_parallel_sized(4, 100, countChunk, Unmanaged.passUnretained(region).toOpaque())
      }
      #expect(region.allOnce)
    }

    @Test("a raised flag skips chunks that have not begun; a lowered one does not")
    func cancellation() throws {
      let flag = try #require(nnk_flag_create())
      defer { nnk_flag_destroy(flag) }
      nnk_set_cancel_flag(flag)
      defer { nnk_set_cancel_flag(nil) }
      withThreads(2) {
        let region = CancellingRegion(flag: flag)
        nnk_parallel(
          100_000, { context, chunk, _ in CancellingRegion.from(context).step(chunk) },
          region.opaque)
        #expect(region.count.load(ordering: .relaxed) >= 1)
        #expect(region.count.load(ordering: .relaxed) < 100_000)
        #expect(nnk_cancelled())
        nnk_flag_set(flag, false)
        let after = Region(chunks: 50)
        after.run(50)
        #expect(after.allOnce)
      }
    }
  }
}

/// Counts how often each chunk of a region runs.
private final class Region: Sendable {
  let counts: [Counter]

  init(chunks: Int) { counts = (0..<chunks).map { _ in Counter() } }

  var total: Int { counts.reduce(0) { $0 + $1.value.load(ordering: .relaxed) } }
  var allOnce: Bool { counts.allSatisfy { $0.value.load(ordering: .relaxed) == 1 } }

  func run(_ chunks: Int) {
    nnk_parallel(chunks, countChunk, Unmanaged.passUnretained(self).toOpaque())
  }
}

/// One number that threads add to.
private final class Counter: Sendable {
  let value = Atomic<Int>(0)
}

/// Counts one chunk of a `Region`.
private func countChunk(_ context: UnsafeMutableRawPointer?, _ chunk: Int, _ chunks: Int) {
  guard let context else { return }
  Unmanaged<Region>.fromOpaque(context).takeUnretainedValue().counts[chunk].value.add(
    1, ordering: .relaxed)
}

/// A region whose chunks each start a region.
private final class NestedRegion: Sendable {
  let inner = Region(chunks: 5)

  func run() {
    nnk_parallel(
      8,
      { context, _, _ in
        guard let context else { return }
        Unmanaged<NestedRegion>.fromOpaque(context).takeUnretainedValue().inner.run(5)
      }, Unmanaged.passUnretained(self).toOpaque())
  }
}

/// A region that raises its own cancel flag in its first chunk.
private final class CancellingRegion: @unchecked Sendable {
  let count = Atomic<Int>(0)
  let flag: OpaquePointer

  init(flag: OpaquePointer) { self.flag = flag }

  var opaque: UnsafeMutableRawPointer { Unmanaged.passUnretained(self).toOpaque() }

  static func from(_ context: UnsafeMutableRawPointer?) -> CancellingRegion {
    guard let context else { preconditionFailure("the region passes itself as the context") }
    return Unmanaged<CancellingRegion>.fromOpaque(context).takeUnretainedValue()
  }

  func step(_ chunk: Int) {
    count.add(1, ordering: .relaxed)
    if chunk == 0 { nnk_flag_set(flag, true) }
  }
}

/// Keeps this thread busy for some time, so that workers find nothing to do.
private func busyWait(milliseconds: Int) {
  let end = ContinuousClock.now + .milliseconds(milliseconds)
  while ContinuousClock.now < end {}
}
