// What rows are made with: common signatures and shape rules.
import NNKernels

/// The result has the shape of the first operand.
struct SameShape: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[0]
  }
}

/// The result is a scalar.
struct ScalarShape: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    Dims()
  }
}

/// The result's shape is the argument at a position.
struct AttributeShape: ShapeRule {
  let position: Int

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try query.sizes(position)
  }
}

extension ShapeQuery {
  /// A list of sizes given as an argument.
  func sizes(_ position: Int) throws(TensorError) -> Dims<D> {
    var sizes: [Int] = []
    switch attribute(position) {
    case .ints(let list): sizes = list
    case .int(let size): sizes = [size]
    case .none: break
    default: throw TensorError("type", "\(name): a shape is a list of whole numbers")
    }
    guard sizes.count <= 8 else {
      throw error("a tensor has at most 8 axes, not \(sizes.count)")
    }
    var result = Dims<D>()
    for size in sizes {
      guard size >= 0 else { throw error("a size cannot be negative: \(size)") }
      result.append(D(size))
    }
    return result
  }
}

extension Op {
  /// A row of one elementwise kernel of one operand.
  static func unary(
    _ name: String, _ kernel: nnk_unary_op, dtypes: DTypeRule = .float, _ summary: String,
    example: String? = nil, domain: Sample.Domain = .any, saves: Saved = [],
    isInternal: Bool = false, gradient: Gradient? = nil
  ) -> Op {
    Op(
      name, [Parameter("x", .tensor)], summary: summary,
      example: example ?? "\(name)([0.1, 0.5])",
      samples: [Sample([2, 3], from: [domain]), Sample([], from: [domain])], dtypes: dtypes,
      shape: SameShape(), saves: saves, takesNumbers: true, isInternal: isInternal,
      forward: .unary(kernel), gradient: gradient)
  }

  /// A row of one elementwise kernel of two operands.
  static func binary(
    _ name: String, _ kernel: nnk_binary_op, dtypes: DTypeRule = .promote, _ summary: String,
    example: String? = nil, domains: [Sample.Domain] = [.any], saves: Saved = [],
    isInternal: Bool = false, tangent: Tangent? = nil, gradient: Gradient? = nil
  ) -> Op {
    Op(
      name, [Parameter("x", .tensor), Parameter("y", .tensor)], summary: summary,
      example: example ?? "\(name)([1, 2], 3)",
      samples: [
        Sample([2, 3], [2, 3], from: domains), Sample([2, 3], [3], from: domains),
        Sample([4, 1, 3], [1, 2, 1], from: domains), Sample([], [2, 2], from: domains),
      ],
      dtypes: dtypes, shape: BroadcastRule(), saves: saves, takesNumbers: true,
      isInternal: isInternal, tangent: tangent, forward: .binary(kernel), gradient: gradient)
  }
}

/// Whether a tape keeps one operand only for the sake of the gradient in the other.
extension Saved {
  /// Both operands, each only where the gradient in the other is wanted.
  static let crosswise: Saved = [.operands, Saved(rawValue: 0x4000)]

  @inline(__always) var isCrosswise: Bool { rawValue & 0x4000 != 0 }
}

/// One application of a row that is made of other ops.
struct ComposedCall {
  let context: TensorContext
  let operands: [Operand]
  let attributes: [Attribute]
  /// The shape of the (first) result.
  let result: Shape

  /// The argument at a position; `none` behind the end.
  func attribute(_ index: Int) -> Attribute {
    index < attributes.count ? attributes[index] : .none
  }

  /// The shape of an operand as code inside the active traces sees it.
  func shape(_ position: Int) -> Shape { context.shape(of: operands[position]) }

  /// The number an argument gives, or the standard one.
  func number(_ index: Int, _ standard: Double) -> Double { attribute(index).number ?? standard }

  /// Whether an optional operand was given.
  func has(_ position: Int) -> Bool { position < operands.count }
}

extension Op {
  /// A row made of other ops. It refuses what its shape rule refuses, in its own name, before it runs them.
  static func composed(
    _ name: String, _ parameters: [Parameter], _ summary: String, example: String,
    samples: [Sample], dtypes: DTypeRule = .float, shape: some ShapeRule,
    body: @escaping @Sendable (ComposedCall) throws(TensorError) -> Operand
  ) -> Op {
    Op(
      name, parameters, summary: summary, example: example, samples: samples, dtypes: dtypes,
      shape: shape,
      forward: .composed { c, operands, attributes throws(TensorError) in
        let query = ShapeQuery(
          name: name, operands: operands.map { c.shape(of: $0) }, attributes: attributes)
        let result = try shape(query)
        return try body(
          ComposedCall(context: c, operands: operands, attributes: attributes, result: result))
      })
  }

  /// A composed row of one operand that is computed in floats, elementwise; a number in gives a number out.
  static func activation(
    _ name: String, _ parameters: [Parameter] = [], _ summary: String, example: String,
    samples: [Sample] = [Sample([2, 3]), Sample([]), Sample([0, 2])],
    body: @escaping @Sendable (ComposedCall, Operand) throws(TensorError) -> Operand
  ) -> Op {
    .composed(
      name, [Parameter("x", .tensor)] + parameters, summary, example: example, samples: samples,
      shape: SameShape()
    ) { call throws(TensorError) in
      let (c, x) = (call.context, call.operands[0])
      if x.isNumber {
        return try c.apply(Ops.item, [body(call, c.apply(Ops.to, [x], [.dtype(.f64)]))])
      }
      return try body(call, try c.floats(x))
    }
  }
}

extension TensorContext {
  /// A tensor in a float type: bools and integers become f32.
  func floats(_ x: Operand) throws(TensorError) -> Operand {
    guard let dtype = x.tensor?.dtype, !dtype.isFloat else { return x }
    return try apply(Ops.to, [x], [.dtype(.f32)])
  }
}
