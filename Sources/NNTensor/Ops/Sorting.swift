// Orders along an axis: sort, topk, running sums.
import NNKernels

extension Ops {
  static let sorting: [Op] = [argsort, sort, topk, cumsum, median, allclose]

  private static let axisParameter = Parameter("axis", .axis, .int(-1))
  private static let descending = Parameter("descending", .bool, .bool(false))

  package static let argsort: Op = Op(
    "argsort", [Parameter("x", .tensor), axisParameter, descending],
    summary:
      "The places of the elements in rising order along an axis, as i32; equal ones keep theirs.",
    example: "argsort(x)", samples: [Sample([2, 4], with: [.int(-1), .bool(false)])],
    dtypes: .fixed(.i32), shape: AxisRule(), batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let (outer, axis, inner) = try call.around(tensor.shape)
      let output = try call.makeOutput()
      let places = output.data.assumingMemoryBound(to: Int32.self)
      let falls = call.attribute(1).isTrue
      for o in 0..<outer {
        for i in 0..<inner {
          let base = o * axis * inner + i
          let keys = (0..<axis).map { tensor.number(at: base + $0 * inner) }
          let order = keys.indices.sorted { Self.precedes(keys[$0], keys[$1], $0, $1, falls) }
          for (rank, place) in order.enumerated() {
            places[base + rank * inner] = Int32(truncatingIfNeeded: place)
          }
        }
      }
      return Operand(output)
    })

  /// Whether one key comes before another; NaN comes last.
  private static func precedes(_ a: Double, _ b: Double, _ i: Int, _ j: Int, _ falls: Bool) -> Bool
  {
    if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? i < j : b.isNaN }
    if a == b { return i < j }
    return falls ? a > b : a < b
  }

  package static let sort: Op = Op(
    "sort", [Parameter("x", .tensor), axisParameter, descending],
    summary: "The elements in rising order along an axis.", example: "sort([3, 1, 2])",
    samples: [
      Sample([2, 4], with: [.int(-1), .bool(false)]),
      Sample([3, 2], with: [.int(0), .bool(true)]),
    ],
    shape: AxisRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let order = try c.apply(argsort, [operands[0]], attributes)
      return try c.apply(gather, [operands[0], order], [attributes.first ?? .int(-1)])
    })

  package static let topk: Op = Op(
    "topk", [Parameter("x", .tensor), Parameter("k", .int), axisParameter],
    summary: "The k largest elements along an axis, falling, and their places.",
    example: "let (values, places) = topk(x, 3)",
    samples: [Sample([2, 4], with: [.int(2), .int(-1)])], shape: TopRule(), outputs: 2,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try TopRule()(ShapeQuery(name: "topk", operands: [shape], attributes: attributes))
      let axis = try Axes.one(
        attributes.count > 1 ? attributes[1] : .none, rank: shape.rank, standard: -1, in: "topk")
      let order = try c.apply(argsort, [operands[0]], [.int(axis), .bool(true)])
      let places = try c.slice(order, axis: axis, 0, attributes[0].int ?? 1)
      return [try c.apply(gather, [operands[0], places], [.int(axis)]), places]
    })

  package static let median: Op = Op(
    "median", [Parameter("x", .tensor), axisParameter],
    summary: "The middle element along an axis; of an even number the lower of the two.",
    example: "median([3, 1, 2])", samples: [Sample([2, 3], with: [.int(-1)])],
    shape: DropAxisRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let axis = try Axes.one(
        attributes.first ?? .none, rank: shape.rank, standard: -1, in: "median")
      guard shape[axis] > 0 else { throw TensorError("shape", "median of no elements") }
      let sorted = try c.apply(sort, [operands[0]], [.int(axis), .bool(false)])
      return try c.apply(
        indexItems, [sorted], [.index(fullAxes(axis) + [.at((shape[axis] - 1) / 2)])])
    })

  package static let cumsum: Op = Op(
    "cumsum",
    [Parameter("x", .tensor), axisParameter, Parameter("reverse", .bool, .bool(false))],
    summary: "The running sum along an axis; reversed it runs from the end.",
    example: "cumsum([1, 2, 3])",
    samples: [Sample([2, 4], with: [.int(-1)]), Sample([3, 2], with: [.int(0), .bool(true)])],
    dtypes: .sum, shape: AxisRule(), tangent: .linear, batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = try call.tensor(0).converted(to: call.dtype)
      let (outer, axis, inner) = try call.around(tensor.shape)
      let output = try call.makeOutput()
      let isReversed = call.attribute(1).isTrue
      switch call.dtype {
      case .f32: runningSum(tensor, output, outer, axis, inner, isReversed, Float(0), +)
      case .f64: runningSum(tensor, output, outer, axis, inner, isReversed, Double(0), +)
      default: runningSum(tensor, output, outer, axis, inner, isReversed, Int64(0), &+)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let isReversed = call.attribute(1).isTrue
      var axis = call.attribute(0)
      if axis == .none { axis = .int(-1) }
      return Gradients(
        try call.context.apply(cumsum, [call.cotangent], [axis, .bool(!isReversed)]))
    })

  private static func runningSum<T: BitwiseCopyable>(
    _ source: Tensor, _ target: Tensor, _ outer: Int, _ axis: Int, _ inner: Int, _ isReversed: Bool,
    _ zero: T, _ add: (T, T) -> T
  ) {
    let x = source.data.assumingMemoryBound(to: T.self)
    let y = target.data.assumingMemoryBound(to: T.self)
    for o in 0..<outer {
      for i in 0..<inner {
        var total = zero
        for step in 0..<axis {
          let place = (o * axis + (isReversed ? axis - 1 - step : step)) * inner + i
          total = add(total, x[place])
          y[place] = total
        }
      }
    }
  }

  package static let allclose: Op = Op(
    "allclose",
    [
      Parameter("x", .tensor), Parameter("y", .tensor), Parameter("rtol", .number, .number(1e-5)),
      Parameter("atol", .number, .number(1e-8)),
    ],
    summary: "Whether all elements of x and y differ by at most atol + rtol * |y|.",
    example: "allclose(a, b)", samples: [Sample([2, 3], [2, 3])], dtypes: .fixed(.bool),
    shape: PairRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let rtol = attributes.count > 0 ? attributes[0].number ?? 1e-5 : 1e-5
      let atol = attributes.count > 1 ? attributes[1].number ?? 1e-8 : 1e-8
      // Without gradients nothing of this is recorded.
      let a = try c.apply(to, [c.apply(stopGradient, [operands[0]])], [.dtype(.f64)])
      let b = try c.apply(to, [c.apply(stopGradient, [operands[1]])], [.dtype(.f64)])
      let room = try c.add(c.mul(c.unary(abs, b), rtol), atol)
      let isNear = try c.binary(lessEqual, c.unary(abs, c.sub(a, b)), room)
      let isSame = try c.binary(equal, a, b)
      let isFine = try c.binary(logicalAnd, isNear, c.apply(isFinite, [b]))
      return try c.apply(allTrue, [c.binary(logicalOr, isFine, isSame)])
    })
}

/// Two shapes that broadcast, reduced to a scalar.
private struct PairRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    _ = try BroadcastRule()(query)
    return Dims()
  }
}

/// An axis goes away. Argument: axis.
private struct DropAxisRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    shape.remove(
      at: try Axes.one(query.attribute(0), rank: shape.rank, standard: -1, in: query.name))
    return shape
  }
}

/// An axis shrinks to k, twice. Arguments: k, axis.
private struct TopRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let axis = try Axes.one(query.attribute(1), rank: shape.rank, standard: -1, in: query.name)
    guard let k = query.attribute(0).int, k >= 0, k <= shape[axis].known ?? k else {
      throw query.error("k must be at most the size of axis \(axis), which is \(shape[axis])")
    }
    shape[axis] = D(k)
    return shape
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let shape = try self(query)
    return [shape, shape]
  }
}
