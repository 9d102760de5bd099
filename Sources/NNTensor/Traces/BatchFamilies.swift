// The ways to batch that many rows share.

extension BatchCall {
  // MARK: - Example by example

  func loop() throws(TensorError) -> [Operand] {
    guard size > 0 else { return try noExamples() }
    var columns: [[Operand]] = []
    for example in 0..<size {
      var inputs = operands
      for position in inputs.indices where isBatched(position) {
        inputs[position] = try context.apply(
          Ops.indexItems, [inputs[position]], [.index([.at(example)])])
      }
      let results = try context.applyMany(op, inputs, attributes)
      if columns.isEmpty { columns = results.map { _ in [] } }
      for (place, result) in results.enumerated() { columns[place].append(result) }
    }
    var stacks: [Operand] = []
    for column in columns {
      if let number = BatchCall.common(column) {
        stacks.append(number)
      } else {
        stacks.append(try context.apply(Ops.stack, column, [.int(0)]))
      }
    }
    return stacks
  }

  /// The plain number that all of some results are, as where a row has nothing to give; nil if they are anything else.
  private static func common(_ results: [Operand]) -> Operand? {
    guard let first = results.first else { return nil }
    let isSame = results.allSatisfy {
      $0.isNumber && $0.handle.isNone && $0.number.bitPattern == first.number.bitPattern
    }
    return isSame ? first : nil
  }

  /// The results of no examples: their shapes and types follow from one of zeros.
  private func noExamples() throws(TensorError) -> [Operand] {
    var inputs = operands
    for position in inputs.indices where isBatched(position) {
      let dtype = inputs[position].tensor?.dtype ?? .f32
      inputs[position] = Operand(try Tensor(filling: shape(position), with: 0, dtype: dtype))
    }
    var results = try context.applyMany(op, inputs, attributes)
    for position in results.indices where !results[position].isNumber {
      let shape = try withExamples(context.shape(of: results[position]))
      let dtype = results[position].tensor?.dtype ?? .f32
      results[position] = Operand(try Tensor(filling: shape, with: 0, dtype: dtype))
    }
    return results
  }

  // MARK: - Broadcasting

  func elementwise() throws(TensorError) -> Operand {
    if let (a, b) = simplePair() { return try context.binary(op, a, b) }
    _ = try resultShapes()
    let inputs = try aligned(Array(operands.indices))
    if op.kernelArity == 1 { return try context.unary(op, inputs[0]) }
    return try context.apply(op, inputs, attributes)
  }

  /// Two operands that fit as they are: both batched and of one shape, or one of them a plain number.
  private func simplePair() -> (Operand, Operand)? {
    guard op.kernelArity == 2 else { return nil }
    let (a, b) = (operands[0], operands[1])
    if a.isNumber || b.isNumber { return (a, b) }
    guard isBatched(0), isBatched(1), shape(0) == shape(1) else { return nil }
    return (a, b)
  }

  /// Operands that broadcast together, with axes of size 1 put in so that they do so behind the batch's axis.
  /// Unless `fitsOnly`, all of them get the batch's axis, of size 1 where they are not batched.
  func aligned(
    _ positions: [Int], fitsOnly: Bool = true
  ) throws(TensorError) -> [Operand] {
    let rank = positions.map { shape($0).rank }.max() ?? 0
    let wide = positions.filter { isBatched($0) }.map { shape($0).padded(to: rank) }
    for shape in wide { try BatchCall.checkRank(shape) }
    // An operand without the axis lines up behind it, unless a batched one would have to stretch.
    let fits =
      fitsOnly
      && positions.allSatisfy { position in
        let own = shape(position)
        return isBatched(position) || operands[position].isNumber
          || wide.allSatisfy { Broadcasting.stretch(own, to: $0) == $0 }
      }
    var inputs: [Operand] = []
    for position in positions {
      var input = operands[position]
      let own = shape(position)
      if isBatched(position) {
        if own.rank < rank { input = try reshaped(input, own.padded(to: rank)) }
      } else if !fits, own.rank > 0 {
        input = try context.reshaped(input, own.padded(to: rank + 1))
      }
      inputs.append(input)
    }
    return inputs
  }

  // MARK: - Along axes

  func alongAxes() throws(TensorError) -> [Operand] {
    let shapes = try resultShapes()
    var inputs: [Operand] = []
    for position in operands.indices {
      inputs.append(operands[position].isNumber ? operands[position] : try batched(position))
    }
    let parameters = op.parameters.filter { !$0.isOperand }
    var moved = attributes
    for (place, parameter) in parameters.enumerated()
    where parameter.kind == .axis || parameter.kind == .axes {
      while moved.count <= place { moved.append(parameters[moved.count].standard ?? .none) }
      var value = moved[place]
      if value == .none { value = parameter.standard ?? .none }
      if parameter.kind == .axis, value == .none {
        // One axis or the whole example, flat.
        inputs[0] = try reshaped(inputs[0], [shape(0).count])
        value = .int(0)
      }
      moved[place] = behindBatch(value, rank: shape(0).rank)
    }
    let results = try context.applyMany(op, inputs, moved)
    var fitted: [Operand] = []
    for (result, shape) in zip(results, shapes) { fitted.append(try reshaped(result, shape)) }
    return fitted
  }

  /// Axes of an example as axes of the batch.
  private func behindBatch(_ axes: Attribute, rank: Int) -> Attribute {
    switch axes {
    case .int(let axis): .int(axis < 0 ? axis : axis + 1)
    case .ints(let list): .ints(list.map { $0 < 0 ? $0 : $0 + 1 })
    case .none: .ints(Array(1..<rank + 1))
    default: axes
    }
  }

  // MARK: - Leading axes

  /// Whether only the operands at some positions are batched.
  private func areAll(in positions: [Int]) -> Bool {
    operands.indices.allSatisfy { !isBatched($0) || positions.contains($0) }
  }

  func leading(_ positions: [Int]) throws(TensorError) -> [Operand] {
    guard areAll(in: positions) else { return try loop() }
    var inputs = operands
    for position in positions where position < inputs.count {
      inputs[position] = try batched(position)
    }
    return try context.applyMany(op, inputs, attributes)
  }

  func merged(_ positions: [Int]) throws(TensorError) -> [Operand] {
    guard areAll(in: positions), positions.allSatisfy({ $0 < operands.count && shape($0).rank > 0 })
    else { return try loop() }
    let shapes = try resultShapes()
    var inputs = operands
    for position in positions {
      var merged = shape(position)
      merged[0] *= size
      inputs[position] = try context.reshaped(batched(position), merged)
    }
    let results = try context.applyMany(op, inputs, attributes)
    var parts: [Operand] = []
    for (result, shape) in zip(results, shapes) { parts.append(try reshaped(result, shape)) }
    return parts
  }

  // MARK: - Inside another axis

  /// An operand with the examples in front of what else lies along one of its axes.
  func folded(_ position: Int, axis: Int) throws(TensorError) -> Operand {
    var shape = shape(position)
    shape[axis] *= size
    return try context.reshaped(context.moved(batched(position), axis: 0, to: axis), shape)
  }

  /// A result whose examples lie along an axis, with them along the first.
  func unfolded(
    _ value: Operand, axis: Int, to shape: Shape
  ) throws(TensorError) -> Operand {
    var split = shape
    split.insert(size, at: axis)
    return try context.moved(context.reshaped(value, split), axis: axis, to: 0)
  }
}

extension Dims where D == Int {
  /// The shape with axes of size 1 in front.
  func padded(to rank: Int) -> Shape {
    var result = Shape(rank: Swift.max(rank - self.rank, 0), repeating: 1)
    for axis in indices { result.append(self[axis]) }
    return result
  }
}
