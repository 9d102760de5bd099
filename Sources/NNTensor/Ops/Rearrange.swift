// Axes split, moved and joined by a pattern of their names.

extension Ops {
  static let rearrangements: [Op] = [rearrange]

  package static let rearrange: Op = .composed(
    "rearrange",
    [
      Parameter("x", .tensor), Parameter("pattern", .string),
      Parameter("sizes", .sizes, .sizes([])),
    ],
    "The axes in another arrangement: the pattern names them before and after `->`, parentheses are axes in one, `1` is an axis of size 1, `...` stands for further axes. `sizes` says what cannot be found.",
    example: "rearrange(x, \"b (h w) c -> b c h w\", {h: 8})",
    samples: [
      Sample([2, 6, 3], with: [.string("b (h w) c -> b c h w"), .sizes([NamedSize("h", 2)])]),
      Sample([2, 3, 4], with: [.string("b h w -> b (w h)")]),
      Sample([2, 3, 4], with: [.string("... a b -> b ... a")]),
      Sample([2, 1, 3], with: [.string("a 1 b -> b a 1")]), Sample([6], with: [.string("a -> a")]),
      Sample([0, 4], with: [.string("a (b c) -> c (a b)"), .sizes([NamedSize("c", 2)])]),
      Sample([], with: [.string(" -> 1")]),
    ], dtypes: .same, shape: RearrangeRule()
  ) { call throws(TensorError) in
    let c = call.context
    let plan = try RearrangePlan(
      ShapeQuery(name: "rearrange", operands: [call.shape(0)], attributes: call.attributes))
    var value = call.operands[0]
    guard plan.sizes.count <= 8 else {
      throw TensorError("shape", "rearrange: at most 8 axes, the pattern has \(plan.sizes.count)")
    }
    value = try c.reshaped(value, Shape(plan.sizes))
    if plan.order != Array(plan.order.indices) {
      value = try c.apply(permute, [value], [.ints(plan.order)])
    }
    return try c.reshaped(value, plan.result)
  }
}

/// What a pattern makes of a shape. Arguments: the pattern, sizes by name.
private struct RearrangeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try RearrangePlan(query).result
  }
}
