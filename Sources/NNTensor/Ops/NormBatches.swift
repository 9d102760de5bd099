// Norms of many examples at once. Where the parameters differ between examples, the norm is taken without them.

extension Ops {
  /// Layer norm and its like: the examples are just more rows.
  static func rowNormBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let (given, missing) = call.parameters(from: 1)
    let results = try call.context.applyMany(
      call.op, [call.batched(0)] + given, call.attributes)
    let rows: Shape = [RowNormRule.rows(call.shape(0)).0]
    return [
      try call.scaled(results[0], by: missing), try call.statistics(results[1], rows),
      try call.statistics(results[2], rows),
    ]
  }

  /// The gradients of norms of rows; `measured` is the row they belong to.
  static func rowNormGradBatch(_ call: BatchCall, of measured: Op) throws(TensorError) -> [Operand]
  {
    try normGradBatch(call, of: measured, attributes: [call.attribute(0)]) {
      g, weight throws(TensorError) in
      let means = call.operands[3].isNumber ? call.operands[3] : try call.batched(3)
      return try call.context.applyMany(
        call.op, [g, call.batched(1), weight, means, call.batched(4)],
        [call.attribute(0), .ints([1, 0, 0])])[0]
    }
  }

  /// Batch and group norm: the examples are items with statistics of their own.
  static func channelNormBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0 else { return try call.loop() }
    let shape = call.shape(0)
    let (given, missing) = call.parameters(from: 1)
    let items = try call.context.reshaped(call.batched(0), call.items(of: shape))
    let results = try call.context.applyMany(
      call.op, [items] + given, [call.attribute(0), call.attribute(1), .bool(true)])
    let sizes = ChannelSizes(shape, call.attribute(1), call.attribute(2))
    return [
      try call.scaled(call.reshaped(results[0], shape), by: missing),
      try call.statistics(results[1], sizes.statistics),
      try call.statistics(results[2], sizes.statistics),
    ]
  }

  static func channelNormGradBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0 else { return try call.loop() }
    let (shape, c) = (call.shape(1), call.context)
    let items = call.items(of: shape)
    let sizes = ChannelSizes(shape, call.attribute(1), call.attribute(2))
    let statistics: Shape = [call.size * sizes.outer, sizes.groups]
    let attributes = (0..<3).map { call.attribute($0) }
    return try normGradBatch(call, of: channelNorm, attributes: attributes) {
      g, weight throws(TensorError) in
      let dx = try c.applyMany(
        call.op,
        [
          c.reshaped(g, items), c.reshaped(call.batched(1), items), weight,
          c.reshaped(call.batched(3), statistics), c.reshaped(call.batched(4), statistics),
        ], [call.attribute(0), call.attribute(1), .bool(true), .ints([1, 0, 0])])[0]
      return try call.reshaped(dx, shape)
    }
  }

  /// The gradients in x, weight and bias. Operands: g, x, weight and more. `inX` has that in x, from g with the examples in front
  /// and a weight that is the same for all; those in the parameters are sums over each example.
  private static func normGradBatch(
    _ call: BatchCall, of norm: Op, attributes: [Attribute],
    inX: (Operand, Operand) throws(TensorError) -> Operand
  ) throws(TensorError) -> [Operand] {
    let wants = call.attributes.last?.list ?? [1, 1, 1]
    let (g, x, weight) = (call.examples[0], call.examples[1], call.examples[2])
    var results = [Operand(0), Operand(0), Operand(0)]
    if wants[0] == 1 {
      results[0] =
        try call.isBatched(2)
        ? inX(call.stacked(call.context.mul(g, weight)), Operand(1))
        : inX(call.batched(0), call.operands[2])
    }
    let outer: [Attribute] = [.ints(Array(0..<call.shape(1).rank - 1)), .bool(false)]
    func total(_ value: Operand) throws(TensorError) -> Operand {
      try call.stacked(call.context.apply(sum, [value], outer))
    }
    if wants[1] == 1 {
      let normal = try call.context.applyMany(norm, [x], attributes)[0]
      results[1] = try total(call.context.mul(g, normal))
    }
    if wants[2] == 1 { results[2] = try total(g) }
    return results
  }
}

extension BatchCall {
  /// The operands from a position on that go along, which are all or none, and those that do not, as one example.
  fileprivate func parameters(from first: Int) -> (given: [Operand], missing: [Operand]) {
    let areShared = operands.indices.allSatisfy { $0 < first || !isBatched($0) }
    return areShared
      ? (Array(operands[first...]), []) : ([], Array(examples[first...]))
  }

  /// A norm with the examples in front times a weight plus a bias, where they are given.
  fileprivate func scaled(
    _ value: Operand, by parameters: [Operand]
  ) throws(TensorError) -> Operand {
    if parameters.isEmpty { return value }
    var result = try context.mul(trace.add(value), parameters[0])
    if parameters.count > 1 { result = try context.add(result, parameters[1]) }
    return try stacked(result)
  }

  /// Statistics in the shape of each example's; there may be none, which is the number 0.
  fileprivate func statistics(_ value: Operand, _ shape: Shape) throws(TensorError) -> Operand {
    value.isNumber ? value : try reshaped(value, shape)
  }

  /// A tensor of items, rows and channels in which each item of each example is one.
  fileprivate func items(of shape: Shape) -> Shape {
    let isByExample = attribute(2).isTrue
    let last = shape.rank - 1
    return [
      size * (isByExample ? shape[0] : 1), shape.product((isByExample ? 1 : 0)..<last),
      shape[last],
    ]
  }
}
