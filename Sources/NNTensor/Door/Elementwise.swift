// The fast way in for ops that are one elementwise kernel: no arrays, one tensor, one block.
import NNKernels

extension TensorContext {
  /// Runs an op of one operand, untracked.
  @inline(__always)
  func runUnary(_ op: Op, _ x: inout Operand) throws(TensorError) -> Operand {
    let isUnique = isKnownUniquelyReferenced(&x.tensor)
    if op.kernelArity == 1, let tensor = x.tensor, let dtype = op.elementType.result(tensor.dtype) {
      let output = try output(isUnique, tensor, dtype)
      let done = nnk_unary(
        nnk_unary_op(op.kernel), tensor.dtype.kernelType, tensor.data, output.data, tensor.count)
      if done { return try checked(op, Operand(output)) }
    }
    return try run(op, [x], [])[0]
  }

  /// Runs an op of two operands, untracked.
  @inline(__always)
  func runBinary(
    _ op: Op, _ a: inout Operand, _ b: inout Operand
  ) throws(TensorError) -> Operand {
    // Asked first: a name for the tensor would be a second reference.
    let isUniqueA = isKnownUniquelyReferenced(&a.tensor)
    let isUniqueB = isKnownUniquelyReferenced(&b.tensor)
    if op.kernelArity == 2 {
      if let x = a.tensor, let y = b.tensor {
        if x.dtype == y.dtype, let dtype = op.elementType.result(x.dtype),
          x.dtype.isFloat || !op.checksIntegers, x.shape == y.shape
        {
          let output =
            isUniqueA || !isUniqueB
            ? try output(isUniqueA, x, dtype) : try output(isUniqueB, y, dtype)
          _ = nnk_binary(
            nnk_binary_op(op.kernel), x.dtype.kernelType, x.data, y.data, output.data, x.count)
          return try checked(op, Operand(output))
        }
      } else if let x = a.tensor {
        if x.dtype.isFloat, let dtype = op.elementType.result(x.dtype) {
          let output = try output(isUniqueA, x, dtype)
          _ = nnk_binary_scalar(
            nnk_binary_op(op.kernel), x.dtype.kernelType, x.data, b.number, output.data, x.count)
          return try checked(op, Operand(output))
        }
      } else if let y = b.tensor {
        if y.dtype.isFloat, let dtype = op.elementType.result(y.dtype) {
          let output = try output(isUniqueB, y, dtype)
          _ = nnk_scalar_binary(
            nnk_binary_op(op.kernel), y.dtype.kernelType, a.number, y.data, output.data, y.count)
          return try checked(op, Operand(output))
        }
      }
    }
    return try run(op, [a, b], [])[0]
  }

  /// Where a result of an operand's shape goes: into the operand if nobody else holds it and the type stays.
  @inline(__always)
  private func output(
    _ isUnique: Bool, _ operand: Tensor, _ dtype: DType
  ) throws(TensorError) -> Tensor {
    if isUnique, operand.dtype == dtype, operand.ownsBlock { return operand }
    return try Tensor(shape: operand.shape, dtype: dtype)
  }

  /// A result, looked through for NaN if that was asked for.
  @inline(__always)
  func checked(_ op: Op, _ output: consuming Operand) throws(TensorError) -> Operand {
    if debugNaNs { try refuseNaN(op, output) }
    return output
  }

  private func refuseNaN(_ op: Op, _ output: Operand) throws(TensorError) {
    if output.tensor?.hasNaN ?? output.number.isNaN {
      throw TensorError("error", "the result of \(op.name) has a NaN (debug_nans)")
    }
  }
}
