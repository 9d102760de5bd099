// Middle elements and other quantiles.

extension Ops {
  static let quantiles: [Op] = [median, quantile]

  package static let median: Op = .composed(
    "median",
    [
      Parameter("x", .tensor), Parameter("axis", .axes, Attribute.none),
      Parameter("keepdims", .bool, .bool(false)),
    ],
    "The middle element over the axes, by default all; of an even number the mean of the two. NaN where there is one.",
    example: "median([3, 1, 2])",
    samples: [
      Sample([2, 3], with: [.none]), Sample([2, 4], with: [.int(1), .bool(true)]),
      Sample([2, 3, 4], with: [.ints([0, 2])]), Sample([5, 2], with: [.int(0)]), Sample([]),
    ], shape: ReductionRule()
  ) { call throws(TensorError) in
    let parts = try QuantileParts(call, call.attribute(0), in: "median")
    let value = try parts.value(at: Operand(0.5))
    return try call.context.reshaped(value, call.result)
  }

  package static let quantile: Op = .composed(
    "quantile",
    [
      Parameter("x", .tensor), Parameter("q", .tensor), Parameter("axis", .axes, Attribute.none),
      Parameter("keepdims", .bool, .bool(false)),
    ],
    "The value below which the part `q` (0 to 1) of the elements lies, between two of them by a straight line; of several `q` one along a new first axis.",
    example: "quantile(x, [0.25, 0.75], axis: 0)",
    samples: [
      Sample([2, 4], [], from: [.any, .number(0.3)], with: [.none]),
      Sample([4, 3], [], from: [.any, .number(1)], with: [.int(0), .bool(true)]),
      Sample([2, 3, 2], [], from: [.any, .number(0.6)], with: [.ints([0, 2])]),
    ],
    dtypes: .custom { operands, _ throws(TensorError) in
      operands[0].dtype == .f64 ? .f64 : .f32
    }, shape: QuantileRule()
  ) { call throws(TensorError) in
    let parts = try QuantileParts(call, call.attribute(0), in: "quantile")
    return try call.context.reshaped(parts.value(at: call.operands[1]), call.result)
  }
}

/// A tensor whose reduced axes are one sorted last axis.
private struct QuantileParts {
  let context: TensorContext
  let name: String
  let sorted: Operand
  /// The last axis and its size.
  let axis: Int
  let size: Int

  init(_ call: ComposedCall, _ over: Attribute, in name: String) throws(TensorError) {
    let (c, shape) = (call.context, call.shape(0))
    let axes = try Axes.several(over, rank: shape.rank, in: name)
    let others = shape.indices.filter { !axes.contains($0) }
    let x = try c.floats(
      call.operands[0].isNumber
        ? c.apply(Ops.to, [call.operands[0]], [.dtype(.f32)]) : call.operands[0])
    let permuted = try c.apply(Ops.permute, [x], [.ints(others + axes)])
    size = axes.reduce(1) { $0 * shape[$1] }
    guard size > 0 else {
      throw TensorError("shape", "\(name) of no elements", notes: [(0, shape.description)])
    }
    let flat = Shape(others.map { shape[$0] } + [size])
    axis = flat.rank - 1
    context = c
    self.name = name
    sorted = try c.apply(Ops.sort, [c.reshaped(permuted, flat)], [.int(axis), .bool(false)])
  }

  /// The quantiles at the numbers in `q`, whose axis (if any) comes first.
  func value(at q: Operand) throws(TensorError) -> Operand {
    let parts = q.plain.values
    guard parts.allSatisfy({ $0 >= 0 && $0 <= 1 }) else {
      throw TensorError(
        "argument",
        "\(name): q goes from 0 to 1, not \(parts.map(numberText).joined(separator: ", "))",
        help: parts.contains { $0 > 1 && $0 <= 100 } ? "q / 100 makes percentages such" : nil)
    }
    let places = parts.map { $0 * Double(size - 1) }
    let lower = places.map { Int($0.rounded(.down)) }
    let below = try elements(lower)
    let above = try elements(lower.map { min($0 + 1, size - 1) })
    let dtype = sorted.tensor?.dtype ?? .f32
    let weights = try Tensor(
      zip(places, lower).map { $0 - Double($1) }, shape: [places.count], dtype: dtype)
    let c = context
    let between = try c.add(below, c.mul(c.sub(above, below), Operand(weights)))
    // NaN is sorted to the end.
    let last = try elements([size - 1])
    let value = try c.select(c.apply(Ops.isNaN, [last]), last, between)
    guard axis > 0, places.count != 1 else { return value }
    return try c.apply(
      Ops.permute, [value], [.ints([axis] + Array(0..<axis))])
  }

  private func elements(_ places: [Int]) throws(TensorError) -> Operand {
    try context.apply(
      Ops.take, [sorted, Operand(Tensor(places, dtype: .i32))], [.int(axis)])
  }
}

extension Operand {
  /// The elements, or the number.
  var values: [Double] { tensor?.numbers ?? [number] }
}

/// A reduction with the quantiles' axis in front. Operands: x, q; arguments: axis, keepdims.
private struct QuantileRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = try ReductionRule()(query)
    guard query.operands.count > 1, query.operands[1].rank > 0 else { return shape }
    guard query.operands[1].rank == 1, shape.rank < 8 else {
      throw query.error("q is a number or a list of numbers", showing: [1])
    }
    shape.insert(query.operands[1][0], at: 0)
    return shape
  }
}
