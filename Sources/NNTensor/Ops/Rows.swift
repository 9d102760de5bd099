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
