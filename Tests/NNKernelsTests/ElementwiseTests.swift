// Tests of operations on two operands: every type, every way to broadcast, in place, every short length.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct ElementwiseTests {
    /// Lengths around every vector width, and one that several threads share.
    static let lengths = Array(0...40) + [63, 64, 65, 127, 200, 100_003]

    @Test("float arithmetic is IEEE's, for every length and operand form")
    func floatArithmetic() {
      checkArithmetic(Float.self)
      checkArithmetic(Double.self)
    }

    private func checkArithmetic<T: KernelFloat>(_ type: T.Type) {
      check(NNK_ADD, T.self) { $0 + $1 }
      check(NNK_SUB, T.self) { $0 - $1 }
      check(NNK_MUL, T.self) { $0 * $1 }
      check(NNK_DIV, T.self) { $0 / $1 }
      check(NNK_MAXIMUM, T.self) { $0.isNaN || $1.isNaN ? .nan : Swift.max($0, $1) }
      check(NNK_MINIMUM, T.self) { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
      check(NNK_MUL_ABSORBING, T.self) { $0 == 0 ? $0 : $0 * $1 }
      check(NNK_RELU_GRAD, T.self) { $1 > 0 ? $0 : 0 }
      check(NNK_TANH_GRAD, T.self) { $0 == 0 ? $0 : $0 * (1 - $1 * $1) }
      check(NNK_SIGMOID_GRAD, T.self) { $0 == 0 ? $0 : $0 * ($1 * (1 - $1)) }
      check(NNK_FLOOR_DIV, T.self) { T(nnk_floor_div_f64(Double($0), Double($1))) }
      check(NNK_MOD, T.self) { T(nnk_mod_f64(Double($0), Double($1))) }
    }

    /// Vector-vector, vector-scalar and scalar-vector, at every instruction set.
    private func check<T: KernelFloat>(_ op: nnk_binary_op, _ type: T.Type, _ want: (T, T) -> T) {
      for level in KernelTests.isaLevels {
        withISA(level) {
          for n in Self.lengths {
            let specials = specialNumbers(T.self)
            var a = numbers(1, count: n, in: -3...3, as: T.self)
            var b = numbers(2, count: n, in: -3...3, as: T.self)
            if n > 200 {
              for (i, x) in specials.enumerated() {
                for (j, y) in specials.enumerated() {
                  a[i * specials.count + j] = x
                  b[i * specials.count + j] = y
                }
              }
            }
            expectSame(binary(op, a, b), zip(a, b).map(want), op)
            var y = a
            nnk_binary_scalar(op, T.kernelType, a, 1.25, &y, n)
            expectSame(y, a.map { want($0, 1.25) }, op)
            nnk_scalar_binary(op, T.kernelType, -2.5, b, &y, n)
            expectSame(y, b.map { want(-2.5, $0) }, op)
          }
        }
      }
    }

    private func expectSame<T: KernelFloat>(_ got: [T], _ want: [T], _ op: nnk_binary_op) {
      let wrong = got.indices.first {
        got[$0] != want[$0] && !(got[$0].isNaN && want[$0].isNaN)
      }
      if let wrong {
        Issue.record(
          "op \(op.rawValue), place \(wrong) of \(got.count): \(got[wrong]), want \(want[wrong])")
      }
    }

    @Test("integer arithmetic wraps around, division by zero gives 0")
    func integerArithmetic() {
      checkIntegers(UInt8.self, edges: [0, 1, 2, 200, 255])
      checkIntegers(Int32.self, edges: [0, 1, -1, 2, -7, .max, .min])
      checkIntegers(Int64.self, edges: [0, 1, -1, 2, -7, .max, .min])
    }

    private func checkIntegers<T: KernelElement & FixedWidthInteger>(_ type: T.Type, edges: [T]) {
      let a = edges.flatMap { x in edges.map { _ in x } }
      let b = edges.flatMap { _ in edges }
      let cases: [(nnk_binary_op, (T, T) -> T)] = [
        (NNK_ADD, { $0 &+ $1 }), (NNK_SUB, { $0 &- $1 }), (NNK_MUL, { $0 &* $1 }),
        (NNK_MAXIMUM, { Swift.max($0, $1) }), (NNK_MINIMUM, { Swift.min($0, $1) }),
        (NNK_FLOOR_DIV, floorQuotient), (NNK_MOD, floorRemainder),
      ]
      for level in KernelTests.isaLevels {
        withISA(level) {
          for (op, want) in cases {
            #expect(binary(op, a, b) == zip(a, b).map(want), "op \(op.rawValue)")
          }
          let powers = (0..<10).map { T(small: $0) }
          let threes = [T](repeating: 3, count: 10)
          var power: T = 1
          let want = powers.map { _ in
            defer { power = power &* 3 }
            return power
          }
          #expect(binary(NNK_POW, threes, powers) == want)
        }
      }
    }

    private func floorQuotient<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
      if b == 0 { return 0 }
      let (quotient, overflow) = a.dividedReportingOverflow(by: b)
      if overflow { return 0 &- a }
      return a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient
    }
    private func floorRemainder<T: FixedWidthInteger>(_ a: T, _ b: T) -> T {
      if b == 0 || a.dividedReportingOverflow(by: b).overflow { return 0 }
      let remainder = a % b
      return remainder != 0 && (remainder < 0) != (b < 0) ? remainder + b : remainder
    }

    @Test("comparisons of every type give bools; NaN is unequal to all")
    func comparisons() {
      checkComparisons([1, 2, 3, .nan, -.infinity, 0, -0.0], Float.self)
      checkComparisons([1, 2, 3, .nan, -.infinity, 0, -0.0], Double.self)
      checkComparisons([1, 2, 250], UInt8.self)
      checkComparisons([1, -2, .max], Int32.self)
      checkComparisons([1, -2, .max], Int64.self)
    }

    private func checkComparisons<T: KernelElement & Comparable>(_ values: [T], _ type: T.Type) {
      let repeated = (0..<50).flatMap { _ in values }
      let a = repeated.flatMap { x in values.map { _ in x } }
      let b = repeated.flatMap { _ in values }
      let cases: [(nnk_binary_op, (T, T) -> Bool)] = [
        (NNK_EQUAL, { $0 == $1 }), (NNK_NOT_EQUAL, { $0 != $1 }), (NNK_LESS, { $0 < $1 }),
        (NNK_LESS_EQUAL, { $0 <= $1 }), (NNK_GREATER, { $0 > $1 }),
        (NNK_GREATER_EQUAL, { $0 >= $1 }),
      ]
      for level in KernelTests.isaLevels {
        withISA(level) {
          for (op, want) in cases {
            var y = [UInt8](repeating: 9, count: a.count)
            #expect(nnk_binary(op, T.kernelType, a, b, &y, a.count))
            #expect(y == zip(a, b).map { want($0, $1) ? 1 : 0 }, "op \(op.rawValue)")
          }
        }
      }
    }

    @Test("logic on bools")
    func logic() {
      let a: [UInt8] = [0, 0, 1, 1]
      let b: [UInt8] = [0, 1, 0, 1]
      var y = a
      for (op, want) in [
        (NNK_AND, [0, 0, 0, 1]), (NNK_OR, [0, 1, 1, 1]), (NNK_XOR, [0, 1, 1, 0]),
      ] {
        #expect(nnk_binary(op, NNK_BOOL, a, b, &y, 4))
        #expect(y == want.map { UInt8($0) })
      }
      #expect(nnk_unary(NNK_NOT, NNK_BOOL, a, &y, 4))
      #expect(y == [1, 1, 0, 0])
      #expect(!nnk_binary(NNK_AND, NNK_F32, a, b, &y, 1), "no such combination")
      #expect(!nnk_unary(NNK_EXP, NNK_I32, a, &y, 1), "no such combination")
    }

    @Test("integer functions of one operand wrap around")
    func integerUnary() {
      let x: [Int32] = [0, 1, -1, 7, .max, .min]
      #expect(unary(NNK_NEG, x) == x.map { 0 &- $0 })
      #expect(unary(NNK_ABS, x) == [0, 1, 1, 7, .max, .min])
      #expect(unary(NNK_SIGN, x) == [0, 1, -1, 1, 1, -1])
      #expect(unary(NNK_SQUARE, x) == x.map { $0 &* $0 })
      #expect(unary(NNK_RELU, x) == [0, 1, 0, 7, .max, 0])
      #expect(unary(NNK_SQUARE, x.map { Int64($0) }) == x.map { Int64($0) &* Int64($0) })
      #expect(unary(NNK_NEG, [UInt8(1), 0, 255]) == [255, 0, 1])
    }

    @Test(
      "rows, columns and scalars of matrices broadcast",
      arguments: [(3, 5), (128, 10), (7, 300), (400, 33)])
    func matrices(_ rows: Int, _ cols: Int) {
      let a = numbers(1, count: rows * cols, as: Float.self)
      let b = numbers(2, count: rows * cols, as: Float.self)
      let forms: [(nnk_steps, (Int, Int) -> Int)] = [
        (nnk_steps(row: cols, col: 1), { $0 * cols + $1 }), (nnk_steps(row: 0, col: 1), { $1 }),
        (nnk_steps(row: 1, col: 0), { r, _ in r }), (nnk_steps(row: 0, col: 0), { _, _ in 0 }),
      ]
      for level in KernelTests.isaLevels {
        for (aSteps, aPlace) in forms {
          for (bSteps, bPlace) in forms {
            var y = [Float](repeating: 0, count: rows * cols)
            withISA(level) {
              _ = nnk_binary_matrix(NNK_SUB, NNK_F32, a, aSteps, b, bSteps, &y, rows, cols)
            }
            let want = (0..<rows * cols).map {
              a[aPlace($0 / cols, $0 % cols)] - b[bPlace($0 / cols, $0 % cols)]
            }
            #expect(y == want)
          }
        }
      }
    }

    @Test("general strides agree with a walk over all places")
    func strided() {
      let cases: [(shape: [Int], a: [Int], b: [Int])] = [
        ([], [], []), ([5], [1], [0]), ([4, 6], [6, 1], [1, 4]),
        ([2, 3, 4], [12, 4, 1], [0, 4, 0]),
        ([2, 3, 4, 5], [0, 20, 5, 1], [60, 0, 1, 12]),
        ([3, 1, 2, 2, 1, 2, 2, 3], [48, 0, 24, 12, 0, 6, 3, 1], [0, 0, 3, 0, 0, 0, 0, 1]),
        ([3, 0, 2], [1, 1, 1], [1, 1, 1]), ([4, 5], [-5, -1], [5, 1]),
      ]
      let data = numbers(3, count: 400, as: Double.self)
      for (shape, a, b) in cases {
        let count = shape.reduce(1, *)
        let places = allPlaces(shape)
        let start = a.contains { $0 < 0 } ? 19 : 0
        let want = places.map { data[start + offset($0, a)] * data[200 + offset($0, b)] }
        var y = [Double](repeating: 0, count: count)
        data.withUnsafeBufferPointer { data in
          _ = nnk_binary_strided(
            NNK_MUL, NNK_F64, Int32(shape.count), shape, data.baseAddress! + start, a,
            data.baseAddress! + 200, b, &y)
        }
        #expect(y == want, "\(shape)")
      }
    }

    @Test("where chooses, with scalars and strides")
    func choice() {
      let n = 1000
      let c = wholeNumbers(5, count: n, in: 0...1, as: UInt8.self)
      let a = numbers(1, count: n, as: Float.self)
      let b = numbers(2, count: n, as: Float.self)
      for level in KernelTests.isaLevels {
        withISA(level) {
          for (aStep, bStep) in [(1, 1), (0, 1), (1, 0), (0, 0)] {
            var y = [Float](repeating: 0, count: n)
            #expect(nnk_where(4, c, a, aStep, b, bStep, &y, n))
            #expect(y == (0..<n).map { c[$0] != 0 ? a[$0 * aStep] : b[$0 * bStep] })
          }
        }
      }
      var y = [Float](repeating: 0, count: 6)
      #expect(nnk_where_strided(4, 2, [2, 3], c, [0, 1], a, [1, 2], b, [0, 0], &y))
      #expect(y == allPlaces([2, 3]).map { c[$0[1]] != 0 ? a[$0[0] + 2 * $0[1]] : b[0] })
    }

    @Test("in place is the same as out of place, for any number of threads")
    func inPlace() {
      let n = 200_001
      let a = numbers(1, count: n, as: Float.self)
      let b = numbers(2, count: n, as: Float.self)
      let sum = zip(a, b).map { $0 + $1 }
      for threads in [1, 2, 4] {
        withThreads(threads) {
          var y = a
          y.withUnsafeMutableBufferPointer { y in
            _ = nnk_binary(NNK_ADD, NNK_F32, y.baseAddress!, b, y.baseAddress!, n)
          }
          #expect(y == sum)
        }
      }
      #expect(sameBitsEverywhere { unary(NNK_GELU, a) })
      #expect(sameBitsEverywhere { binary(NNK_GELU_GRAD, a, b) })
      #expect(sameBitsEverywhere { binary(NNK_SILU_GRAD, a, b) })
      #expect(sameBitsEverywhere { binary(NNK_GELU_TANH_GRAD, a, b) })
    }

    @Test("derivatives of the smooth activations agree with differences")
    func smoothGradients() {
      let x = numbers(4, count: 2000, in: -8...8, as: Double.self)
      let ones = [Double](repeating: 1, count: x.count)
      let h = 1e-5
      for (gradient, op) in [
        (NNK_GELU_GRAD, NNK_GELU), (NNK_GELU_TANH_GRAD, NNK_GELU_TANH), (NNK_SILU_GRAD, NNK_SILU),
      ] {
        let above = unary(op, x.map { $0 + h })
        let below = unary(op, x.map { $0 - h })
        let slope = binary(gradient, ones, x)
        for i in x.indices {
          #expect(abs(slope[i] - (above[i] - below[i]) / (2 * h)) < 1e-8)
        }
        #expect(
          binary(gradient, [2, 2], [Double.infinity, -Double.infinity]).map { abs($0) } == [2, 0])
      }
    }

    @Test("sums with factors, clamping, bias with an activation, classes of floats")
    func helpers() {
      let n = 1003
      let a = numbers(1, count: n, as: Double.self)
      let b = numbers(2, count: n, as: Double.self)
      var y = a
      #expect(nnk_scaled_add(NNK_F64, 2, a, -0.5, b, &y, n))
      #expect(zip(y, zip(a, b)).allSatisfy { abs($0 - (2 * $1.0 - 0.5 * $1.1)) < 1e-15 })
      y = b
      #expect(nnk_axpy(NNK_F64, 3, a, &y, n))
      #expect(zip(y, zip(a, b)).allSatisfy { abs($0 - (3 * $1.0 + $1.1)) < 1e-15 })
      #expect(nnk_clamp(NNK_F64, a, -0.25, 0.5, &y, n))
      #expect(y == a.map { min(max($0, -0.25), 0.5) })
      for (op, cols) in [(NNK_RELU, 17), (NNK_TANH, 17), (NNK_GELU, 59)] {
        let rows = n / cols
        #expect(nnk_bias_unary(op, NNK_F64, a, b, &y, rows, cols))
        let sums = (0..<rows * cols).map { a[$0] + b[$0 % cols] }
        #expect(Array(y.prefix(rows * cols)) == unary(op, sums))
      }
      let odd: [Float] = [1, .nan, .infinity, -.infinity, 0]
      var classes = [UInt8](repeating: 0, count: 5)
      for (kind, want) in [(0, [0, 1, 0, 0, 0]), (1, [0, 0, 1, 1, 0]), (2, [1, 0, 0, 0, 1])] {
        #expect(nnk_classify(Int32(kind), NNK_F32, odd, &classes, 5))
        #expect(classes == want.map { UInt8($0) })
      }
      #expect(nnk_any_zero(NNK_I32, [Int32(3), 0, 1], 3))
      #expect(!nnk_any_zero(NNK_I32, [Int32(3), 1], 2))
    }
  }
}

/// All places of an array of a shape, the last axis fastest.
func allPlaces(_ shape: [Int]) -> [[Int]] {
  shape.reduce([[]]) { places, size in places.flatMap { place in (0..<size).map { place + [$0] } } }
}

/// Where a place lies with some strides.
func offset(_ place: [Int], _ strides: [Int]) -> Int {
  zip(place, strides).reduce(0) { $0 + $1.0 * $1.1 }
}
