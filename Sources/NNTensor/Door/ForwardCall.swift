// What the forward function of a row gets.
import NNKernels

/// One application of an op to plain operands, with shapes and types already decided.
package struct ForwardCall {
  package let context: TensorContext
  package let op: Op
  /// Brought to `compute` where the row's dtype rule says so.
  package var operands: [Operand]
  package let attributes: [Attribute]
  /// The shape of the first result; rows with more make the others themselves.
  package let shape: Shape
  package let dtype: DType
  /// The type that kernels of elementwise ops run in.
  let compute: DType

  /// The argument at a position; `none` behind the end.
  package func attribute(_ index: Int) -> Attribute {
    index < attributes.count ? attributes[index] : .none
  }

  /// A tensor operand; rows that take numbers ask first.
  package func tensor(_ position: Int) -> Tensor {
    guard let tensor = operands[position].tensor else {
      preconditionFailure("\(op.name) does not take numbers")
    }
    return tensor
  }

  /// A fresh tensor for the result.
  package func makeOutput() throws(TensorError) -> Tensor {
    try Tensor(shape: shape, dtype: dtype)
  }

  /// The storage of an operand if nobody else holds it and it fits the result, otherwise a fresh tensor (not filled).
  package mutating func takeOutput(reusing position: Int) throws(TensorError) -> Tensor {
    if let own = takeIfUnique(position) { return own }
    return try makeOutput()
  }

  /// An operand's tensor to write into, if nobody else holds it and it fits the result.
  package mutating func takeIfUnique(_ position: Int) -> Tensor? {
    guard isKnownUniquelyReferenced(&operands[position].tensor),
      let tensor = operands[position].tensor, tensor.dtype == dtype, tensor.shape == shape,
      tensor.ownsBlock
    else { return nil }
    return tensor
  }
}
