// Running totals along an axis.
import NNKernels

extension Ops {
  static let scans: [Op] = [cumsum, cumprod]

  private static let parameters = [
    Parameter("x", .tensor), Parameter("axis", .axis, .int(-1)),
    Parameter("reverse", .bool, .bool(false)),
  ]
  private static let samples = [
    Sample([2, 4], with: [.int(-1)]), Sample([3, 2], with: [.int(0), .bool(true)]),
    Sample([3, 21], with: [.int(-1), .bool(true)]), Sample([2, 0]), Sample([1]),
  ]

  package static let cumsum: Op = Op(
    "cumsum", parameters, summary: "The running sum along an axis; reversed it runs from the end.",
    example: "cumsum([1, 2, 3])", samples: samples, dtypes: .sum, shape: AxisRule(),
    tangent: .linear, batch: .axes,
    forward: .custom { call throws(TensorError) in try cumulative(&call, NNK_SUM) },
    gradient: { call throws(TensorError) in
      let axis = call.attribute(0) == .none ? .int(-1) : call.attribute(0)
      return Gradients(
        try call.context.apply(
          cumsum, [call.cotangent], [axis, .bool(!call.attribute(1).isTrue)]))
    })

  package static let cumprod: Op = Op(
    "cumprod", parameters,
    summary: "The running product along an axis; reversed it runs from the end.",
    example: "cumprod([1, 2, 3])", samples: samples, dtypes: .sum, shape: AxisRule(),
    saves: [.operand(0), .output], batch: .axes,
    forward: .custom { call throws(TensorError) in try cumulative(&call, NNK_PROD) },
    gradient: { call throws(TensorError) in
      let shape = call.shape(0)
      if try !hasZeros(call.context, call.input(0)) {
        // The product of all from i on, by what is divided out again: sum over j >= i of g_j y_j / x_i.
        let c = call.context
        let axis = call.attribute(0) == .none ? .int(-1) : call.attribute(0)
        let products = try c.mul(call.cotangent, call.output)
        let sums = try c.apply(
          cumsum, [products], [axis, .bool(!call.attribute(1).isTrue)])
        return Gradients(try c.div(sums, call.input(0)))
      }
      let axis = try Axes.one(call.attribute(0), rank: shape.rank, standard: -1, in: "cumprod")
      let isReversed = call.attribute(1).isTrue
      return try call.composed { c, inputs throws(TensorError) in
        try runningProduct(c, inputs[0], axis: axis, size: shape[axis], isReversed)
      }
    })

  private static func hasZeros(_ c: TensorContext, _ x: Operand) throws(TensorError) -> Bool {
    let zeros = try c.apply(anyTrue, [c.binary(equal, x.plain, Operand(0))])
    return zeros.values.first != 0
  }

  private static func cumulative(
    _ call: inout ForwardCall, _ op: nnk_reduce_op
  ) throws(TensorError) -> Operand {
    let tensor = try call.tensor(0).converted(to: call.dtype)
    let (outer, axis, inner) = try call.around(tensor.shape)
    let output = try call.makeOutput()
    let isDone = nnk_cumulative(
      op, call.dtype.kernelType, tensor.data, output.data, outer, axis, inner,
      call.attribute(1).isTrue)
    guard isDone else { throw .outOfMemory(call.shape, .f64) }
    return Operand(output)
  }

  /// A running product by doubling, so that its gradient is right with zeros too: each element times the one 1, 2, 4 … before.
  private static func runningProduct(
    _ c: TensorContext, _ x: Operand, axis: Int, size: Int, _ isReversed: Bool
  ) throws(TensorError) -> Operand {
    var value = x
    var step = 1
    while step < size {
      let left = try c.slice(value, axis: axis, 0, size - step)
      let right = try c.slice(value, axis: axis, step, size)
      let products = try c.mul(left, right)
      let kept =
        isReversed
        ? try c.slice(value, axis: axis, size - step, size)
        : try c.slice(value, axis: axis, 0, step)
      value = try c.apply(
        concat, isReversed ? [products, kept] : [kept, products], [.int(axis)])
      step *= 2
    }
    return value
  }
}
