// Rows of a table by number, and dropout: what the ends of a language network are made of.
import NNKernels

extension Ops {
  static let embeddings: [Op] = [embedding, embeddingGrad]
  static let dropouts: [Op] = [dropout, dropoutDrawn, dropoutAgain]

  package static let embedding: Op = Op(
    "embedding",
    [Parameter("table", .tensor), Parameter("ids", .tensor, wantsIntegers: true)],
    summary: "The rows of a table at the given numbers: `[V, D]` and `int[...]` give `[..., D]`.",
    example: "embedding(table, [3, 1, 4])",
    samples: [
      Sample([4, 3], [2, 5], from: [.any, .index(below: 4)]),
      Sample([4, 3], [], from: [.any, .index(below: 4)]),
      Sample([4, 3], [0], from: [.any, .index(below: 4)]),
    ], shape: EmbeddingRule(), saves: .operand(1), takesNumbers: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try embeddingBatch(call) },
    forward: .custom { call throws(TensorError) in
      let table = call.tensor(0)
      let ids = try call.ids(1, "embedding")
      let output = try call.makeOutput()
      let bad = nnk_gather_rows(
        table.data, table.shape[0], table.shape[1] * table.dtype.size, ids.dtype.kernelType,
        ids.data, ids.count, output.data)
      try ids.refuse(bad, limit: table.shape[0], in: "embedding", what: "id")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(
          embeddingGrad, [call.cotangent, call.input(1)], [.int(call.shape(0)[0])]))
    })

  /// For each row of the table the sum of the gradients of its uses, in the order of the uses.
  static let embeddingGrad: Op = Op(
    "embedding_grad",
    [Parameter("g", .tensor), Parameter("ids", .tensor), Parameter("rows", .int)],
    summary: "The gradient of rows by number in their table.", shape: EmbeddingGradRule(),
    saves: .operand(1), takesNumbers: true, isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in try embeddingGradBatch(call) },
    forward: .custom { call throws(TensorError) in
      let g = call.tensor(0)
      let ids = try call.ids(1, "embedding")
      let output = try call.makeOutput()
      let bad = withExtendedLifetime(ids) {
        nnk_sum_rows_by_index(
          call.dtype.kernelType, g.data, call.shape[1], ids.dtype.kernelType, ids.data, ids.count,
          output.data, call.shape[0])
      }
      guard bad != NNK_INDICES_BAD_TYPE else { throw .failed("embedding") }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(try call.context.apply(embedding, [call.cotangent, call.input(1)]))
    })

  package static let dropout: Op = Op(
    "dropout", [Parameter("x", .tensor), Parameter("rate", .number, .number(0.5))],
    summary: "`x` with elements set to 0 at random, the others scaled so that the mean stays.",
    example: "dropout(x, 0.1)", samples: [Sample([2, 3], with: [.number(0)])], dtypes: .float,
    shape: SameShape(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let rate = attributes.first?.number ?? 0.5
      guard rate >= 0, rate < 1 else {
        throw TensorError(
          "argument", "dropout: the rate is at least 0 and less than 1, not \(numberText(rate))")
      }
      if rate == 0 { return operands[0] }
      return try c.applyMany(dropoutDrawn, operands, [.number(rate)])[0]
    })

  /// Dropout, and the place of its random numbers in the generator's stream, so that the way back draws the same ones. Where x is
  /// many examples, each has a place: an argument says how many axes count them.
  static let dropoutDrawn: Op = Op(
    "dropout_drawn",
    [Parameter("x", .tensor), Parameter("rate", .number), Parameter("places", .int, .int(0))],
    summary: "Dropout and where its random numbers came from.", dtypes: .float,
    shape: DropoutRule(), outputs: 2, saves: .further, isInternal: true, isRandom: true,
    batch: .custom { call throws(TensorError) in try dropoutBatch(call) },
    forward: .many { call throws(TensorError) in
      let output = try call.takeOutput(reusing: 0)
      let x = call.tensor(0)
      var places = x.shape.prefix(call.attribute(1).int ?? 0)
      var keys: [Int] = []
      for place in 0..<places.count {
        let state = call.context.random
        call.context.random.counter &+= call.drop(x, into: output, place, of: places.count, state)
        keys += [Int(bitPattern: UInt(state.seed)), Int(bitPattern: UInt(state.counter))]
      }
      places.append(2)
      return [
        Operand(output), Operand(Tensor(sharing: try Tensor(keys, dtype: .i64), shape: places)),
      ]
    },
    gradient: { call throws(TensorError) in
      guard let g = call.cotangents[0] else { return Gradients(nil) }
      return Gradients(
        try call.context.apply(dropoutAgain, [g, call.result(1)], [call.attribute(0)]))
    })

  static let dropoutAgain: Op = Op(
    "dropout_again",
    [Parameter("x", .tensor), Parameter("key", .tensor), Parameter("rate", .number)],
    summary: "Dropout with given random numbers.", shape: SameShape(), saves: .operand(1),
    isInternal: true, tangent: .linear, batch: .leading([0, 1]),
    forward: .custom { call throws(TensorError) in
      let (x, keys) = (call.tensor(0), call.tensor(1))
      let output = try call.makeOutput()
      let count = keys.count / 2
      for place in 0..<count {
        let state = RandomState(
          seed: UInt64(bitPattern: Int64(keys.integer(at: 2 * place))),
          counter: UInt64(bitPattern: Int64(keys.integer(at: 2 * place + 1))))
        _ = call.drop(x, into: output, place, of: count, state)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(
          dropoutAgain, [call.cotangent, call.input(1)], [call.attribute(0)]))
    })
}

extension ForwardCall {
  /// Drops elements of one of `count` equal parts of x; gives how far the generator's stream moves on.
  fileprivate func drop(
    _ x: Tensor, into output: Tensor, _ place: Int, of count: Int, _ state: RandomState
  ) -> UInt64 {
    let size = x.count / count
    let start = place * size * x.dtype.size
    return nnk_dropout(
      dtype.kernelType, state.seed, state.counter, attribute(0).number ?? 0, x.data + start,
      output.data + start, size)
  }

  /// An operand of row numbers; one number is a tensor of rank 0.
  fileprivate func ids(_ position: Int, _ name: String) throws(TensorError) -> Tensor {
    if let tensor = operands[position].tensor { return try tensor.integersOnly(name) }
    guard let id = Int(exactly: operands[position].number) else {
      throw TensorError(
        "type", "\(name): an id is a whole number, not \(numberText(operands[position].number))")
    }
    let single = try Tensor([id], dtype: .i64)
    return Tensor(sharing: single, shape: [])
  }
}

/// The ids' shape with the table's columns behind.
private struct EmbeddingRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (table, ids) = (query.operands[0], query.operands[1])
    guard table.rank == 2 else {
      throw query.error("a table has shape [rows, columns], not \(table)")
    }
    guard ids.rank < 8 else { throw query.error("ids of shape \(ids) have too many axes") }
    var result = ids
    result.append(table[1])
    return result
  }
}

/// The table's shape. Argument: its rows.
private struct EmbeddingGradRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let g = query.operands[0]
    return [D(query.attribute(0).int ?? 0), g[g.rank - 1]]
  }
}

/// The shape stays; each place has a pair as key. Arguments: the rate, how many axes count places.
private struct DropoutRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let x = query.operands[0]
    var keys = x.prefix(query.attribute(1).int ?? 0)
    keys.append(D(2))
    return [x, keys]
  }
}
