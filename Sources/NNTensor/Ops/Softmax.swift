// Softmax and its logarithm.
import NNKernels

extension Ops {
  static let softmaxes: [Op] = [softmax, logSoftmax, softmaxGrad, logSoftmaxGrad]

  package static let softmax: Op = Op(
    "softmax", [Parameter("x", .tensor), Parameter("axis", .axis, .int(-1))],
    summary: "exp(x) / sum(exp(x)) along an axis.", example: "softmax(scores, axis: -1)",
    samples: samples, dtypes: .float, shape: AxisRule(), saves: .output, tangent: .symmetric,
    batch: .axes,
    forward: .custom { call throws(TensorError) in try along(&call, nnk_softmax) },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(softmaxGrad, [call.cotangent, call.output], call.attributes))
    })

  package static let logSoftmax: Op = Op(
    "log_softmax", [Parameter("x", .tensor), Parameter("axis", .axis, .int(-1))],
    summary: "The logarithm of softmax along an axis, without overflow.",
    example: "log_softmax(scores, axis: -1)", samples: samples, dtypes: .float, shape: AxisRule(),
    saves: .output, batch: .axes,
    forward: .custom { call throws(TensorError) in try along(&call, nnk_log_softmax) },
    gradient: { call throws(TensorError) in
      Gradients(
        try call.context.apply(logSoftmaxGrad, [call.cotangent, call.output], call.attributes))
    })

  private static let samples = [
    Sample([2, 3], with: [.int(-1)]), Sample([2, 3, 2], with: [.int(1)]),
  ]

  /// y * (g - sum(g * y)).
  static let softmaxGrad: Op = gradientRow("softmax_grad", nnk_softmax_grad) {
    c, g, y, axis throws(TensorError) in
    try c.mul(y, c.sub(g, c.apply(sum, [c.mul(g, y)], [axis, .bool(true)])))
  }

  /// g - exp(y) * sum(g).
  static let logSoftmaxGrad: Op = gradientRow("log_softmax_grad", nnk_log_softmax_grad) {
    c, g, y, axis throws(TensorError) in
    try c.sub(g, c.mul(c.unary(exp, y), c.apply(sum, [g], [axis, .bool(true)])))
  }

  /// A fused gradient that differentiates as the composition it stands for.
  private static func gradientRow(
    _ name: String, _ kernel: @escaping Grad,
    as body:
      @escaping @Sendable (TensorContext, Operand, Operand, Attribute) throws(TensorError)
      -> Operand
  ) -> Op {
    Op(
      name, [Parameter("g", .tensor), Parameter("y", .tensor), Parameter("axis", .axis, .int(-1))],
      summary: "The gradient of a softmax.", dtypes: .float, shape: AxisRule(), saves: .operands,
      isInternal: true, batch: .axes,
      forward: .custom { call throws(TensorError) in
        let (g, y) = (call.tensor(0), call.tensor(1))
        let output = try call.makeOutput()
        let (outer, axis, inner) = try call.around(y.shape)
        _ = kernel(call.dtype.kernelType, g.data, y.data, output.data, outer, axis, inner)
        return Operand(output)
      },
      gradient: { call throws(TensorError) in
        let axis = call.attribute(0)
        return try call.composed { c, inputs throws(TensorError) in
          try body(c, inputs[0], inputs[1], axis)
        }
      })
  }

  private typealias Kernel =
    @Sendable (
      nnk_type, UnsafeRawPointer, UnsafeMutableRawPointer, Int, Int, Int
    ) -> Bool
  private typealias Grad =
    @Sendable (
      nnk_type, UnsafeRawPointer, UnsafeRawPointer, UnsafeMutableRawPointer, Int, Int, Int
    ) -> Bool

  private static func along(
    _ call: inout ForwardCall, _ kernel: Kernel
  ) throws(TensorError) -> Operand {
    let x = call.tensor(0)
    let output = try call.makeOutput()
    let (outer, axis, inner) = try call.around(x.shape)
    _ = kernel(call.dtype.kernelType, x.data, output.data, outer, axis, inner)
    return Operand(output)
  }
}

/// The shape stays; the axis must exist. Argument: axis.
struct AxisRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = query.operands[0]
    _ = try Axes.one(query.attribute(0), rank: shape.rank, standard: -1, in: query.name)
    return shape
  }
}

extension ForwardCall {
  /// The sizes before, of and after the axis argument.
  func around(_ shape: Shape) throws(TensorError) -> (Int, Int, Int) {
    let axis = try Axes.one(attribute(0), rank: shape.rank, standard: -1, in: op.name)
    return (shape.product(0..<axis), shape[axis], shape.product(axis + 1..<shape.rank))
  }
}
