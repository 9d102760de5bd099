// Losses between predictions and targets, element by element.
import NNKernels

extension Ops {
  static let pairLosses: [Op] = [
    mse, meanSquare, mae, huber, bce, bceLogits, hinge, klDivergence,
  ]

  private static let samples = [
    Sample([2, 3], [2, 3]), Sample([2, 3], [3], with: [.string("sum")]),
    Sample([2, 3], [2, 3], with: [.string("none")]), Sample([], []), Sample([], [2, 2]),
  ]

  /// A loss of predictions and targets of shapes that broadcast.
  private static func pairLoss(
    _ name: String, of operands: [String] = ["prediction", "target"], _ summary: String,
    example: String, samples: [Sample] = samples,
    body:
      @escaping @Sendable (TensorContext, Operand, Operand) throws(TensorError) -> Operand
  ) -> Op {
    .composed(
      name, operands.map { Parameter($0, .tensor) } + [Reduction.parameter],
      summary + "; the mean, the sum or all of them.", example: example, samples: samples,
      shape: PairLossRule()
    ) { call throws(TensorError) in
      let c = call.context
      let reduction = try Reduction(call.attribute(0), in: name)
      return try reduction.of(
        body(c, c.floats(call.operands[0]), c.floats(call.operands[1])), c)
    }
  }

  package static let mse: Op = .composed(
    "mse",
    [Parameter("prediction", .tensor), Parameter("target", .tensor), Reduction.parameter],
    "The squared differences; their mean, their sum or all of them.", example: "mse(net(x), y)",
    samples: samples, shape: PairLossRule()
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(0), in: "mse")
    if reduction == .mean { return try c.apply(meanSquare, call.operands) }
    return try reduction.of(c.unary(square, c.sub(call.operands[0], call.operands[1])), c)
  }

  /// The mean with a kernel of its own.
  static let meanSquare: Op = Op(
    "mean_square", [Parameter("x", .tensor), Parameter("y", .tensor)],
    summary: "The mean of the squared differences.", dtypes: .float, shape: PairLossRule(),
    saves: .operands, takesNumbers: true, isInternal: true,
    batch: .composed { c, operands, _ throws(TensorError) in
      let difference = try c.sub(c.floats(operands[0]), c.floats(operands[1]))
      return [try c.apply(mean, [c.unary(square, difference)])]
    },
    forward: .custom { call throws(TensorError) in
      if let a = call.operands[0].tensor, let b = call.operands[1].tensor, a.shape == b.shape {
        let loss = try call.makeOutput()
        _ = nnk_mse(call.dtype.kernelType, a.data, b.data, loss.data, a.count)
        return Operand(loss)
      }
      let c = call.context
      let difference = try c.sub(call.operands[0], call.operands[1])
      return try c.apply(mean, [c.unary(square, difference)])
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let difference = try c.sub(call.input(0), call.input(1))
      let count = Swift.max(c.shape(of: difference).count, 1)
      let slope = try c.absorb(
        c.mul(call.cotangent, 2 / Double(count)), difference)
      return Gradients(slope, call.wants(1) ? try c.neg(slope) : nil)
    })

  package static let mae: Op = pairLoss(
    "mae", "The absolute differences", example: "mae(net(x), y)"
  ) { c, x, y throws(TensorError) in try c.unary(abs, c.sub(x, y)) }

  package static let huber: Op = .composed(
    "huber",
    [
      Parameter("prediction", .tensor), Parameter("target", .tensor),
      Parameter("delta", .number, .number(1)), Reduction.parameter,
    ],
    "Huber's loss (1964): half the square of differences up to `delta`, linear beyond; the mean, the sum or all of them.",
    example: "huber(net(x), y, delta: 0.5)",
    samples: [
      Sample([2, 3], [2, 3], with: [.number(1.1)]),
      Sample([2, 3], [3], with: [.number(0.4), .string("sum")]),
      Sample([2], [2], with: [.number(0.7), .string("none")]),
    ], shape: PairLossRule(reduction: 1)
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(1), in: "huber")
    let delta = call.number(0, 1)
    guard delta > 0 else { throw TensorError("argument", "huber: delta must be positive") }
    let difference = try c.sub(c.floats(call.operands[0]), c.floats(call.operands[1]))
    // With the difference clipped to delta: c * (d - c / 2) is d^2 / 2 within and delta (|d| - delta / 2) beyond.
    let clipped = try c.apply(clip, [difference], [.number(-delta), .number(delta)])
    let values = try c.mul(clipped, c.sub(difference, c.mul(clipped, 0.5)))
    return try reduction.of(values, c)
  }

  package static let bce: Op = pairLoss(
    "bce", of: ["probability", "target"],
    "The cross entropy of yes-or-no answers given as probabilities, whose logarithms are taken as at least -100",
    example: "bce(sigmoid(net(x)), y)",
    samples: [
      Sample([2, 3], [2, 3], from: [.probability]),
      Sample([2, 3], [3], from: [.probability], with: [.string("none")]),
    ]
  ) { c, p, t throws(TensorError) in
    let floor: [Attribute] = [.number(-100), .none]
    let yes = try c.apply(clip, [c.unary(log, p)], floor)
    let no = try c.apply(clip, [c.unary(log1p, c.neg(p))], floor)
    return try c.neg(c.add(c.mul(t, yes), c.mul(c.sub(1, t), no)))
  }

  package static let bceLogits: Op = .composed(
    "bce_logits",
    [
      Parameter("logits", .tensor), Parameter("target", .tensor),
      Parameter("pos_weight", .tensor, Attribute.none), Reduction.parameter,
    ],
    "The cross entropy of yes-or-no answers given as scores before the sigmoid; `pos_weight` multiplies the part of the yes answers. The mean, the sum or all of them.",
    example: "bce_logits(net(x), y)",
    samples: [
      Sample([2, 3], [2, 3], from: [.any, .probability]),
      Sample([2, 3], [3], [3], from: [.any, .probability, .positive], with: [.string("none")]),
      Sample([], [], from: [.any, .probability]),
    ], shape: PairLossRule()
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(0), in: "bce_logits")
    let (x, t) = (try c.floats(call.operands[0]), try c.floats(call.operands[1]))
    guard call.has(2) else {
      return try reduction.of(c.sub(c.unary(softplus, x), c.mul(t, x)), c)
    }
    // -w t log s(x) - (1 - t) log s(-x) with -log s(x) = softplus(-x) and -log s(-x) = softplus(-x) + x.
    let weight = try c.add(c.mul(t, c.add(c.floats(call.operands[2]), -1)), 1)
    let soft = try c.unary(softplus, c.neg(x))
    return try reduction.of(c.add(c.mul(c.sub(1, t), x), c.mul(weight, soft)), c)
  }

  package static let hinge: Op = pairLoss(
    "hinge", of: ["score", "target"], "`max(0, 1 - target * score)` for targets of -1 and 1",
    example: "hinge(net(x), y)"
  ) { c, x, t throws(TensorError) in try c.unary(relu, c.sub(1, c.mul(x, t))) }

  package static let klDivergence: Op = .composed(
    "kl_div",
    [Parameter("log_q", .tensor), Parameter("p", .tensor), Reduction.parameter],
    "The Kullback-Leibler divergence of distributions along the last axis, `sum(p * (log(p) - log_q))`: of probabilities `p` from log-probabilities `log_q`. The mean over the other axes, the sum or all of them.",
    example: "kl_div(log_softmax(scores), softmax(teacher))",
    samples: [
      Sample([2, 3], [2, 3], from: [.any, .positive]),
      Sample([2, 3], [3], from: [.any, .positive], with: [.string("none")]),
      Sample([3], [3], from: [.any, .positive], with: [.string("sum")]),
    ], shape: RowLossRule()
  ) { call throws(TensorError) in
    let c = call.context
    let reduction = try Reduction(call.attribute(0), in: "kl_div")
    let (q, p) = (try c.floats(call.operands[0]), try c.floats(call.operands[1]))
    // p log p is 0 at 0, where the logarithm is not even looked at.
    let isPositive = try c.binary(greater, p, Operand(0))
    let logP = try c.unary(log, c.select(isPositive, p, Operand(1)))
    let values = try c.mul(p, c.sub(logP, q))
    return try reduction.of(c.apply(sum, [values], [.int(-1), .bool(false)]), c)
  }
}
