// Indexing, slicing, replacing of parts.
import NNKernels

extension Ops {
  static let indexing: [Op] = [
    index, indexItems, indexUpdate, indexAdd, take, oneHot, maskedFill,
  ]

  package static let index: Op = Op(
    "index", [Parameter("x", .tensor), Parameter("items", .index)],
    summary: "A part of a tensor; `x[0, 1:3, nil, ..., mask]`.", example: "x[:, 0]",
    samples: [
      Sample([4, 3], with: [.index([.at(1)])]),
      Sample([4, 3], with: [.index([.slice(start: 3, stop: nil, step: -2), .newAxis])]),
    ], shape: IndexRule(), saves: [], isInternal: true,
    forward: .composed { c, operands, attributes throws(TensorError) in
      if case .index(let items)? = attributes.first,
        let (shape, places) = try MaskPlaces.rows(c, operands, items)
      {
        let rows = try c.reshaped(operands[0], shape)
        return try c.apply(indexItems, [rows, places], [.index([.integers(operand: 1)])])
      }
      let (operands, items) = try maskless(c, operands, attributes)
      return try c.apply(indexItems, operands, [.index(items)])
    })

  /// Indexing without masks, whose result has a shape that follows from shapes.
  static let indexItems: Op = Op(
    "index_items", [Parameter("x", .tensor), Parameter("items", .index)],
    summary: "A part of a tensor.", shape: IndexRule(), saves: indexTensors, isInternal: true,
    tangent: .linear, batch: .custom { call throws(TensorError) in try indexBatch(call) },
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let selection = try Selection(tensor.shape, call.attribute(0), call.operands, from: 1)
      return Operand(try selection.read(tensor))
    },
    gradient: { call throws(TensorError) in
      let shape = call.shape(0)
      let g = try call.context.apply(
        indexAdd, [call.cotangent] + call.further(from: 1),
        [call.attribute(0), .ints(shape.array)])
      return Gradients(g)
    })

  /// Zeros with values added at a part: the gradient of indexing.
  static let indexAdd: Op = Op(
    "index_add",
    [Parameter("values", .tensor), Parameter("items", .index), Parameter("shape", .shape)],
    summary: "Zeros of a shape with values added at a part.", shape: AttributeShape(position: 1),
    saves: indexTensors, isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try indexAddBatch(call) },
    forward: .custom { call throws(TensorError) in
      let output = try Tensor(filling: call.shape, with: 0, dtype: call.dtype)
      let selection = try Selection(call.shape, call.attribute(0), call.operands, from: 1)
      try selection.add(call.tensor(0), to: output)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(
          indexItems, [call.cotangent] + call.further(from: 1), [call.attribute(0)]))
    })

  /// `x` with a part replaced; operands are x, the value, then the index tensors (numbered from 1 in the items).
  package static let indexUpdate: Op = Op(
    "index_update",
    [Parameter("x", .tensor), Parameter("value", .tensor), Parameter("items", .index)],
    summary: "A tensor with a part replaced; `x[...] = value`.", example: "x[:, 0] = 1",
    samples: [Sample([4, 3], [3], with: [.index([.at(1)])])],
    dtypes: .same, shape: IndexUpdateRule(),
    saves: Saved.allOperands.subtracting([.operand(0), .operand(1)]), takesNumbers: true,
    isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try indexUpdateBatch(call) },
    forward: .custom { call throws(TensorError) in
      guard !call.operands[0].isNumber else {
        throw TensorError("type", "a number has no parts to assign to")
      }
      let own = call.takeIfUnique(0)
      let selection = try Selection(call.shape, call.attribute(0), call.operands, from: 2)
      let value = try selection.value(call.operands[1], dtype: call.dtype)
      let output: Tensor
      if let own { output = own } else { output = try call.tensor(0).copied() }
      try selection.write(value, to: output)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, g) = (call.context, call.cotangent)
      let tensors = call.further(from: 2)
      let first =
        call.wants(0)
        ? try c.apply(indexUpdate, [g, Operand(0)] + tensors, [call.attribute(0)]) : nil
      guard call.wants(1) else { return Gradients(first) }
      let part = try c.apply(indexItems, [g] + tensors, [call.attribute(0)])
      return Gradients(first, try c.sum(part, to: c.lowest(c.shape(of: part), call.shape(1))))
    })

  /// Index tensors are kept, the indexed tensor is not.
  private static let indexTensors = Saved.allOperands.subtracting(.operand(0))

  /// Masks replaced by the places where they are true.
  static func maskless(
    _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> ([Operand], [IndexItem]) {
    guard case .index(let items)? = attributes.first else {
      throw TensorError("argument", "an index needs items")
    }
    guard
      items.contains(where: { if case .mask = $0 { true } else { false } })
    else { return (operands, items) }
    return try MaskPlaces.replacing(c, operands, items)
  }

  package static let take: Op = Op(
    "take",
    [
      Parameter("x", .tensor), Parameter("indices", .tensor, wantsIntegers: true),
      Parameter("axis", .axis, .int(0)),
    ],
    summary: "The elements (or rows) of an axis at the given places.",
    example: "take(x, [2, 0], axis: 1)",
    samples: [
      Sample([4, 3], [2, 2], from: [.any, .index(below: 4)], with: [.int(0)]),
      Sample([4, 3], [], from: [.any, .index(below: 3)], with: [.int(1)]),
      Sample([4, 3], [0], from: [.any, .index(below: 3)], with: [.int(-1)]),
    ],
    shape: TakeRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let rank = c.shape(of: operands[0]).rank
      let axis = try Axes.one(attributes.first ?? .none, rank: rank, standard: 0, in: "take")
      if operands[1].isNumber {
        guard let place = Int(exactly: operands[1].number) else {
          throw TensorError("type", "take: an index is a whole number")
        }
        let items = fullAxes(axis) + [.at(place)]
        return try c.apply(indexItems, [operands[0]], [.index(items)])
      }
      return try c.apply(
        indexItems, operands, [.index(fullAxes(axis) + [.integers(operand: 1)])])
    })

  static func fullAxes(_ count: Int) -> [IndexItem] {
    Array(repeating: .slice(start: nil, stop: nil, step: nil), count: count)
  }

  package static let oneHot: Op = Op(
    "one_hot",
    [
      Parameter("labels", .tensor, wantsIntegers: true), Parameter("n", .int),
      Parameter("dtype", .dtype, .dtype(.f32)),
    ],
    summary: "For each label a row of `n` zeros with a 1 at the label.",
    example: "one_hot([0, 2], 3)",
    samples: [Sample([3], from: [.index(below: 4)], with: [.int(4), .dtype(.f32)])],
    dtypes: .attribute(1, standard: .f32), shape: OneHotRule(), batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let labels = try call.tensor(0).integersOnly("one_hot")
      let output = try call.makeOutput()
      let classes = call.shape[call.shape.rank - 1]
      let bad = nnk_one_hot(
        call.dtype.kernelType, labels.dtype.kernelType, labels.data, labels.count, classes,
        output.data)
      try labels.refuse(bad, limit: classes, in: "one_hot", what: "label")
      return Operand(output)
    })

  package static let maskedFill: Op = Op(
    "masked_fill",
    [Parameter("x", .tensor), Parameter("mask", .tensor), Parameter("value", .tensor)],
    summary: "`x` with a value wherever the mask is true.",
    example: "masked_fill(scores, mask, -inf)",
    samples: [Sample([2, 3], [2, 3], [], from: [.any, .bool, .number(0)])], shape: BroadcastRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try c.select(operands[1], operands[2], operands[0])
    })
}

extension GradientCall {
  /// The operands from a position on.
  func further(from first: Int) -> [Operand] {
    first < inputCount ? (first..<inputCount).map { input($0) } : []
  }
}

extension TensorContext {
  /// Which of a value's axes an operand of lower or equal rank was stretched along.
  func lowest(_ part: Shape, _ value: Shape) -> Shape { value.rank <= part.rank ? value : part }
}

extension Tensor {
  /// The same elements in a block of their own.
  func copied() throws(TensorError) -> Tensor {
    let copy = try Tensor(shape: shape, dtype: dtype)
    copy.data.copyMemory(from: data, byteCount: byteCount)
    return copy
  }

  /// This tensor if its elements can be indices, else an error.
  func integersOnly(_ name: String) throws(TensorError) -> Tensor {
    guard dtype.isInteger else {
      throw TensorError(
        "type", "\(name): indices are whole numbers, not \(dtype.name)",
        help: "to(x, \"i32\") makes integers", notes: [(0, "\(dtype.name)\(shape)")])
    }
    return self
  }

  /// Whether all elements are indices of `rows` rows; negative ones count from the end.
  func hasIndices(below rows: Int) -> Bool {
    nnk_check_indices(dtype.kernelType, data, count, -Int64(rows), Int64(rows)) < 0
  }

  /// An error where a kernel found a bad index.
  func refuse(
    _ bad: Int, limit: Int, in name: String, what: String = "index"
  ) throws(TensorError) {
    guard bad >= 0 else { return }
    throw TensorError(
      "index", "\(name): \(what) \(integer(at: bad)) is out of range for \(limit)",
      help: limit == 0 ? "there are none to choose from" : "they go from 0 to \(limit - 1)")
  }
}
