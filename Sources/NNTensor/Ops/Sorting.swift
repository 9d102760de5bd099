// Orders along an axis: argsort, sort, topk.
import NNKernels

extension Ops {
  static let sorting: [Op] = [argsort, sort, topk]

  private static let axisParameter = Parameter("axis", .axis, .int(-1))
  private static let descending = Parameter("descending", .bool, .bool(false))

  package static let argsort: Op = Op(
    "argsort", [Parameter("x", .tensor), axisParameter, descending],
    summary:
      "The places of the elements in rising (or falling) order along an axis, as i32; equal ones keep theirs, NaN comes last.",
    example: "argsort([3, 1, 2])",
    samples: [
      Sample([2, 4], with: [.int(-1), .bool(false)]),
      Sample([5, 3], with: [.int(0), .bool(true)]),
      Sample([3, 200], with: [.int(-1)]), Sample([2, 0]),
    ],
    dtypes: .fixed(.i32), shape: AxisRule(), batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let (outer, axis, inner) = try call.around(tensor.shape)
      guard axis <= Int(Int32.max) else {
        throw TensorError("limit", "argsort: an axis of \(axis) elements is too long")
      }
      let output = try call.makeOutput()
      let places = output.data.assumingMemoryBound(to: Int32.self)
      let isDone = nnk_argsort(
        tensor.dtype.kernelType, tensor.data, places, outer, axis, inner, call.attribute(1).isTrue)
      guard isDone else { throw .outOfMemory(call.shape, .f64) }
      return Operand(output)
    })

  package static let sort: Op = .composed(
    "sort", [Parameter("x", .tensor), axisParameter, descending],
    "The elements in rising (or falling) order along an axis; NaN comes last.",
    example: "sort([3, 1, 2])",
    samples: [
      Sample([2, 4], with: [.int(-1), .bool(false)]),
      Sample([3, 2], with: [.int(0), .bool(true)]), Sample([0, 3]),
    ],
    dtypes: .same, shape: AxisRule()
  ) { call throws(TensorError) in
    let c = call.context
    let order = try c.apply(argsort, [call.operands[0]], call.attributes)
    return try c.apply(gather, [call.operands[0], order], [call.axisOrLast])
  }

  package static let topk: Op = Op(
    "topk",
    [
      Parameter("x", .tensor), Parameter("k", .int), axisParameter,
      Parameter("largest", .bool, .bool(true)),
    ],
    summary:
      "The k largest elements along an axis, falling, and their places (or the k smallest, rising); of equal ones the first.",
    example: "let (values, places) = topk(x, 3)",
    samples: [
      Sample([2, 4], with: [.int(2), .int(-1)]),
      Sample([40, 2], with: [.int(3), .int(0), .bool(false)]), Sample([2, 3], with: [.int(0)]),
    ], shape: TopRule(), outputs: 2,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try TopRule()(ShapeQuery(name: "topk", operands: [shape], attributes: attributes))
      let axis = try Axes.one(
        attributes.count > 1 ? attributes[1] : .none, rank: shape.rank, standard: -1, in: "topk")
      let isLargest = attributes.count < 3 || attributes[2] != .bool(false)
      let places = try c.apply(
        topPlaces, [operands[0]], [.int(attributes[0].int ?? 1), .int(axis), .bool(isLargest)])
      return [try c.apply(gather, [operands[0], places], [.int(axis)]), places]
    })

  /// The places alone.
  static let topPlaces: Op = Op(
    "top_places",
    [
      Parameter("x", .tensor), Parameter("k", .int), axisParameter,
      Parameter("largest", .bool, .bool(true)),
    ], summary: "The places of the k largest elements.", dtypes: .fixed(.i32), shape: TopRule(),
    isInternal: true, batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let shape = tensor.shape
      let axis = try Axes.one(call.attribute(1), rank: shape.rank, standard: -1, in: "topk")
      guard shape[axis] <= Int(Int32.max) else {
        throw TensorError("limit", "topk: an axis of \(shape[axis]) elements is too long")
      }
      let output = try call.makeOutput()
      let isDone = nnk_top_places(
        tensor.dtype.kernelType, tensor.data, output.data.assumingMemoryBound(to: Int32.self),
        shape.product(0..<axis), shape[axis], shape.product(axis + 1..<shape.rank),
        call.shape[axis], call.attribute(2) != .bool(false))
      guard isDone else { throw .outOfMemory(shape, .f64) }
      return Operand(output)
    })
}

extension ComposedCall {
  /// The axis argument, or the last axis.
  var axisOrLast: Attribute { attribute(0) == .none ? .int(-1) : attribute(0) }
}

/// An axis shrinks to k, twice. Arguments: k, axis.
struct TopRule: ShapeRule {
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
