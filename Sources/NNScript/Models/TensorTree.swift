// The tensors in a model, dict, list or tuple, each with its path and the place it can be replaced at.
import NNTensor

/// One tensor or number inside a nested value.
struct TensorLeaf {
  /// What holds it.
  enum Holder {
    case field(Unmanaged<InstanceObject>, Int)
    case entry(Unmanaged<DictObject>, Int)
    case element(Unmanaged<ListObject>, Int)
    /// A part of a tuple, which cannot be replaced.
    case fixed(Slot)
  }

  let holder: Holder
  /// The path as a string, such as `l1.weight`; the tree holds its count.
  let path: Slot
  let isFrozen: Bool

  /// The value, borrowed.
  var value: Slot {
    switch holder {
    case .field(let instance, let index):
      instance._withUnsafeGuaranteedRef { $0.fields[index] }
    case .entry(let dict, let index): dict._withUnsafeGuaranteedRef { $0.entries[index].value }
    case .element(let list, let index): list._withUnsafeGuaranteedRef { $0.storage[index] }
    case .fixed(let slot): slot
    }
  }

  var name: String { path.object(StringObject.self).value }

  /// Moves the value out of its place, which holds nil until `put` is called.
  func take() -> Slot {
    let value = self.value
    switch holder {
    case .field(let instance, let index):
      instance._withUnsafeGuaranteedRef { $0.fields[index] = .nil }
    case .entry(let dict, let index):
      dict._withUnsafeGuaranteedRef { $0.entries[index].value = .nil }
    case .element(let list, let index): list._withUnsafeGuaranteedRef { $0.storage[index] = .nil }
    case .fixed: retain(value)
    }
    return value
  }

  /// Puts an owned value into its place.
  func put(_ value: Slot) {
    switch holder {
    case .field(let instance, let index):
      instance._withUnsafeGuaranteedRef { assign(value, to: $0.fields + index) }
    case .entry(let dict, let index):
      dict._withUnsafeGuaranteedRef { $0.replace(at: index, owned: value) }
    case .element(let list, let index):
      list._withUnsafeGuaranteedRef { $0.replace(at: index, owned: value) }
    case .fixed: release(value)
    }
  }
}

/// The parameters of a model, or the numbers and tensors of nested dicts, lists and tuples, in order.
struct TensorTree: ~Copyable {
  private(set) var leaves: [TensorLeaf] = []
  /// Paths made for this tree.
  private var ownPaths: [Slot] = []
  private let heap: Heap

  private static let deepest = 64

  /// The leaves of a value for a native of some name; nil if it is no model, dict, list or tuple.
  init?(_ slot: Slot, in vm: VM, _ name: String) throws {
    heap = vm.heap
    switch slot.tag {
    case Tag.instance: visit(instance: slot.object(), path: .undefined)
    case Tag.dict, Tag.list, Tag.tuple:
      try visit(slot, path: .undefined, depth: 0, WalkMeter(vm, name, cost: 16))
    default: return nil
    }
  }

  deinit {
    for path in ownPaths { release(path) }
  }

  private mutating func visit(
    _ slot: Slot, path: Slot, depth: Int, _ meter: WalkMeter
  ) throws {
    try meter.visit(slot)
    switch slot.tag {
    case Tag.instance: visit(instance: slot.object(), path: path)
    case Tag.dict:
      let dict = slot.object(DictObject.self)
      leaves.reserveCapacity(leaves.count + dict.size)
      for index in 0..<dict.used where !dict.entries[index].key.isUndefined {
        let entry = dict.entries[index]
        try add(
          entry.value, .entry(.passUnretained(dict), index), under: path, key: entry.key, depth,
          meter)
      }
    case Tag.list:
      let list = slot.object(ListObject.self)
      for index in 0..<list.size {
        try add(
          list.storage[index], .element(.passUnretained(list), index), under: path,
          key: Slot(index), depth, meter)
      }
    default:
      for (index, element) in (slot.elements ?? .init(start: nil, count: 0)).enumerated() {
        try add(element, .fixed(element), under: path, key: Slot(index), depth, meter)
      }
    }
  }

  private mutating func visit(instance: InstanceObject, path: Slot) {
    let places = ModelWalk.parameters(of: instance, heap: heap)
    leaves.reserveCapacity(leaves.count + places.count)
    for place in places {
      let full = path.isUndefined ? place.path : joined(path, place.path)
      leaves.append(
        TensorLeaf(
          holder: .field(.passUnretained(place.instance), place.field), path: full,
          isFrozen: place.isFrozen))
    }
  }

  private mutating func add(
    _ value: Slot, _ holder: TensorLeaf.Holder, under path: Slot, key: Slot, _ depth: Int,
    _ meter: WalkMeter
  ) throws {
    switch value.tag {
    case Tag.instance, Tag.dict, Tag.list, Tag.tuple:
      if depth < Self.deepest {
        try visit(value, path: joined(path, key), depth: depth + 1, meter)
      }
    case Tag.tensor, Tag.trackedTensor, Tag.number, Tag.trackedNumber, Tag.none:
      leaves.append(TensorLeaf(holder: holder, path: joined(path, key), isFrozen: false))
    default: break
    }
  }

  /// A path one step longer; a text key alone is its own path.
  private mutating func joined(_ path: Slot, _ key: Slot) -> Slot {
    if path.isUndefined, key.meta == Tag.string { return key }
    let text = key.asString?.value ?? NumberText.shortest(key.number)
    let full = path.isUndefined ? text : path.object(StringObject.self).value + "." + text
    let slot = heap.intern(full)
    ownPaths.append(slot)
    return slot
  }

  /// The leaf of a path; `hint` is where it probably is.
  borrowing func find(_ path: Slot, hint: Int) -> TensorLeaf? {
    if hint < leaves.count, Self.isSame(leaves[hint].path, path) { return leaves[hint] }
    return leaves.first { Self.isSame($0.path, path) }
  }

  private static func isSame(_ left: Slot, _ right: Slot) -> Bool {
    left.bits == right.bits
      || left.object(StringObject.self).isEqual(to: right.object(StringObject.self))
  }
}
