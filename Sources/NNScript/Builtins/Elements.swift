// Runs over whatever a script can iterate: lists, tuples, dicts, strings, ranges, tensors, sequences.
import NNTensor

/// The elements of one value by position, for natives that iterate.
///
/// A list may change while it is iterated (a callback can push or pop), so ask `element(at:)` until it gives nil.
struct Elements {
  private enum Source {
    case slots
    case dict
    case text([Character])
    case range(RangeObject)
    case tensor(Tensor)
    case sequence(SequenceObject)
    case instance(length: Slot, get: Slot)
  }

  private let slot: Slot
  private let source: Source
  private unowned(unsafe) let vm: VM
  /// Where the next entry of a dict is looked for.
  private var entry = 0
  private var position = 0
  private let count: Int?

  /// The elements of a value; nil if it cannot be iterated.
  init?(_ slot: Slot, vm: VM) throws {
    self.slot = slot
    self.vm = vm
    var count: Int?
    switch slot.tag {
    case Tag.list, Tag.tuple: source = .slots
    case Tag.dict: source = .dict
    case Tag.string:
      let characters = Array(slot.object(StringObject.self).value)
      source = .text(characters)
      count = characters.count
    case Tag.range:
      source = .range(slot.object())
      count = slot.object(RangeObject.self).length
    case Tag.tensor, Tag.trackedTensor:
      let shape = vm.shape(of: slot)
      guard shape.rank > 0 else { return nil }
      source = .tensor(slot.tensor)
      count = shape[0]
    default:
      guard let length = try Builtins.sequenceLength(of: slot, vm: vm) else { return nil }
      count = length
      if let instance = slot.asInstance {
        guard let len = instance.model.method("len"), let get = instance.model.method("get") else {
          return nil
        }
        source = .instance(length: len, get: get)
      } else {
        source = .sequence(slot.object())
      }
    }
    self.count = count
  }

  /// About how many elements there are, for reserving room.
  var expectedCount: Int {
    switch source {
    case .slots: slot.elements?.count ?? 0
    case .dict: slot.object(DictObject.self).size
    default: count ?? 0
    }
  }

  /// The next element, owned by the caller; nil at the end.
  mutating func next() throws -> Slot? {
    let index = position
    if let count, index >= count { return nil }
    position += 1
    if position & 0xffff == 0 { try vm.interrupts.check(heap: vm.heap) }
    switch source {
    case .slots:
      guard let elements = slot.elements, index < elements.count else { return nil }
      return retained(elements[index])
    case .dict: return nextKey()
    case .text(let characters): return vm.heap.intern(String(characters[index]))
    case .range(let range): return Slot(range.value(at: index))
    case .tensor: return try vm.element(of: slot, at: index)
    case .sequence(let sequence): return try sequence.element(vm, sequence.captured, index)
    case .instance(_, let get): return try vm.call(get, [slot, Slot(index)])
    }
  }

  private mutating func nextKey() -> Slot? {
    let dict = slot.object(DictObject.self)
    while entry < dict.used {
      let key = dict.entries[entry].key
      entry += 1
      if !key.isUndefined { return retained(key) }
    }
    return nil
  }
}

extension Builtins {
  /// The length of a lazy sequence or of a model with `len` and `get`; nil for other values.
  static func sequenceLength(of slot: Slot, vm: VM) throws -> Int? {
    if slot.meta == Tag.sequence {
      let sequence = slot.object(SequenceObject.self)
      return try sequence.length(vm, sequence.captured)
    }
    guard let model = slot.asInstance?.model, model.isSequence, let len = model.method("len") else {
      return nil
    }
    let result = try vm.call(len, [slot])
    defer { release(result) }
    guard let number = vm.plainNumber(result), let length = Int(exactly: number), length >= 0 else {
      throw ScriptError(
        .type, "\(model.name).len() must give a whole number, not \(result.describedType)")
    }
    return length
  }

  /// True for what `map`, `zip`, `enumerate` and `progress` make lazy sequences of.
  static func isSequence(_ slot: Slot) -> Bool {
    slot.meta == Tag.sequence || slot.asInstance?.model.isSequence == true
  }
}

extension NativeCall {
  /// The elements of an argument that must be something to iterate.
  func elements(_ index: Int) throws -> Elements {
    if let elements = try Elements(self[index], vm: vm) { return elements }
    if let tensor = self[index].asTensor {
      throw ScriptError(
        .type, "\(function.name): a tensor of rank 0 cannot be iterated",
        help: "item(x) gives its number",
        notes: [.init(operand: index, text: TensorText.signature(tensor))])
    }
    throw typeError(index, expected: "a list or something else to iterate")
  }

  /// Calls `body` with each element of an argument, borrowed.
  func forEachElement(of index: Int, _ body: (Slot) throws -> Void) throws {
    var elements = try elements(index)
    while let element = try elements.next() {
      defer { release(element) }
      try body(element)
    }
  }

  /// The elements of an argument, each owned by the caller.
  func ownedElements(of index: Int) throws -> [Slot] {
    var result: [Slot] = []
    do {
      var elements = try elements(index)
      guard elements.expectedCount < 1 << 32 else {
        throw ScriptError(
          .limit, "\(function.name): \(elements.expectedCount) elements do not fit into memory")
      }
      try vm.checkRoom(elements.expectedCount * 16)
      result.reserveCapacity(elements.expectedCount)
      while let element = try elements.next() { result.append(element) }
      return result
    } catch {
      for slot in result { release(slot) }
      throw error
    }
  }
}
