// Random numbers from the context's counter-based generator.
import NNKernels

extension Ops {
  static let random: [Op] = [
    rand, randn, randint, bernoulli, bernoulliDrawn, categorical, permutation,
  ]

  private static let dtypeParameter = Parameter("dtype", .dtype, .dtype(.f32))

  /// A row of floats drawn by one kernel.
  private static func floats(
    _ name: String, _ summary: String,
    _ kernel: @escaping @Sendable (nnk_type, UInt64, UInt64, UnsafeMutableRawPointer, Int) -> UInt64
  ) -> Op {
    Op(
      name, [Parameter("shape", .shape, takesRest: true), dtypeParameter], summary: summary,
      example: "\(name)(2, 3)", samples: [Sample(with: [.ints([2, 3]), .dtype(.f32)])],
      dtypes: .attribute(1, standard: .f32), shape: AttributeShape(position: 0), isRandom: true,
      batch: .custom(drawnBatch),
      forward: .custom { call throws(TensorError) in
        guard call.dtype.isFloat else {
          throw TensorError(
            "type", "\(name) makes f32 or f64, not \(call.dtype.name)",
            help: "randint(low, high, shape) makes integers")
        }
        return try call.draw { kernel(call.dtype.kernelType, $0, $1, $2, $3) }
      })
  }

  /// A batch of draws is one draw of more elements: every example gets its own.
  @Sendable private static func drawnBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let parameters = call.op.parameters
    guard let place = parameters.firstIndex(where: { $0.kind == .shape }) else {
      return try call.loop()
    }
    let shape = try call.withExamples(call.resultShapes()[0])
    var attributes = parameters.indices.map {
      $0 < call.attributes.count ? call.attributes[$0] : parameters[$0].standard ?? .none
    }
    attributes[place] = .ints(shape.array)
    return [try call.context.apply(call.op, [], attributes)]
  }

  package static let rand: Op = floats(
    "rand", "Uniform random numbers, at least 0 and less than 1."
  ) { nnk_random_uniform($0, $1, $2, $3, $4) }

  package static let randn: Op = floats(
    "randn", "Random numbers of the standard normal distribution."
  ) {
    nnk_random_normal($0, $1, $2, $3, $4)
  }

  package static let randint: Op = Op(
    "randint",
    [
      Parameter("low", .int), Parameter("high", .int), Parameter("shape", .shape, .ints([])),
      Parameter("dtype", .dtype, .dtype(.i32)),
    ],
    summary: "Random whole numbers, at least low and less than high.",
    example: "randint(0, 10, [5])", samples: [Sample(with: [.int(0), .int(9), .ints([4])])],
    dtypes: .attribute(3, standard: .i32), shape: AttributeShape(position: 2), isRandom: true,
    batch: .custom(drawnBatch),
    forward: .custom { call throws(TensorError) in
      let low = call.attribute(0).int ?? 0
      let high = call.attribute(1).int ?? 0
      guard low < high else {
        throw TensorError("argument", "randint: low \(low) must be less than high \(high)")
      }
      let dtype: DType = call.dtype == .i64 ? .i64 : .i32
      guard dtype.holds(Double(low)), dtype.holds(Double(high - 1)) else {
        throw TensorError(
          "argument", "randint: \(low) to \(high) does not fit in \(dtype.name)",
          help: "dtype: \"i64\" makes room")
      }
      let drawn = try call.draw(dtype: dtype) {
        nnk_random_integers(dtype.kernelType, $0, $1, Int64(low), Int64(high), $2, $3)
      }
      guard dtype != call.dtype, let tensor = drawn.tensor else { return drawn }
      return Operand(try tensor.converted(to: call.dtype))
    })

  package static let bernoulli: Op = Op(
    "bernoulli",
    [Parameter("p", .tensor), Parameter("shape", .shape, Attribute.none), dtypeParameter],
    summary:
      "1 with probability p, otherwise 0: for each element of p, or of a shape that p stretches to.",
    example: "bernoulli(0.5, [5])",
    samples: [
      Sample([], from: [.number(0.5)], with: [.ints([4]), .dtype(.f32)]),
      Sample([2, 3], from: [.probability]),
      Sample([3], from: [.probability], with: [.ints([2, 3]), .dtype(.i32)]),
      Sample([0, 2], from: [.probability]),
    ],
    dtypes: .attribute(1, standard: .f32), shape: BernoulliRule(), isRandom: true,
    forward: .composed { c, operands, attributes throws(TensorError) in
      let p = operands[0]
      let shape = try BernoulliRule()(
        ShapeQuery(name: "bernoulli", operands: [c.shape(of: p)], attributes: attributes))
      let dtype: Attribute = attributes.count > 1 ? attributes[1] : .dtype(.f32)
      guard let tensor = p.tensor else {
        return try c.apply(
          bernoulliDrawn, [], [.number(p.number), .ints(shape.array), dtype])
      }
      try c.checkProbabilities(tensor, "bernoulli")
      let drawn = try c.apply(
        rand, [], [.ints(shape.array), .dtype(tensor.dtype == .f64 ? .f64 : .f32)])
      return try c.apply(to, [c.binary(less, drawn, p)], [dtype])
    })

  /// With one probability for all.
  static let bernoulliDrawn: Op = Op(
    "bernoulli_drawn",
    [Parameter("p", .number), Parameter("shape", .shape), dtypeParameter],
    summary: "1 with one probability, otherwise 0.",
    dtypes: .attribute(2, standard: .f32), shape: AttributeShape(position: 1), isInternal: true,
    isRandom: true, batch: .custom(drawnBatch),
    forward: .custom { call throws(TensorError) in
      let p = call.attribute(0).number ?? 0
      guard p >= 0, p <= 1 else {
        throw TensorError("argument", "bernoulli: a probability is from 0 to 1, not \(p)")
      }
      return try call.draw { nnk_random_bernoulli(call.dtype.kernelType, $0, $1, p, $2, $3) }
    })

  package static let categorical: Op = Op(
    "categorical", [Parameter("logits", .tensor), Parameter("n", .int, Attribute.none)],
    summary: """
      Classes drawn with the probabilities `softmax(logits)` along the last axis, as i32: one for each row, or n along a new last \
      axis. `log(weights)` draws by weights, `logits / temperature` more or less boldly.
      """,
    example: "categorical(net(x)[0], 5)",
    samples: [
      Sample([3]), Sample([2, 4], with: [.int(5)]), Sample([2, 3, 2]), Sample([0, 3]),
      Sample([2, 3], with: [.int(0)]),
    ],
    dtypes: .fixed(.i32), shape: CategoricalRule(), isRandom: true,
    batch: .custom { call throws(TensorError) in
      [try call.context.apply(call.op, [call.batched(0)], call.attributes)]
    },
    forward: .custom { call throws(TensorError) in
      let logits = call.tensor(0)
      let classes = logits.shape[logits.shape.rank - 1]
      let output = try call.makeOutput()
      if output.count == 0 { return Operand(output) }
      let sums = try call.context.summedProbabilities(logits)
      let drawn = try Tensor(shape: output.shape, dtype: .f64)
      let state = call.context.random
      call.context.random.counter &+= nnk_random_uniform(
        NNK_F64, state.seed, state.counter, drawn.data, drawn.count)
      try output.fill(from: sums, at: drawn, classes: classes)
      return Operand(output)
    })

  package static let permutation: Op = Op(
    "permutation", [Parameter("n", .int)],
    summary: "The whole numbers from 0 to n - 1 in random order, as i32.",
    example: "permutation(5)", samples: [Sample(with: [.int(5)])], dtypes: .fixed(.i32),
    shape: CountRule(position: 0), isRandom: true,
    forward: .custom { call throws(TensorError) in
      try call.draw { seed, counter, data, count in
        nnk_random_permutation(seed, counter, data.assumingMemoryBound(to: Int32.self), count)
      }
    })
}

/// The shape of p, or the argument's, which p stretches to.
private struct BernoulliRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let p = query.operands[0]
    if query.attribute(0) == .none { return p }
    let shape = try query.sizes(0)
    let fits =
      p.rank <= shape.rank
      && p.indices.allSatisfy {
        p[$0].known == 1 || p[$0].mayEqual(shape[$0 + shape.rank - p.rank])
      }
    guard fits else { throw query.error("p of shape \(p) does not stretch to \(shape)") }
    return shape
  }
}

/// The rows, each with n places if there is that argument.
private struct CategoricalRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let logits = query.operands[0]
    guard logits.rank > 0 else { throw query.error("a scalar has no classes to draw from") }
    if logits[logits.rank - 1].known == 0 {
      throw query.error("there are no classes to draw from in \(logits)")
    }
    var shape = logits.prefix(logits.rank - 1)
    guard let n = query.attribute(0).int else { return shape }
    guard n >= 0 else { throw query.error("n is at least 0, not \(n)", showing: []) }
    shape.append(D(n))
    return shape
  }
}

extension TensorContext {
  /// Refuses what is no probability.
  fileprivate func checkProbabilities(_ p: Tensor, _ name: String) throws(TensorError) {
    if p.count == 0 { return }
    for extreme in [Ops.min, Ops.max] {
      let found = try apply(extreme, [Operand(p)])
      let value = found.tensor?.number(at: 0) ?? found.number
      if value >= 0, value <= 1 { continue }
      throw TensorError(
        "argument", "\(name): a probability is from 0 to 1, not \(numberText(value))",
        help: "sigmoid(scores) makes probabilities of any numbers")
    }
  }

  /// The running sums of each row's probabilities, in f64.
  fileprivate func summedProbabilities(_ logits: Tensor) throws(TensorError) -> Tensor {
    let scores = Operand(try logits.converted(to: .f64))
    let sums = try apply(Ops.cumsum, [apply(Ops.softmax, [scores], [.int(-1)])], [.int(-1)])
    guard let tensor = sums.tensor else { preconditionFailure("a sum of tensors is a tensor") }
    return tensor
  }
}

extension Tensor {
  /// For each drawn number, in equal parts for each row of running sums, the first class whose sum is above that share of the last.
  fileprivate func fill(from sums: Tensor, at drawn: Tensor, classes: Int) throws(TensorError) {
    let places = data.assumingMemoryBound(to: Int32.self)
    let shares = drawn.data.assumingMemoryBound(to: Double.self)
    let rows = sums.count / classes
    let each = count / rows
    for row in 0..<rows {
      let ends = sums.data.assumingMemoryBound(to: Double.self) + row * classes
      let total = ends[classes - 1]
      guard total > 0.5, total < 1.5 else {
        throw TensorError(
          "argument", "categorical: row \(row) of the logits has no probabilities",
          help: "a score is a number or -inf, which is never drawn, and one of each row is finite")
      }
      for index in row * each..<(row + 1) * each {
        if index & 0xffff == 0, nnk_cancelled() { throw .cancelled }
        let share = Swift.min(shares[index] * total, total.nextDown)
        var (low, high) = (0, classes - 1)
        while low < high {
          let middle = (low + high) / 2
          if ends[middle] > share { high = middle } else { low = middle + 1 }
        }
        places[index] = Int32(low)
      }
    }
  }
}

extension ForwardCall {
  /// A fresh tensor filled by a kernel from the generator's stream, which moves on.
  fileprivate func draw(
    dtype: DType? = nil, _ kernel: (UInt64, UInt64, UnsafeMutableRawPointer, Int) -> UInt64
  ) throws(TensorError) -> Operand {
    let output = try Tensor(shape: shape, dtype: dtype ?? self.dtype)
    let state = context.random
    context.random.counter &+= kernel(state.seed, state.counter, output.data, output.count)
    return Operand(output)
  }
}
