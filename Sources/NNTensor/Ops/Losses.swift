// Cross entropy with a kernel of its own: the mean over rows, without weights.
import NNKernels

extension Ops {
  static let losses: [Op] = [
    crossEntropy, crossEntropyBoth, crossEntropyGrad, crossEntropySoft, nll,
  ]

  /// Softmax and loss together, so that the gradient need not compute the softmax again.
  static let crossEntropyBoth: Op = Op(
    "cross_entropy_both", [Parameter("logits", .tensor), Parameter("labels", .tensor)],
    summary: "The softmax of logits and the cross entropy of labels.",
    dtypes: .custom { operands, _ throws(TensorError) in
      operands[0].dtype == .f64 ? .f64 : .f32
    },
    shape: CrossEntropyRule(withProbabilities: true), outputs: 2,
    saves: [.operand(1), .output], isInternal: true,
    batch: .composed { c, operands, _ throws(TensorError) in try bothComposed(c, operands) },
    forward: .many { call throws(TensorError) in
      let logits = try call.tensor(0).converted(to: call.dtype)
      let labels = try call.tensor(1).integersOnly("cross_entropy")
      let probabilities = try call.makeOutput()
      let loss = try Tensor(shape: [], dtype: call.dtype)
      let classes = logits.shape[logits.shape.rank - 1]
      guard labels.count > 0 else {
        throw TensorError("shape", "cross_entropy of no examples", notes: [(0, "\(logits.shape)")])
      }
      let bad = nnk_cross_entropy(
        call.dtype.kernelType, logits.data, labels.dtype.kernelType, labels.data,
        probabilities.data, loss.data, labels.count, classes)
      try labels.refuse(bad, limit: classes, in: "cross_entropy", what: "label")
      return [Operand(probabilities), Operand(loss)]
    },
    gradient: { call throws(TensorError) in
      let (c, y) = (call.context, call.output)
      var total: Operand?
      if let g = call.cotangents[1] {
        total = try c.apply(crossEntropyGrad, [y, call.input(1), g])
      }
      if let g = call.cotangents[0] {
        let part = try c.apply(softmaxGrad, [g, y], [.int(-1)])
        if let loss = total { total = try c.add(loss, part) } else { total = part }
      }
      return Gradients(total)
    })

  /// Softmax and loss by other ops.
  private static func bothComposed(
    _ c: TensorContext, _ operands: [Operand]
  ) throws(TensorError) -> [Operand] {
    let (logits, labels) = (operands[0], operands[1])
    let classes = c.shape(of: logits).array.last ?? 0
    guard let plain = try labels.tensor?.integersOnly("cross_entropy") else {
      throw TensorError("type", "cross_entropy: labels are a tensor")
    }
    if c.shape(of: labels).count == 0 {
      throw TensorError(
        "shape", "cross_entropy of no examples", notes: [(0, "\(c.shape(of: logits))")])
    }
    let bad = (0..<plain.count).first { !(0..<classes).contains(plain.integer(at: $0)) } ?? -1
    try plain.refuse(bad, limit: classes, in: "cross_entropy", what: "label")
    let logs = try c.apply(logSoftmax, [logits], [.int(-1)])
    let column = try c.apply(unsqueeze, [labels], [.int(-1)])
    let picked = try c.apply(gather, [logs, column], [.int(-1)])
    return [try c.apply(softmax, [logits], [.int(-1)]), try c.neg(c.apply(mean, [picked]))]
  }

  /// (probabilities - one_hot(labels)) * g / rows.
  static let crossEntropyGrad: Op = Op(
    "cross_entropy_grad",
    [Parameter("probabilities", .tensor), Parameter("labels", .tensor), Parameter("g", .tensor)],
    summary: "The gradient of cross entropy in its logits.", shape: SameShape(),
    saves: .allOperands, isInternal: true,
    batch: .composed { c, operands, _ throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let classes = shape[shape.rank - 1]
      let dtype = operands[0].tensor?.dtype ?? .f32
      let hot = try c.apply(oneHot, [operands[1]], [.int(classes), .dtype(dtype)])
      let scale = 1 / Double(Swift.max(shape.count / Swift.max(classes, 1), 1))
      return [try c.mul(c.sub(operands[0], hot), c.mul(operands[2], scale))]
    },
    forward: .custom { call throws(TensorError) in
      let own = call.takeIfUnique(0)
      let output: Tensor
      if let own { output = own } else { output = try call.makeOutput() }
      let labels = call.tensor(1)
      let g = call.tensor(2).number(at: 0)
      _ = nnk_cross_entropy_grad(
        call.dtype.kernelType, g, (own ?? call.tensor(0)).data, labels.dtype.kernelType,
        labels.data, output.data, labels.count, call.shape[call.shape.rank - 1])
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, gg) = (call.context, call.cotangent)
      let (y, labels, g) = (call.input(0), call.input(1), call.input(2))
      let shape = call.shape(0)
      let classes = shape[shape.rank - 1]
      let scale = 1 / Double(Swift.max(shape.count / Swift.max(classes, 1), 1))
      let first = call.wants(0) ? try c.mul(c.mul(gg, g), scale) : nil
      guard call.wants(2) else { return Gradients(first) }
      let dtype = y.tensor?.dtype ?? .f32
      let hot = try c.apply(oneHot, [labels], [.int(classes), .dtype(dtype)])
      let second = try c.apply(sum, [c.mul(gg, c.sub(y, hot))])
      return Gradients(first, nil, try c.mul(second, scale))
    })

  /// Cross entropy with probabilities as labels, composed.
  static let crossEntropySoft: Op = Op(
    "cross_entropy_soft", [Parameter("logits", .tensor), Parameter("targets", .tensor)],
    summary: "Cross entropy with probabilities as labels.", dtypes: .float,
    shape: CrossEntropyRule(), isInternal: true,
    forward: .composed { c, operands, _ throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try CrossEntropyRule()(
        ShapeQuery(name: "cross_entropy", operands: [shape, c.shape(of: operands[1])]))
      guard c.shape(of: operands[1]).rank == shape.rank else {
        throw TensorError(
          "type", "cross_entropy: class numbers are integers, not floats",
          help: "to(labels, \"i32\") makes integers", notes: [(1, "\(c.shape(of: operands[1]))")])
      }
      let rows = Swift.max(shape.count / Swift.max(shape[shape.rank - 1], 1), 1)
      let logs = try c.apply(logSoftmax, [operands[0]], [.int(-1)])
      return try c.mul(c.apply(sum, [c.mul(logs, operands[1])]), -1 / Double(rows))
    })
}

/// Labels are one for each row of logits, or probabilities in their shape.
struct CrossEntropyRule: ShapeRule {
  var withProbabilities = false

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (logits, labels) = (query.operands[0], query.operands[1])
    let fits =
      logits.rank >= 1
      && (labels.rank == logits.rank - 1 || labels.rank == logits.rank && !withProbabilities)
      && labels.indices.allSatisfy { labels[$0].mayEqual(logits[$0]) }
    guard fits else {
      let wanted = logits.rank >= 1 ? " (expected \(logits.prefix(logits.rank - 1)))" : ""
      throw TensorError(
        "shape", "\(query.name): labels of shape \(labels) for logits of shape \(logits)\(wanted)",
        help: labels.rank > 0 && labels.rank == logits.rank && labels[labels.rank - 1].known == 1
          ? "squeeze(labels, -1) drops the axis of size 1" : nil,
        notes: query.notes(0, 1))
    }
    return Dims()
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let loss = try self(query)
    return withProbabilities ? [query.operands[0], loss] : [loss]
  }
}
