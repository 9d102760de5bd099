// The way back: from the gradient in a result to the gradients in the values that were watched.
import NNKernels

extension TensorContext {
  /// The gradients of `output` (weighted by `seed`, by default 1) in watched values.
  ///
  /// Walks the tape backwards without recursion. Unless `keepsEntries`, what an entry holds is freed as soon as it has been
  /// used, so the tape serves once. A value that `output` does not depend on gets zeros. Gradients of numbers are numbers.
  package func gradients(
    of output: Operand, seed: Operand? = nil, tape: Tape, wrt: [Operand], keepsEntries: Bool = false
  ) throws(TensorError) -> [Operand] {
    var gradients: [Operand] = []
    gradients.reserveCapacity(wrt.count)
    guard tape.tracks(output) else {
      for value in wrt { gradients.append(try zeros(like: tape.lowered(value))) }
      return gradients
    }
    var walk = BackwardWalk(
      context: self, tape: tape, from: output.handle.index, wrt: wrt, keepsEntries: keepsEntries)
    if let seed {
      try walk.run(seed: seed)
    } else {
      try walk.run(seed: ones(like: tape.lowered(output)))
    }
    for value in wrt {
      let arrived = tape.tracks(value) ? walk.cotangents[safe: value.handle.index] ?? nil : nil
      if let arrived {
        gradients.append(arrived)
      } else {
        gradients.append(try zeros(like: tape.lowered(value)))
      }
    }
    return gradients
  }

  /// What the gradient rule of one recorded op gives for one operand, before it is summed over stretched axes.
  func operandGradient(
    of output: Operand, cotangent: Operand, tape: Tape, position: Int
  ) throws(TensorError) -> Operand? {
    let entry = tape.entry(output.handle.index)
    guard let rule = entry.op?.takeUnretainedValue().gradient else { return nil }
    let leaf = Int(tape.input(Int(entry.firstInput) + position).parent)
    let call = GradientCall(
      context: self, tape: tape, entry: entry, index: output.handle.index,
      reaching: Reaching(tape, from: [leaf], upTo: output.handle.index),
      cotangents: Cotangents(first: cotangent))
    return try rule(call)[position]
  }

  /// Ones in the shape and type of a value.
  private func ones(like value: Operand) throws(TensorError) -> Operand {
    guard let tensor = value.tensor else { return Operand(1) }
    return Operand(try Tensor(filling: shape(of: value), with: 1, dtype: tensor.dtype))
  }

  /// Zeros in the shape and type of a value.
  package func zeros(like value: Operand) throws(TensorError) -> Operand {
    guard let tensor = value.tensor else { return Operand(0) }
    return Operand(try Tensor(filling: shape(of: value), with: 0, dtype: tensor.dtype))
  }
}

extension Array {
  fileprivate subscript(safe index: Int) -> Element? { index < count ? self[index] : nil }
}

/// One walk over a tape.
private struct BackwardWalk {
  let context: TensorContext
  let tape: Tape
  let last: Int
  let reaching: Reaching
  let keepsEntries: Bool
  private let hasFolds: Bool
  /// By entry, what has arrived so far.
  var cotangents: [Operand?]

  init(
    context: TensorContext, tape: Tape, from last: Int, wrt: [Operand], keepsEntries: Bool
  ) {
    self.context = context
    self.tape = tape
    self.last = last
    self.keepsEntries = keepsEntries
    hasFolds = !tape.folds.isEmpty
    // As many as there are leaves are usually all of them; where they are not, marking all is only more work.
    if wrt.count >= tape.leafCount, wrt.allSatisfy({ tape.tracks($0) }) {
      reaching = Reaching()
    } else {
      let leaves = wrt.filter { tape.tracks($0) }.map { $0.handle.index }
      reaching = Reaching(tape, from: Set(leaves), upTo: last)
    }
    cotangents = [Operand?](repeating: nil, count: last + 1)
  }

  mutating func run(seed: Operand) throws(TensorError) {
    cotangents[last] = seed
    var index = last
    while index >= 0 {
      let entry = tape.entry(index)
      if let op = entry.op {
        let arrived = takeCotangents(index, count: Int(entry.outputCount))
        if !arrived.isEmpty, reaching.contains(index) {
          try step(op.takeUnretainedValue(), index, arrived)
        }
        if !keepsEntries {
          for result in index..<index + Int(entry.outputCount) { tape.free(result) }
        }
      }
      index -= 1
    }
    if keepsEntries, hasFolds { tape.foldAgain() }
  }

  /// Takes what arrived at the results of an entry.
  private mutating func takeCotangents(_ index: Int, count: Int) -> Cotangents {
    var arrived = Cotangents(first: nil)
    swap(&arrived.first, &cotangents[index])
    if count > 1 {
      for result in index + 1..<index + count {
        arrived.further.append(result <= last ? cotangents[result] : nil)
        if result <= last { cotangents[result] = nil }
      }
    }
    return arrived
  }

  /// Sends the gradient of one entry on to its operands.
  private mutating func step(
    _ op: Op, _ index: Int, _ arrived: consuming Cotangents
  ) throws(TensorError) {
    guard let rule = op.gradient else { return }
    if hasFolds { try tape.unfold(at: index, in: context) }
    let entry = tape.entry(index)
    let call = GradientCall(
      context: context, tape: tape, entry: entry, index: index, reaching: reaching,
      cotangents: arrived)
    let gradients: Gradients
    do throws(TensorError) {
      gradients =
        context.debugNaNs
        ? try context.unchecked { () throws(TensorError) in try rule(call) } : try rule(call)
    } catch {
      throw error.inBackward(of: op, at: entry.position)
    }
    for position in 0..<call.inputCount where call.wants(position) {
      guard let gradient = gradients[position] else { continue }
      let fitting = try context.fitted(gradient, to: call.type(position))
      if context.debugNaNs {
        let cotangents = call.cotangents
        try context.refuseFlaws(
          in: fitting, of: "the gradient of \(op.name)",
          from: (0..<cotangents.count).map { cotangents[$0] }, at: entry.position)
      }
      let parent = Int(tape.input(Int(entry.firstInput) + position).parent)
      try add(fitting, to: parent)
    }
  }

  /// Adds to what has arrived at an entry.
  private mutating func add(_ gradient: consuming Operand, to index: Int) throws(TensorError) {
    guard let old = cotangents[index] else {
      cotangents[index] = gradient
      return
    }
    cotangents[index] = nil
    cotangents[index] = try context.binary(Ops.add, old, gradient)
  }
}

extension TensorContext {
  /// A gradient summed over the axes an operand was stretched along, in the operand's type; a number where it was one.
  func fitted(_ gradient: consuming Operand, to type: TensorType?) throws(TensorError) -> Operand {
    guard let type else {
      guard gradient.tensor != nil else { return gradient }
      let total = try sum(gradient, to: Shape())
      return try apply(Ops.item, [total])
    }
    guard let tensor = gradient.tensor else {
      return try apply(Ops.broadcastTo, [gradient], [.ints(type.shape.array), .dtype(type.dtype)])
    }
    let isSameShape = shape(of: gradient) == type.shape
    if isSameShape && tensor.dtype == type.dtype { return gradient }
    if !isSameShape { gradient = try sum(gradient, to: type.shape) }
    if gradient.tensor?.dtype != type.dtype {
      gradient = try apply(Ops.to, [gradient], [.dtype(type.dtype)])
    }
    return gradient
  }

  /// A value summed over the axes that a shape stretched to it by broadcasting.
  func sum(_ value: consuming Operand, to shape: Shape) throws(TensorError) -> Operand {
    if self.shape(of: value) == shape { return value }
    if let sum = try sumOfRows(value, shape) { return sum }
    return try apply(Ops.sumTo, [value], [.ints(shape.array)])
  }
}

extension TensorContext {
  /// An untracked float value summed over its leading axes, as in the gradient of a bias; nil for anything else.
  private func sumOfRows(_ value: Operand, _ shape: Shape) throws(TensorError) -> Operand? {
    guard !debugNaNs, value.handle.isNone, let tensor = value.tensor, tensor.dtype.isFloat,
      tensor.count > 0, shape.isSuffix(of: tensor.shape)
    else { return nil }
    let output = try Tensor(shape: shape, dtype: tensor.dtype)
    let columns = output.count
    let done = nnk_reduce(
      NNK_SUM, tensor.dtype.kernelType, tensor.data, output.data, 1, tensor.count / columns,
      columns)
    return done ? try checked(Operand(output)) : nil
  }
}

extension TensorError {
  /// The error with the source position of the op whose gradient was being taken.
  func inBackward(of op: Op, at position: UInt32) -> TensorError {
    var error = self
    if error.position == nil {
      error.position = position
      error.message = "in the gradient of \(op.name): \(message)"
      error.notes = []
    }
    return error
  }
}
