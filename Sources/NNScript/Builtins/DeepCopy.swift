// Copies nested values for `copy(x)`.

/// Makes a deep copy that keeps sharing and cycles, without recursion.
struct DeepCopy {
  private let heap: Heap
  /// Copies by the bits of their originals, each with one count of its own until the end.
  private var copies: [UInt64: Slot] = [:]
  private var unfilled: [(original: Slot, copy: Slot)] = []

  /// A copy of lists, dicts, tuples and instances all the way down; other values are shared. The caller owns it.
  static func copy(_ slot: Slot, in vm: VM) throws -> Slot {
    var copier = DeepCopy(heap: vm.heap)
    let result = copier.counterpart(of: slot)
    defer { for copy in copier.copies.values { release(copy) } }
    do {
      while let (original, copy) = copier.unfilled.popLast() {
        try vm.pay(1 + (original.elements?.count ?? 0))
        copier.fill(copy, from: original)
      }
      return result
    } catch {
      release(result)
      throw error
    }
  }

  private init(heap: Heap) { self.heap = heap }

  /// The copy of a value, possibly not filled yet, with a count for the caller.
  private mutating func counterpart(of slot: Slot) -> Slot {
    guard let fresh = shell(of: slot) else { return retained(slot.untracked) }
    return fresh
  }

  private mutating func shell(of slot: Slot) -> Slot? {
    switch slot.tag {
    case Tag.list, Tag.tuple, Tag.dict, Tag.instance: break
    default: return nil
    }
    if let known = copies[slot.bits] { return retained(known) }
    let fresh: Slot
    switch slot.tag {
    case Tag.list: fresh = Slot(ListObject(heap: heap, capacity: slot.object(ListObject.self).size))
    case Tag.dict: fresh = Slot(DictObject(heap: heap, capacity: slot.object(DictObject.self).size))
    case Tag.tuple:
      let count = slot.object(TupleObject.self).size
      fresh = Slot(TupleObject(heap: heap, owned: repeatElement(.nil, count: count)))
    default:
      let original = slot.object(InstanceObject.self)
      let instance = InstanceObject(heap: heap, model: original.model)
      instance.isFrozen = original.isFrozen
      fresh = Slot(instance)
    }
    copies[slot.bits] = fresh
    unfilled.append((slot, fresh))
    return retained(fresh)
  }

  private mutating func fill(_ copy: Slot, from original: Slot) {
    switch original.tag {
    case Tag.list:
      let list = copy.object(ListObject.self)
      for element in original.object(ListObject.self).elements {
        list.append(owned: counterpart(of: element))
      }
    case Tag.tuple:
      let elements = original.object(TupleObject.self).elements
      for index in elements.indices {
        assign(counterpart(of: elements[index]), to: copy.object(TupleObject.self).storage + index)
      }
    case Tag.dict:
      let dict = copy.object(DictObject.self)
      original.object(DictObject.self).visitEntries { dict.set($0, owned: counterpart(of: $1)) }
    default:
      let source = original.object(InstanceObject.self)
      for index in 0..<source.fieldCount {
        assign(
          counterpart(of: source.fields[index]),
          to: copy.object(InstanceObject.self).fields + index)
      }
    }
  }
}
