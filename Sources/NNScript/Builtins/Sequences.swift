// Lazy sequences: `map`, `enumerate`, `zip` and `progress` over models that have `len` and `get`.

extension Builtins {
  /// The length of what can be indexed; nil for dicts, strings and everything that has no elements.
  static func indexableLength(_ slot: Slot, vm: VM) throws -> Int? {
    switch slot.tag {
    case Tag.list, Tag.tuple: return slot.elements?.count
    case Tag.range: return slot.object(RangeObject.self).length
    case Tag.tensor, Tag.trackedTensor:
      let shape = vm.shape(of: slot)
      return shape.rank > 0 ? shape[0] : nil
    default: return try sequenceLength(of: slot, vm: vm)
    }
  }

  /// The element of an indexable value at a position within its length; the caller owns it.
  static func element(of slot: Slot, at index: Int, vm: VM) throws -> Slot {
    switch slot.tag {
    case Tag.list, Tag.tuple:
      guard let elements = slot.elements, index < elements.count else {
        throw ScriptError(.index, "the list became shorter while it was iterated")
      }
      return retained(elements[index])
    case Tag.range: return Slot(slot.object(RangeObject.self).value(at: index))
    case Tag.tensor, Tag.trackedTensor: return try vm.element(of: slot, at: index)
    case Tag.sequence:
      let sequence = slot.object(SequenceObject.self)
      return try sequence.element(vm, sequence.captured, index)
    default:
      guard let get = slot.asInstance?.model.method("get") else {
        throw ScriptError(.type, "\(slot.describedType) is not a sequence")
      }
      return try vm.call(get, [slot, Slot(index)])
    }
  }

  /// The sequence of `f(element)`.
  static func lazyMap(_ source: Slot, _ f: Slot, heap: Heap) -> Slot {
    sequence("map", of: [source, f], heap: heap) { vm, held, index in
      let element = try element(of: held[0], at: index, vm: vm)
      defer { release(element) }
      return try vm.call(held[1], [element])
    }
  }

  /// The sequence of (index, element) tuples.
  static func lazyEnumerate(_ source: Slot, from start: Int, heap: Heap) -> Slot {
    sequence("enumerate", of: [source], heap: heap) { vm, held, index in
      let element = try element(of: held[0], at: index, vm: vm)
      return Slot(TupleObject(heap: vm.heap, owned: [Slot(start + index), element]))
    }
  }

  /// The sequence of tuples of elements, as long as the shortest source.
  static func lazyZip(_ sources: [Slot], heap: Heap) -> Slot {
    sequence("zip", of: sources, heap: heap, length: shortestLength) { vm, held, index in
      var parts: [Slot] = []
      do {
        for source in held { parts.append(try element(of: source, at: index, vm: vm)) }
      } catch {
        for part in parts { release(part) }
        throw error
      }
      return Slot(TupleObject(heap: vm.heap, owned: parts))
    }
  }

  /// A sequence that holds on to borrowed values; it is as long as the first of them, if nothing else is said.
  static func sequence(
    _ name: String, of held: [Slot], heap: Heap,
    length: @escaping SequenceObject.Length = firstLength,
    element: @escaping SequenceObject.Element
  ) -> Slot {
    let owned = held.map { retained($0) }
    return Slot(
      SequenceObject(heap: heap, name: name, owned: owned, length: length, element: element))
  }

  static let firstLength: SequenceObject.Length = { vm, held in
    try length(held[0], vm)
  }

  private static let shortestLength: SequenceObject.Length = { vm, held in
    try held.map { try length($0, vm) }.min() ?? 0
  }

  /// The length of a source that is known to be indexable.
  static func length(_ source: Slot, _ vm: VM) throws -> Int {
    try indexableLength(source, vm: vm) ?? 0
  }
}
