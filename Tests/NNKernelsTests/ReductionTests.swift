// Tests of reductions: values against exact sums, order independent of threads and instruction set, places of extremes.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct ReductionTests {
    /// [outer, axis, inner]: short and long rows, narrow and wide columns, parts on several threads.
    static let shapes: [(Int, Int, Int)] = [
      (1, 0, 3), (3, 0, 1), (1, 1, 1), (5, 3, 1), (128, 10, 1), (9, 16, 1), (7, 17, 1), (4, 63, 1),
      (4, 64, 1),
      (3, 65, 1), (2, 1000, 1), (2, 4096, 1), (3, 4097, 1), (2, 70_000, 1), (1, 300_001, 1),
      (1, 7, 10), (1, 128, 10), (1, 1000, 3), (1, 5000, 31), (1, 40_000, 5), (1, 300, 33),
      (1, 129, 300), (1, 200, 1000), (4, 5, 6), (20, 30, 40), (2, 3000, 17),
      (1, 700, 600), (2, 515, 1030),
    ]

    @Test("sums and means of floats are close to the exact ones", arguments: shapes)
    func sums(_ shape: (Int, Int, Int)) {
      checkSums(shape, Float.self)
      checkSums(shape, Double.self)
    }

    private func checkSums<T: KernelFloat>(_ shape: (Int, Int, Int), _ type: T.Type) {
      let (outer, axis, inner) = shape
      let x = numbers(1, count: outer * axis * inner, as: T.self)
      let lines = Lines(x, shape)
      let tolerance = Double(T.ulpOfOne) * (8 + Double(axis).squareRoot() / 8)
      for level in KernelTests.isaLevels {
        withISA(level) {
          let sum = reduce(NNK_SUM, x, outer, axis, inner, as: T.self)
          let mean = reduce(NNK_MEAN, x, outer, axis, inner, as: T.self)
          for (place, line) in lines.all.enumerated() {
            let exact = line.reduce(0.0) { $0 + Double($1) }
            let scale = line.reduce(0.0) { $0 + Double($1.magnitude) }
            #expect(abs(Double(sum[place]) - exact) <= tolerance * scale / 2)
            guard axis > 0 else { continue }
            #expect(
              abs(Double(mean[place]) - exact / Double(axis)) <= tolerance * scale / Double(axis))
          }
        }
      }
      #expect(sameBitsEverywhere { reduce(NNK_SUM, x, outer, axis, inner, as: T.self) })
    }

    @Test("sums have the same bits on the portable instruction set too", arguments: shapes)
    func portableSums(_ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      let x = numbers(1, count: outer * axis * inner, as: Float.self)
      let sums = KernelTests.isaLevels.map { level in
        withISA(level) { reduce(NNK_SUM, x, outer, axis, inner, as: Float.self) }
      }
      #expect(sums.allSatisfy { $0 == sums[0] })
    }

    @Test("rows have the same sums alone and in a batch")
    func batchInvariance() {
      for cols in [10, 100, 5000] {
        let x = numbers(1, count: 30 * cols, as: Float.self)
        let together = reduce(NNK_SUM, x, 30, cols, 1, as: Float.self)
        let alone = (0..<30).flatMap {
          reduce(NNK_SUM, Array(x[$0 * cols..<($0 + 1) * cols]), 1, cols, 1, as: Float.self)
        }
        #expect(together == alone)
      }
    }

    @Test("extremes, their first places and NaN", arguments: shapes)
    func extremes(_ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      let count = outer * axis * inner
      checkExtremes(wholeNumbers(1, count: count, in: -50...50, as: Float.self), shape)
      checkExtremes(wholeNumbers(2, count: count, in: -50...50, as: Double.self), shape)
      checkExtremes(wholeNumbers(3, count: count, in: -500...500, as: Int32.self), shape)
      checkExtremes(wholeNumbers(4, count: count, in: -500...500, as: Int64.self), shape)
      checkExtremes(wholeNumbers(5, count: count, in: 0...255, as: UInt8.self), shape)
      guard axis > 2 else { return }
      var x = wholeNumbers(6, count: count, in: -50...50, as: Float.self)
      x[count / 2] = .nan
      x[count - 1] = .nan
      checkExtremes(x, shape)
    }

    private func checkExtremes<T: KernelElement & Comparable>(_ x: [T], _ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      guard axis > 0 else { return }
      let lines = Lines(x, shape)
      for level in KernelTests.isaLevels {
        withISA(level) {
          let largest = reduce(NNK_MAX, x, outer, axis, inner, as: T.self)
          let smallest = reduce(NNK_MIN, x, outer, axis, inner, as: T.self)
          let largestPlace = reduce(NNK_ARGMAX, x, outer, axis, inner, as: Int32.self)
          let smallestPlace = reduce(NNK_ARGMIN, x, outer, axis, inner, as: Int32.self)
          for (place, line) in lines.all.enumerated() {
            let invalid = line.firstIndex { $0 != $0 }
            let top = invalid ?? line.firstIndex(of: line.max()!)!
            let bottom = invalid ?? line.firstIndex(of: line.min()!)!
            #expect(
              largest[place] == line[top] || invalid != nil && largest[place] != largest[place])
            #expect(
              smallest[place] == line[bottom]
                || invalid != nil && smallest[place] != smallest[place])
            #expect(largestPlace[place] == Int32(top))
            #expect(smallestPlace[place] == Int32(bottom))
          }
        }
      }
      #expect(sameBitsEverywhere { reduce(NNK_ARGMAX, x, outer, axis, inner, as: Int32.self) })
    }

    @Test("sums, products and counts of integers are i64", arguments: shapes)
    func integers(_ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      let count = outer * axis * inner
      checkIntegers(wholeNumbers(1, count: count, in: -1...2, as: Int32.self), shape)
      checkIntegers(wholeNumbers(2, count: count, in: -1...2, as: Int64.self), shape)
      checkIntegers(wholeNumbers(3, count: count, in: 0...255, as: UInt8.self), shape)
    }

    private func checkIntegers<T: KernelElement & FixedWidthInteger>(
      _ x: [T], _ shape: (Int, Int, Int)
    ) {
      let (outer, axis, inner) = shape
      let lines = Lines(x, shape).all
      for level in KernelTests.isaLevels {
        withISA(level) {
          #expect(
            reduce(NNK_SUM, x, outer, axis, inner, as: Int64.self)
              == lines.map { $0.reduce(Int64(0)) { $0 + Int64($1) } })
          #expect(
            reduce(NNK_PROD, x, outer, axis, inner, as: Int64.self)
              == lines.map { $0.reduce(Int64(1)) { $0 &* Int64($1) } })
          #expect(
            reduce(NNK_COUNT, x, outer, axis, inner, as: Int64.self)
              == lines.map { Int64($0.count { $0 != 0 }) })
          #expect(
            reduce(NNK_ANY, x, outer, axis, inner, as: UInt8.self)
              == lines.map { $0.contains { $0 != 0 } ? 1 : 0 })
          #expect(
            reduce(NNK_ALL, x, outer, axis, inner, as: UInt8.self)
              == lines.map { $0.allSatisfy { $0 != 0 } ? 1 : 0 })
        }
      }
    }

    @Test("products of floats")
    func products() {
      let x = numbers(1, count: 12 * 50, in: 0.5...1.5, as: Double.self)
      for shape in [(12, 50, 1), (1, 50, 12), (3, 50, 4)] {
        let got = reduce(NNK_PROD, x, shape.0, shape.1, shape.2, as: Double.self)
        for (place, line) in Lines(x, shape).all.enumerated() {
          #expect(abs(got[place] / line.reduce(1, *) - 1) < 1e-14)
        }
      }
    }

    @Test("variance in two passes keeps its digits far from zero", arguments: shapes)
    func variances(_ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      guard axis > 1 else { return }
      let x = numbers(1, count: outer * axis * inner, in: 999...1001, as: Double.self)
      let lines = Lines(x, shape).all
      for correction in [0.0, 1] {
        var variance = [Double](repeating: 0, count: outer * inner)
        var mean = variance
        #expect(nnk_variance(NNK_F64, x, &variance, &mean, outer, axis, inner, correction))
        for (place, line) in lines.enumerated() {
          let center = line.reduce(0, +) / Double(axis)
          let exact =
            line.reduce(0) { $0 + ($1 - center) * ($1 - center) } / (Double(axis) - correction)
          #expect(abs(variance[place] / exact - 1) < 1e-9)
          #expect(abs(mean[place] - center) < 1e-9)
        }
        let again = variance
        #expect(nnk_variance(NNK_F64, x, &variance, nil, outer, axis, inner, correction))
        #expect(variance == again)
      }
      let short = x.map { Float($0) }
      #expect(
        sameBitsEverywhere {
          var variance = [Float](repeating: 0, count: outer * inner)
          nnk_variance(NNK_F32, short, &variance, nil, outer, axis, inner, 0)
          return variance
        })
    }

    @Test("ten million floats add up as exactly as pairs do")
    func longSum() {
      let n = 10_000_000
      let x = [Float](repeating: 0.1, count: n)
      let sum = reduce(NNK_SUM, x, 1, n, 1, as: Float.self)[0]
      #expect(abs(Double(sum) / (Double(Float(0.1)) * Double(n)) - 1) < 1e-5)
      #expect(sameBitsEverywhere { reduce(NNK_SUM, x, 1, n, 1, as: Float.self) })
    }
  }
}

/// The lines along the middle axis of an array.
struct Lines<T> {
  let all: [[T]]

  init(_ x: [T], _ shape: (Int, Int, Int)) {
    let (outer, axis, inner) = shape
    all = (0..<outer * inner).map { place in
      (0..<axis).map { x[(place / inner * axis + $0) * inner + place % inner] }
    }
  }
}
