// How a row is applied to a batch of examples at once.

/// A row's way to do what it does to one example to many. All give the same; a row names the cheapest that fits it.
package enum Batching: Sendable {
  /// Example by example. Right for every row.
  case loop
  /// As the row stands, once ranks are aligned: for elementwise rows, whose operands broadcast together.
  case elementwise
  /// With the arguments that are axes counted one further. For rows that work along axes and leave the others alone; all
  /// operands that are tensors have the same axes.
  case axes
  /// For rows of one operand that change its shape only.
  case view
  /// As the row stands: the operands at these positions, and the results, may have any number of leading axes. Where another
  /// operand is batched, example by example.
  case leading([Int])
  /// With the batch merged into the first axis, which is one of examples already: for rows that take each entry of the first
  /// axis of these operands by itself. Where another operand is batched, example by example.
  case merged([Int])
  /// By a composition of ops that does the same to one example.
  case composed(
    @Sendable (TensorContext, [Operand], [Attribute]) throws(TensorError) -> [Operand])
  /// By a rule of the row's own: the results, their examples along the first axis.
  case custom(@Sendable (BatchCall) throws(TensorError) -> [Operand])
}

/// One application of an op to operands of which some are batched.
package struct BatchCall {
  package let context: TensorContext
  let trace: BatchTrace
  let op: Op
  /// The operands as code inside the batch sees them.
  let examples: [Operand]
  /// The operands as the level below sees them: batched ones have the examples along the first axis.
  package let operands: [Operand]
  package let attributes: [Attribute]

  init(
    context: TensorContext, trace: BatchTrace, op: Op, operands: [Operand],
    attributes: [Attribute]
  ) {
    self.context = context
    self.trace = trace
    self.op = op
    self.attributes = attributes
    examples = operands
    self.operands = operands.map { trace.lowered($0) }
  }

  /// How many examples there are.
  package var size: Int { trace.size }

  /// The argument at a position; `none` behind the end.
  package func attribute(_ index: Int) -> Attribute {
    index < attributes.count ? attributes[index] : .none
  }

  /// Whether an operand differs between the examples.
  package func isBatched(_ position: Int) -> Bool { trace.tracks(examples[position]) }

  /// The shape of one example of an operand.
  package func shape(_ position: Int) -> Shape { context.shape(of: examples[position]) }

  /// An operand with the examples along the first axis, repeated where they are equal.
  package func batched(_ position: Int) throws(TensorError) -> Operand {
    try trace.stacked(examples[position], in: context)
  }

  /// The shapes of one example of the results; throws where the op does not fit one example.
  package func resultShapes() throws(TensorError) -> [Shape] {
    let query = ShapeQuery(
      name: op.name, operands: examples.map { context.shape(of: $0) }, attributes: attributes)
    return try op.shape.allSizes(query)
  }

  /// A shape with the batch's axis in front.
  package func withExamples(_ shape: Shape) throws(TensorError) -> Shape {
    try BatchCall.checkRank(shape)
    var result = shape
    result.insert(size, at: 0)
    return result
  }

  static func checkRank(_ shape: Shape) throws(TensorError) {
    guard shape.rank < Shape.maximumRank else {
      throw TensorError(
        "shape", "inside vmap a tensor has at most \(Shape.maximumRank - 1) axes, not \(shape.rank)"
      )
    }
  }

  /// A value in the shape of a batch of examples of another shape.
  package func reshaped(_ value: Operand, _ shape: Shape) throws(TensorError) -> Operand {
    try context.reshaped(value, withExamples(shape))
  }

  /// A value that code inside the batch made, with the examples along the first axis.
  func stacked(_ value: Operand) throws(TensorError) -> Operand {
    try trace.stacked(value, in: context)
  }

  /// The results of a composition that is written for one example.
  package func composed(
    _ body: (TensorContext, [Operand], [Attribute]) throws(TensorError) -> [Operand]
  ) throws(TensorError) -> [Operand] {
    var results = try body(context, examples, attributes)
    for position in results.indices {
      results[position] = try trace.stacked(results[position], in: context)
    }
    return results
  }

  /// The results, their examples along the first axis.
  func run() throws(TensorError) -> [Operand] {
    switch op.batching {
    case .loop: return try loop()
    case .elementwise: return [try elementwise()]
    case .axes: return try alongAxes()
    case .view: return [try reshaped(operands[0], resultShapes()[0])]
    case .leading(let positions): return try leading(positions)
    case .merged(let positions): return try merged(positions)
    case .composed(let body): return try composed(body)
    case .custom(let rule): return try rule(self)
    }
  }
}
