// Elementwise ops on plain numbers.
import NNKernels

extension Op {
  /// The value of an elementwise op of one number; nil for other ops and where the result is a bool.
  package func value(of x: Double) -> Double? {
    guard kernelArity == 1, elementType == .same || elementType == .float else { return nil }
    return nnk_unary_f64(nnk_unary_op(kernel), x)
  }

  /// The value of an elementwise op of two numbers; nil for other ops and where the result is a bool.
  package func value(of a: Double, _ b: Double) -> Double? {
    guard kernelArity == 2, elementType == .same || elementType == .float else { return nil }
    return Numbers.binary(nnk_binary_op(kernel), a, b)
  }
}

/// The values of elementwise ops where all operands are numbers.
enum Numbers {
  /// The result as a number; nil where an operand is a tensor or the result is a bool.
  static func value(_ op: Op, _ operands: [Operand]) -> Double? {
    guard op.elementType == .same || op.elementType == .float,
      operands.allSatisfy({ $0.isNumber })
    else { return nil }
    if op.kernelArity == 1 { return nnk_unary_f64(nnk_unary_op(op.kernel), operands[0].number) }
    return binary(nnk_binary_op(op.kernel), operands[0].number, operands[1].number)
  }

  /// One operation on two numbers.
  static func binary(_ op: nnk_binary_op, _ a: Double, _ b: Double) -> Double {
    switch op {
    case NNK_ADD: a + b
    case NNK_SUB: a - b
    case NNK_MUL: a * b
    case NNK_DIV: a / b
    case NNK_POW: nnk_pow_f64(a, b)
    case NNK_FLOOR_DIV: nnk_floor_div_f64(a, b)
    case NNK_MOD: nnk_mod_f64(a, b)
    case NNK_MAXIMUM: a.isNaN || b.isNaN ? .nan : Swift.max(a, b)
    case NNK_MINIMUM: a.isNaN || b.isNaN ? .nan : Swift.min(a, b)
    case NNK_ATAN2: nnk_atan2_f64(a, b)
    case NNK_MUL_ABSORBING: a == 0 ? 0 : a * b
    default: kernel(op, a, b)
    }
  }

  /// An operation that is seldom asked for single numbers, such as the slope of an activation, by its kernel.
  private static func kernel(_ op: nnk_binary_op, _ a: Double, _ b: Double) -> Double {
    var (a, b, result) = (a, b, Double.nan)
    guard nnk_binary(op, NNK_F64, &a, &b, &result, 1) else {
      preconditionFailure("every kernel for floats takes f64")
    }
    return result
  }
}
