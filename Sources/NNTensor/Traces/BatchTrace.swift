// Batched calls: values that stand for one example and are all of them.

/// A call whose batched values have one axis more, the first, on the level below; code inside does not see it.
package final class BatchTrace: Trace {
  /// How many examples there are.
  package let size: Int
  /// By entry, where its value stands one level down. Values that are plain there share the first.
  private var lowers: [Handle] = [.none]

  init(serial: UInt32, size: Int) {
    self.size = size
    super.init(serial: serial)
  }

  /// A value of the level below, with its examples along the first axis, as one example.
  package func add(_ operand: Operand) throws(TensorError) -> Operand {
    var result = operand
    guard !operand.handle.isNone else {
      result.handle = Handle(serial: serial, index: 0)
      return result
    }
    guard lowers.count < Handle.highestIndex else {
      throw TensorError("limit", "a call of vmap made more than \(lowers.count) values")
    }
    result.handle = Handle(serial: serial, index: lowers.count)
    lowers.append(operand.handle)
    return result
  }

  package override func lowered(_ operand: Operand) -> Operand {
    guard tracks(operand) else { return operand }
    var result = operand
    result.handle = lowers[operand.handle.index]
    return result
  }

  override func shape(of operand: Operand, in context: TensorContext) -> Shape {
    context.shape(of: lowered(operand)).suffix(from: 1)
  }

  override func apply(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute], in context: TensorContext
  ) throws(TensorError) -> [Operand] {
    let call = BatchCall(
      context: context, trace: self, op: op, operands: operands, attributes: attributes)
    var results = try op.isRandom ? context.drawing(inside: self, call.run) : call.run()
    // A number is the same for all examples.
    for position in results.indices where !results[position].isNumber {
      results[position] = try add(results[position])
    }
    return results
  }

  /// A value of the level below with all examples along its first axis: what a result is outside.
  package func stacked(
    _ operand: Operand, in context: TensorContext
  ) throws(TensorError) -> Operand {
    if tracks(operand) { return lowered(operand) }
    var shape = context.shape(of: operand)
    try BatchCall.checkRank(shape)
    shape.insert(size, at: 0)
    return try context.apply(Ops.broadcastTo, [operand], [.ints(shape.array), .none])
  }
}

extension TensorContext {
  /// Starts a batched call.
  package func beginBatch(size: Int) -> BatchTrace {
    let trace = BatchTrace(serial: nextSerial(), size: size)
    begin(trace)
    return trace
  }

  /// The innermost batched call that is running.
  package var innermostBatch: BatchTrace? {
    traces.last { $0 is BatchTrace && $0.isActive } as? BatchTrace
  }

  /// Whether a tape or a forward derivative follows the value, perhaps through batches.
  func isDifferentiated(_ operand: Operand) -> Bool {
    var operand = operand
    while let trace = trace(of: operand.handle) {
      if !(trace is BatchTrace) { return true }
      operand = trace.lowered(operand)
    }
    return false
  }

  /// How many batched calls there are around code that sees the value as one example; 0 for values that are no batch.
  package func batchDepth(of operand: Operand) -> Int {
    var operand = operand
    while let trace = trace(of: operand.handle) {
      if trace is BatchTrace {
        return traces.prefix { $0 !== trace }.count { $0 is BatchTrace && $0.isActive } + 1
      }
      operand = trace.lowered(operand)
    }
    return 0
  }
}
