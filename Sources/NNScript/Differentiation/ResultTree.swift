// The results of a call inside a trace, brought outside: nested containers whose leaves are one level down.
import NNTensor

/// Takes the results of one call off its trace.
struct ResultTree {
  let vm: VM
  let trace: Trace

  /// The value as the level below sees it; containers are copied where something in them changes. Takes and gives an owned slot.
  func lowered(owned value: Slot) throws -> Slot {
    var isKept = false
    defer { if !isKept { release(value) } }
    guard try contains(value) else {
      isKept = true
      return value
    }
    return try mapped(value) { leaf in
      leaf.handle.isNone ? retained(leaf) : Slot(trace.lowered(Operand(leaf)))
    }
  }

  /// Whether a value, or one inside it, is on the trace.
  private func contains(_ value: Slot) throws -> Bool {
    switch value.tag {
    case Tag.trackedNumber, Tag.trackedTensor: return trace.tracks(value.handle)
    case Tag.list, Tag.tuple:
      try checkDepth()
      for element in value.elements ?? .init(start: nil, count: 0) where try contains(element) {
        return true
      }
      return false
    case Tag.dict:
      try checkDepth()
      var found = false
      try value.object(DictObject.self).visitEntries { _, entry in
        if !found { found = try contains(entry) }
      }
      return found
    default: return false
    }
  }

  /// A copy of nested lists, tuples and dicts with each other value replaced; owned.
  func mapped(_ value: Slot, _ leaf: (Slot) throws -> Slot) throws -> Slot {
    switch value.tag {
    case Tag.list:
      return Slot(ListObject(heap: vm.heap, owned: try mappedElements(value, leaf)))
    case Tag.tuple:
      return Slot(TupleObject(heap: vm.heap, owned: try mappedElements(value, leaf)))
    case Tag.dict:
      try checkDepth()
      let dict = value.object(DictObject.self)
      return try DictObject.build(heap: vm.heap, capacity: dict.size) { copy in
        try dict.visitEntries { key, entry in copy.set(key, owned: try mapped(entry, leaf)) }
      }
    default: return try leaf(value)
    }
  }

  private func mappedElements(_ value: Slot, _ leaf: (Slot) throws -> Slot) throws -> [Slot] {
    try checkDepth()
    var copies: [Slot] = []
    do {
      for element in Array(value.elements ?? .init(start: nil, count: 0)) {
        copies.append(try mapped(element, leaf))
      }
      return copies
    } catch {
      for copy in copies { release(copy) }
      throw error
    }
  }

  private func checkDepth() throws {
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "a result is nested too deeply")
    }
  }
}
