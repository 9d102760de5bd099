// What a gradient rule gets and gives.

/// One entry of a tape on the way back: its operands, its results and the gradient that arrived.
///
/// Everything is as the level below the tape sees it, so a rule written with the context's ops differentiates again.
package struct GradientCall {
  package let context: TensorContext
  let tape: Tape
  var entry: TapeEntry
  /// The place of the entry on the tape.
  var index: Int
  /// Which entries need a gradient.
  let reaching: Reaching
  /// The gradient in the result; of an op with several results, in each that has one.
  package internal(set) var cotangents: Cotangents

  /// The gradient in the only result.
  package var cotangent: Operand {
    guard let only = cotangents.first else {
      preconditionFailure("rules run only where a gradient arrived")
    }
    return only
  }

  package var inputCount: Int { Int(entry.inputCount) }
  package var attributes: [Attribute] { tape.attributes(entry) }

  /// The argument at a position; `none` behind the end.
  package func attribute(_ index: Int) -> Attribute {
    let list = attributes
    return index < list.count ? list[index] : .none
  }

  private func record(_ position: Int) -> TapeInput {
    precondition(position < inputCount)
    return tape.input(Int(entry.firstInput) + position)
  }

  /// An operand; the row must save it, unless it is a number.
  package func input(_ position: Int) -> Operand {
    let input = record(position)
    if let tensor = input.tensor {
      return Operand(tensor.takeUnretainedValue(), handle: input.lower)
    }
    guard input.type == TapeInput.isNumber else {
      preconditionFailure("the row must save the operands its gradient reads")
    }
    return Operand(input.number, handle: input.lower)
  }

  /// Whether the row saved an operand, or it is a number.
  func isKept(_ position: Int) -> Bool {
    let input = record(position)
    return input.tensor != nil || input.type == TapeInput.isNumber
  }

  /// Whether the gradient in an operand is wanted.
  package func wants(_ position: Int) -> Bool {
    guard position < inputCount else { return false }
    let parent = record(position).parent
    return parent >= 0 && reaching.contains(Int(parent))
  }

  /// Whether an operand was a number.
  package func isNumber(_ position: Int) -> Bool { record(position).type == TapeInput.isNumber }

  /// The shape and type of an operand; nil for a number.
  func type(_ position: Int) -> TensorType? {
    let input = record(position)
    switch input.type {
    case TapeInput.isNumber: return nil
    case TapeInput.hasTensor:
      guard let tensor = input.tensor?.takeUnretainedValue() else { return nil }
      return context.type(of: Operand(tensor, handle: input.lower))
    case TapeInput.asResult: return context.type(of: cotangent)
    default: return tape.type(at: input.type)
    }
  }

  /// Whether a gradient certainly has the shape and type of an operand; where it is not certain, `type` tells.
  func isFitting(_ gradient: borrowing Operand, _ position: Int) -> Bool {
    let input = record(position)
    guard gradient.handle.isNone, let tensor = gradient.tensor else { return false }
    switch input.type {
    case TapeInput.isNumber: return false
    case TapeInput.hasTensor:
      return input.lower.isNone
        && input.tensor?._withUnsafeGuaranteedRef { $0.isShaped(like: tensor) } ?? false
    case TapeInput.asResult:
      return cotangents.first?.handle.isNone ?? false
        && cotangents.first?.tensor?.isShaped(like: tensor) ?? false
    default:
      let type = tape.type(at: input.type)
      return tensor.dtype == type.dtype && tensor.shape == type.shape
    }
  }

  /// The shape of an operand.
  package func shape(_ position: Int) -> Shape { type(position)?.shape ?? Shape() }

  /// The result; the row must save it.
  package var output: Operand {
    if let tensor = entry.output {
      return Operand(tensor.takeUnretainedValue(), handle: entry.lower)
    }
    return Operand(entry.number, handle: entry.lower)
  }

  /// One of several results; the row must save it.
  package func result(_ position: Int) -> Operand {
    if position == 0 { return output }
    let further = tape.entry(index + position)
    guard let tensor = further.output else {
      return Operand(further.number, handle: further.lower)
    }
    return Operand(tensor.takeUnretainedValue(), handle: further.lower)
  }
}

/// The gradients in the results of one entry.
package struct Cotangents {
  var first: Operand?
  var further: [Operand?] = []

  /// The gradient in one result; nil if none arrived.
  package subscript(position: Int) -> Operand? { position == 0 ? first : further[position - 1] }
  package var count: Int { 1 + further.count }
  var isEmpty: Bool { first == nil && further.allSatisfy { $0 == nil } }
}

/// The gradients in the operands of one entry; nil means zero.
package struct Gradients {
  private var first: Operand?
  private var second: Operand?
  private var third: Operand?
  private var further: [Operand?]

  package init(
    _ first: Operand?, _ second: Operand? = nil, _ third: Operand? = nil, _ further: Operand?...
  ) {
    self.first = first
    self.second = second
    self.third = third
    self.further = further
  }

  /// One for each operand.
  package init(list: [Operand?]) {
    first = list.first ?? nil
    second = list.count > 1 ? list[1] : nil
    third = list.count > 2 ? list[2] : nil
    further = Array(list.dropFirst(3))
  }

  /// Moves out the gradient in one operand.
  mutating func take(_ position: Int) -> Operand? {
    switch position {
    case 0: first.take()
    case 1: second.take()
    case 2: third.take()
    default: position - 3 < further.count ? further[position - 3].take() : nil
    }
  }
}

/// Which entries of a tape lead back to the values that are differentiated.
struct Reaching {
  /// Nil if all do.
  private var flags: [Bool]?

  /// All entries.
  init() {}

  /// Marks the entries that depend on the given watched ones, up to the last that matters.
  init(_ tape: Tape, from leaves: Set<Int>, upTo last: Int) {
    if leaves.count == tape.leafCount { return }
    var flags = [Bool](repeating: false, count: last + 1)
    var index = 0
    while index <= last {
      let entry = tape.entry(index)
      if entry.op == nil {
        if leaves.contains(index) { flags[index] = true }
        index += 1
        continue
      }
      let first = Int(entry.firstInput)
      let reaches = (first..<first + Int(entry.inputCount)).contains {
        let parent = tape.input($0).parent
        return parent >= 0 && flags[Int(parent)]
      }
      for result in index..<min(index + Int(entry.outputCount), last + 1) {
        flags[result] = reaches
      }
      index += Int(entry.outputCount)
    }
    self.flags = flags
  }

  @inline(__always) func contains(_ index: Int) -> Bool { flags?[index] ?? true }
}
