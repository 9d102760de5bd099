// The fast way in for matrix products and dense layers: what they need is checked at once, without lists of operands.
import NNKernels

extension TensorContext {
  /// The product of two untracked matrices that fit, either transposed; nil for anything else.
  func matrixProduct(
    _ a: Operand, _ b: Operand, _ isLeftTransposed: Bool, _ isRightTransposed: Bool
  ) throws(TensorError) -> Operand? {
    guard !debugNaNs, a.handle.isNone, b.handle.isNone, let x = a.tensor, let y = b.tensor,
      x.shape.rank == 2, y.shape.rank == 2, x.dtype == y.dtype, x.dtype.isFloat,
      x.shape[isLeftTransposed ? 0 : 1] == y.shape[isRightTransposed ? 1 : 0]
    else { return nil }
    var shape = x.shape
    shape[0] = x.shape[isLeftTransposed ? 1 : 0]
    shape[1] = y.shape[isRightTransposed ? 0 : 1]
    let output = try Tensor(shape: shape, dtype: x.dtype)
    MatrixProduct(x, isLeftTransposed, y, isRightTransposed, output).run()
    return try checked(Operand(output))
  }

  /// `dense` of operands (x, weight, bias) that fit and are untracked or on the innermost tape alone; nil for anything else.
  func denseLayer(
    _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> Operand? {
    guard !debugNaNs, let x = operands[0].tensor, let weight = operands[1].tensor,
      let bias = operands[2].tensor, x.dtype.isFloat, weight.dtype == x.dtype,
      bias.dtype == x.dtype, x.shape.rank >= 2, weight.shape.rank == 2, bias.shape.rank == 1,
      x.shape[x.shape.rank - 1] == weight.shape[0], bias.shape[0] == weight.shape[1],
      let level = level(of: operands)
    else { return nil }
    var shape = x.shape
    shape[shape.rank - 1] = weight.shape[1]
    let output = try Tensor(shape: shape, dtype: x.dtype)
    let activation = attributes.first ?? .none
    MatrixProduct.runLayer(x, weight, bias, activation, output)
    let op = Ops.dense(with: activation)
    let result = try checked(Operand(output))
    guard case .tape(let tape) = level else { return result }
    return try tape.note(op, result, of: operands, attributes, in: self)
  }

  /// Where operands stand.
  private enum Level {
    case untracked
    case tape(Tape)
  }

  /// The innermost tape, if some are on it and none on a trace outside it; nil if there are other traces to ask.
  private func level(of operands: [Operand]) -> Level? {
    if operands.allSatisfy({ $0.handle.isNone }) { return .untracked }
    guard let tape = innermostTape else { return nil }
    for operand in operands where !operand.handle.isNone {
      guard tape.tracks(operand), tape.lowered(operand).handle.isNone else { return nil }
    }
    return .tape(tape)
  }
}
