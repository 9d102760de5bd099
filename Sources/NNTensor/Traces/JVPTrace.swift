// Forward mode: values that carry a tangent along.

/// A call whose values have tangents. Each is kept as an operand of the level below, so derivatives of tangents are those of
/// ordinary values, to any order.
package final class JVPTrace: Trace {
  /// A value: where it stands one level down, and its tangent there.
  private struct Entry {
    var lower: Handle
    /// Nil once no value needs it any more.
    var tangent: Operand?
    /// The value's tensor; when it has died, so may the tangent. Numbers have none.
    weak var primal: Tensor?
  }

  private var entries: [Entry] = []
  /// How many entries there may be before those of dead values are looked for again.
  private var sweepAt = 1024

  /// The same value, with a tangent.
  func add(_ primal: Operand, tangent: Operand) throws(TensorError) -> Operand {
    guard entries.count < Handle.highestIndex else {
      throw TensorError(
        "limit", "a call of jvp made more than \(entries.count) values",
        help: "differentiate a shorter loop")
    }
    if entries.count >= sweepAt { sweep() }
    var result = primal
    result.handle = Handle(serial: serial, index: entries.count)
    entries.append(Entry(lower: primal.handle, tangent: tangent, primal: primal.tensor))
    return result
  }

  /// Drops tangents of tensors that nobody holds any more.
  private func sweep() {
    var alive = 0
    for index in entries.indices {
      guard let tangent = entries[index].tangent, tangent.tensor != nil else { continue }
      if entries[index].primal == nil { entries[index].tangent = nil } else { alive += 1 }
    }
    sweepAt = entries.count + max(1024, alive)
  }

  package override func lowered(_ operand: Operand) -> Operand {
    guard tracks(operand) else { return operand }
    var result = operand
    result.handle = entries[operand.handle.index].lower
    return result
  }

  /// The tangent of a value as the level below sees it; nil means zero.
  package func tangent(of operand: Operand) -> Operand? {
    tracks(operand) ? entries[operand.handle.index].tangent : nil
  }

  override func apply(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute], in context: TensorContext
  ) throws(TensorError) -> [Operand] {
    let primals = operands.map { lowered($0) }
    guard op.isDifferentiable else { return try context.applyMany(op, primals, attributes) }
    let tangents = operands.map { tangent(of: $0) }
    let step = TangentStep(
      context: context, op: op, primals: primals, tangents: tangents, attributes: attributes)
    var (outputs, outgoing) = try step.run()
    for position in outputs.indices where outputs[position].isFloat {
      guard let tangent = outgoing[position] else { continue }
      outgoing[position] = nil
      if context.debugNaNs {
        try context.refuseFlaws(in: tangent, of: "the tangent of \(op.name)", from: tangents)
      }
      outputs[position] = try add(
        outputs[position], tangent: context.fitted(tangent, like: outputs[position]))
    }
    return outputs
  }
}

extension Operand {
  /// Whether it can have a derivative: a number or a tensor of floats.
  var isFloat: Bool { tensor?.dtype.isFloat ?? true }
}

extension TensorContext {
  /// Starts a call in forward mode.
  package func beginJVP() -> JVPTrace {
    let trace = JVPTrace(serial: nextSerial())
    begin(trace)
    return trace
  }

  /// The same value with a tangent of its shape, brought to its type.
  package func watch(
    _ operand: Operand, tangent: Operand, on trace: JVPTrace
  ) throws(TensorError) -> Operand {
    try trace.add(operand, tangent: fitted(tangent, like: operand))
  }

  /// A tangent stretched to the shape of its value, in its type; a number where that is one.
  func fitted(_ tangent: Operand, like value: Operand) throws(TensorError) -> Operand {
    guard let tensor = value.tensor else {
      return tangent.isNumber ? tangent : try apply(Ops.item, [tangent])
    }
    let shape = shape(of: value)
    if tangent.tensor?.dtype == tensor.dtype, self.shape(of: tangent) == shape { return tangent }
    return try apply(Ops.broadcastTo, [tangent], [.ints(shape.array), .dtype(tensor.dtype)])
  }
}
