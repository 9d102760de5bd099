// Elements picked, written or added by an index along an axis.
import NNKernels

extension Ops {
  static let elementsByIndex: [Op] = [gather, gatherAdd, scatter, scatterElements, scatterAdd]

  private static let indicesParameter = Parameter("indices", .tensor, wantsIntegers: true)

  package static let gather: Op = Op(
    "gather", [Parameter("x", .tensor), indicesParameter, Parameter("axis", .axis, .int(-1))],
    summary: "For each place of `indices`, the element at that index along the axis.",
    example: "gather(scores, [[0], [2]], axis: 1)",
    samples: [
      Sample([2, 3], [2, 2], from: [.any, .index(below: 3)], with: [.int(1)]),
      Sample([3, 4], [2, 4], from: [.any, .index(below: 3)], with: [.int(0)]),
      Sample([2, 3], [2, 0], from: [.any, .index(below: 3)]),
    ],
    shape: GatherRule(), saves: .operand(1), tangent: .linear,
    batch: .custom { call throws(TensorError) in try gatherBatch(call) },
    forward: .custom { call throws(TensorError) in
      let x = call.tensor(0)
      let indices = try call.tensor(1).integersOnly("gather")
      let output = try call.makeOutput()
      let (outer, axis, inner) = try call.around(x.shape)
      let bad = nnk_gather_axis(
        x.dtype.size, x.data, indices.dtype.kernelType, indices.data, output.data, outer, axis,
        try call.around(call.shape).1, inner)
      try indices.refuse(bad, limit: axis, in: "gather")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(
          gatherAdd, [call.cotangent, call.input(1)],
          [call.attribute(0), .ints(call.shape(0).array)]))
    })

  /// Zeros with values added where indices along an axis name them: the gradient of `gather`.
  static let gatherAdd: Op = Op(
    "gather_add",
    [
      Parameter("values", .tensor), Parameter("indices", .tensor), Parameter("axis", .axis),
      Parameter("shape", .shape),
    ], summary: "Zeros of a shape with values added by index.", shape: AttributeShape(position: 1),
    saves: .operand(1), isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try gatherAddBatch(call) },
    forward: .custom { call throws(TensorError) in
      let values = call.tensor(0)
      let indices = try call.tensor(1).integersOnly("scatter_add")
      let output = try Tensor(filling: call.shape, with: 0, dtype: call.dtype)
      let (outer, axis, inner) = try call.around(call.shape)
      let bad = nnk_scatter_add_axis(
        call.dtype.kernelType, values.data, indices.dtype.kernelType, indices.data, output.data,
        outer, axis, try call.around(indices.shape).1, inner)
      try indices.refuse(bad, limit: axis, in: "scatter_add")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(gather, [call.cotangent, call.input(1)], [call.attribute(0)]))
    })

  package static let scatter: Op = .composed(
    "scatter",
    [
      Parameter("x", .tensor), indicesParameter, Parameter("values", .tensor),
      Parameter("axis", .axis, Attribute.none),
    ],
    "`x` with `values` written where `indices` say: whole rows, or with an axis single elements along it as `gather` reads them. Of several values for one place the last stays.",
    example: "scatter(zeros(4), [2, 0], [1, 2])",
    samples: [
      Sample([4, 3], [2], [2, 3], from: [.any, .index(below: 2), .any]),
      Sample([2, 4], [2, 3], [2, 3], from: [.any, .index(below: 4), .any], with: [.int(1)]),
      Sample([3, 2], [1, 2], [], from: [.any, .index(below: 3), .any], with: [.int(0)]),
      Sample([3, 2], [0], [2], from: [.any, .index(below: 3), .any]),
    ], dtypes: .same, shape: ScatterRule()
  ) { call throws(TensorError) in
    let c = call.context
    let (x, indices) = (call.operands[0], try c.wholeIndices(call.operands[1], "scatter"))
    let values = try c.apply(
      broadcastTo, [call.operands[2]],
      [.ints(try ScatterRule.part(call).array), .dtype(x.tensor?.dtype ?? .f32)])
    if call.attribute(0) != .none {
      return try c.apply(scatterElements, [x, indices, values], call.attributes)
    }
    // Rows are elements along the first axis, whose indices are repeated over the others.
    let rows = try c.rowsAsElements(indices, values, call.result)
    return try c.apply(scatterElements, [x] + rows, [.int(0)])
  }

  /// Elements along an axis replaced; values have the shape of the indices.
  static let scatterElements: Op = Op(
    "scatter_elements",
    [
      Parameter("x", .tensor), Parameter("indices", .tensor), Parameter("values", .tensor),
      Parameter("axis", .axis),
    ], summary: "Elements replaced by index.", shape: SameShape(), saves: .operand(1),
    isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try scatterElementsBatch(call) },
    forward: .custom { call throws(TensorError) in
      let own = call.takeIfUnique(0)
      let output: Tensor
      if let own { output = own } else { output = try call.tensor(0).copied() }
      let indices = try call.tensor(1).integersOnly("scatter")
      let (outer, axis, inner) = try call.around(call.shape)
      let values = try call.tensor(2).converted(to: call.dtype)
      let bad = nnk_scatter_axis(
        call.dtype.size, values.data, values.shape.rank == 0 ? 0 : 1, indices.dtype.kernelType,
        indices.data, output.data, outer, axis, try call.around(indices.shape).1, inner)
      try indices.refuse(bad, limit: axis, in: "scatter")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, g, indices) = (call.context, call.cotangent, call.input(1))
      let axis = call.attribute(0)
      let first =
        call.wants(0) ? try c.apply(scatterElements, [g, indices, Operand(0)], [axis]) : nil
      guard call.wants(2) else { return Gradients(first) }
      let part = try c.apply(gather, [g, indices], [axis])
      let stayed = try c.stayed(indices, axis, in: call.shape(0))
      return Gradients(first, nil, try c.select(stayed, part, Operand(0)))
    })

  package static let scatterAdd: Op = .composed(
    "scatter_add",
    [
      Parameter("x", .tensor), indicesParameter, Parameter("values", .tensor),
      Parameter("axis", .axis, Attribute.none),
    ],
    "`x` with `values` added where `indices` say: to whole rows, or with an axis to single elements along it as `gather` reads them. Indices may repeat.",
    example: "scatter_add(zeros(3), [0, 2, 0], [1, 2, 3])",
    samples: [
      Sample([4, 3], [2], [2, 3], from: [.any, .index(below: 4), .any]),
      Sample([2, 3], [2, 4], [2, 4], from: [.any, .index(below: 3), .any], with: [.int(1)]),
      Sample([3, 2], [2, 2], [], from: [.any, .index(below: 3), .any], with: [.int(0)]),
      Sample([3], [0], [0], from: [.any, .index(below: 3), .any]),
    ], dtypes: .same, shape: ScatterRule()
  ) { call throws(TensorError) in
    let c = call.context
    let (x, indices) = (call.operands[0], try c.wholeIndices(call.operands[1], "scatter_add"))
    let values = try c.apply(
      broadcastTo, [call.operands[2]],
      [.ints(try ScatterRule.part(call).array), .dtype(x.tensor?.dtype ?? .f32)])
    let shape: Attribute = .ints(call.result.array)
    if call.attribute(0) != .none {
      return try c.add(x, c.apply(gatherAdd, [values, indices], [call.attribute(0), shape]))
    }
    let items: Attribute = .index([.integers(operand: 1)])
    return try c.add(x, c.apply(indexAdd, [values, indices], [items, shape]))
  }
}

extension TensorContext {
  /// Indices of rows and their values as indices and values of elements along the first axis of a tensor of `shape`.
  fileprivate func rowsAsElements(
    _ indices: Operand, _ values: Operand, _ shape: Shape
  ) throws(TensorError) -> [Operand] {
    let count = self.shape(of: indices).count
    var column = Shape(rank: shape.rank, repeating: 1)
    column[0] = count
    var full = shape
    full[0] = count
    let spread = try apply(
      Ops.broadcastTo, [reshaped(indices, column)], [.ints(full.array), .none])
    return [spread, try reshaped(values, full)]
  }

  /// Indices as an integer tensor; a whole number is one of rank 0.
  fileprivate func wholeIndices(_ indices: Operand, _ name: String) throws(TensorError) -> Operand {
    if let tensor = indices.tensor {
      _ = try tensor.integersOnly(name)
      return indices
    }
    guard let index = Int32(exactly: indices.number) else {
      throw TensorError(
        "type", "\(name): an index is a whole number, not \(numberText(indices.number))")
    }
    return Operand(try Tensor(Double(index), dtype: .i32))
  }

  /// Which of the written values no later one replaced: each place remembers the number of the last.
  fileprivate func stayed(
    _ indices: Operand, _ axis: Attribute, in shape: Shape
  ) throws(TensorError) -> Operand {
    let own = self.shape(of: indices)
    let numbers = try Tensor(shape: own, dtype: .i32)
    _ = nnk_arange(NNK_I32, 0, 1, numbers.data, own.count)
    let base = Operand(try Tensor(filling: shape, with: -1, dtype: .i32))
    let last = try apply(Ops.scatterElements, [base, indices, Operand(numbers)], [axis])
    return try binary(
      Ops.equal, apply(Ops.gather, [last, indices], [axis]), Operand(numbers))
  }
}

/// The shape stays; values stretch to the part that the indices name. Argument: the axis, or none for rows.
private struct ScatterRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let part = try ScatterRule.part(query)
    let values = query.operands[2]
    let fits =
      values.rank <= part.rank
      && values.indices.allSatisfy {
        values[$0].known == 1 || values[$0].mayEqual(part[$0 + part.rank - values.rank])
      }
    guard fits else {
      throw query.error(
        "values of shape \(values) do not fit the part of shape \(part)", showing: [1, 2])
    }
    return query.operands[0]
  }

  static func part(_ call: ComposedCall) throws(TensorError) -> Shape {
    try part(
      ShapeQuery(
        name: "scatter", operands: [call.shape(0), call.shape(1)], attributes: call.attributes))
  }

  static func part<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    if query.attribute(0) != .none { return try GatherRule()(query) }
    return try IndexRule()(
      ShapeQuery(
        name: query.name, operands: Array(query.operands.prefix(2)),
        attributes: [.index([.integers(operand: 1)])]))
  }
}
