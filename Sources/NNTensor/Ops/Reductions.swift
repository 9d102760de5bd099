// Reductions over axes.
import NNKernels

extension Ops {
  static let reductions: [Op] = [
    sum, mean, prod, max, min, anyTrue, allTrue, countNonzero, argmax, argmin, variance, std, norm,
    logsumexp, extremeShare,
  ]

  /// The signature of reductions.
  private static let parameters = [
    Parameter("x", .tensor), Parameter("axis", .axes, Attribute.none),
    Parameter("keepdims", .bool, .bool(false)),
  ]

  private static let samples = [
    Sample([2, 3], with: [.none, .bool(false)]), Sample([2, 3, 4], with: [.int(1), .bool(true)]),
    Sample([2, 3, 4], with: [.ints([0, 2]), .bool(false)]), Sample([3], with: [.int(-1)]),
    Sample([], with: [.none]), Sample([0, 3], with: [.int(1)]), Sample([5, 40], with: [.int(0)]),
  ]

  /// A row that reduces with one kernel.
  private static func reduction(
    _ name: String, _ kernel: nnk_reduce_op, _ summary: String, dtypes: DTypeRule,
    saves: Saved = [], refusesEmpty: Bool = false, tangent: Tangent? = nil,
    gradient: Gradient? = nil
  ) -> Op {
    Op(
      name, parameters, summary: summary, example: "\(name)(x, axis: 0)", samples: samples,
      dtypes: dtypes, shape: ReductionRule(), saves: saves, tangent: tangent,
      batch: .axes,
      forward: .custom { call throws(TensorError) in
        let (tensor, axes) = try call.reduced()
        if refusesEmpty, axes.contains(where: { tensor.shape[$0] == 0 }) {
          throw TensorError(
            "shape", "\(name) of no elements", notes: [(0, tensor.shape.description)])
        }
        let result = try tensor.reduced(kernel, axes: axes, dtype: call.dtype)
        return Operand(Tensor(sharing: result, shape: call.shape))
      }, gradient: gradient)
  }

  package static let sum: Op = reduction(
    "sum", NNK_SUM, "The sum over the axes, by default all; bools and integers give i64.",
    dtypes: .sum, tangent: .linear
  ) { call throws(TensorError) in Gradients(try call.spread(call.cotangent)) }

  package static let mean: Op = Op(
    "mean", parameters, summary: "The mean over the axes, by default all.",
    example: "mean(x, axis: 0)", samples: samples, dtypes: .float, shape: ReductionRule(),
    tangent: .linear, batch: .axes,
    forward: .custom { call throws(TensorError) in
      let (tensor, axes) = try call.reduced()
      let isOneRun = zip(axes, axes.dropFirst()).allSatisfy { $1 == $0 + 1 }
      if isOneRun && !axes.isEmpty {
        let mean = try tensor.reduced(NNK_MEAN, axes: axes, dtype: call.dtype)
        return Operand(Tensor(sharing: mean, shape: call.shape))
      }
      let sum = try tensor.reduced(NNK_SUM, axes: axes, dtype: call.dtype)
      let count = axes.reduce(1) { $0 * tensor.shape[$1] }
      _ = nnk_binary_scalar(
        NNK_DIV, call.dtype.kernelType, sum.data, Double(count), sum.data, sum.count)
      return Operand(Tensor(sharing: sum, shape: call.shape))
    },
    gradient: { call throws(TensorError) in
      let scaled = try call.context.div(call.cotangent, Operand(Double(call.reducedCount())))
      return Gradients(try call.spread(scaled))
    })

  package static let prod: Op = reduction(
    "prod", NNK_PROD, "The product over the axes, by default all; bools and integers give i64.",
    dtypes: .sum, saves: .operand(0)
  ) { call throws(TensorError) in
    let attributes = call.attributes
    return try call.composed { c, inputs throws(TensorError) in
      try product(c, inputs[0], attributes)
    }
  }

  /// A product by halves, so that its gradient is right with zeros too.
  private static func product(
    _ c: TensorContext, _ x: Operand, _ attributes: [Attribute]
  ) throws(TensorError) -> Operand {
    let shape = c.shape(of: x)
    let axes = try Axes.several(
      attributes.first ?? .none, rank: shape.rank, in: "prod")
    var value = x
    for axis in axes {
      var size = shape[axis]
      if size == 0 { return try c.apply(prod, [x.plain], attributes) }
      while size > 1 {
        let half = size / 2
        let left = try c.slice(value, axis: axis, 0, half)
        let right = try c.slice(value, axis: axis, half, 2 * half)
        var folded = try c.mul(left, right)
        if size % 2 == 1 {
          folded = try c.apply(
            concat, [folded, c.slice(value, axis: axis, size - 1, size)], [.int(axis)])
        }
        value = folded
        size = half + size % 2
      }
    }
    if attributes.count > 1, attributes[1].isTrue { return value }
    return try c.apply(squeeze, [value], [.ints(axes)])
  }

  package static let max: Op = reduction(
    "max", NNK_MAX, "The largest element over the axes; ties share the gradient evenly.",
    dtypes: .same, saves: [.operand(0), .output], refusesEmpty: true, gradient: extremeRule)
  package static let min: Op = reduction(
    "min", NNK_MIN, "The smallest element over the axes; ties share the gradient evenly.",
    dtypes: .same, saves: [.operand(0), .output], refusesEmpty: true, gradient: extremeRule)

  private static let extremeRule: Gradient = { call throws(TensorError) in
    let (c, x) = (call.context, call.input(0))
    let share = try c.apply(
      extremeShare, [x, call.spread(call.output)], [call.attribute(0)])
    return Gradients(try c.mul(call.spread(call.cotangent), share))
  }

  /// Which elements are the extreme one, as shares of 1.
  static let extremeShare: Op = Op(
    "extreme_share",
    [Parameter("x", .tensor), Parameter("extreme", .tensor), Parameter("axis", .axes)],
    summary: "1 / (number of ties) where `x` is the extreme, else 0.", dtypes: .same,
    shape: SameShape(), isInternal: true,
    forward: .composed { c, operands, attributes throws(TensorError) in
      let dtype = operands[0].tensor?.dtype ?? .f32
      let isExtreme = try c.apply(to, [c.binary(equal, operands[0], operands[1])], [.dtype(dtype)])
      let ties = try c.apply(sum, [isExtreme], [attributes[0], .bool(true)])
      return try c.div(isExtreme, c.binary(maximum, ties, Operand(1)))
    })

  package static let anyTrue: Op = reduction(
    "any", NNK_ANY, "Whether any element is true (not 0).", dtypes: .fixed(.bool))
  package static let allTrue: Op = reduction(
    "all", NNK_ALL, "Whether all elements are true (not 0).", dtypes: .fixed(.bool))

  package static let countNonzero: Op = reduction(
    "count_nonzero", NNK_COUNT, "How many elements are true (not 0), as i64.",
    dtypes: .fixed(.i64))

  package static let argmax: Op = position(
    "argmax", NNK_ARGMAX, "The place of the first largest element as i32; flat without an axis.")
  package static let argmin: Op = position(
    "argmin", NNK_ARGMIN, "The place of the first smallest element as i32; flat without an axis.")

  private static func position(_ name: String, _ kernel: nnk_reduce_op, _ summary: String) -> Op {
    Op(
      name,
      [
        Parameter("x", .tensor), Parameter("axis", .axis, Attribute.none),
        Parameter("keepdims", .bool, .bool(false)),
      ], summary: summary, example: "\(name)(x, axis: -1)",
      samples: [
        Sample([2, 3], with: [.none]), Sample([2, 3, 4], with: [.int(1), .bool(true)]),
        Sample([5, 40], with: [.int(0)]), Sample([]), Sample([2, 0], with: [.int(0)]),
      ],
      dtypes: .fixed(.i32), shape: ReductionRule(), batch: .axes,
      forward: .custom { call throws(TensorError) in
        let (tensor, axes) = try call.reduced()
        guard axes.allSatisfy({ tensor.shape[$0] > 0 }) else {
          throw TensorError(
            "shape", "\(name) of no elements", notes: [(0, tensor.shape.description)])
        }
        let result = try tensor.reduced(kernel, axes: axes, dtype: .i32)
        return Operand(Tensor(sharing: result, shape: call.shape))
      })
  }

  package static let variance: Op = Op(
    "var", parameters, summary: "The variance of the population over the axes, by default all.",
    example: "var(x, axis: 0)", samples: samples, dtypes: .float, shape: ReductionRule(),
    saves: .operand(0), batch: .axes,
    forward: .custom { call throws(TensorError) in try spread(&call) },
    gradient: { call throws(TensorError) in
      let (c, x) = (call.context, call.input(0))
      let mean = try c.apply(mean, [x], [call.attribute(0), .bool(true)])
      let slope = try c.mul(c.sub(x, mean), 2 / Double(call.reducedCount()))
      return Gradients(try c.absorb(call.spread(call.cotangent), slope))
    })

  /// The variance over any axes: they are brought next to each other first.
  private static func spread(_ call: inout ForwardCall) throws(TensorError) -> Operand {
    let (tensor, axes) = try call.reduced()
    var source = tensor
    var (first, last) = (axes.first ?? tensor.shape.rank, axes.last ?? tensor.shape.rank - 1)
    if last - first + 1 != axes.count {
      let others = tensor.shape.indices.filter { !axes.contains($0) }
      source = try tensor.permuted(others + axes)
      (first, last) = (others.count, tensor.shape.rank - 1)
    }
    let output = try call.makeOutput()
    let shape = source.shape
    _ = nnk_variance(
      call.dtype.kernelType, source.data, output.data, nil, shape.product(0..<first),
      shape.product(first..<last + 1), shape.product(last + 1..<shape.rank), 0)
    return Operand(output)
  }

  package static let std: Op = Op(
    "std", parameters,
    summary: "The standard deviation of the population over the axes, by default all.",
    example: "std(x, axis: 0)", samples: samples, dtypes: .float, shape: ReductionRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try c.unary(sqrt, c.apply(variance, operands, attributes))
    })

  package static let norm: Op = .composed(
    "norm", parameters + [Parameter("ord", .number, .number(2))],
    "The length over the axes, by default all: Euclidean, or `sum(abs(x) ** ord) ** (1 / ord)`; the largest absolute value for `ord: inf`, how many are not 0 for `ord: 0`. Its derivative at 0 is 0.",
    example: "norm(x, axis: -1)",
    samples: samples + [
      Sample([2, 3], with: [.int(1), .bool(false), .number(1)]),
      Sample([2, 3], with: [.none, .bool(true), .number(.infinity)]),
      Sample([2, 3], with: [.int(0), .bool(false), .number(-.infinity)]),
      Sample([2, 3], with: [.int(0), .bool(false), .number(3)]),
      Sample([2, 3], with: [.int(0), .bool(false), .number(0)]),
    ], shape: ReductionRule()
  ) { call throws(TensorError) in
    let c = call.context
    let x = try c.floats(call.operands[0])
    let over = Array(call.attributes.prefix(2))
    switch call.number(2, 2) {
    case 2: return try c.unary(sqrt, c.apply(sum, [c.unary(square, x)], over))
    case 1: return try c.apply(sum, [c.unary(abs, x)], over)
    case .infinity: return try c.apply(max, [c.unary(abs, x)], over)
    case -.infinity: return try c.apply(min, [c.unary(abs, x)], over)
    case 0:
      let isCounted = try c.binary(notEqual, x, Operand(0))
      let dtype = x.tensor?.dtype ?? .f32
      return try c.apply(sum, [c.apply(to, [isCounted], [.dtype(dtype)])], over)
    case let order where order.isFinite:
      let powers = try c.apply(sum, [c.binary(pow, c.unary(abs, x), Operand(order))], over)
      return try c.binary(pow, powers, Operand(1 / order))
    default: throw TensorError("argument", "norm: ord must be a number or inf, not nan")
    }
  }

  package static let logsumexp: Op = Op(
    "logsumexp", parameters, summary: "log(sum(exp(x))) over the axes, without overflow.",
    example: "logsumexp(x, axis: -1)", samples: samples, dtypes: .float, shape: ReductionRule(),
    saves: [.operand(0), .output], batch: .axes,
    forward: .custom { call throws(TensorError) in
      let (tensor, axes) = try call.reduced()
      let others = tensor.shape.indices.filter { !axes.contains($0) }
      let isOneRun = zip(axes, axes.dropFirst()).allSatisfy { $1 == $0 + 1 }
      let source = isOneRun ? tensor : try tensor.permuted(others + axes)
      let output = try call.makeOutput()
      let first = isOneRun ? axes.first ?? tensor.shape.rank : others.count
      let end = first + axes.count
      _ = nnk_logsumexp(
        call.dtype.kernelType, source.data, output.data, source.shape.product(0..<first),
        source.shape.product(first..<end), source.shape.product(end..<source.shape.rank))
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let share = try c.unary(exp, c.sub(call.input(0), call.spread(call.output)))
      return Gradients(try c.absorb(call.spread(call.cotangent), share))
    })
}

/// Axes go away, or stay with size 1. Arguments: axis, keepdims.
struct ReductionRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let axes = try Axes.several(query.attribute(0), rank: shape.rank, in: query.name)
    for axis in axes.reversed() {
      if query.attribute(1).isTrue { shape[axis] = D(1) } else { shape.remove(at: axis) }
    }
    return shape
  }
}

extension ForwardCall {
  /// The tensor to reduce and its axes.
  fileprivate func reduced() throws(TensorError) -> (Tensor, [Int]) {
    let tensor = tensor(0)
    return (tensor, try Axes.several(attribute(0), rank: tensor.shape.rank, in: op.name))
  }
}

extension GradientCall {
  private func reducedAxes() throws(TensorError) -> [Int] {
    try Axes.several(attribute(0), rank: shape(0).rank, in: "axis")
  }

  /// How many elements each result was made of.
  fileprivate func reducedCount() throws(TensorError) -> Int {
    let shape = shape(0)
    return try reducedAxes().reduce(1) { $0 * shape[$1] }
  }

  /// A value of the reduction's result shape repeated over the axes that went away.
  fileprivate func spread(_ value: Operand) throws(TensorError) -> Operand {
    let shape = shape(0)
    var kept = shape
    for axis in try reducedAxes() { kept[axis] = 1 }
    let reshaped = try context.reshaped(value, kept)
    return try context.apply(Ops.broadcastTo, [reshaped], [.ints(shape.array), .none])
  }
}

extension TensorContext {
  /// The value in another shape of the same size.
  func reshaped(_ value: Operand, _ shape: Shape) throws(TensorError) -> Operand {
    if self.shape(of: value) == shape { return value }
    return try apply(Ops.reshape, [value], [.ints(shape.array)])
  }

  /// A part of one axis.
  func slice(
    _ value: Operand, axis: Int, _ start: Int, _ stop: Int
  ) throws(TensorError) -> Operand {
    var items = [IndexItem](repeating: .slice(start: nil, stop: nil, step: nil), count: axis)
    items.append(.slice(start: start, stop: stop, step: nil))
    return try apply(Ops.index, [value], [.index(items)])
  }
}
