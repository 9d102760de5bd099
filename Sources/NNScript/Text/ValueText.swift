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
  /// Pays for what is written; nil for a text in a message, which ends in `...` where it becomes long.
  private let vm: VM?

  /// How many containers were opened.
  private var openedCount = 0

  /// The most bytes and the most containers of a text: a small web of shared lists can have any number.
  private static let (largestText, mostContainers) = (1 << 26, 1 << 20)
  /// The most bytes of a text in a message.
  private static let largestBrief = 1 << 16

  private init(vm: VM?) { self.vm = vm }

  /// The text of a value as `print` and `str` give it: a string bare, a tensor over several lines.
  static func plain(_ slot: Slot, in vm: VM) throws -> String {
    try simple(slot) ?? inside(slot, in: vm)
  }

  /// The same for a message, where a long one is cut.
  static func plain(_ slot: Slot) -> String { simple(slot) ?? inside(slot) }

  private static func simple(_ slot: Slot) -> String? {
    if let string = slot.asString { return string.value }
    if let number = slot.asNumber { return NumberText.shortest(number) }
    if let tensor = slot.asTensor { return TensorText.lines(tensor) }
    if let error = slot.asError { return error.error.message }
    return nil
  }

  /// The text of a value as `repr` and the REPL give it: strings quoted, tensors with dtype and shape.
  static func described(_ slot: Slot, in vm: VM) throws -> String {
    if let tensor = slot.asTensor { return TensorText.described(tensor) }
    return try inside(slot, in: vm)
  }

  /// The same for a message, where a long one is cut.
  static func described(_ slot: Slot) -> String {
    if let tensor = slot.asTensor { return TensorText.described(tensor) }
    return inside(slot)
  }

  /// The text of a value as it stands within a container.
  private static func inside(_ slot: Slot, in vm: VM) throws -> String {
    var writer = ValueText(vm: vm)
    try writer.write(slot)
    return writer.text
  }

  /// The same for a message, where a long one is cut.
  static func inside(_ slot: Slot) -> String {
    var writer = ValueText(vm: nil)
    do {
      try writer.write(slot)
    } catch {
      preconditionFailure("without a VM there is nobody to stop it")
    }
    return writer.text
  }

  private mutating func write(_ slot: Slot) throws {
    writeOne(slot)
    while let current = open.last {
      if let vm {
        try vm.pay()
        if text.utf8.count > Self.largestText || openedCount > Self.mostContainers {
          throw Self.tooLong
        }
      } else if text.utf8.count > Self.largestBrief {
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

  private static var tooLong: ScriptError {
    ScriptError(
      .limit, "the text of this value has more than \(largestText >> 20) MiB or a million lists",
      help: "print a part of it; a list that is in others many times is written each time")
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
    openedCount += 1
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

  /// The text of a value in an interpolation with a format. A tensor of rank 0 is formatted as its number.
  static func formatted(_ slot: Slot, _ format: FormatSpec, in vm: VM) throws -> String {
    if let string = slot.asString { return try formatted(string.value, format) }
    let scalar = slot.asTensor.flatMap { $0.shape.rank == 0 && $0.dtype != .bool ? $0 : nil }
    if !slot.isNumber, scalar == nil, !format.needsNumber, format.precision == nil {
      return try formatted(plain(slot, in: vm), format)
    }
    do throws(FormatError) {
      if let number = slot.asNumber { return try format.format(number: number) }
      if let scalar {
        return try format.format(number: scalar.number(at: 0), shortest: TensorText.scalar(scalar))
      }
    } catch {
      throw ScriptError(.argument, error.message, help: error.help)
    }
    let found = slot.asTensor.map { "a tensor of shape \($0.shape)" } ?? slot.describedType
    throw ScriptError(.type, "the format '\(format.notation)' takes a number, not \(found)")
  }

  private static func formatted(_ text: String, _ format: FormatSpec) throws -> String {
    do throws(FormatError) {
      return try format.format(text: text)
    } catch {
      throw ScriptError(.argument, error.message, help: error.help)
    }
  }
}
