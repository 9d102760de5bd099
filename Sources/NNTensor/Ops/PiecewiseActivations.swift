// Activation functions made of other ops. Where they bend, the gradient is that of the side without the bend's point in it.

extension Ops {
  static let piecewiseActivations: [Op] = [
    leakyRelu, elu, celu, selu, mish, hardSwish, hardSigmoid, hardTanh, relu6, logSigmoid, softSign,
  ]

  package static let leakyRelu: Op = .activation(
    "leaky_relu", [Parameter("slope", .number, .number(0.01))],
    "`x` where it is positive, else `slope * x`.", example: "leaky_relu([-1, 2], 0.1)",
    samples: [Sample([2, 3], with: [.number(0.1)]), Sample([]), Sample([0, 2])]
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.select(
      c.binary(greater, x, Operand(0)), x, c.mul(x, call.number(0, 0.01)))
  }

  package static let elu: Op = .activation(
    "elu", [Parameter("alpha", .number, .number(1))],
    "`x` where it is positive, else `alpha * (exp(x) - 1)` (Clevert et al. 2016).",
    example: "elu([-1, 2])",
    samples: [Sample([2, 3], with: [.number(0.5)]), Sample([]), Sample([0, 2])]
  ) { call, x throws(TensorError) in
    let alpha = call.number(0, 1)
    return try exponentialUnit(call.context, x, alpha: alpha, steepness: 1)
  }

  package static let celu: Op = .activation(
    "celu", [Parameter("alpha", .number, .number(1))],
    "`x` where it is positive, else `alpha * (exp(x / alpha) - 1)` (Barron 2017).",
    example: "celu([-1, 2], 0.5)",
    samples: [Sample([2, 3], with: [.number(0.5)]), Sample([]), Sample([0, 2])]
  ) { call, x throws(TensorError) in
    let alpha = call.number(0, 1)
    guard alpha != 0 else { throw TensorError("argument", "celu: alpha cannot be 0") }
    return try exponentialUnit(call.context, x, alpha: alpha, steepness: 1 / alpha)
  }

  package static let selu: Op = .activation(
    "selu", [], "The self-normalising exponential unit (Klambauer et al. 2017): a scaled `elu`.",
    example: "selu([-1, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    let unit = try exponentialUnit(c, x, alpha: 1.6732632423543772, steepness: 1)
    return try c.mul(unit, 1.0507009873554805)
  }

  /// `x` above 0, else `alpha * (exp(steepness * x) - 1)`; the exponential never sees a positive number.
  private static func exponentialUnit(
    _ c: TensorContext, _ x: Operand, alpha: Double, steepness: Double
  ) throws(TensorError) -> Operand {
    let isPositive = try c.binary(greater, x, Operand(0))
    let below = try c.select(isPositive, Operand(0), x)
    let steep = steepness == 1 ? below : try c.mul(below, steepness)
    let bent = try c.unary(expm1, steep)
    return try c.select(isPositive, x, alpha == 1 ? bent : c.mul(bent, alpha))
  }

  package static let mish: Op = .activation(
    "mish", [], "`x * tanh(softplus(x))` (Misra 2019).", example: "mish([-1, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.mul(x, c.unary(tanh, c.unary(softplus, x)))
  }

  package static let hardSwish: Op = .activation(
    "hardswish", [], "`x * clip(x + 3, 0, 6) / 6` (Howard et al. 2019).",
    example: "hardswish([-4, -1, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.mul(c.mul(x, limited(c, c.add(x, 3), 0, 6)), 1.0 / 6)
  }

  package static let hardSigmoid: Op = .activation(
    "hardsigmoid", [], "`clip(x + 3, 0, 6) / 6`, a sigmoid of straight lines.",
    example: "hardsigmoid([-4, 0, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.mul(limited(c, c.add(x, 3), 0, 6), 1.0 / 6)
  }

  package static let hardTanh: Op = .activation(
    "hardtanh", [], "`clip(x, -1, 1)`.", example: "hardtanh([-4, 0.5, 2])"
  ) { call, x throws(TensorError) in try limited(call.context, x, -1, 1) }

  package static let relu6: Op = .activation(
    "relu6", [], "`clip(x, 0, 6)`.", example: "relu6([-1, 2, 7])"
  ) { call, x throws(TensorError) in try limited(call.context, x, 0, 6) }

  private static func limited(
    _ c: TensorContext, _ x: Operand, _ low: Double, _ high: Double
  ) throws(TensorError) -> Operand {
    try c.apply(clip, [x], [.number(low), .number(high)])
  }

  package static let logSigmoid: Op = .activation(
    "log_sigmoid", [], "`log(sigmoid(x))` without overflow.", example: "log_sigmoid([-1000, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.neg(c.unary(softplus, c.neg(x)))
  }

  package static let softSign: Op = .activation(
    "softsign", [], "`x / (1 + |x|)`.", example: "softsign([-1, 2])"
  ) { call, x throws(TensorError) in
    let c = call.context
    return try c.div(x, c.add(c.unary(abs, x), 1))
  }
}
