// Gradients of fused rows through the compositions they stand for, so that they differentiate again.

extension TensorContext {
  /// The gradients in `inputs` of what `body` makes of them, for the gradients `seeds` in its results; zeros where nothing arrives,
  /// the number 0 for inputs that have no gradient.
  func pullback(
    at inputs: [Operand], seeds: [Operand?],
    of body: (TensorContext, [Operand]) throws(TensorError) -> [Operand]
  ) throws(TensorError) -> [Operand] {
    let tape = beginTape()
    defer { end(tape) }
    var watched = inputs
    var places: [Int] = []
    for place in inputs.indices where inputs[place].tensor?.dtype.isFloat ?? false {
      watched[place] = try watch(inputs[place], on: tape)
      places.append(place)
    }
    let total = try weightedSum(body(self, watched), seeds)
    end(tape)
    var result = inputs.map { _ in Operand(0) }
    let gradients = try gradients(of: total, tape: tape, wrt: places.map { watched[$0] })
    for (place, gradient) in zip(places, gradients) { result[place] = gradient }
    return result
  }

  /// The sum of all results times their seeds, whose gradient is what the seeds send back.
  func weightedSum(_ results: [Operand], _ seeds: [Operand?]) throws(TensorError) -> Operand {
    var total: Operand?
    for (result, seed) in zip(results, seeds) {
      guard let seed else { continue }
      let term = try apply(Ops.sum, [mul(result, seed)])
      if let sum = total { total = try add(sum, term) } else { total = term }
    }
    return total ?? Operand(0)
  }
}

extension GradientCall {
  /// The rule of an op with several results that is composed of others: their gradients, which differentiate again.
  func composedResults(
    _ body: (TensorContext, [Operand]) throws(TensorError) -> [Operand]
  ) throws(TensorError) -> Gradients {
    let tape = context.beginTape()
    defer { context.end(tape) }
    var inputs: [Operand] = []
    var watched: [Operand] = []
    for position in 0..<inputCount {
      var operand = isKept(position) ? input(position) : Operand(0)
      if wants(position), isKept(position) {
        operand = try context.watch(operand, on: tape)
        watched.append(operand)
      }
      inputs.append(operand)
    }
    let seeds = (0..<cotangents.count).map { cotangents[$0] }
    let total = try context.weightedSum(body(context, inputs), seeds)
    context.end(tape)
    var gradients = try context.gradients(of: total, tape: tape, wrt: watched)[...]
    return Gradients(
      list: (0..<inputCount).map {
        wants($0) && isKept($0) ? gradients.removeFirst() : nil
      })
  }
}

extension TensorError {
  /// What a kernel that needs memory of its own reports by giving false.
  static func failed(_ name: String) -> TensorError {
    TensorError("limit", "\(name): no memory for intermediate results")
  }
}

extension ForwardCall {
  /// An optional vector of parameters: nil where it is left out or is the number that changes nothing.
  func vector(
    _ position: Int, _ size: Int, neutral: Double
  ) throws(TensorError) -> Tensor? {
    guard position < operands.count else { return nil }
    if let tensor = operands[position].tensor {
      if tensor.shape.rank > 0 { return tensor }
      return try Tensor(filling: [size], with: tensor.number(at: 0), dtype: dtype)
    }
    let number = operands[position].number
    return number == neutral ? nil : try Tensor(filling: [size], with: number, dtype: dtype)
  }

  /// A fresh tensor in the type of the results.
  func makeTensor(_ shape: Shape) throws(TensorError) -> Tensor {
    try Tensor(shape: shape, dtype: dtype)
  }

  /// A fresh tensor where it is wanted.
  func makeTensor(_ shape: Shape, if isWanted: Bool) throws(TensorError) -> Tensor? {
    isWanted ? try Tensor(shape: shape, dtype: dtype) : nil
  }
}

extension Optional where Wrapped == Tensor {
  /// A result that was computed, or the number 0 in the place of one that was not.
  var result: Operand { map { Operand($0) } ?? Operand(0) }
  /// The elements of an optional operand of a kernel.
  var pointer: UnsafeMutableRawPointer? { self?.data }
}
