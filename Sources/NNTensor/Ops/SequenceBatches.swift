// Attention, recurrent layers, rows of tables and dropout of many examples at once.

extension Ops {
  // MARK: - Attention

  /// The examples are one axis more of the batch that attention has in front.
  static func attentionBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0, call.hasRoomForScores(0) else { return try call.loop() }
    let results = try call.context.applyMany(
      call.op, attentionOperands(call, from: 0), call.attributes)
    let q = call.shape(0)
    let statistics = AttentionPlan([q, call.shape(1)], call.attributes).statistics(q)
    return [results[0], try call.reshaped(results[1], statistics)]
  }

  /// Operands: the gradient, the result and the sums' logarithms, then those of attention.
  static func attentionGradBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0, call.hasRoomForScores(3) else { return try call.loop() }
    var operands: [Operand] = []
    for position in 0..<3 { operands.append(try call.batched(position)) }
    return try call.context.applyMany(
      call.op, operands + attentionOperands(call, from: 3), call.attributes)
  }

  /// q, k and v with the examples in front, and a mask that lines up with them.
  private static func attentionOperands(
    _ call: BatchCall, from first: Int
  ) throws(TensorError) -> [Operand] {
    var operands: [Operand] = []
    for position in first..<first + 3 { operands.append(try call.batched(position)) }
    guard call.operands.count > first + 3 else { return operands }
    var mask = call.operands[first + 3]
    if call.isBatched(first + 3) {
      let heads = call.attribute(2).int ?? 1
      let rank = call.shape(first).rank + (heads > 1 ? 1 : 0)
      mask = try call.reshaped(mask, call.shape(first + 3).padded(to: rank))
    }
    return operands + [mask]
  }

  // MARK: - Recurrent layers

  /// The examples are just more sequences, unless the weights differ between them.
  static func recurrenceBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0, !(1...4).contains(where: { call.isBatched($0) }) else {
      return try call.loop()
    }
    let results = try call.context.applyMany(call.op, sequences(call), call.attributes)
    let (x, units) = (call.shape(0), call.shape(2)[0])
    let state: Shape = [x[0], units]
    switch CellKind(call.attribute(0)) {
    case .plain, .relu:
      return [
        try call.reshaped(results[0], [x[0], x[1], units]), try call.reshaped(results[1], state),
      ]
    case .gru:
      return [
        try call.reshaped(results[0], [x[0], x[1], units]),
        try call.reshaped(results[1], state), try call.withExamplesFirst(results[2]),
      ]
    case .lstm:
      return [
        try call.reshaped(results[0], [x[0], x[1], units]),
        try call.reshaped(results[1], state), try call.reshaped(results[2], state),
        try call.withExamplesFirst(results[3]), try call.withExamplesFirst(results[4]),
      ]
    }
  }

  /// The gradients in x and the states; those in the weights are sums over one example, which its own run of the kernel takes.
  static func recurrenceGradBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let wants = call.attribute(1).list ?? []
    let needsEach = (1...4).contains { call.isBatched($0) || wants[$0] == 1 }
    guard call.size > 0, !needsEach else { return try call.loop() }
    var operands = try sequences(call)
    operands.append(try call.merged(7))
    for position in 8...9 { operands.append(try call.mergedSteps(position)) }
    for position in 10...12 { operands.append(try call.merged(position)) }
    var results = try call.context.applyMany(call.op, operands, call.attributes)
    let (x, units) = (call.shape(0), call.shape(2)[0])
    for position in [0, 5, 6] where !results[position].isNumber {
      results[position] = try call.reshaped(results[position], position == 0 ? x : [x[0], units])
    }
    return results
  }

  /// x, the shared weights and the states, with the examples among the sequences.
  private static func sequences(_ call: BatchCall) throws(TensorError) -> [Operand] {
    var operands = Array(call.operands.prefix(7))
    operands[0] = try call.merged(0)
    let state: [Int] = [call.shape(0)[0], call.shape(2)[0]]
    for position in 5...6 where call.shape(position).rank > 0 || call.isBatched(position) {
      let full = try call.context.apply(
        broadcastTo, [call.examples[position]], [.ints(state), .none])
      operands[position] = try call.context.reshaped(
        call.stacked(full), [call.size * state[0], state[1]])
    }
    return operands
  }

  // MARK: - Tables

  /// Tables that differ between the examples lie under each other, and each id counts from its own.
  static func embeddingBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    if !call.isBatched(0) { return try call.leading([1]) }
    let (table, c) = (call.shape(0), call.context)
    guard table.rank == 2, let ids = try call.ids(1, below: table[0]) else {
      return try call.loop()
    }
    let rows = try c.reshaped(call.batched(0), [call.size * table[0], table[1]])
    return [try c.apply(call.op, [rows, ids], call.attributes)]
  }

  static func embeddingGradBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let rows = call.attribute(0).int ?? 0
    guard let ids = try call.ids(1, below: rows) else { return try call.loop() }
    let total = try call.context.apply(
      call.op, [call.batched(0), ids], [.int(call.size * rows)])
    return [try call.reshaped(total, call.resultShapes()[0])]
  }

  // MARK: - Dropout

  /// Every example has its own place in the generator's stream. Arguments: the rate, how many axes have places.
  static func dropoutBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    try call.context.applyMany(
      call.op, [call.batched(0)],
      [call.attribute(0), .int((call.attribute(1).int ?? 0) + 1)])
  }
}

extension AttentionPlan {
  /// The shape of what is kept of each query: batch, heads, queries. Without heads of its own the last axis of the batch serves, so
  /// that masks may stretch along it.
  func statistics(_ q: Shape) -> Shape {
    let leading = q.prefix(q.rank - 2)
    if heads > 1 { return [leading.count, heads, queries] }
    let last = leading.rank - 1
    return [leading.product(0..<Swift.max(last, 0)), last < 0 ? 1 : leading[last], queries]
  }
}

extension BatchCall {
  /// Whether scores of q at a position may have one axis more.
  fileprivate func hasRoomForScores(_ position: Int) -> Bool { shape(position).rank < 7 }

  /// An operand whose first axis has the examples in it too; a number stays.
  fileprivate func merged(_ position: Int) throws(TensorError) -> Operand {
    if operands[position].isNumber { return operands[position] }
    var shape = shape(position)
    shape[0] *= size
    return try context.reshaped(batched(position), shape)
  }

  /// The same along the second axis, behind the steps of sequences.
  fileprivate func mergedSteps(_ position: Int) throws(TensorError) -> Operand {
    if operands[position].isNumber { return operands[position] }
    var shape = shape(position)
    shape[1] *= size
    return try context.reshaped(context.moved(batched(position), axis: 0, to: 1), shape)
  }

  /// The inverse of `mergedSteps`.
  fileprivate func withExamplesFirst(_ value: Operand) throws(TensorError) -> Operand {
    let shape = context.shape(of: value)
    let split: Shape = [shape[0], size, shape[1] / size, shape[2]]
    return try context.moved(context.reshaped(value, split), axis: 1, to: 0)
  }

  /// Row numbers for tables of `rows` rows that lie under each other, one for each example; nil where one is out of range.
  fileprivate func ids(_ position: Int, below rows: Int) throws(TensorError) -> Operand? {
    guard size > 0, let tensor = operands[position].tensor, !tensor.dtype.isFloat,
      tensor.dtype != .bool, tensor.hasIndices(below: rows)
    else { return nil }
    let own = try context.apply(Ops.to, [batched(position)], [.dtype(.i64)])
    let counted = try context.select(
      context.binary(Ops.less, own, Operand(0)), context.add(own, Double(rows)), own)
    let starts = try Tensor((0..<size).map { $0 * rows }, dtype: .i64)
    var column = Shape(rank: shape(position).rank + 1, repeating: 1)
    column[0] = size
    return try context.add(counted, Operand(Tensor(sharing: starts, shape: column)))
  }
}
