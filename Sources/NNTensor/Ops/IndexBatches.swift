// Indexing many examples at once.

extension Ops {
  static func indexBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let part = try call.resultShapes()[0]
    let plan = try IndexBatch(call, source: call.shape(0), firstIndex: 1)
    let c = call.context
    if !call.isBatched(0) {
      // One tensor for all examples: only the places differ.
      let picked = try c.apply(
        indexItems, [call.operands[0]] + plan.tensors, [.index(plan.ownItems)])
      return [try c.moved(picked, axis: plan.groupAxis, to: 0)]
    }
    let picked = try c.apply(
      indexItems, [call.operands[0]] + plan.indices, [.index(plan.items)])
    return [try c.permuted(picked, plan.order(of: part, isInverse: true))]
  }

  static func indexAddBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let shape = try call.resultShapes()[0]
    let plan = try IndexBatch(call, source: shape, firstIndex: 1)
    let c = call.context
    let values = try c.permuted(
      call.batched(0), plan.order(of: call.shape(0), isInverse: false))
    return [
      try c.apply(
        indexAdd, [values] + plan.indices,
        [.index(plan.items), .ints(call.withExamples(shape).array)])
    ]
  }

  static func indexUpdateBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    _ = try call.resultShapes()
    let c = call.context
    let tensors = call.examples.dropFirst(2).map { c.shape(of: $0) }
    let part = try IndexRule()(
      ShapeQuery(
        name: "index", operands: [call.shape(0)] + tensors, attributes: [call.attribute(0)]))
    let plan = try IndexBatch(call, source: call.shape(0), firstIndex: 2)
    var value = call.operands[1]
    if !value.isNumber {
      let dtype = call.operands[0].tensor?.dtype ?? .f32
      let full = try call.withExamples(part)
      if call.isBatched(1) {
        value = try call.reshaped(value, call.shape(1).padded(to: part.rank))
      }
      value = try c.apply(broadcastTo, [value], [.ints(full.array), .dtype(dtype)])
      value = try c.permuted(value, plan.order(of: part, isInverse: false))
    }
    return [
      try c.apply(
        indexUpdate, [call.batched(0), value] + plan.indices, [.index(plan.items)])
    ]
  }

  // MARK: - Elements along an axis

  static func gatherBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    guard call.size > 0, !call.isBatched(0) else { return try call.alongAxes() }
    // One tensor for all examples: their indices lie behind each other along the axis.
    let (axis, c) = (try call.axis(), call.context)
    let picked = try c.apply(
      gather, [call.operands[0], call.folded(1, axis: axis)], [.int(axis)])
    return [try call.unfolded(picked, axis: axis, to: call.resultShapes()[0])]
  }

  static func gatherAddBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let shape = try call.resultShapes()[0]
    return [
      try call.context.apply(
        gatherAdd, [call.batched(0), call.batched(1)],
        [
          .int(Axes.one(call.attribute(0), rank: shape.rank, standard: -1, in: "gather") + 1),
          .ints(call.withExamples(shape).array),
        ])
    ]
  }

  static func scatterElementsBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let (c, indices) = (call.context, call.shape(1))
    var values = call.operands[2]
    if call.isBatched(2) || call.shape(2).rank > 0 {
      let full = try c.apply(
        broadcastTo, [call.examples[2]], [.ints(indices.array), .none])
      values = try call.stacked(full)
    }
    return [
      try c.apply(
        scatterElements, [call.batched(0), call.batched(1), values], [.int(call.axis() + 1)])
    ]
  }
}

extension BatchCall {
  /// The axis of an example that the first argument names.
  fileprivate func axis() throws(TensorError) -> Int {
    try Axes.one(attribute(0), rank: shape(0).rank, standard: -1, in: op.name)
  }
}

/// How an index into one example becomes an index into the batch.
private struct IndexBatch {
  /// The items of one example.
  let ownItems: [IndexItem]
  /// The items for the batch.
  let items: [IndexItem]
  /// The index tensors, aligned, those that are batched with the examples first.
  let tensors: [Operand]
  /// The same and what `items` need besides.
  let indices: [Operand]
  /// How many axes the index tensors make in one example, and in front of how many others they stand.
  private let groupRank: Int
  let groupAxis: Int
  /// Whether index tensors with axes between them put their axes in front of all others.
  private let isScattered: Bool
  private let isBatched: Bool

  init(_ call: BatchCall, source: Shape, firstIndex: Int) throws(TensorError) {
    guard case .index(let own) = call.attribute(0) else {
      throw TensorError("argument", "an index needs items")
    }
    ownItems = own
    let positions = Array(call.operands.indices.dropFirst(firstIndex))
    let shapes = positions.map { call.shape($0) }
    isBatched = positions.contains { call.isBatched($0) }
    groupRank = shapes.map(\.rank).max() ?? 0
    tensors = try call.aligned(positions, fitsOnly: !isBatched)
    let walk = try IndexWalk(
      source, own, ShapeQuery(name: "index", operands: [source] + shapes))
    (groupAxis, isScattered) = IndexBatch.place(of: walk)
    guard isBatched else {
      items = [.slice(start: nil, stop: nil, step: nil)] + own
      indices = tensors
      return
    }
    let examples = try Tensor(Array(0..<call.size), dtype: .i32)
    let column = Shape([call.size]).padded(behind: groupRank)
    indices = tensors + [Operand(Tensor(sharing: examples, shape: column))]
    items = [.integers(operand: indices.count)] + own
  }

  /// Where the axes of the index tensors stand in the part, and whether other axes lie between those they replace.
  private static func place(of walk: IndexWalk) -> (Int, Bool) {
    var axis = 0
    var first: Int?
    var hasGap = false
    var isScattered = false
    for step in walk.steps {
      if case .integers = step {
        if first == nil { first = axis }
        if hasGap { isScattered = true }
      } else if step.makesAxis {
        axis += 1
        hasGap = first != nil
      }
    }
    return (isScattered ? 0 : first ?? 0, isScattered)
  }

  /// The axes of the batch of parts in the order in which the index gives them, or back.
  func order(of part: Shape, isInverse: Bool) -> [Int] {
    let axes = Array(0..<part.rank + 1)
    var order = axes
    if isBatched {
      // The index tensors, the one for the examples among them, come first.
      let group = axes[(groupAxis + 1)..<(groupAxis + 1 + groupRank)]
      let before = axes[1..<(groupAxis + 1)]
      order = [0] + Array(group) + Array(before) + Array(axes[(groupAxis + 1 + groupRank)...])
    } else if isScattered {
      order = Array(axes[1..<(1 + groupRank)]) + [0] + Array(axes[(1 + groupRank)...])
    }
    guard isInverse else { return order }
    var inverse = axes
    for (place, axis) in order.enumerated() { inverse[axis] = place }
    return inverse
  }
}

extension Dims where D == Int {
  /// The shape with axes of size 1 behind.
  fileprivate func padded(behind count: Int) -> Shape {
    var result = self
    for _ in 0..<count { result.append(1) }
    return result
  }
}

extension TensorContext {
  /// The axes in another order.
  func permuted(_ value: Operand, _ order: [Int]) throws(TensorError) -> Operand {
    if order == Array(order.indices) { return value }
    return try apply(Ops.permute, [value], [.ints(order)])
  }

  /// One axis brought to another place.
  package func moved(
    _ value: Operand, axis: Int, to place: Int
  ) throws(TensorError) -> Operand {
    if axis == place { return value }
    var order = Array(0..<shape(of: value).rank)
    order.remove(at: axis)
    order.insert(axis, at: place)
    return try permuted(value, order)
  }
}
