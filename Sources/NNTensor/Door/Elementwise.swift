// The fast way in for ops that are one elementwise kernel: no arrays, one tensor, one block, no counting of borrowed operands.
import NNKernels

/// An operand that its owner keeps alive during a call; trivial to copy.
package struct OperandRef: BitwiseCopyable {
  /// Nil for a number.
  let tensor: Unmanaged<Tensor>?
  let number: Double
  var handle: Handle
  /// Whether the owner gives the tensor up and nobody else refers to it, so that its block may be taken.
  let isMoved: Bool

  /// Borrows a tensor.
  @inline(__always) package init(_ tensor: Unmanaged<Tensor>, handle: Handle = .none) {
    self.tensor = tensor
    number = 0
    self.handle = handle
    isMoved = false
  }

  /// A number.
  @inline(__always) package init(_ number: Double, handle: Handle = .none) {
    tensor = nil
    self.number = number
    self.handle = handle
    isMoved = false
  }

  /// Borrows an operand that its owner does not need afterwards.
  @inline(__always) init(moving operand: inout Operand) {
    isMoved = isKnownUniquelyReferenced(&operand.tensor)
    tensor = operand.tensor.map { Unmanaged.passUnretained($0) }
    number = operand.number
    handle = operand.handle
  }

  /// Borrows an operand.
  @inline(__always) init(borrowing operand: borrowing Operand) {
    isMoved = false
    tensor = operand.tensor.map { Unmanaged.passUnretained($0) }
    number = operand.number
    handle = operand.handle
  }

  /// The same operand one level down; what a tape keeps is no longer free to take.
  @inline(__always) init(_ operand: OperandRef, lower: Handle, isSaved: Bool) {
    tensor = operand.tensor
    number = operand.number
    handle = lower
    isMoved = operand.isMoved && !isSaved
  }

  /// The operand with a reference of its own.
  var owned: Operand {
    if let tensor { return Operand(tensor.takeUnretainedValue(), handle: handle) }
    return Operand(number, handle: handle)
  }

  @inline(__always) var isUntracked: Bool { handle.isNone }
}

extension Unmanaged where Instance == Tensor {
  @inline(__always) var dtype: DType { _withUnsafeGuaranteedRef { $0.dtype } }
  @inline(__always) var count: Int { _withUnsafeGuaranteedRef { $0.count } }
  @inline(__always) var data: UnsafeMutableRawPointer { _withUnsafeGuaranteedRef { $0.data } }

  /// Whether the axes are the last ones of another tensor of higher rank.
  func isSuffix(of other: Unmanaged<Tensor>) -> Bool {
    _withUnsafeGuaranteedRef { x in
      other._withUnsafeGuaranteedRef { y in x.shape.isSuffix(of: y.shape) }
    }
  }

  @inline(__always) func hasShape(of other: Unmanaged<Tensor>) -> Bool {
    _withUnsafeGuaranteedRef { x in other._withUnsafeGuaranteedRef { x.shape == $0.shape } }
  }
}

extension Tensor {
  /// Whether another tensor has the same shape and type.
  @inline(__always) func isShaped(like other: Tensor) -> Bool {
    dtype == other.dtype && shape == other.shape
  }
}

extension TensorContext {
  /// Runs an op of one operand, untracked.
  @inline(__always)
  func runUnary(_ op: Op, _ x: OperandRef) throws(TensorError) -> Operand {
    if debugNaNs { return try apply(op, [x.owned]) }
    if op.kernelArity == 1, let tensor = x.tensor, let dtype = op.elementType.result(tensor.dtype) {
      if tensor.count >= Chain.leastCount, dtype == tensor.dtype, dtype.isFloat,
        let result = try deferred(op, x)
      {
        return result
      }
      let output = try output(tensor, x.isMoved, dtype)
      let done = nnk_unary(
        nnk_unary_op(op.kernel), tensor.dtype.kernelType, tensor.data, output.data, output.count)
      if done { return try checked(Operand(output)) }
    }
    return try apply(op, [x.owned])
  }

  /// Runs an op of two operands, untracked.
  @inline(__always)
  func runBinary(_ op: Op, _ a: OperandRef, _ b: OperandRef) throws(TensorError) -> Operand {
    if debugNaNs { return try apply(op, [a.owned, b.owned]) }
    if op.kernelArity == 2 {
      let kernel = nnk_binary_op(op.kernel)
      if let x = a.tensor {
        let type = x.dtype
        if let dtype = op.elementType.result(type), type.isFloat || !op.checksIntegers {
          if let y = b.tensor {
            if y.dtype == type, x.hasShape(of: y) {
              if x.count >= Chain.leastCount, dtype == type, type.isFloat,
                let result = try deferred(op, a, b)
              {
                return result
              }
              let output =
                a.isMoved || !b.isMoved
                ? try output(x, a.isMoved, dtype) : try output(y, true, dtype)
              _ = nnk_binary(kernel, type.kernelType, x.data, y.data, output.data, output.count)
              return try checked(Operand(output))
            }
            if y.dtype == type, let result = try runRows(op, a, b, x, y, dtype) { return result }
          } else if type.isFloat {
            if x.count >= Chain.leastCount, dtype == type, let result = try deferred(op, a, b) {
              return result
            }
            let output = try output(x, a.isMoved, dtype)
            _ = nnk_binary_scalar(
              kernel, type.kernelType, x.data, b.number, output.data, output.count)
            return try checked(Operand(output))
          }
        }
      } else if let y = b.tensor {
        let type = y.dtype
        if type.isFloat, let dtype = op.elementType.result(type) {
          if y.count >= Chain.leastCount, dtype == type, let result = try deferred(op, a, b) {
            return result
          }
          let output = try output(y, b.isMoved, dtype)
          _ = nnk_scalar_binary(
            kernel, type.kernelType, a.number, y.data, output.data, output.count)
          return try checked(Operand(output))
        }
      }
    }
    return try apply(op, [a.owned, b.owned])
  }

  /// Two tensors of which one has the other's trailing axes, as when a bias is added; nil for any other shapes.
  @inline(never)
  private func runRows(
    _ op: Op, _ a: OperandRef, _ b: OperandRef, _ x: Unmanaged<Tensor>, _ y: Unmanaged<Tensor>,
    _ dtype: DType
  ) throws(TensorError) -> Operand? {
    let isLeftWider = x.count >= y.count
    let (wide, narrow) = isLeftWider ? (x, y) : (y, x)
    guard wide.count > 0, narrow.isSuffix(of: wide) else { return nil }
    let output = try output(wide, isLeftWider ? a.isMoved : b.isMoved, dtype)
    // One element is a scalar beside a single row.
    let isScalar = narrow.count == 1
    let columns = isScalar ? wide.count : narrow.count
    let full = nnk_steps(row: columns, col: 1)
    let repeated = nnk_steps(row: 0, col: isScalar ? 0 : 1)
    let done = nnk_binary_matrix(
      nnk_binary_op(op.kernel), x.dtype.kernelType, x.data, isLeftWider ? full : repeated, y.data,
      isLeftWider ? repeated : full, output.data, isScalar ? 1 : wide.count / columns, columns)
    return done ? try checked(Operand(output)) : nil
  }

  /// Where a result of an operand's shape goes: into the operand if it was moved in and the type stays.
  @inline(__always)
  private func output(
    _ operand: Unmanaged<Tensor>, _ isMoved: Bool, _ dtype: DType
  ) throws(TensorError) -> Tensor {
    if isMoved, operand.dtype == dtype, operand._withUnsafeGuaranteedRef({ $0.ownsBlock }) {
      return operand.takeUnretainedValue()
    }
    return try Tensor(shapedAs: operand, dtype: dtype)
  }

  /// A result; after a cancellation it may be undefined and is an error.
  @inline(__always)
  func checked(_ output: consuming Operand) throws(TensorError) -> Operand {
    if nnk_cancelled() { throw .cancelled }
    return output
  }
}
