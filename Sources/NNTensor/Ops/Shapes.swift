// Changes of shape: reshape, transpose and their kin.
import NNKernels

extension Ops {
  static let shapes: [Op] = [
    reshape, flatten, unflatten, squeeze, unsqueeze, transpose, permute, flip, roll, `repeat`, tile,
    expand, meshgrid,
  ]

  /// A row whose result shares the operand's storage under another shape.
  private static func view(
    _ name: String, _ parameters: [Parameter], _ summary: String, example: String,
    samples: [Sample], _ rule: some ShapeRule
  ) -> Op {
    Op(
      name, [Parameter("x", .tensor)] + parameters, summary: summary, example: example,
      samples: samples, shape: rule, tangent: .linear, batch: .view,
      forward: .custom { call throws(TensorError) in
        let tensor = call.tensor(0)
        if tensor.shape == call.shape { return call.operands[0].plain }
        // Without elements any sizes fit, also ones whose product nobody can count.
        guard tensor.count > 0 || Tensor.byteCount(call.shape, tensor.dtype) != nil else {
          throw .outOfMemory(call.shape, tensor.dtype)
        }
        return Operand(Tensor(sharing: tensor, shape: call.shape))
      },
      gradient: { call throws(TensorError) in
        Gradients(try call.context.reshaped(call.cotangent, call.shape(0)))
      })
  }

  package static let reshape: Op = view(
    "reshape", [Parameter("shape", .shape, takesRest: true)],
    "The same elements in another shape; one size may be -1.", example: "reshape(x, 2, -1)",
    samples: [Sample([2, 6], with: [.ints([3, -1])])], ReshapeRule())
  package static let flatten: Op = view(
    "flatten", [], "All axes but the first as one.", example: "flatten(x)",
    samples: [Sample([2, 3, 4]), Sample([3])], FlattenRule())
  package static let unflatten: Op = view(
    "unflatten", [Parameter("axis", .axis), Parameter("sizes", .shape)],
    "One axis as several, whose sizes multiply to its own; one may be -1.",
    example: "unflatten(x, 1, [28, -1])",
    samples: [
      Sample([2, 6], with: [.int(1), .ints([3, -1])]),
      Sample([0, 4], with: [.int(-1), .ints([2, 2])]),
    ], UnflattenRule())
  package static let squeeze: Op = view(
    "squeeze", [Parameter("axis", .axes, Attribute.none)],
    "Axes of size 1 taken away: those named, or all.", example: "squeeze(x, axis: 0)",
    samples: [Sample([1, 3, 1], with: [.none]), Sample([1, 3, 1], with: [.int(-1)])], SqueezeRule())
  package static let unsqueeze: Op = view(
    "unsqueeze", [Parameter("axis", .axis)], "A new axis of size 1.", example: "unsqueeze(x, 0)",
    samples: [Sample([2, 3], with: [.int(0)]), Sample([2, 3], with: [.int(-1)])], UnsqueezeRule())

  package static let transpose: Op = Op(
    "transpose",
    [
      Parameter("x", .tensor), Parameter("axis1", .axis, .int(-2)),
      Parameter("axis2", .axis, .int(-1)),
    ],
    summary: "Two axes exchanged, by default the last two.", example: "transpose(x)",
    samples: [Sample([2, 3]), Sample([2, 3, 4], with: [.int(0), .int(2)])], shape: TransposeRule(),
    tangent: .linear, batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let (a, b) = try TransposeRule.axes(call.attributes, rank: tensor.shape.rank, call.op.name)
      if tensor.shape.rank >= 2, a != b, Swift.min(a, b) == tensor.shape.rank - 2 {
        return Operand(try tensor.lastTwoExchanged())
      }
      var order = Array(tensor.shape.indices)
      order.swapAt(a, b)
      return Operand(try tensor.permuted(order))
    },
    gradient: { call throws(TensorError) in
      Gradients(try call.context.apply(transpose, [call.cotangent], call.attributes))
    })

  package static let permute: Op = Op(
    "permute", [Parameter("x", .tensor), Parameter("axes", .axes, takesRest: true)],
    summary: "The axes in another order.", example: "permute(x, 1, 0, 2)",
    samples: [Sample([2, 3, 4], with: [.ints([2, 0, 1])])], shape: PermuteRule(),
    tangent: .linear,
    batch: .custom { call throws(TensorError) in
      let order = try PermuteRule.order(call.attribute(0), rank: call.shape(0).rank, "permute")
      return [
        try call.context.apply(permute, [call.operands[0]], [.ints([0] + order.map { $0 + 1 })])
      ]
    },
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      return Operand(
        try tensor.permuted(
          PermuteRule.order(call.attribute(0), rank: tensor.shape.rank, call.op.name)))
    },
    gradient: { call throws(TensorError) in
      let order = try PermuteRule.order(call.attribute(0), rank: call.shape(0).rank, "permute")
      var inverse = order
      for (place, axis) in order.enumerated() { inverse[axis] = place }
      return Gradients(try call.context.apply(permute, [call.cotangent], [.ints(inverse)]))
    })

  package static let flip: Op = Op(
    "flip", [Parameter("x", .tensor), Parameter("axis", .axes, Attribute.none)],
    summary: "The elements in reverse order along the axes, by default all.",
    example: "flip(x, axis: 0)", samples: [Sample([2, 3], with: [.int(1)]), Sample([3])],
    shape: SameShape(), tangent: .linear, batch: .axes,
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let axes = try Axes.several(call.attribute(0), rank: tensor.shape.rank, in: "flip")
      var strides = tensor.shape.strides
      var offset = 0
      for axis in axes where tensor.shape[axis] > 0 {
        offset += (tensor.shape[axis] - 1) * strides[axis]
        strides[axis] = -strides[axis]
      }
      return Operand(try tensor.strided(call.shape, strides, offset: offset))
    },
    gradient: { call throws(TensorError) in
      Gradients(try call.context.apply(flip, [call.cotangent], call.attributes))
    })

  package static let roll: Op = Op(
    "roll", [Parameter("x", .tensor), Parameter("shift", .int), Parameter("axis", .axis, .int(0))],
    summary: "The elements moved along an axis; what leaves one end enters at the other.",
    example: "roll(x, 1)", samples: [Sample([4], with: [.int(1)])], shape: SameShape(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let axis = try Axes.one(
        attributes.count > 1 ? attributes[1] : .none, rank: shape.rank, standard: 0, in: "roll")
      guard let shift = attributes.first?.int, shape[axis] > 0 else { return operands[0] }
      let size = shape[axis]
      let cut = size - (shift % size + size) % size
      let tail = try c.slice(operands[0], axis: axis, cut, size)
      let head = try c.slice(operands[0], axis: axis, 0, cut)
      return try c.apply(concat, [tail, head], [.int(axis)])
    })

  package static let `repeat`: Op = Op(
    "repeat",
    [Parameter("x", .tensor), Parameter("times", .int), Parameter("axis", .axis, .int(0))],
    summary: "Each element (or row) along an axis several times in a row.",
    example: "repeat([1, 2], 2)", samples: [Sample([2, 3], with: [.int(2), .int(1)])],
    shape: RepeatRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try RepeatRule()(
        ShapeQuery(name: "repeat", operands: [shape], attributes: attributes))
      let axis = try Axes.one(
        attributes.count > 1 ? attributes[1] : .none, rank: shape.rank, standard: 0, in: "repeat")
      let times = attributes.first?.int ?? 1
      var wide = shape
      guard shape.rank < 8 else { throw TensorError("shape", "repeat: at most 7 axes") }
      wide.insert(1, at: axis + 1)
      let column = try c.reshaped(operands[0], wide)
      wide[axis + 1] = times
      var result = shape
      result[axis] *= times
      return try c.reshaped(c.apply(broadcastTo, [column], [.ints(wide.array), .none]), result)
    })

  package static let expand: Op = Op(
    "expand", [Parameter("x", .tensor), Parameter("sizes", .shape, takesRest: true)],
    summary:
      "Axes of size 1 repeated to the sizes given; -1 keeps a size, further axes come in front.",
    example: "expand(x, 3, -1)",
    samples: [Sample([1, 3], with: [.ints([4, -1])]), Sample([2], with: [.ints([3, 2])])],
    shape: ExpandRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shape = try ExpandRule()(
        ShapeQuery(
          name: "expand", operands: [c.shape(of: operands[0])], attributes: attributes))
      return try c.apply(broadcastTo, operands, [.ints(shape.array), .none])
    })

  package static let meshgrid: Op = Op(
    "meshgrid",
    [Parameter("xs", .tensors, takesRest: true), Parameter("indexing", .string, .string("xy"))],
    summary:
      "The coordinates of a grid: each vector repeated along the others' axes. With \"xy\" the first runs along the second axis, with \"ij\" along the first.",
    example: "let (x, y) = meshgrid(arange(3), arange(2))",
    samples: [Sample([3], [2], with: [.string("xy")]), Sample([3], [0], with: [.string("ij")])],
    shape: MeshgridRule(), outputs: nil,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      let shapes = operands.map { c.shape(of: $0) }
      let grid = try MeshgridRule()(
        ShapeQuery(name: "meshgrid", operands: shapes, attributes: attributes))
      let isSwapped = try MeshgridRule.isSwapped(attributes.first ?? .none, "meshgrid")
      var results: [Operand] = []
      for (position, operand) in operands.enumerated() {
        let axis = isSwapped && operands.count > 1 && position < 2 ? 1 - position : position
        var shape = Shape(rank: grid.rank, repeating: 1)
        shape[axis] = grid[axis]
        let line = operand.isNumber ? operand : try c.reshaped(operand, shape)
        results.append(try c.apply(broadcastTo, [line], [.ints(grid.array), .none]))
      }
      return results
    })

  package static let tile: Op = Op(
    "tile", [Parameter("x", .tensor), Parameter("times", .shape, takesRest: true)],
    summary: "The whole tensor several times along its (last) axes.", example: "tile([1, 2], 3)",
    samples: [Sample([2, 3], with: [.ints([2, 1])])], shape: TileRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let times = attributes.first?.list ?? []
      _ = try TileRule()(
        ShapeQuery(
          name: "tile", operands: [c.shape(of: operands[0])], attributes: attributes))
      var value = operands[0]
      let rank = Swift.max(c.shape(of: value).rank, times.count)
      while c.shape(of: value).rank < rank { value = try c.apply(unsqueeze, [value], [.int(0)]) }
      for (place, count) in times.enumerated() where count != 1 {
        let axis = rank - times.count + place
        if count == 0 {
          value = try c.slice(value, axis: axis, 0, 0)
          continue
        }
        // [outer, inner] becomes [outer, count, inner].
        var shape = c.shape(of: value)
        let outer = shape.product(0..<axis)
        let inner = shape.product(axis..<shape.rank)
        shape[axis] *= count
        let rows = try c.reshaped(value, [outer, 1, inner])
        let wide = try c.apply(broadcastTo, [rows], [.ints([outer, count, inner]), .none])
        value = try c.reshaped(wide, shape)
      }
      return value
    })
}

extension Tensor {
  /// The last two axes exchanged, without a copy where the result only passes through to a matrix product.
  func lastTwoExchanged() throws(TensorError) -> Tensor {
    if let source = transposed { return source }
    let rank = shape.rank
    if shape[rank - 1] == 1 || shape[rank - 2] == 1 {
      var swapped = shape
      swapped[rank - 1] = shape[rank - 2]
      swapped[rank - 2] = shape[rank - 1]
      return Tensor(sharing: self, shape: swapped)
    }
    return try Tensor(transposing: self)
  }

  /// The axes in another order.
  func permuted(_ order: [Int]) throws(TensorError) -> Tensor {
    if order == Array(shape.indices) { return self }
    let own = shape.strides
    return try strided(Shape(order.map { shape[$0] }), Strides(order.map { own[$0] }), offset: 0)
  }

  /// A dense copy of elements that lie at regular distances.
  func strided(
    _ shape: Shape, _ strides: Strides, offset: Int
  ) throws(TensorError) -> Tensor {
    let result = try Tensor(shape: shape, dtype: dtype)
    if result.count == 0 { return result }
    let target = shape.strides
    shape.withElements { axes in
      strides.withElements { source in
        target.withElements { target in
          _ = nnk_copy_strided(
            dtype.size, Int32(shape.rank), axes, data + offset * dtype.size, source, result.data,
            target)
        }
      }
    }
    return result
  }
}
