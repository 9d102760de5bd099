// What losses do with their values: mean, sum, none.

/// How a loss becomes its result.
enum Reduction: String {
  case mean, sum, none

  /// The parameter of losses, last in their signatures.
  static let parameter = Parameter("reduction", .string, .string("mean"))

  init(_ attribute: Attribute, in name: String) throws(TensorError) {
    guard case .string(let text) = attribute else {
      self = .mean
      return
    }
    guard let reduction = Reduction(rawValue: text) else {
      throw TensorError(
        "argument", "\(name): there is no reduction \"\(text)\"",
        help: "reductions are \"mean\", \"sum\" and \"none\"")
    }
    self = reduction
  }

  /// The loss from its values.
  func of(_ values: Operand, _ c: TensorContext) throws(TensorError) -> Operand {
    switch self {
    case .none: return values
    case .sum: return try c.apply(Ops.sum, [values])
    case .mean: return try c.apply(Ops.mean, [values])
    }
  }

  /// The shape of a loss whose values have a shape.
  func shape<D: Dimension>(_ values: Dims<D>) -> Dims<D> { self == .none ? values : Dims() }
}

/// A scalar, or unreduced the shape that the operands stretch to. Arguments: the reduction is the last of so many.
struct PairLossRule: ShapeRule {
  /// Which argument the reduction is.
  var reduction = 0

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = try BroadcastRule()(query)
    return try Reduction(query.attribute(reduction), in: query.name).shape(shape)
  }
}

/// The same where the last axis goes away first; operands after the first so many are one for each row.
struct RowLossRule: ShapeRule {
  var reduction = 0
  var pairCount = 2

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = try RowRule()(
      ShapeQuery(name: query.name, operands: Array(query.operands.prefix(pairCount))))
    for position in query.operands.indices.dropFirst(pairCount) {
      guard let both = Broadcasting.shape(shape, query.operands[position]), both == shape else {
        throw query.error(
          "one target for each of \(shape) rows is needed, not \(query.operands[position])",
          showing: [0, position])
      }
    }
    return try Reduction(query.attribute(reduction), in: query.name).shape(shape)
  }
}
