// Tests of elementary functions against extended precision over the whole range of f32 and f64.
import NNKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// An elementary function, its exact value and the distance it may have.
struct AccuracyCase: Sendable, CustomTestStringConvertible {
  let name: String
  let op: nnk_unary_op
  let bound: Double
  let exact: @Sendable (Exact) -> Exact
  var testDescription: String { name }
}

private func sigmoid(_ x: Exact) -> Exact {
  x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))
}
private func gelu(_ x: Exact) -> Exact {
  x.isInfinite ? (x > 0 ? x : -0.0) : x * erfc(-x * Exact(0.5).squareRoot()) / 2
}
private func geluTanh(_ x: Exact) -> Exact {
  if x.isInfinite { return x > 0 ? x : -0.0 }
  let argument = 2 * (2 / Exact.pi).squareRoot() * (x + Exact(44715) / 1_000_000 * x * x * x)
  return x * sigmoid(argument)
}
private func softplus(_ x: Exact) -> Exact {
  x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
}

let accuracyCases: [AccuracyCase] = [
  AccuracyCase(name: "exp", op: NNK_EXP, bound: 2) { exp($0) },
  AccuracyCase(name: "log", op: NNK_LOG, bound: 2) { log($0) },
  AccuracyCase(name: "tanh", op: NNK_TANH, bound: 2) { tanh($0) },
  AccuracyCase(name: "sigmoid", op: NNK_SIGMOID, bound: 2) { sigmoid($0) },
  AccuracyCase(name: "rsqrt", op: NNK_RSQRT, bound: 2) { 1 / $0.squareRoot() },
  AccuracyCase(name: "expm1", op: NNK_EXPM1, bound: 4) { expm1($0) },
  AccuracyCase(name: "log1p", op: NNK_LOG1P, bound: 4) { log1p($0) },
  AccuracyCase(name: "gelu", op: NNK_GELU, bound: 4) { gelu($0) },
  AccuracyCase(name: "gelu_tanh", op: NNK_GELU_TANH, bound: 4) { geluTanh($0) },
  AccuracyCase(name: "erf", op: NNK_ERF, bound: 4) { erf($0) },
  AccuracyCase(name: "silu", op: NNK_SILU, bound: 4) {
    $0.isInfinite ? ($0 > 0 ? $0 : -0.0) : $0 * sigmoid($0)
  },
  AccuracyCase(name: "softplus", op: NNK_SOFTPLUS, bound: 4) { softplus($0) },
  AccuracyCase(name: "sin", op: NNK_SIN, bound: 4) { sin($0) },
  AccuracyCase(name: "cos", op: NNK_COS, bound: 4) { cos($0) },
  AccuracyCase(name: "tan", op: NNK_TAN, bound: 4) { tan($0) },
  AccuracyCase(name: "asin", op: NNK_ASIN, bound: 4) { asin($0) },
  AccuracyCase(name: "acos", op: NNK_ACOS, bound: 4) { acos($0) },
  AccuracyCase(name: "atan", op: NNK_ATAN, bound: 4) { atan($0) },
  AccuracyCase(name: "sinh", op: NNK_SINH, bound: 4) { sinh($0) },
  AccuracyCase(name: "cosh", op: NNK_COSH, bound: 4) { cosh($0) },
  AccuracyCase(name: "asinh", op: NNK_ASINH, bound: 6) { asinh($0) },
  AccuracyCase(name: "acosh", op: NNK_ACOSH, bound: 6) { acosh($0) },
  AccuracyCase(name: "atanh", op: NNK_ATANH, bound: 6) { atanh($0) },
  AccuracyCase(name: "trunc", op: NNK_TRUNC, bound: 0) { $0.rounded(.towardZero) },
  AccuracyCase(name: "sqrt", op: NNK_SQRT, bound: 0.5) { $0.squareRoot() },
  AccuracyCase(name: "reciprocal", op: NNK_RECIPROCAL, bound: 0.5) { 1 / $0 },
  AccuracyCase(name: "square", op: NNK_SQUARE, bound: 0.5) { $0 * $0 },
  AccuracyCase(name: "floor", op: NNK_FLOOR, bound: 0) { $0.rounded(.down) },
  AccuracyCase(name: "ceil", op: NNK_CEIL, bound: 0) { $0.rounded(.up) },
  AccuracyCase(name: "round", op: NNK_ROUND, bound: 0) { $0.rounded(.toNearestOrEven) },
  AccuracyCase(name: "abs", op: NNK_ABS, bound: 0) { $0.magnitude },
  AccuracyCase(name: "neg", op: NNK_NEG, bound: 0) { -$0 },
  AccuracyCase(name: "relu", op: NNK_RELU, bound: 0) { $0 <= 0 ? 0 : $0 },
  AccuracyCase(name: "sign", op: NNK_SIGN, bound: 0) { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 },
]

extension KernelTests {
  @Suite
  struct AccuracyTests {
    @Test("f32 functions over the whole range", arguments: accuracyCases)
    func f32(_ function: AccuracyCase) {
      let everywhere = floatsOfEveryKind(Float.self, count: 200_000)
      check(function, everywhere + numbers(1, count: 60_000, in: -12...12, as: Float.self))
    }

    @Test("f64 functions over the whole range", arguments: accuracyCases)
    func f64(_ function: AccuracyCase) {
      var samples = floatsOfEveryKind(Double.self, count: 60_000)
      for (seed, limit) in [(2, 1.25), (3, 20), (4, 800)] as [(UInt64, Double)] {
        samples += numbers(seed, count: 40_000, in: -limit...limit, as: Double.self)
      }
      // Extended precision itself is off by some ulps of its own; without it the reference is only a double.
      check(function, samples, extra: Exact.significandBitCount > 52 ? 0.01 : 1)
    }

    /// Checks a function at every instruction set, and that the fused ones agree bit for bit.
    private func check<T: KernelFloat>(
      _ function: AccuracyCase, _ x: [T], extra: Double = 0.001
    ) {
      let exact = x.map { function.exact($0.exact) }
      for level in KernelTests.isaLevels {
        let y = withISA(level) { unary(function.op, x) }
        var worst = (distance: -1.0, place: 0)
        for i in x.indices {
          let distance = ulps(y[i], exact[i])
          if distance > worst.distance { worst = (distance, i) }
        }
        #expect(
          worst.distance <= function.bound + extra,
          "\(function.name)(\(x[worst.place])) = \(y[worst.place]), exact \(exact[worst.place]), level \(level)"
        )
      }
      #expect(sameBitsEverywhere { unary(function.op, x) })
    }

    @Test("the slope of gelu is within 5 parts in 2^24, of 1/32 near its zero")
    func geluSlope() {
      let x =
        numbers(1, count: 40_000, in: -13...13, as: Float.self)
        + numbers(2, count: 40_000, in: -1...1, as: Float.self)
      let ones = [Float](repeating: 1, count: x.count)
      let exact = x.map { x -> Exact in
        let t = Exact(x)
        let density = exp(-t * t / 2) / (2 * Exact.pi).squareRoot()
        return erfc(-t * Exact(0.5).squareRoot()) / 2 + t * density
      }
      for level in KernelTests.isaLevels {
        let slope = withISA(level) { binary(NNK_GELU_GRAD, ones, x) }
        for i in x.indices {
          let size = max(exact[i].magnitude, abs(x[i] + 0.75) < 0.25 ? 1.0 / 32 : 0)
          guard (slope[i].exact - exact[i]).magnitude > size * 5 / 16_777_216 else { continue }
          Issue.record("slope at \(x[i]) is \(slope[i]), exact \(exact[i]), level \(level)")
          break
        }
      }
    }

    @Test("gelu and its slope do not depend on the elements beside")
    func geluAlone() {
      var x = numbers(1, count: 1003, in: -9...9, as: Float.self)
      x += [-5, Float(-5).nextDown, Float(-5).nextUp, -5.9, Float(-5.9).nextDown, .nan, -.infinity]
      let ones = [Float](repeating: 1, count: x.count)
      for level in KernelTests.isaLevels {
        withISA(level) {
          let values = unary(NNK_GELU, x)
          let slopes = binary(NNK_GELU_GRAD, ones, x)
          let alone = x.map { unary(NNK_GELU, [$0])[0] }
          let slopesAlone = x.map { binary(NNK_GELU_GRAD, [1], [$0])[0] }
          #expect(bits(values) == bits(alone))
          #expect(bits(slopes) == bits(slopesAlone))
        }
      }
    }

    @Test("pow has IEEE's special cases and 2 ulps elsewhere")
    func power() {
      check(NNK_POW, bound: 2, as: Float.self) { pow($0, $1) }
      check(NNK_POW, bound: 2, as: Double.self) { pow($0, $1) }
    }

    @Test("pow of one exponent is as exact, for those that have a short way and for others")
    func powerOfOneExponent() {
      for exponent in [2, 3, 4, 7, 8, 9, 2.5, 0.5, -0.5, 1, 0, -1, -2] {
        check(exponent, as: Float.self)
        check(exponent, as: Double.self)
      }
    }

    private func check<T: KernelFloat>(_ exponent: Double, as type: T.Type) {
      let x = specialNumbers(T.self) + floatsOfEveryKind(T.self, count: 20_000)
      let powers = {
        var y = [T](repeating: 0, count: x.count)
        _ = nnk_binary_scalar(NNK_POW, T.kernelType, x, exponent, &y, x.count)
        return y
      }
      for level in KernelTests.isaLevels {
        let y = withISA(level) { powers() }
        let wrong = x.indices.first {
          let want = pow(x[$0].exact, Exact(exponent))
          return ulps(y[$0], want) > 1.01 || (want == 0 && y[$0].sign != want.sign)
        }
        if let wrong { Issue.record("\(x[wrong]) ** \(exponent) = \(y[wrong]), level \(level)") }
      }
      #expect(sameBitsEverywhere(powers))
    }

    @Test("remainders and floored quotients are those of long division, bit for bit")
    func remainders() {
      checkRemainders(as: Float.self)
      checkRemainders(as: Double.self)
    }

    private func checkRemainders<T: KernelFloat>(as type: T.Type) {
      let specials = specialNumbers(T.self) + [2, -2, 0.1, 7, -8]
      var a = specials.flatMap { x in specials.map { _ in x } }
      var b = specials.flatMap { _ in specials }
      a +=
        floatsOfEveryKind(T.self, count: 20_000)
        + numbers(1, count: 80_000, in: -50...50, as: T.self)
      b += floatsOfEveryKind(T.self, count: 20_000).reversed()
      b += numbers(2, count: 40_000, in: -9...9, as: T.self)
      b += (0..<40_000).map { T(($0 % 7) - 3) }
      for (op, exact) in [(NNK_MOD, nnk_mod_f64), (NNK_FLOOR_DIV, nnk_floor_div_f64)] {
        for level in KernelTests.isaLevels {
          let y = withISA(level) { binary(op, a, b) }
          let wrong = a.indices.first {
            let want = T(exact(Double(a[$0]), Double(b[$0])))
            return y[$0] != want && !(y[$0].isNaN && want.isNaN)
              || y[$0].sign != want.sign && !want.isNaN
          }
          if let wrong {
            Issue.record(
              "op \(op.rawValue) of \(a[wrong]), \(b[wrong]) = \(y[wrong]), level \(level)")
          }
        }
      }
    }

    @Test("atan2 in all quadrants and at all infinities")
    func angle() {
      check(NNK_ATAN2, bound: 4, as: Float.self) { atan2($0, $1) }
      check(NNK_ATAN2, bound: 4, as: Double.self) { atan2($0, $1) }
    }

    /// Checks a function of two numbers on pairs of specials, of random bits and of moderate numbers.
    private func check<T: KernelFloat>(
      _ op: nnk_binary_op, bound: Double, as type: T.Type, _ exact: (Exact, Exact) -> Exact
    ) {
      let specials = specialNumbers(T.self) + [2, -2, 7, -8]
      var a = specials.flatMap { x in specials.map { _ in x } }
      var b = specials.flatMap { _ in specials }
      a +=
        floatsOfEveryKind(T.self, count: 40_000) + numbers(1, count: 40_000, in: 0...10, as: T.self)
      b += floatsOfEveryKind(T.self, count: 40_000).reversed()
      b += numbers(2, count: 40_000, in: -50...50, as: T.self)
      for level in KernelTests.isaLevels {
        let y = withISA(level) { binary(op, a, b) }
        for i in a.indices {
          let want = exact(a[i].exact, b[i].exact)
          guard ulps(y[i], want) > bound + 0.01 else { continue }
          Issue.record("f(\(a[i]), \(b[i])) = \(y[i]), exact \(want), level \(level)")
          return
        }
      }
      #expect(sameBitsEverywhere { binary(op, a, b) })
    }
  }
}
