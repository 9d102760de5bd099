// Rows that pass values through and have a gradient of somebody's choice.

/// The gradients in the inputs (nil is zero) from the inputs, the results and the gradients in these.
package typealias PassingGradient =
  @Sendable (
    _ context: TensorContext, _ inputs: [Operand], _ outputs: [Operand], _ cotangents: [Operand]
  ) throws(TensorError) -> [Operand?]

extension Op {
  /// A row made for one use. Its operands are inputs and then `count` values, which are its results too. The gradient in the
  /// inputs comes from `rule`; what arrives at a result also goes on to the value it is.
  package static func passing(outputs count: Int, rule: @escaping PassingGradient) -> Op {
    Op(
      "custom_grad", [Parameter("xs", .tensors)],
      summary: "Values with a gradient of their own.", dtypes: .fixed(.f32), shape: PassingShape(),
      outputs: nil, saves: [.allOperands, .output, .further], takesNumbers: true, isInternal: true,
      isOwn: true,
      batch: .custom { call throws(TensorError) in try batch(call, outputs: count, rule) },
      forward: .many { call throws(TensorError) in Array(call.operands.suffix(count)) },
      gradient: { call throws(TensorError) in
        let inputs = (0..<call.inputCount - count).map { call.input($0) }
        let outputs = (0..<count).map { call.result($0) }
        var cotangents: [Operand] = []
        for position in 0..<count {
          if let cotangent = call.cotangents[position] {
            cotangents.append(cotangent)
          } else {
            cotangents.append(try call.context.zeros(like: outputs[position]))
          }
        }
        let gradients = try rule(call.context, inputs, outputs, cotangents)
        return Gradients(list: gradients + (0..<count).map { call.cotangents[$0] })
      })
  }

  /// The rule runs inside a batch of its own, on one example.
  private static func batch(
    _ call: BatchCall, outputs count: Int, _ rule: @escaping PassingGradient
  ) throws(TensorError) -> [Operand] {
    let size = call.size
    let inputCount = call.operands.count - count
    let isBatched = (0..<inputCount).map { call.isBatched($0) }
    let op = passing(outputs: count) { (c, inputs, outputs, cotangents) throws(TensorError) in
      let trace = c.beginBatch(size: size)
      defer { c.end(trace) }
      var examples: [Operand] = []
      for (input, isBatched) in zip(inputs, isBatched) {
        examples.append(isBatched ? try trace.add(input) : input)
      }
      let gradients = try rule(
        c, examples, c.examples(outputs, trace), c.examples(cotangents, trace))
      var totals: [Operand?] = []
      for (gradient, isBatched) in zip(gradients, isBatched) {
        guard let gradient else {
          totals.append(nil)
          continue
        }
        let each = try trace.stacked(gradient, in: c)
        totals.append(isBatched ? each : try c.apply(Ops.sum, [each], [.int(0), .bool(false)]))
      }
      return totals
    }
    var operands = Array(call.operands.prefix(inputCount))
    for position in inputCount..<call.operands.count {
      operands.append(try call.batched(position))
    }
    return try call.context.applyMany(op, operands)
  }
}

extension TensorContext {
  /// Values with the examples along their first axes as those of a batch.
  fileprivate func examples(
    _ values: [Operand], _ trace: BatchTrace
  ) throws(TensorError) -> [Operand] {
    var result: [Operand] = []
    for value in values { result.append(try trace.add(value)) }
    return result
  }
}

/// The row's results have the shapes of its operands; nobody asks for them before.
private struct PassingShape: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    Dims()
  }
}
