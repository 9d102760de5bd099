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
      if tape.tracks(value), let arrived = walk.arrivals[value.handle.index] {
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
    var gradients = try rule(call)
    return gradients.take(position)
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

/// The gradients that have arrived at the entries of a tape; each holds one reference to its tensor.
private struct Arrivals: ~Copyable {
  private struct Place {
    var tensor: Unmanaged<Tensor>?
    var number = 0.0
    var handle = Handle.none
    var isEmpty = true
  }

  private let places: UnsafeMutablePointer<Place>
  private let count: Int

  init(count: Int) {
    self.count = count
    places = .allocate(capacity: count)
    places.initialize(repeating: Place(), count: count)
  }

  deinit {
    for index in 0..<count { places[index].tensor?.release() }
    places.deallocate()
  }

  /// What has arrived at an entry; nil for none, or for an entry behind the last.
  subscript(index: Int) -> Operand? {
    guard index < count, !places[index].isEmpty else { return nil }
    return Arrivals.operand(places[index], places[index].tensor?.takeUnretainedValue())
  }

  /// Moves out what has arrived at an entry.
  func take(_ index: Int) -> Operand? {
    let place = places[index]
    guard !place.isEmpty else { return nil }
    places[index] = Place()
    return Arrivals.operand(place, place.tensor?.takeRetainedValue())
  }

  /// Moves a gradient to an entry that has none.
  func put(_ gradient: consuming Operand, at index: Int) {
    places[index] = Place(
      tensor: nil, number: gradient.number, handle: gradient.handle, isEmpty: false)
    if let tensor = gradient.tensor { places[index].tensor = .passRetained(tensor) }
  }

  @inline(__always)
  private static func operand(_ place: Place, _ tensor: consuming Tensor?) -> Operand {
    guard let tensor else { return Operand(place.number, handle: place.handle) }
    return Operand(tensor, handle: place.handle)
  }
}

/// One walk over a tape.
private struct BackwardWalk: ~Copyable {
  let context: TensorContext
  let tape: Tape
  let last: Int
  let keepsEntries: Bool
  private let hasFolds: Bool
  /// By entry, what has arrived so far.
  let arrivals: Arrivals
  /// What the gradient rules get: one for the whole walk, as copies of it cost more than many a rule.
  private var call: GradientCall

  init(
    context: TensorContext, tape: Tape, from last: Int, wrt: [Operand], keepsEntries: Bool
  ) {
    self.context = context
    self.tape = tape
    self.last = last
    self.keepsEntries = keepsEntries
    hasFolds = !tape.folds.isEmpty
    let reaching: Reaching
    // As many as there are leaves are usually all of them; where they are not, marking all is only more work.
    if wrt.count >= tape.leafCount, wrt.allSatisfy({ tape.tracks($0) }) {
      reaching = Reaching()
    } else {
      let leaves = wrt.filter { tape.tracks($0) }.map { $0.handle.index }
      reaching = Reaching(tape, from: Set(leaves), upTo: last)
    }
    arrivals = Arrivals(count: last + 1)
    call = GradientCall(
      context: context, tape: tape, entry: tape.entry(last), index: last, reaching: reaching,
      cotangents: Cotangents(first: nil))
  }

  mutating func run(seed: Operand) throws(TensorError) {
    arrivals.put(seed, at: last)
    var index = last
    while index >= 0 {
      let entry = tape.entry(index)
      if let op = entry.op {
        takeArrivals(index, count: Int(entry.outputCount))
        if !call.cotangents.isEmpty, call.reaching.contains(index) {
          try step(op.takeUnretainedValue(), index)
          call.cotangents.first = nil
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
  private mutating func takeArrivals(_ index: Int, count: Int) {
    call.cotangents.first = arrivals.take(index)
    if !call.cotangents.further.isEmpty { call.cotangents.further = [] }
    if count > 1 {
      for result in index + 1..<index + count {
        call.cotangents.further.append(result <= last ? arrivals.take(result) : nil)
      }
    }
  }

  /// Sends the gradient of one entry on to its operands.
  private mutating func step(_ op: Op, _ index: Int) throws(TensorError) {
    guard let rule = op.gradient else { return }
    if hasFolds { try tape.unfold(at: index, in: context) }
    let entry = tape.entry(index)
    (call.entry, call.index) = (entry, index)
    var gradients: Gradients
    do throws(TensorError) {
      gradients =
        context.debugNaNs
        ? try context.unchecked { () throws(TensorError) in try rule(call) } : try rule(call)
    } catch {
      throw error.inBackward(of: op, at: entry.position)
    }
    for position in 0..<call.inputCount where call.wants(position) {
      guard var gradient = gradients.take(position) else { continue }
      if !call.isFitting(gradient, position) {
        gradient = try context.fitted(gradient, to: call.type(position))
      }
      if context.debugNaNs {
        let cotangents = call.cotangents
        try context.refuseFlaws(
          in: gradient, of: "the gradient of \(op.name)",
          from: (0..<cotangents.count).map { cotangents[$0] }, at: entry.position)
      }
      let parent = Int(tape.input(Int(entry.firstInput) + position).parent)
      if let old = arrivals.take(parent) {
        gradient = try context.binary(Ops.add, old, gradient)
      }
      arrivals.put(gradient, at: parent)
    }
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
