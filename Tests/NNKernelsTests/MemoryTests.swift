// Tests of tensor memory: alignment, reuse, counters, limit, references, and many threads at once.
import Foundation
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct MemoryTests {
    static let sizes = [
      0, 1, 63, 64, 65, 960, 961, 1000, 4096, 70_000, 1 << 20, (1 << 20) + 1, 3 << 20, 40 << 20,
    ]

    @Test(
      "blocks are aligned, large enough, not wasteful, and writable to the end", arguments: sizes)
    func alignment(bytes: Int) throws {
      let block = try #require(nnk_block_alloc(bytes))
      defer { nnk_block_release(block) }
      #expect(UInt(bitPattern: block) % 64 == 0)
      let capacity = nnk_block_capacity(block)
      #expect(capacity >= bytes)
      #expect(capacity <= bytes + bytes / 4 + (bytes < 1 << 20 ? 128 : 64 << 10))
      memset(block, 0xA5, capacity)
      if capacity > 0 { #expect(block.load(fromByteOffset: capacity - 1, as: UInt8.self) == 0xA5) }
    }

    @Test("a released block is used again for the next of its size", arguments: sizes)
    func reuse(bytes: Int) throws {
      let first = try #require(nnk_block_alloc(bytes))
      nnk_block_release(first)
      let second = try #require(nnk_block_alloc(bytes))
      #expect(first == second)
      nnk_block_release(second)
    }

    @Test("live, peak, cached and the number of blocks are exact")
    func counters() throws {
      nnk_trim_cache()
      let before = nnk_memory_info()
      nnk_reset_peak()
      let blocks = try [100, 5000, 3 << 20].map { try #require(nnk_block_alloc($0)) }
      let held = blocks.reduce(0) { $0 + Int(nnk_block_capacity($1)) + 64 }
      var info = nnk_memory_info()
      #expect(info.live == before.live + held)
      #expect(info.peak == info.live)
      #expect(info.blocks == before.blocks + 3)
      #expect(info.cached == 0)
      for block in blocks { nnk_block_release(block) }
      info = nnk_memory_info()
      #expect(info.live == before.live)
      #expect(info.blocks == before.blocks)
      #expect(info.cached == held)
      #expect(info.peak == before.live + held)
      nnk_reset_peak()
      nnk_trim_cache()
      info = nnk_memory_info()
      #expect(info.peak == info.live)
      #expect(info.cached == 0)
    }

    @Test("only a block with one reference is unique, and it lives until the last is dropped")
    func references() throws {
      let before = nnk_memory_info().blocks
      let block = try #require(nnk_block_alloc(256))
      #expect(nnk_block_is_unique(block))
      nnk_block_retain(block)
      nnk_block_retain(block)
      #expect(!nnk_block_is_unique(block))
      nnk_block_release(block)
      #expect(!nnk_block_is_unique(block))
      nnk_block_release(block)
      #expect(nnk_block_is_unique(block))
      #expect(nnk_memory_info().blocks == before + 1)
      nnk_block_release(block)
      #expect(nnk_memory_info().blocks == before)
      nnk_block_release(nil)
    }

    @Test("over the limit there is no memory, cached or new, and below it there is again")
    func limit() throws {
      let cached = try #require(nnk_block_alloc(8 << 20))
      nnk_block_release(cached)
      nnk_set_memory_limit(nnk_memory_info().live + (4 << 20))
      defer { nnk_set_memory_limit(0) }
      #expect(nnk_memory_info().limit == nnk_memory_info().live + (4 << 20))
      #expect(nnk_memory_info().cached <= 4 << 20)
      let blocks = nnk_memory_info().blocks
      #expect(nnk_block_alloc(8 << 20) == nil)
      let half = try #require(nnk_block_alloc(3 << 20))
      #expect(nnk_block_alloc(3 << 20) == nil)
      #expect(nnk_memory_info().blocks == blocks + 1)
      nnk_block_release(half)
      let again = try #require(nnk_block_alloc(3 << 20))
      nnk_block_release(again)
      nnk_set_memory_limit(0)
      #expect(
        nnk_memory_info().limit == Int.max || nnk_memory_info().limit == Int(bitPattern: UInt.max))
      let whole = try #require(nnk_block_alloc(8 << 20))
      nnk_block_release(whole)
    }

    @Test("impossible sizes give nil and leave the counters alone")
    func impossible() {
      let before = nnk_memory_info()
      #expect(nnk_block_alloc(Int.max) == nil)
      #expect(nnk_block_alloc(1 << 60) == nil)
      #expect(nnk_memory_info().live == before.live)
      #expect(nnk_memory_info().blocks == before.blocks)
    }

    @Test("the cache stays within what was in use at once, plus 64 MiB")
    func boundedCache() throws {
      nnk_trim_cache()
      let base = nnk_memory_info().live
      for size in stride(from: 2, through: 40, by: 3) {
        let blocks = try (0..<3).map { _ in try #require(nnk_block_alloc(size << 20)) }
        for block in blocks { nnk_block_release(block) }
      }
      let info = nnk_memory_info()
      #expect(info.cached + info.live <= base + (121 << 20) + (64 << 20))
      nnk_trim_cache()
    }

    @Test(
      "threads that allocate, share and release at once lose nothing and never share a block by accident"
    )
    func manyThreads() async {
      let before = nnk_memory_info()
      let errors = await withTaskGroup(of: Int.self) { group in
        for seed in 1...4 {
          group.addTask { hammerBlocks(seed: UInt64(seed), rounds: 20_000) }
        }
        return await group.reduce(0, +)
      }
      #expect(errors == 0)
      #expect(nnk_memory_info().live == before.live)
      #expect(nnk_memory_info().blocks == before.blocks)
    }
  }
}

/// Allocates and releases blocks in a random order, marking each with its owner; returns how many marks were wrong.
private func hammerBlocks(seed: UInt64, rounds: Int) -> Int {
  var state = seed
  var held: [(block: UnsafeMutableRawPointer, mark: UInt64)] = []
  var errors = 0
  for round in 0..<rounds {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    if held.count < 20, state >> 63 == 0, let block = nnk_block_alloc(Int(state >> 40) % 3000 + 8) {
      let mark = seed << 32 | UInt64(round)
      block.storeBytes(of: mark, as: UInt64.self)
      if round % 3 == 0 { nnk_block_retain(block) }
      held.append((block, mark))
    } else if !held.isEmpty {
      let (block, mark) = held.remove(at: Int(state >> 33) % held.count)
      if block.load(as: UInt64.self) != mark { errors += 1 }
      if !nnk_block_is_unique(block) { nnk_block_release(block) }
      nnk_block_release(block)
    }
  }
  for (block, mark) in held {
    if block.load(as: UInt64.self) != mark { errors += 1 }
    if !nnk_block_is_unique(block) { nnk_block_release(block) }
    nnk_block_release(block)
  }
  return errors
}
