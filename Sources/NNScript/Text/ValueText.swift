// Writes values of every type as `print`, `str`, `repr` and the REPL show them.
import NNSyntax
import NNTensor

/// Writes values as text, containers on one line, without recursion: nesting of any depth and cycles are fine.
struct ValueText {
  /// A container that is being written.
  private struct Open {
    let container: Slot
    var next = 0
    var count: Int
  }

  private var text = ""
  private var open: [Open] = []
  private var onPath: Set<UInt64> = []

  /// A text that outgrows this many bytes (a small web of shared lists can) ends in `...`.
  private static let largestText = 1 << 26

  /// The text of a value as `print` and `str` give it: a string bare, a tensor over several lines.
  static func plain(_ slot: Slot) -> String {
    if let string = slot.asString { return string.value }
    if let number = slot.asNumber { return NumberText.shortest(number) }
    if let tensor = slot.asTensor { return TensorText.lines(tensor) }
    if let error = slot.asError { return error.error.message }
    return inside(slot)
  }

  /// The text of a value as `repr` and the REPL give it: strings quoted, tensors with dtype and shape.
  static func described(_ slot: Slot) -> String {
    if let tensor = slot.asTensor { return TensorText.described(tensor) }
    return inside(slot)
  }

  /// The text of a value as it stands within a container.
  static func inside(_ slot: Slot) -> String {
    var writer = ValueText()
    writer.write(slot)
    return writer.text
  }

  private mutating func write(_ slot: Slot) {
    writeOne(slot)
    while let current = open.last {
      if text.utf8.count > Self.largestText {
        text += "..."
        return
      }
      if current.next < current.count {
        writeElement(of: current)
      } else {
        close(current)
      }
    }
  }

  /// Writes a value that is no container, or opens a container.
  private mutating func writeOne(_ slot: Slot) {
    switch slot.tag {
    case Tag.list: begin(slot, "[", count: slot.object(ListObject.self).size)
    case Tag.tuple: begin(slot, "(", count: slot.object(TupleObject.self).size)
    case Tag.dict: begin(slot, "{", count: slot.object(DictObject.self).used)
    default: text += Self.leaf(slot)
    }
  }

  private mutating func begin(_ slot: Slot, _ bracket: String, count: Int) {
    guard onPath.insert(slot.bits).inserted else {
      text += slot.meta == Tag.dict ? "{...}" : slot.meta == Tag.tuple ? "(...)" : "[...]"
      return
    }
    text += bracket
    open.append(Open(container: slot, count: count))
  }

  private mutating func writeElement(of current: Open) {
    let index = current.next
    open[open.count - 1].next = index + 1
    guard let dict = current.container.asDict else {
      if index > 0 { text += ", " }
      if let elements = current.container.elements { writeOne(elements[index]) }
      return
    }
    let entry = dict.entries[index]
    if entry.key.isUndefined { return }
    // The bracket just written tells the first entry, whatever holes stand before it.
    if text.utf8.last != UInt8(ascii: "{") { text += ", " }
    text += Self.key(entry.key) + ": "
    writeOne(entry.value)
  }

  private mutating func close(_ current: Open) {
    open.removeLast()
    onPath.remove(current.container.bits)
    switch current.container.tag {
    case Tag.list: text += "]"
    case Tag.tuple: text += current.count == 1 ? ",)" : ")"
    default: text += "}"
    }
  }

  /// A dict key as it stands in a literal.
  static func key(_ key: Slot) -> String {
    if let string = key.asString { return QuotedText.key(string.value) }
    return NumberText.shortest(key.number)
  }

  /// A value that holds no other values as far as its text goes.
  private static func leaf(_ slot: Slot) -> String {
    switch slot.tag {
    case Tag.none: "nil"
    case Tag.bool: slot.bool ? "true" : "false"
    case Tag.number, Tag.trackedNumber: NumberText.shortest(slot.number)
    case Tag.string: QuotedText.quoted(slot.object(StringObject.self).value)
    case Tag.tensor, Tag.trackedTensor: TensorText.oneLine(slot.tensor)
    case Tag.range: range(slot.object())
    case Tag.model: "model " + slot.object(ModelObject.self).name
    case Tag.instance: slot.object(InstanceObject.self).model.name + "(...)"
    case Tag.module: "module " + slot.object(ModuleObject.self).module.name
    case Tag.error:
      "error(" + QuotedText.quoted(slot.object(ErrorObject.self).error.message) + ")"
    case Tag.sequence: slot.object(SequenceObject.self).name + "(...)"
    default: function(slot)
    }
  }

  private static func range(_ range: RangeObject) -> String {
    if range.step != 1 { return "range(\(range.start), \(range.end), \(range.step))" }
    return "\(range.start)..\(range.isInclusive ? "=" : "")\(range.end)"
  }

  /// `fn name`, or `fn` alone for a function without a name.
  private static func function(_ slot: Slot) -> String {
    var slot = slot
    while let bound = slot.asBoundMethod { slot = bound.function }
    let name = slot.asNative?.function.name ?? slot.asFunction?.code.name ?? ""
    return name.isEmpty || name == "fn" ? "fn" : "fn " + name
  }

  /// The text of a value in an interpolation, with or without a format. A tensor of rank 0 is formatted as its number.
  static func formatted(_ slot: Slot, _ format: FormatSpec?) throws -> String {
    guard let format else { return plain(slot) }
    do throws(FormatError) {
      if let string = slot.asString { return try format.format(text: string.value) }
      if let number = slot.asNumber { return try format.format(number: number) }
      if let tensor = slot.asTensor, tensor.shape.rank == 0, tensor.dtype != .bool {
        return try format.format(
          number: tensor.number(at: 0), shortest: TensorText.scalar(tensor))
      }
      if !format.needsNumber, format.precision == nil {
        return try format.format(text: plain(slot))
      }
    } catch {
      throw ScriptError(.argument, error.message, help: error.help)
    }
    let found = slot.asTensor.map { "a tensor of shape \($0.shape)" } ?? slot.describedType
    throw ScriptError(.type, "the format '\(format.notation)' takes a number, not \(found)")
  }
}
