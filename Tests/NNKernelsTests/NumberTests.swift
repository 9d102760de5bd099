// Tests of the functions of single f64 numbers: accuracy, exact cases, remainders.
import NNKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A function of one number, its exact value and where to try it.
private struct NumberCase: Sendable {
  let name: String
  let function: @Sendable (Double) -> Double
  let exact: @Sendable (Exact) -> Exact
}

private let numberCases: [NumberCase] = [
  NumberCase(name: "exp", function: nnk_exp_f64) { exp($0) },
  NumberCase(name: "expm1", function: nnk_expm1_f64) { expm1($0) },
  NumberCase(name: "log", function: nnk_log_f64) { log($0) },
  NumberCase(name: "log1p", function: nnk_log1p_f64) { log1p($0) },
  NumberCase(name: "log2", function: nnk_log2_f64) { log2($0) },
  NumberCase(name: "log10", function: nnk_log10_f64) { log10($0) },
  NumberCase(name: "sin", function: nnk_sin_f64) { sin($0) },
  NumberCase(name: "cos", function: nnk_cos_f64) { cos($0) },
  NumberCase(name: "tan", function: nnk_tan_f64) { tan($0) },
  NumberCase(name: "asin", function: nnk_asin_f64) { asin($0) },
  NumberCase(name: "acos", function: nnk_acos_f64) { acos($0) },
  NumberCase(name: "atan", function: nnk_atan_f64) { atan($0) },
  NumberCase(name: "sinh", function: nnk_sinh_f64) { sinh($0) },
  NumberCase(name: "cosh", function: nnk_cosh_f64) { cosh($0) },
  NumberCase(name: "tanh", function: nnk_tanh_f64) { tanh($0) },
  NumberCase(name: "erf", function: nnk_erf_f64) { erf($0) },
  NumberCase(name: "sigmoid", function: nnk_sigmoid_f64) { 1 / (1 + exp(-$0)) },
  NumberCase(name: "silu", function: nnk_silu_f64) {
    $0 == -.infinity ? -0.0 : $0 / (1 + exp(-$0))
  },
  NumberCase(name: "softplus", function: nnk_softplus_f64) {
    max($0, 0) + log1p(exp(-$0.magnitude))
  },
  NumberCase(name: "rsqrt", function: nnk_rsqrt_f64) { 1 / $0.squareRoot() },
  NumberCase(name: "sqrt", function: nnk_sqrt_f64) { $0.squareRoot() },
  NumberCase(name: "floor", function: nnk_floor_f64) { $0.rounded(.down) },
  NumberCase(name: "ceil", function: nnk_ceil_f64) { $0.rounded(.up) },
  NumberCase(name: "round", function: nnk_round_f64) { $0.rounded(.toNearestOrEven) },
  NumberCase(name: "trunc", function: nnk_trunc_f64) { $0.rounded(.towardZero) },
]

extension KernelTests {
  @Suite
  struct NumberTests {
    /// What the nearest double and the inexactness of the reference allow; more where that is no wider than a double.
    private static let bound = MemoryLayout<Exact>.size > 8 ? 0.52 : 1.6

    @Test("functions of numbers are within 0.52 ulps everywhere", arguments: numberCases.indices)
    func accuracy(_ index: Int) {
      let function = numberCases[index]
      var samples = floatsOfEveryKind(Double.self, count: 30_000)
      samples += numbers(1, count: 20_000, in: -2...2, as: Double.self)
      samples += numbers(2, count: 20_000, in: -750...750, as: Double.self)
      for x in samples {
        let y = function.function(x)
        // erf of the smallest numbers is a sum in one double.
        let isTiny = function.name == "erf" && x.magnitude < 0x1p-900
        guard ulps(y, function.exact(Exact(x))) > (isTiny ? 0.8 : Self.bound) else { continue }
        Issue.record("\(function.name)(\(x)) = \(y)")
        return
      }
    }

    @Test("powers and angles are within 0.52 ulps")
    func accuracyOfTwo() {
      let scales = numbers(3, count: 20_000, in: -40...40, as: Double.self)
      let bases = numbers(4, count: 20_000, in: 0...4, as: Double.self)
      for (x, y) in zip(bases, scales) {
        let power = pow(Exact(x), Exact(y))
        #expect(ulps(nnk_pow_f64(x, y), power) <= Self.bound, "\(x) ** \(y)")
        #expect(ulps(nnk_atan2_f64(y, x), atan2(Exact(y), Exact(x))) <= Self.bound, "\(y), \(x)")
      }
    }

    @Test("well-known values are the nearest doubles")
    func wellKnownValues() {
      #expect(nnk_exp_f64(1) == 2.718281828459045)
      #expect(nnk_pow_f64(2, 0.5) == 1.4142135623730951)
      #expect(nnk_log_f64(10) == 2.302585092994046)
      #expect(nnk_sin_f64(1) == 0.8414709848078965)
      #expect(nnk_atan_f64(1) == .pi / 4)
      #expect(nnk_tanh_f64(0.5) == 0.46211715726000975)
      #expect(nnk_atan2_f64(-0.0, -1) == -.pi)
      #expect(nnk_atan2_f64(.infinity, -.infinity) == 3 * .pi / 4)
      #expect(nnk_pow_f64(-1, .infinity) == 1)
      #expect(nnk_pow_f64(-0.0, -3) == -.infinity)
    }

    @Test("powers that a double holds are exact")
    func exactPowers() {
      for base in [2.0, 3, 5, 7, 10, -2, -3, 1.5] {
        var power = 1.0
        for exponent in 0...60
        where power.magnitude < 9e15 && power * 1024 == (power * 1024).rounded() {
          #expect(nnk_pow_f64(base, Double(exponent)) == power)
          power *= base
        }
      }
      #expect(nnk_pow_f64(2, -1) == 0.5)
      #expect(nnk_pow_f64(4, 0.5) == 2)
      #expect(nnk_pow_f64(-8, 1.0 / 3).isNaN)
      #expect(nnk_pow_f64(2, 1024) == .infinity)
      #expect(nnk_pow_f64(2, -1074) == .leastNonzeroMagnitude)
    }

    @Test("logarithms of powers are whole")
    func exactLogarithms() {
      for k in -300...300 {
        #expect(nnk_log2_f64(Double(sign: .plus, exponent: k, significand: 1)) == Double(k))
      }
      for k in 0...22 {
        #expect(nnk_log10_f64((0..<k).reduce(1.0) { power, _ in power * 10 }) == Double(k))
      }
      #expect(nnk_log2_f64(0) == -.infinity)
      #expect(nnk_log10_f64(-1).isNaN)
      #expect(nnk_log10_f64(.infinity) == .infinity)
    }

    @Test("the remainder has the divisor's sign and is exact")
    func remainder() {
      #expect(nnk_mod_f64(5, 3) == 2)
      #expect(nnk_mod_f64(-5, 3) == 1)
      #expect(nnk_mod_f64(5.5, -2) == -0.5)
      #expect(nnk_mod_f64(5, 0).isNaN)
      #expect(nnk_mod_f64(.infinity, 2).isNaN)
      #expect(nnk_mod_f64(1, .infinity) == 1)
      #expect(nnk_mod_f64(-1, .infinity) == .infinity)
      let numbers = floatsOfEveryKind(Double.self, count: 400).filter { $0.isFinite && $0 != 0 }
      for x in numbers {
        for y in numbers.prefix(100) {
          var want = x.truncatingRemainder(dividingBy: y)
          if want != 0, (want < 0) != (y < 0) { want += y }
          #expect(nnk_mod_f64(x, y) == want)
        }
      }
    }

    @Test("the quotient rounds down")
    func quotient() {
      #expect(nnk_floor_div_f64(7, 2) == 3)
      #expect(nnk_floor_div_f64(-7, 2) == -4)
      #expect(nnk_floor_div_f64(7, -2) == -4)
      #expect(nnk_floor_div_f64(5, 0) == .infinity)
      #expect(nnk_floor_div_f64(0, 0).isNaN)
      #expect(nnk_floor_div_f64(1, 0.1) == 9)
      #expect(nnk_floor_div_f64(0.3, 0.1) == 2)
      for x in stride(from: -50.0, through: 50, by: 1) {
        for y in stride(from: -7.0, through: 7, by: 1) where y != 0 {
          #expect(nnk_floor_div_f64(x, y) == (x / y).rounded(.down))
        }
      }
    }

    @Test("every unary operation has its value for one number")
    func unaryOperations() {
      for function in accuracyCases {
        for x in specialNumbers(Double.self) + [0.3, -0.7, 5.5] {
          let distance = ulps(nnk_unary_f64(function.op, x), function.exact(Exact(x)))
          #expect(distance <= function.bound + 0.5, "\(function.name)(\(x))")
        }
      }
    }
  }
}
