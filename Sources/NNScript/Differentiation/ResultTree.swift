// The results of a call inside a trace, brought outside: nested containers whose leaves are one level down.
import NNTensor

/// Takes the results of one call off its trace.
struct ResultTree {
  let vm: VM
  let trace: Trace

  /// The value as the level below sees it; containers are copied where something in them changes. Takes and gives an owned slot.
  func lowered(owned value: Slot) throws -> Slot {
    defer { release(value) }
    let leaf: (Slot) -> Slot = {
      $0.handle.isNone ? retained($0) : Slot(trace.lowered(Operand($0)))
    }
    guard value.elements != nil || value.asDict != nil else { return leaf(value) }
    var known: [UInt64: Bool] = [:]
    return try mapped(
      value, WalkMeter(vm, Self.name), keeping: { try !contains($0, &known) }, leaf)
  }

  /// Whether a value, or one inside it, is on the trace; `known` says it of containers that were looked through.
  private func contains(_ value: Slot, _ known: inout [UInt64: Bool]) throws -> Bool {
    switch value.tag {
    case Tag.trackedNumber, Tag.trackedTensor: return trace.tracks(value.handle)
    case Tag.list, Tag.tuple, Tag.dict: break
    default: return false
    }
    if let answer = known[value.bits] { return answer }
    known[value.bits] = false
    try checkDepth()
    var found = false
    if let dict = value.asDict {
      try vm.pay(1 + dict.size)
      try dict.visitEntries { _, entry in
        if !found { found = try contains(entry, &known) }
      }
    } else {
      try vm.pay(1 + (value.elements?.count ?? 0))
      found = try value.elements?.contains { try contains($0, &known) } ?? false
    }
    known[value.bits] = found
    return found
  }

  /// A copy of nested lists, tuples and dicts with each other value replaced; owned.
  func mapped(_ value: Slot, _ leaf: (Slot) throws -> Slot) throws -> Slot {
    try mapped(value, WalkMeter(vm, Self.name), keeping: { _ in false }, leaf)
  }

  /// What is walked over, in messages.
  private static let name = "the results of the call"

  /// The same, but for containers that are to stay.
  private func mapped(
    _ value: Slot, _ meter: WalkMeter, keeping isKept: (Slot) throws -> Bool,
    _ leaf: (Slot) throws -> Slot
  ) throws -> Slot {
    switch value.tag {
    case Tag.list, Tag.tuple, Tag.dict: break
    default: return try leaf(value)
    }
    if try isKept(value) { return retained(value) }
    try meter.visit(value)
    try checkDepth()
    if let dict = value.asDict {
      return try DictObject.build(heap: vm.heap, capacity: dict.size) { copy in
        try dict.visitEntries { key, entry in
          copy.set(key, owned: try mapped(entry, meter, keeping: isKept, leaf))
        }
      }
    }
    var copies: [Slot] = []
    do {
      for element in Array(value.elements ?? .init(start: nil, count: 0)) {
        copies.append(try mapped(element, meter, keeping: isKept, leaf))
      }
    } catch {
      for copy in copies { release(copy) }
      throw error
    }
    return value.meta == Tag.list
      ? Slot(ListObject(heap: vm.heap, owned: copies))
      : Slot(TupleObject(heap: vm.heap, owned: copies))
  }

  private func checkDepth() throws {
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "a result is nested too deeply")
    }
  }
}
