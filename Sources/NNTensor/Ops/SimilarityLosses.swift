// Losses of vectors by their distance or angle, and the distances themselves.

extension Ops {
  static let similarityLosses: [Op] = [cosine, triplet]
  static let distances: [Op] = [cosineSimilarity, pairwiseDistance]

  package static let cosineSimilarity: Op = .composed(
    "cosine_similarity",
    [Parameter("x", .tensor), Parameter("y", .tensor), Parameter("axis", .axis, .int(-1))],
    "The cosine of the angle between vectors along an axis; 0 where one of them is 0.",
    example: "cosine_similarity(a, b)",
    samples: [
      Sample([2, 3], [2, 3]), Sample([3], [3]), Sample([2, 3], [3]),
      Sample([3, 2], [3, 2], with: [.int(0)]), Sample([0, 3], [3]),
    ], shape: RowRule(axis: 0)
  ) { call throws(TensorError) in
    let axis = call.attribute(0) == .none ? .int(-1) : call.attribute(0)
    return try similarity(call.context, call.operands[0], call.operands[1], axis)
  }

  /// sum(x y) / (|x| |y|) of vectors that broadcast.
  private static func similarity(
    _ c: TensorContext, _ x: Operand, _ y: Operand, _ axis: Attribute
  ) throws(TensorError) -> Operand {
    let (x, y) = (try c.floats(x), try c.floats(y))
    let over: [Attribute] = [axis, .bool(true)]
    let unitX = try c.div(x, nonzero(c, c.apply(norm, [x], over)))
    let unitY = try c.div(y, nonzero(c, c.apply(norm, [y], over)))
    return try c.apply(sum, [c.mul(unitX, unitY)], [axis, .bool(false)])
  }

  /// Lengths with 1 in the place of 0.
  private static func nonzero(
    _ c: TensorContext, _ length: Operand
  ) throws(TensorError) -> Operand {
    try c.select(c.binary(equal, length, Operand(0)), Operand(1), length)
  }

  package static let cosine: Op = .composed(
    "cosine",
    [
      Parameter("x", .tensor), Parameter("y", .tensor),
      Parameter("target", .tensor, Attribute.none), Parameter("margin", .number, .number(0)),
      Reduction.parameter,
    ],
    "The cosine loss of vectors along the last axis: 1 - cosine_similarity(x, y); where a `target` of -1 says that they are to differ, `max(0, cosine_similarity(x, y) - margin)`. The mean, the sum or all of them.",
    example: "cosine(net(x), y)",
    samples: [
      Sample([2, 3], [2, 3]),
      Sample([2, 3], [2, 3], [2], from: [.any], with: [.number(-0.9), .string("none")]),
    ], shape: RowLossRule(reduction: 1)
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(1), in: "cosine")
    let similar = try similarity(c, call.operands[0], call.operands[1], .int(-1))
    let near = try c.sub(1, similar)
    guard call.has(2) else { return try reduction.of(near, c) }
    let apart = try c.unary(relu, c.add(similar, -call.number(0, 0)))
    return try reduction.of(
      c.select(c.binary(greater, call.operands[2], Operand(0)), near, apart), c)
  }

  package static let triplet: Op = .composed(
    "triplet",
    [
      Parameter("anchor", .tensor), Parameter("positive", .tensor),
      Parameter("negative", .tensor), Parameter("margin", .number, .number(1)),
      Parameter("p", .number, .number(2)), Reduction.parameter,
    ],
    "The triplet loss of vectors along the last axis (Schroff et al. 2015): `max(0, distance(anchor, positive) - distance(anchor, negative) + margin)`. The mean, the sum or all of them.",
    example: "triplet(net(a), net(p), net(n), margin: 0.2)",
    samples: [
      Sample([2, 3], [2, 3], [2, 3], with: [.number(3)]),
      Sample([2, 3], [2, 3], [3], with: [.number(1.5), .number(1), .string("none")]),
    ], shape: RowLossRule(reduction: 2, pairCount: 3)
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(2), in: "triplet")
    let p = call.number(1, 2)
    let near = try distance(c, call.operands[0], call.operands[1], p)
    let far = try distance(c, call.operands[0], call.operands[2], p)
    let values = try c.unary(relu, c.add(c.sub(near, far), call.number(0, 1)))
    return try reduction.of(values, c)
  }

  package static let pairwiseDistance: Op = .composed(
    "pairwise_distance",
    [Parameter("x", .tensor), Parameter("y", .tensor), Parameter("p", .number, .number(2))],
    "The distance of each vector of `x` from the one of `y` beside it, along the last axis: Euclidean, Manhattan with `p: 1`, the largest difference with `p: inf`.",
    example: "pairwise_distance(a, b, p: 1)",
    samples: [
      Sample([2, 3], [2, 3]), Sample([2, 3], [3], with: [.number(1)]), Sample([3], [3]),
      Sample([0, 3], [3]),
    ], shape: RowRule()
  ) { call throws(TensorError) in
    try distance(call.context, call.operands[0], call.operands[1], call.number(0, 2))
  }
}

/// Vectors of two shapes that broadcast become one number each. Argument: perhaps the axis.
struct RowRule: ShapeRule {
  var axis: Int?

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = try BroadcastRule()(query)
    guard shape.rank > 0 else {
      throw query.error("vectors are needed, not scalars", showing: [0, 1])
    }
    let place = try Axes.one(
      axis.map { query.attribute($0) } ?? .none, rank: shape.rank, standard: -1, in: query.name)
    shape.remove(at: place)
    return shape
  }
}
