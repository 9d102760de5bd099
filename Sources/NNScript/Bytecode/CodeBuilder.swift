// Collects instructions, constants and tables while a function is compiled.
import NNSyntax

/// Emits bytecode for one function.
struct CodeBuilder {
  /// Everything a finished `Code` is made of.
  struct Parts {
    var name = ""
    var documentation: String?
    var span = Span(file: 0, start: 0, end: 0)
    var words: [UInt32] = []
    var constants: [Slot] = []
    var registerCount = 0
    var firstTemporary = 0
    var parameters = ParameterList()
    var children: [Code] = []
    var captures: [Code.CaptureSource] = []
    var callShapes: [Code.CallShape] = []
    var slices: [[Code.SliceItem]] = []
    var texts: [[Code.TextPart]] = []
    var models: [Code.ModelTemplate] = []
    var types: [TypeCheck] = []
    var handlers: [Code.Handler] = []
    var restores: [Code.Restore] = []
    var places: [Code.Place] = []
    var guarded: [Int] = []
    var lastUses: [Code.LastUse] = []
    var parameterCheckCount = 0
    var isLambda = false
  }

  /// A constant for looking up whether it is there already.
  private enum ConstantKey: Hashable {
    case number(UInt64)
    case string(InternKey)
  }

  /// The position of a jump offset that is not known yet.
  struct Patch {
    let position: Int
  }

  private(set) var parts = Parts()
  private let heap: Heap
  private var constantIndices: [ConstantKey: Int] = [:]
  /// Set when a register, constant or table index did not fit its place in an instruction.
  private(set) var hasOverflow = false

  init(heap: Heap) { self.heap = heap }

  var position: Int { parts.words.count }

  mutating func withParts(_ change: (inout Parts) -> Void) { change(&parts) }

  mutating func emit(_ op: Opcode, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0) {
    if a > 255 || b > 255 || c > 255 { hasOverflow = true }
    parts.words.append(
      UInt32(op.rawValue) | UInt32(a & 255) << 8 | UInt32(b & 255) << 16 | UInt32(c & 255) << 24)
  }

  /// Emits an instruction with a 16-bit operand.
  mutating func emitWide(_ op: Opcode, _ a: Int, _ bx: Int) {
    if a > 255 || bx > 0xffff { hasOverflow = true }
    parts.words.append(UInt32(op.rawValue) | UInt32(a & 255) << 8 | UInt32(bx & 0xffff) << 16)
  }

  mutating func emitWord(_ word: Int) {
    parts.words.append(UInt32(truncatingIfNeeded: word))
  }

  /// Says where the instruction emitted last stands in the source.
  mutating func place(
    _ start: Int, _ span: Span, _ operands: [Span] = [], includesReceiver: Bool = false
  ) {
    let op = Opcode(rawValue: UInt8(truncatingIfNeeded: parts.words[start]))
    parts.places.append(
      Code.Place(
        pc: start, span: span, operands: operands, isCall: op?.isCall ?? false,
        includesReceiver: includesReceiver))
  }

  /// Leaves room for a jump offset.
  mutating func emitOffset() -> Patch {
    parts.words.append(0)
    return Patch(position: position - 1)
  }

  /// Makes a jump go to where the next instruction will be.
  mutating func land(_ patch: Patch) { land(patch, at: position) }

  mutating func land(_ patch: Patch, at target: Int) {
    parts.words[patch.position] = UInt32(
      bitPattern: Int32(truncatingIfNeeded: target - patch.position - 1))
  }

  mutating func land(_ patches: [Patch]) {
    for patch in patches { land(patch) }
  }

  mutating func jump() -> Patch {
    emit(.jump)
    return emitOffset()
  }

  mutating func number(_ value: Double) -> Int {
    constant(.number(value.bitPattern)) { _ in Slot(value) }
  }

  mutating func string(_ text: String) -> Int {
    constant(.string(InternKey(text: text))) { $0.intern(text) }
  }

  /// A constant of one instruction that is filled in when it first runs; until then it holds the builtin's name.
  mutating func builtin(_ name: String) -> Int {
    parts.constants.append(heap.intern(name))
    return parts.constants.count - 1
  }

  private mutating func constant(_ key: ConstantKey, _ make: (Heap) -> Slot) -> Int {
    if let known = constantIndices[key] { return known }
    parts.constants.append(make(heap))
    constantIndices[key] = parts.constants.count - 1
    return parts.constants.count - 1
  }

  /// Marks the next instruction: it may change the elements of a list or dict, but not rebind a tensor.
  mutating func guardNextElement() { parts.guarded.append(position) }

  /// Gives up what a thrown-away attempt made.
  func discard() {
    for slot in parts.constants { release(slot) }
    for name in parts.callShapes.flatMap(\.names) { release(name) }
    for case .member(_, let name) in parts.restores.map(\.place) { release(name) }
  }
}
