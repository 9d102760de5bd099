// Short names for the ops that gradient rules are written with.

extension TensorContext {
  func add(_ a: Operand, _ b: Operand) throws(TensorError) -> Operand { try binary(Ops.add, a, b) }
  func sub(_ a: Operand, _ b: Operand) throws(TensorError) -> Operand { try binary(Ops.sub, a, b) }
  func mul(_ a: Operand, _ b: Operand) throws(TensorError) -> Operand { try binary(Ops.mul, a, b) }
  func div(_ a: Operand, _ b: Operand) throws(TensorError) -> Operand { try binary(Ops.div, a, b) }
  func neg(_ a: Operand) throws(TensorError) -> Operand { try unary(Ops.neg, a) }
  func add(_ a: Operand, _ b: Double) throws(TensorError) -> Operand { try add(a, Operand(b)) }
  func mul(_ a: Operand, _ b: Double) throws(TensorError) -> Operand { try mul(a, Operand(b)) }

  /// Number minus value.
  func sub(_ a: Double, _ b: Operand) throws(TensorError) -> Operand { try sub(Operand(a), b) }

  /// A gradient times a derivative that may have a pole: 0 times anything is 0.
  func absorb(_ gradient: Operand, _ derivative: Operand) throws(TensorError) -> Operand {
    try binary(Ops.mulAbsorbing, gradient, derivative)
  }

  /// `a` where the condition holds, elsewhere `b`.
  func select(
    _ condition: Operand, _ a: Operand, _ b: Operand
  ) throws(TensorError) -> Operand {
    try apply(Ops.where, [condition, a, b])
  }
}

extension GradientCall {
  /// The rule of an op of one operand: the gradient times the derivative that `body` computes.
  func times(
    _ body: (TensorContext) throws(TensorError) -> Operand
  ) throws(TensorError) -> Gradients {
    Gradients(try context.absorb(cotangent, try body(context)))
  }

  /// The rule of an op that is composed of others: their gradients, which differentiate again.
  func composed(
    _ body: (TensorContext, [Operand]) throws(TensorError) -> Operand
  ) throws(TensorError) -> Gradients {
    let tape = context.beginTape()
    defer { context.end(tape) }
    var inputs: [Operand] = []
    var watched: [Operand] = []
    for position in 0..<inputCount {
      var operand = input(position)
      if wants(position) {
        operand = try context.watch(operand, on: tape)
        watched.append(operand)
      }
      inputs.append(operand)
    }
    let output = try body(context, inputs)
    context.end(tape)
    var gradients = try context.gradients(
      of: output, seed: cotangent, tape: tape, wrt: watched)[...]
    return Gradients(list: (0..<inputCount).map { wants($0) ? gradients.removeFirst() : nil })
  }
}
