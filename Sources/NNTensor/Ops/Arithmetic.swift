// Arithmetic of two operands.
import NNKernels

extension Ops {
  static let arithmetic: [Op] = [
    add, sub, mul, div, floorDiv, mod, pow, maximum, minimum, atan2, mulAbsorbing,
  ]

  package static let add: Op = .binary(
    "add", NNK_ADD, "The sum, elementwise; `x + y`.", example: "[1, 2] + tensor([3, 4])"
  ) { call throws(TensorError) in Gradients(call.cotangent, call.cotangent) }

  package static let sub: Op = .binary(
    "sub", NNK_SUB, "The difference, elementwise; `x - y`.", example: "tensor([3, 4]) - 1"
  ) { call throws(TensorError) in
    Gradients(call.cotangent, call.wants(1) ? try call.context.neg(call.cotangent) : nil)
  }

  package static let mul: Op = .binary(
    "mul", NNK_MUL, "The product, elementwise; `x * y`.", example: "tensor([3, 4]) * [5, 6]",
    saves: .crosswise, gradient: productRule)

  package static let div: Op = .binary(
    "div", NNK_DIV, dtypes: .float, "The quotient, elementwise; `x / y`. Integers give f32.",
    example: "tensor([3, 4]) / 2", domains: [.any, .positive], saves: [.operand(1), .output]
  ) { call throws(TensorError) in
    let c = call.context
    let g = call.cotangent
    let divisor = call.input(1)
    let first: Operand?
    if divisor.isNumber && divisor.number != 0 {
      first = call.wants(0) ? try c.div(g, divisor) : nil
    } else {
      first = call.wants(0) ? try c.absorb(g, c.div(Operand(1), divisor)) : nil
    }
    let second = call.wants(1) ? try c.neg(c.absorb(g, c.div(call.output, divisor))) : nil
    return Gradients(first, second)
  }

  package static let floorDiv: Op = .binary(
    "floor_div", NNK_FLOOR_DIV, "The quotient rounded down; `x // y`.",
    example: "tensor([7, -7]) // 2", domains: [.any, .positive])

  package static let mod: Op = .binary(
    "mod", NNK_MOD, "The remainder with the sign of the divisor; `x % y`.",
    example: "tensor([7, -7]) % 3", domains: [.any, .positive], saves: .operands
  ) { call throws(TensorError) in
    let c = call.context
    let second =
      call.wants(1)
      ? try c.neg(c.absorb(call.cotangent, c.binary(floorDiv, call.input(0), call.input(1)))) : nil
    return Gradients(call.cotangent, second)
  }

  package static let pow: Op = .binary(
    "pow", NNK_POW,
    dtypes: .custom { operands, _ throws(TensorError) in powType(operands) },
    "`x` to the power of `y`, elementwise; `x ** y`.", example: "tensor([1, 2, 3]) ** 2",
    domains: [.positive, .any], saves: [.operands, .output], gradient: powRule)

  package static let maximum: Op = .binary(
    "maximum", NNK_MAXIMUM, "The larger of two, elementwise; NaN if either is.",
    example: "maximum([1, 5], [4, 2])", saves: .operands
  ) { call throws(TensorError) in try extremeRule(call, Ops.greater) }

  package static let minimum: Op = .binary(
    "minimum", NNK_MINIMUM, "The smaller of two, elementwise; NaN if either is.",
    example: "minimum([1, 5], [4, 2])", saves: .operands
  ) { call throws(TensorError) in try extremeRule(call, Ops.less) }

  package static let atan2: Op = .binary(
    "atan2", NNK_ATAN2, dtypes: .float, "The angle of the point (y, x) for `atan2(y, x)`.",
    example: "atan2([1, 0], [0, -1])", saves: .operands
  ) { call throws(TensorError) in
    let c = call.context
    let (y, x) = (call.input(0), call.input(1))
    let scale = try c.unary(safeReciprocal, c.add(c.mul(x, x), c.mul(y, y)))
    return Gradients(
      call.wants(0) ? try c.absorb(call.cotangent, c.mul(x, scale)) : nil,
      call.wants(1) ? try c.absorb(call.cotangent, c.neg(c.mul(y, scale))) : nil)
  }

  /// The product in gradient rules: 0 wherever the first operand is 0, even against inf and NaN.
  static let mulAbsorbing: Op = .binary(
    "mul_absorbing", NNK_MUL_ABSORBING, dtypes: .float, "`x * y`, but 0 where `x` is 0.",
    saves: .crosswise, isInternal: true, tangent: .multilinear, gradient: productRule)

  private static let productRule: Gradient = { call throws(TensorError) in
    let (c, g) = (call.context, call.cotangent)
    return Gradients(
      call.wants(0) ? try c.absorb(g, call.input(1)) : nil,
      call.wants(1) ? try c.absorb(g, call.input(0)) : nil)
  }

  /// Ties send half to each side.
  private static func extremeRule(
    _ call: GradientCall, _ wins: Op
  ) throws(TensorError) -> Gradients {
    let (c, g) = (call.context, call.cotangent)
    let (a, b) = (call.input(0), call.input(1))
    let half = try c.select(c.binary(equal, a, b), c.mul(g, 0.5), Operand(0))
    return Gradients(
      call.wants(0) ? try c.select(c.binary(wins, a, b), g, half) : nil,
      call.wants(1) ? try c.select(c.binary(wins, b, a), g, half) : nil)
  }

  /// As arithmetic, but integers with a negative exponent are f32.
  private static func powType(_ operands: [OperandType]) -> DType {
    let common = DTypeRule.promoted(operands)
    if common.isInteger, operands.count > 1, let exponent = operands[1].number, exponent < 0 {
      return .f32
    }
    return common
  }

  private static let powRule: Gradient = { call throws(TensorError) in
    let (c, g) = (call.context, call.cotangent)
    let (x, p) = (call.input(0), call.input(1))
    let first = call.wants(0) ? try c.absorb(g, powSlope(c, x, p)) : nil
    var second: Operand?
    if call.wants(1) {
      second = try c.absorb(g, exponentSlope(c, x, call.output))
    }
    return Gradients(first, second)
  }

  /// The derivative of x^p in p, x^p log(x), and 0 where x is 0.
  private static func exponentSlope(
    _ c: TensorContext, _ x: Operand, _ power: Operand
  ) throws(TensorError) -> Operand {
    if x.isNumber {
      // Stays a number, so that its logarithm is taken in f64.
      return x.number == 0 ? Operand(0) : try c.mul(power, c.unary(log, x))
    }
    let isZero = try c.binary(equal, x, Operand(0))
    let slope = try c.mul(power, c.unary(log, c.select(isZero, Operand(1), x)))
    return try c.select(isZero, Operand(0), slope)
  }

  /// p x^(p-1), and 0 for a zero base whose power has no finite slope there.
  private static func powSlope(
    _ c: TensorContext, _ x: Operand, _ p: Operand
  ) throws(TensorError) -> Operand {
    if p.isNumber && p.handle.isNone {
      switch p.number {
      case 0: return try c.mul(x, 0)
      case 1: return Operand(1)
      case 2: return try c.mul(x, 2)
      case let exponent where exponent > 1 || exponent < 0 && exponent == exponent.rounded():
        return try c.mul(c.binary(pow, x, Operand(exponent - 1)), exponent)
      default: break
      }
    }
    let slope = try c.mul(p, c.binary(pow, x, c.sub(p, Operand(1))))
    let isZero = try c.binary(equal, x, Operand(0))
    let isSteep = try c.binary(less, p, Operand(1))
    return try c.select(
      c.binary(logicalAnd, isZero, isSteep), Operand(0), slope)
  }
}
