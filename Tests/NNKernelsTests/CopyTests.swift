// Tests of copies: strides, transposes, conversions, fills, ranges.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct CopyTests {
    @Test(
      "transposes of every element size",
      arguments: [
        (1, 1, 1), (1, 7, 5), (2, 8, 8), (1, 64, 64), (3, 33, 65), (1, 301, 500), (1, 2000, 64),
        (5, 4, 1000),
      ])
    func transposes(_ batch: Int, _ rows: Int, _ cols: Int) {
      checkTranspose(batch, rows, cols, UInt8.self)
      checkTranspose(batch, rows, cols, Float.self)
      checkTranspose(batch, rows, cols, Double.self)
    }

    private func checkTranspose<T: KernelElement>(
      _ batch: Int, _ rows: Int, _ cols: Int, _ type: T.Type
    ) {
      let x = (0..<batch * rows * cols).map { T(small: $0 % 251) }
      let want = (0..<batch).flatMap { b in
        transposed(Array(x[b * rows * cols..<(b + 1) * rows * cols]), rows: rows, columns: cols)
      }
      for level in KernelTests.isaLevels {
        var y = x.map { _ in T.zero }
        #expect(withISA(level) { nnk_transpose(MemoryLayout<T>.size, x, &y, batch, rows, cols) })
        #expect(y == want)
      }
    }

    @Test("permutations, steps, reversals, broadcasts and parts of larger arrays")
    func strided() {
      // shape, strides and start of the source, strides and start of the destination
      let cases: [([Int], [Int], Int, [Int], Int)] = [
        ([], [], 3, [], 2), ([0, 4], [4, 1], 0, [4, 1], 0), ([10], [1], 0, [1], 5),
        ([10], [-1], 20, [1], 0),
        ([10], [0], 7, [1], 0), ([4, 5], [5, 1], 0, [9, 1], 2), ([4, 5], [1, 4], 0, [5, 1], 0),
        ([3, 4, 5], [20, 5, 1], 0, [1, 3, 12], 0), ([3, 4, 5], [1, 3, 12], 0, [20, 5, 1], 0),
        ([3, 4, 5], [4, 1, 12], 0, [20, 5, 1], 0),
        ([2, 3, 2, 3, 2], [36, 1, 18, 3, 9], 0, [36, 12, 6, 2, 1], 0),
        ([6, 7], [14, 2], 1, [7, 1], 0), ([6, 7], [0, 1], 0, [7, 1], 0),
        ([6, 7], [1, 0], 0, [7, 1], 0),
        ([100, 300], [1, 100], 0, [300, 1], 0),
        ([64, 2, 64, 4], [512, 4, 8, 1], 0, [512, 256, 4, 1], 0),
        ([2, 1, 2, 1, 2, 1, 2, 3], [24, 9, 12, 9, 6, 9, 3, 1], 0, [1, 5, 2, 5, 4, 5, 8, 16], 0),
      ]
      for (shape, sourceStrides, sourceStart, strides, start) in cases {
        check(shape, sourceStrides, sourceStart, strides, start, UInt8.self)
        check(shape, sourceStrides, sourceStart, strides, start, Int32.self)
        check(shape, sourceStrides, sourceStart, strides, start, Double.self)
      }
    }

    private func check<T: KernelElement>(
      _ shape: [Int], _ sourceStrides: [Int], _ sourceStart: Int, _ strides: [Int], _ start: Int,
      _ type: T.Type
    ) {
      let x = (0..<40_000).map { T(small: $0 * 7 % 250) }
      var want = x.map { _ in T(small: 99) }
      for place in allPlaces(shape) {
        want[start + offset(place, strides)] = x[sourceStart + offset(place, sourceStrides)]
      }
      for threads in [1, 4] {
        var y = x.map { _ in T(small: 99) }
        withThreads(threads) {
          x.withUnsafeBytes { x in
            y.withUnsafeMutableBytes { y in
              let size = MemoryLayout<T>.size
              _ = nnk_copy_strided(
                size, Int32(shape.count), shape, x.baseAddress! + sourceStart * size, sourceStrides,
                y.baseAddress! + start * size, strides)
            }
          }
        }
        #expect(y == want, "\(shape) \(sourceStrides) -> \(strides), \(T.self)")
      }
    }

    @Test("conversions between all types")
    func casts() {
      let bytes: [UInt8] = [0, 1, 127, 128, 255]
      #expect(cast(bytes, to: Int32.self) == [0, 1, 127, 128, 255])
      #expect(cast(bytes, to: Float.self) == [0, 1, 127, 128, 255])
      let integers: [Int64] = [0, -1, 1, 300, .max, .min, 1 << 40]
      #expect(cast(integers, to: Int32.self) == integers.map { Int32(truncatingIfNeeded: $0) })
      #expect(cast(integers, to: UInt8.self) == integers.map { UInt8(truncatingIfNeeded: $0) })
      #expect(cast(integers, to: Double.self) == integers.map { Double($0) })
      #expect(cast(integers, to: UInt8.self, as: NNK_BOOL) == [0, 1, 1, 1, 1, 1, 1])
      let floats: [Double] = [
        0, -0.0, 1.9, -1.9, 255.5, 256, -3, 1e10, -1e10, 1e30, -1e30, .nan, .infinity, -.infinity,
        0.5,
      ]
      checkTruncation(floats)
      checkTruncation(floats.map { Float($0) })
      #expect(cast(floats, to: UInt8.self, as: NNK_BOOL) == floats.map { $0 != 0 ? 1 : 0 })
      let narrowed = cast(floats, to: Float.self)
      #expect(zip(narrowed, floats).allSatisfy { $0 == Float($1) || $1.isNaN && $0.isNaN })
    }

    private func checkTruncation<T: KernelFloat>(_ x: [T]) {
      let long = (0..<20).flatMap { _ in x }
      for level in KernelTests.isaLevels {
        withISA(level) {
          #expect(cast(long, to: Int32.self) == long.map { saturated($0) })
          #expect(cast(long, to: Int64.self) == long.map { saturated($0) })
          #expect(cast(long, to: UInt8.self) == long.map { saturated($0) })
        }
      }
    }

    /// Truncated, the nearest end where it does not fit, 0 for NaN.
    private func saturated<T: KernelFloat, I: FixedWidthInteger>(_ x: T) -> I {
      if x.isNaN { return 0 }
      return I(exactly: x.rounded(.towardZero)) ?? (x < 0 ? .min : .max)
    }

    private func cast<T: KernelElement, R: KernelElement>(
      _ x: [T], to: R.Type, as type: nnk_type = R.kernelType
    ) -> [R] {
      var y = [R](repeating: .zero, count: x.count)
      let done = nnk_cast(T.kernelType, x, type, &y, x.count)
      precondition(done, "all conversions exist")
      return y
    }

    @Test("fills and ranges")
    func fills() {
      for n in [0, 1, 5, 300, 100_000] {
        var floats = [Float](repeating: -1, count: n)
        #expect(nnk_fill(NNK_F32, 2.5, &floats, n))
        #expect(floats.allSatisfy { $0 == 2.5 })
        #expect(nnk_arange(NNK_F32, -3, 0.5, &floats, n))
        #expect(floats == (0..<n).map { Float(-3 + Double($0) * 0.5) })
        var integers = [Int64](repeating: -1, count: n)
        #expect(nnk_fill(NNK_I64, -7, &integers, n))
        #expect(integers.allSatisfy { $0 == -7 })
        #expect(nnk_arange(NNK_I64, 10, -3, &integers, n))
        #expect(integers == (0..<n).map { Int64(10 - 3 * $0) })
        var bytes = [UInt8](repeating: 9, count: n)
        #expect(nnk_fill(NNK_BOOL, 1, &bytes, n))
        #expect(bytes.allSatisfy { $0 == 1 })
      }
    }
  }
}
