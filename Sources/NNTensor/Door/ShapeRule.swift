// Shape rules: one generic function each, run on sizes by the door and on symbols by the checker.

/// What a shape rule is asked.
package struct ShapeQuery<D: Dimension> {
  /// The op's name, for messages.
  package let name: String
  /// The operands' shapes; a number has rank 0.
  package let operands: [Dims<D>]
  /// Which operands are numbers.
  package let isNumber: [Bool]
  package let attributes: [Attribute]

  package init(
    name: String, operands: [Dims<D>], isNumber: [Bool] = [], attributes: [Attribute] = []
  ) {
    self.name = name
    self.operands = operands
    self.isNumber = isNumber
    self.attributes = attributes
  }

  /// The attribute at a position; `none` behind the end.
  func attribute(_ index: Int) -> Attribute {
    index < attributes.count ? attributes[index] : .none
  }

  /// Notes that show operands' shapes.
  func notes(_ positions: Int...) -> [(operand: Int, text: String)] {
    positions.compactMap { $0 < operands.count ? ($0, operands[$0].description) : nil }
  }

  /// A shape error with the given operands' shapes as notes.
  func error(
    _ message: String, help: String? = nil, showing positions: [Int] = [0]
  ) -> TensorError {
    TensorError(
      "shape", "\(name): \(message)", help: help,
      notes: positions.compactMap { $0 < operands.count ? ($0, operands[$0].description) : nil })
  }
}

/// The shape of an op's result (or results) from its operands' shapes and arguments.
package protocol ShapeRule: Sendable {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D>
  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>]
}

extension ShapeRule {
  package func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    [try self(query)]
  }
}

/// A shape rule specialised for sizes and for symbols.
struct ShapeRuleBox: Sendable {
  let sizes: @Sendable (ShapeQuery<Int>) throws(TensorError) -> Shape
  let allSizes: @Sendable (ShapeQuery<Int>) throws(TensorError) -> [Shape]
  let symbols: @Sendable (ShapeQuery<SymbolicDim>) throws(TensorError) -> [Dims<SymbolicDim>]

  init<R: ShapeRule>(_ rule: R) {
    sizes = { query throws(TensorError) in try rule(query) }
    allSizes = { query throws(TensorError) in try rule.all(query) }
    symbols = { query throws(TensorError) in try rule.all(query) }
  }
}

extension Op {
  /// The shapes of the results for shapes that may be symbolic; nil where an operand's rank or a needed argument is unknown.
  package func checkShapes(
    _ operands: [Dims<SymbolicDim>?], isNumber: [Bool] = [], attributes: [Attribute]
  ) throws(TensorError) -> [Dims<SymbolicDim>]? {
    var known: [Dims<SymbolicDim>] = []
    for operand in operands {
      guard let operand else { return nil }
      known.append(operand)
    }
    if attributes.contains(.unknown) { return nil }
    return try shape.symbols(
      ShapeQuery(name: name, operands: known, isNumber: isNumber, attributes: attributes))
  }
}
