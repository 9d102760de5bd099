// The general way in: types, casts, shapes, then the row's forward function.
import NNKernels

extension TensorContext {
  /// Runs an op on plain values, whatever their handles say; gives its only result.
  func runOne(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> Operand {
    if debugNaNs { return try debugged(op, operands, attributes)[0] }
    if op.isElementwise, let number = Numbers.value(op, operands) { return Operand(number) }
    var call = try prepare(op, operands, attributes)
    return try checked(try call.runForward())
  }

  /// Runs an op on plain values and gives all its results.
  func run(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> [Operand] {
    if debugNaNs { return try debugged(op, operands, attributes) }
    guard case .many(let body) = op.forward else { return [try runOne(op, operands, attributes)] }
    var call = try prepare(op, operands, attributes)
    let results = try body(&call)
    if nnk_cancelled() { throw .cancelled }
    return results
  }

  /// Decides types and shape, and brings the operands to them.
  private func prepare(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> ForwardCall {
    let types = try op.dtypes.result(ofOperands: operands, attributes)
    let compute = types.compute ?? (op.isElementwise ? types.result : nil)
    if let compute {
      try cast(op, &operands, to: compute)
      if op.checksIntegers, !compute.isFloat { try checkIntegers(op, operands, compute) }
    } else if !op.takesNumbers {
      try lift(&operands, attributes, op)
    }
    let query = ShapeQuery(
      name: op.name, operands: operands.map { $0.plainShape }, attributes: attributes)
    let shape: Shape
    if op.hasManyResults {
      guard let first = try op.shape.allSizes(query).first else {
        throw TensorError("argument", "\(op.name) has no results")
      }
      shape = first
    } else {
      shape = try op.shape.sizes(query)
    }
    return ForwardCall(
      context: self, op: op, operands: operands, attributes: attributes, shape: shape,
      dtype: types.result, compute: compute ?? types.result)
  }

  /// Brings operands to one type; numbers, once they are known to fit, stay if the op takes them.
  private func cast(_ op: Op, _ operands: inout [Operand], to dtype: DType) throws(TensorError) {
    for position in operands.indices {
      guard let tensor = operands[position].tensor else {
        let number = operands[position].number
        guard dtype.holds(number) || dtype == .bool else {
          throw TensorError(
            "argument", "\(op.name): \(numberText(number)) does not fit in \(dtype.name)",
            help: "to(x, \"i64\") or to(x, \"f32\") makes room")
        }
        if !op.takesNumbers { operands[position].tensor = try Tensor(number, dtype: dtype) }
        continue
      }
      if tensor.dtype != dtype { operands[position].tensor = try tensor.converted(to: dtype) }
    }
  }

  /// Makes tensors of rank 0 of numbers, in the type of the tensors beside them.
  private func lift(
    _ operands: inout [Operand], _ attributes: [Attribute], _ op: Op
  ) throws(TensorError) {
    guard operands.contains(where: { $0.isNumber }) else { return }
    let dtype = DTypeRule.promoted(operands.map { OperandType($0) })
    for position in operands.indices where operands[position].isNumber {
      operands[position].tensor = try Tensor(operands[position].number, dtype: dtype)
    }
  }

  /// Refuses what integers have no result for.
  private func checkIntegers(
    _ op: Op, _ operands: [Operand], _ dtype: DType
  ) throws(TensorError) {
    guard operands.count == 2, op !== Ops.pow else { return }
    let hasZero =
      operands[1].tensor.map { nnk_any_zero(dtype.kernelType, $0.data, $0.count) }
      ?? (operands[1].number == 0)
    if hasZero {
      throw TensorError(
        "argument", "\(op.name): an integer tensor is divided by zero",
        help: "to(x, \"f32\") gives inf or nan instead")
    }
  }
}

/// A number as messages write it: whole ones without a fraction.
func numberText(_ number: Double) -> String {
  if let whole = Int(exactly: number), abs(number) < 1e16 { return "\(whole)" }
  return "\(number)"
}

extension OperandType {
  init(_ operand: Operand) {
    if let tensor = operand.tensor {
      self.init(tensor.dtype)
    } else {
      self.init(number: operand.number)
    }
  }
}

extension Op {
  /// Whether integer operands need a look before the kernel runs.
  @inline(__always) var checksIntegers: Bool {
    kernelArity == 2
      && (kernel == NNK_FLOOR_DIV.rawValue || kernel == NNK_MOD.rawValue
        || kernel == NNK_POW.rawValue)
  }
}

extension ForwardCall {
  /// Runs the forward function of a row with one result.
  mutating func runForward() throws(TensorError) -> Operand {
    switch op.forward {
    case .unary(let kernel): return try runUnary(kernel, compute)
    case .binary(let kernel): return try runBinary(kernel, compute)
    case .custom(let body): return try body(&self)
    case .many, .composed, .composedMany:
      preconditionFailure("rows with several results and composed ones go other ways")
    }
  }

  private mutating func runUnary(
    _ kernel: nnk_unary_op, _ compute: DType
  ) throws(TensorError) -> Operand {
    let input: Tensor
    if let tensor = operands[0].tensor {
      input = tensor
    } else {
      input = try Tensor(operands[0].number, dtype: compute)
    }
    let output = try makeOutput()
    guard nnk_unary(kernel, compute.kernelType, input.data, output.data, input.count) else {
      throw unsupported(compute)
    }
    return Operand(output)
  }

  private mutating func runBinary(
    _ kernel: nnk_binary_op, _ compute: DType
  ) throws(TensorError) -> Operand {
    let output = try makeOutput()
    let type = compute.kernelType
    let done: Bool
    switch (operands[0].tensor, operands[1].tensor) {
    case (let a?, let b?): done = ForwardCall.broadcast(kernel, type, a, b, output)
    case (let a?, nil):
      done = nnk_binary_scalar(kernel, type, a.data, operands[1].number, output.data, a.count)
    case (nil, let b?):
      done = nnk_scalar_binary(kernel, type, operands[0].number, b.data, output.data, b.count)
    case (nil, nil):
      let a = try Tensor(operands[0].number, dtype: compute)
      done = nnk_binary_scalar(kernel, type, a.data, operands[1].number, output.data, 1)
    }
    guard done else { throw unsupported(compute) }
    return Operand(output)
  }

  private func unsupported(_ dtype: DType) -> TensorError {
    TensorError("type", "\(op.name) does not work on \(dtype.name) tensors")
  }

  /// Runs a kernel over two tensors stretched to the output's shape.
  private static func broadcast(
    _ kernel: nnk_binary_op, _ type: nnk_type, _ a: Tensor, _ b: Tensor, _ output: Tensor
  ) -> Bool {
    if a.count == output.count && b.count == output.count {
      return nnk_binary(kernel, type, a.data, b.data, output.data, output.count)
    }
    if output.count == 0 { return true }
    let layout = BroadcastLayout(output.shape, [a.shape, b.shape])
    let shape = layout.shape
    let (s, t) = (layout.strides[0], layout.strides[1])
    let last = shape.rank - 1
    if shape.rank <= 2, s[last] <= 1, t[last] <= 1 {
      let hasRows = shape.rank == 2
      return nnk_binary_matrix(
        kernel, type, a.data, nnk_steps(row: hasRows ? s[0] : 0, col: s[last]), b.data,
        nnk_steps(row: hasRows ? t[0] : 0, col: t[last]), output.data, hasRows ? shape[0] : 1,
        shape[last])
    }
    return shape.withElements { shape in
      s.withElements { s in
        t.withElements { t in
          nnk_binary_strided(
            kernel, type, Int32(last + 1), shape, a.data, s, b.data, t, output.data)
        }
      }
    }
  }
}

extension Dims where D == Int {
  /// The axes as a C array.
  func withElements<Result>(_ body: (UnsafePointer<Int>) -> Result) -> Result {
    withUnsafeTemporaryAllocation(of: Int.self, capacity: 8) { buffer in
      for axis in 0..<8 { buffer.initializeElement(at: axis, to: axis < rank ? self[axis] : 1) }
      return body(buffer.baseAddress!)
    }
  }
}

extension Tensor {
  /// The same elements in another type.
  func converted(to dtype: DType) throws(TensorError) -> Tensor {
    if dtype == self.dtype { return self }
    let result = try Tensor(shape: shape, dtype: dtype)
    _ = nnk_cast(self.dtype.kernelType, data, dtype.kernelType, result.data, count)
    return result
  }
}
