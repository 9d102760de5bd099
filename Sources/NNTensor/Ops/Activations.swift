// Activation functions.
import NNKernels

extension Ops {
  static let activations: [Op] = [
    relu, sigmoid, tanh, gelu, geluTanh, silu, softplus, reluGrad, sigmoidGrad, tanhGrad, geluGrad,
    geluTanhGrad, siluGrad,
  ]

  package static let relu: Op = .unary(
    "relu", NNK_RELU, dtypes: .promote, "`x` where it is positive, otherwise 0.",
    example: "relu([-1, 2])", saves: .output
  ) { call throws(TensorError) in
    Gradients(try call.context.binary(reluGrad, call.cotangent, call.output))
  }

  package static let sigmoid: Op = .unary(
    "sigmoid", NNK_SIGMOID, "`1 / (1 + exp(-x))`.", saves: .output
  ) { call throws(TensorError) in
    Gradients(try call.context.binary(sigmoidGrad, call.cotangent, call.output))
  }

  package static let tanh: Op = .unary("tanh", NNK_TANH, "The hyperbolic tangent.", saves: .output)
  {
    call throws(TensorError) in
    Gradients(try call.context.binary(tanhGrad, call.cotangent, call.output))
  }

  package static let gelu: Op = .unary(
    "gelu", NNK_GELU, "`x` times the normal distribution's cumulative probability of `x`.",
    saves: .operand(0)
  ) { call throws(TensorError) in
    Gradients(try call.context.binary(geluGrad, call.cotangent, call.input(0)))
  }

  package static let geluTanh: Op = .unary(
    "gelu_tanh", NNK_GELU_TANH, "The approximation of `gelu` by tanh that GPT-2 uses.",
    saves: .operand(0)
  ) { call throws(TensorError) in
    Gradients(try call.context.binary(geluTanhGrad, call.cotangent, call.input(0)))
  }

  package static let silu: Op = .unary(
    "silu", NNK_SILU, "`x * sigmoid(x)`, also called swish.", saves: .operand(0)
  ) { call throws(TensorError) in
    Gradients(try call.context.binary(siluGrad, call.cotangent, call.input(0)))
  }

  package static let softplus: Op = .unary(
    "softplus", NNK_SOFTPLUS, "`log(1 + exp(x))`.", saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(sigmoid, call.input(0)) }
  }

  // MARK: - Their gradients, each one pass over the elements

  /// A row `g * slope(x)` whose own derivative in `x` is `g` times what `curvature` computes of `x`.
  private static func slope(
    _ name: String, _ kernel: nnk_binary_op,
    curvature: @escaping @Sendable (TensorContext, Operand) throws(TensorError) -> Operand
  ) -> Op {
    .binary(
      name, kernel, dtypes: .float, "A gradient times the slope of an activation.",
      saves: .operands, isInternal: true
    ) { call throws(TensorError) in
      let (c, g) = (call.context, call.cotangent)
      let first = call.wants(0) ? try slopeAgain(c, kernel, g, call.input(1)) : nil
      guard call.wants(1) else { return Gradients(first) }
      let bend = try curvature(c, call.input(1))
      return Gradients(first, try c.absorb(call.input(0), c.mul(g, bend)))
    }
  }

  /// The gradient of `g * slope(x)` in g is the cotangent times the same slope.
  private static func slopeAgain(
    _ c: TensorContext, _ kernel: nnk_binary_op, _ g: Operand, _ x: Operand
  ) throws(TensorError) -> Operand {
    let op: Op =
      switch kernel {
      case NNK_RELU_GRAD: reluGrad
      case NNK_SIGMOID_GRAD: sigmoidGrad
      case NNK_TANH_GRAD: tanhGrad
      case NNK_GELU_GRAD: geluGrad
      case NNK_GELU_TANH_GRAD: geluTanhGrad
      default: siluGrad
      }
    return try c.binary(op, g, x)
  }

  static let reluGrad: Op = slope("relu_grad", NNK_RELU_GRAD) { _, _ in Operand(0) }

  static let sigmoidGrad: Op = slope("sigmoid_grad", NNK_SIGMOID_GRAD) { c, y throws(TensorError) in
    try c.sub(1, c.mul(y, 2))
  }

  static let tanhGrad: Op = slope("tanh_grad", NNK_TANH_GRAD) { c, y throws(TensorError) in
    try c.mul(y, -2)
  }

  static let geluGrad: Op = slope("gelu_grad", NNK_GELU_GRAD) { c, x throws(TensorError) in
    // gelu'' = pdf(x) (2 - x^2).
    let square = try c.unary(square, x)
    let pdf = try c.mul(c.unary(exp, c.mul(square, -0.5)), 0.3989422804014326779)
    return try c.mul(pdf, c.sub(2, square))
  }

  static let siluGrad: Op = slope("silu_grad", NNK_SILU_GRAD) { c, x throws(TensorError) in
    // With s = sigmoid(x), s' = s (1 - s): silu'' = s' (2 + x (1 - 2 s)).
    let s = try c.unary(sigmoid, x)
    let slope = try c.mul(s, c.sub(1, s))
    return try c.mul(slope, c.add(c.mul(x, c.sub(1, c.mul(s, 2))), 2))
  }

  static let geluTanhGrad: Op = slope("gelu_tanh_grad", NNK_GELU_TANH_GRAD) {
    c, x throws(TensorError) in
    // gelu_tanh(x) = x s(u), u = a (x + b x^3): second derivative 2 s' u' + x (s'' u'^2 + s' u'').
    let a = 1.595769121605730711
    let b = 0.044715
    let square = try c.unary(square, x)
    let u = try c.mul(c.mul(x, c.add(c.mul(square, b), 1)), a)
    let u1 = try c.mul(c.add(c.mul(square, 3 * b), 1), a)
    let u2 = try c.mul(x, 6 * a * b)
    let s = try c.unary(sigmoid, u)
    let s1 = try c.mul(s, c.sub(1, s))
    let s2 = try c.mul(s1, c.sub(1, c.mul(s, 2)))
    let inner = try c.add(c.mul(s2, c.unary(Ops.square, u1)), c.mul(s1, u2))
    return try c.add(c.mul(c.mul(s1, u1), 2), c.mul(x, inner))
  }
}
