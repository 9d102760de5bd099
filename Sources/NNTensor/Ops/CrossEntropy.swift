// Cross entropy and negative log-likelihood with weights, smoothing, ignored labels and reductions.
import NNKernels

extension Ops {
  private static let options = [
    Parameter("weight", .tensor, Attribute.none), Parameter("label_smoothing", .number, .number(0)),
    Parameter("ignore_index", .int, Attribute.none), Reduction.parameter,
  ]

  package static let crossEntropy: Op = .composed(
    "cross_entropy",
    [Parameter("logits", .tensor), Parameter("labels", .tensor, wantsIntegers: true)] + options,
    "The mean of -log softmax(logits) at the labels: class numbers, or probabilities of logits' shape. `weight` is one for each class, `label_smoothing` the part of a label that all classes share, labels equal to `ignore_index` do not count; a weighted mean divides by the labels' weights.",
    example: "cross_entropy(net(x), y)",
    samples: [
      Sample([4, 3], [4], from: [.any, .index(below: 3)]),
      Sample([4, 3], [4, 3], from: [.any, .positive]),
      Sample([3], [], from: [.any, .index(below: 3)]),
      Sample(
        [4, 3], [4], [3], from: [.any, .index(below: 3), .positive],
        with: [.number(0.1), .int(2), .string("mean")]),
      Sample(
        [2, 2, 3], [2, 2], from: [.any, .index(below: 3)],
        with: [.number(0), .none, .string("none")]),
      Sample(
        [4, 3], [4, 3], [3], from: [.any, .positive, .positive],
        with: [.number(0.2), .none, .string("sum")]),
    ], shape: ClassLossRule()
  ) { call throws(TensorError) in
    let c = call.context
    let options = try ClassLossOptions(call, in: "cross_entropy")
    guard options.isPlain else {
      let logs = try c.apply(logSoftmax, [c.floats(call.operands[0])], [.int(-1)])
      return try ClassLoss(call, logs, options).value()
    }
    let shape = call.shape(0)
    let labels = call.operands[1]
    if shape.rank == 1, call.shape(1).rank == 0, !labels.isNumber {
      let row = try c.reshaped(call.operands[0], [1, shape[0]])
      return try c.applyMany(crossEntropyBoth, [row, c.reshaped(labels, [1])])[1]
    }
    guard let tensor = labels.tensor else {
      throw TensorError("type", "cross_entropy: labels are a tensor", notes: [(1, "a number")])
    }
    if tensor.dtype.isFloat || call.shape(1).rank == shape.rank {
      return try c.apply(crossEntropySoft, call.operands)
    }
    return try c.applyMany(crossEntropyBoth, call.operands)[1]
  }

  package static let nll: Op = .composed(
    "nll",
    [Parameter("log_probabilities", .tensor), Parameter("labels", .tensor, wantsIntegers: true)]
      + options,
    "The mean of the negative log-probabilities at the labels, with the options of `cross_entropy`.",
    example: "nll(log_softmax(scores), y)",
    samples: [
      Sample([4, 3], [4], from: [.any, .index(below: 3)]),
      Sample(
        [4, 3], [4], [3], from: [.any, .index(below: 3), .positive],
        with: [.number(0.1), .int(0), .string("none")]),
    ], shape: ClassLossRule()
  ) { call throws(TensorError) in
    let options = try ClassLossOptions(call, in: "nll")
    return try ClassLoss(call, call.context.floats(call.operands[0]), options).value()
  }
}

/// The options of a loss over classes. Arguments: smoothing, ignored label, reduction.
private struct ClassLossOptions {
  let name: String
  let smoothing: Double
  let ignored: Int?
  let reduction: Reduction
  let hasWeight: Bool

  init(_ call: ComposedCall, in name: String) throws(TensorError) {
    self.name = name
    smoothing = call.number(0, 0)
    ignored = call.attribute(1).int
    reduction = try Reduction(call.attribute(2), in: name)
    hasWeight = call.has(2)
    guard smoothing >= 0, smoothing <= 1 else {
      throw TensorError(
        "argument", "\(name): label_smoothing goes from 0 to 1, not \(numberText(smoothing))")
    }
  }

  /// Whether it is the mean that has a kernel of its own.
  var isPlain: Bool { smoothing == 0 && ignored == nil && reduction == .mean && !hasWeight }
}

/// A loss over classes made of other ops.
private struct ClassLoss {
  let call: ComposedCall
  let logs: Operand
  let options: ClassLossOptions

  private var c: TensorContext { call.context }
  private var classes: Int { call.shape(0)[call.shape(0).rank - 1] }

  init(
    _ call: ComposedCall, _ logs: Operand, _ options: ClassLossOptions
  ) throws(TensorError) {
    self.call = call
    self.logs = logs
    self.options = options
  }

  func value() throws(TensorError) -> Operand {
    if call.shape(1).rank == call.shape(0).rank { return try soft() }
    guard let labels = call.operands[1].tensor else {
      throw TensorError(
        "type", "\(options.name): labels are a tensor", notes: [(1, "a number")])
    }
    guard labels.dtype.isInteger else {
      throw TensorError(
        "type", "\(options.name): class numbers are integers, not \(labels.dtype.name)",
        help: "to(labels, \"i32\") makes integers",
        notes: [(1, "\(labels.dtype.name)\(labels.shape)")])
    }
    return try hard(call.operands[1])
  }

  /// Probabilities as labels: -sum(weight * target * log) of each row.
  private func soft() throws(TensorError) -> Operand {
    if options.ignored != nil {
      throw TensorError(
        "argument", "\(options.name): ignore_index needs class numbers, not probabilities")
    }
    var targets = try c.floats(call.operands[1])
    if options.smoothing > 0 {
      targets = try c.add(
        c.mul(targets, 1 - options.smoothing), options.smoothing / Double(Swift.max(classes, 1)))
    }
    if options.hasWeight { targets = try c.mul(targets, call.operands[2]) }
    let values = try c.neg(c.apply(Ops.sum, [c.mul(logs, targets)], [.int(-1), .bool(false)]))
    return try options.reduction.of(values, c)
  }

  /// Class numbers as labels. Ignored ones are taken as class 0 with weight 0.
  private func hard(_ labels: Operand) throws(TensorError) -> Operand {
    var safe = labels
    var counts: Operand?
    let dtype = logs.tensor?.dtype ?? .f32
    if let ignored = options.ignored {
      let isCounted = try c.binary(Ops.notEqual, labels, Operand(Double(ignored)))
      safe = try c.select(isCounted, labels, Operand(0))
      counts = try c.apply(Ops.to, [isCounted], [.dtype(dtype)])
    }
    try checkRange(safe)
    let column = try c.apply(Ops.unsqueeze, [safe], [.int(-1)])
    let picked = try c.apply(
      Ops.squeeze, [c.apply(Ops.gather, [logs, column], [.int(-1)])], [.int(-1)])
    var weights = counts
    if options.hasWeight {
      weights = try c.apply(Ops.take, [call.operands[2], safe], [.int(0)])
      if let counts, let own = weights { weights = try c.mul(own, counts) }
    }
    var values = try c.neg(picked)
    if let weights { values = try c.mul(values, weights) }
    if options.smoothing > 0 {
      let shared = try smoothed(counts)
      values = try c.add(
        c.mul(values, 1 - options.smoothing),
        c.mul(shared, options.smoothing / Double(Swift.max(classes, 1))))
    }
    guard options.reduction == .mean, let weights else {
      return try options.reduction.of(values, c)
    }
    // No label that counts: a loss of 0 and not 0 / 0.
    let total = try c.apply(Ops.sum, [weights])
    let divisor = try c.select(c.binary(Ops.equal, total, Operand(0)), Operand(1), total)
    return try c.div(c.apply(Ops.sum, [values]), divisor)
  }

  /// What every row loses for all classes together: -sum(weight * log).
  private func smoothed(_ counts: Operand?) throws(TensorError) -> Operand {
    let all = options.hasWeight ? try c.mul(logs, call.operands[2]) : logs
    let sums = try c.neg(c.apply(Ops.sum, [all], [.int(-1), .bool(false)]))
    guard let counts else { return sums }
    return try c.mul(sums, counts)
  }

  private func checkRange(_ labels: Operand) throws(TensorError) {
    guard let tensor = labels.tensor else { return }
    let bad = nnk_check_indices(
      tensor.dtype.kernelType, tensor.data, tensor.count, 0, Int64(classes))
    try tensor.refuse(bad, limit: classes, in: options.name, what: "label")
  }
}

/// A scalar, or unreduced one value for each row; a weight for each class. Arguments: smoothing, ignored label, reduction.
private struct ClassLossRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    _ = try CrossEntropyRule()(
      ShapeQuery(name: query.name, operands: Array(query.operands.prefix(2))))
    let logits = query.operands[0]
    if query.operands.count > 2 {
      let weight = query.operands[2]
      guard weight.rank == 1, weight[0].mayEqual(logits[logits.rank - 1]) else {
        throw query.error(
          "one weight for each of \(logits[logits.rank - 1]) classes is needed, not \(weight)",
          showing: [0, 2])
      }
    }
    let reduction = try Reduction(query.attribute(2), in: query.name)
    return reduction.shape(logits.prefix(logits.rank - 1))
  }
}
