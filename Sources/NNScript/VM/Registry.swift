// The builtins of one engine: functions and constants by name, and the members of builtin types.
import NNTensor

/// All that scripts of an engine find defined. The objects are made when a name is first used.
final class Registry {
  /// The members of one builtin type that have been used.
  private struct MemberTable {
    var keys: [UInt64] = []
    var natives: [Slot] = []
  }

  private let heap: Heap
  private var values: [String: Slot] = [:]
  private var members: [MemberTable] = Array(repeating: MemberTable(), count: 256)

  init(heap: Heap) {
    self.heap = heap
    for constant in Builtins.constants { values[constant.name] = Slot(constant.value) }
  }

  /// The value of a builtin name, borrowed.
  func value(_ name: String) -> Slot? {
    if let known = values[name] { return known }
    guard let function = Builtins.function(named: name) else { return nil }
    let object = Slot(NativeObject(heap: heap, function: function))
    values[name] = object
    return object
  }

  /// Defines a name for this engine; the count moves in.
  func define(_ name: String, owned value: Slot) {
    if let old = values.updateValue(value, forKey: name) { release(old) }
  }

  /// A member of values with a tag by its interned name, borrowed; `cache` remembers its index.
  func member(_ key: Slot, tag: UInt64, _ cache: UnsafeMutablePointer<UInt32>) -> Slot? {
    let tag = Int(tag)
    let hint = Int(cache.pointee)
    if hint < members[tag].keys.count, members[tag].keys[hint] == key.bits {
      return members[tag].natives[hint]
    }
    guard let index = members[tag].keys.firstIndex(of: key.bits) ?? add(key, tag) else {
      return nil
    }
    cache.pointee = UInt32(truncatingIfNeeded: index)
    return members[tag].natives[index]
  }

  private func add(_ key: Slot, _ tag: Int) -> Int? {
    let name = key.object(StringObject.self).value
    guard let function = Builtins.member(name, tag: UInt64(tag)) else { return nil }
    retain(key)
    members[tag].keys.append(key.bits)
    members[tag].natives.append(Slot(NativeObject(heap: heap, function: function)))
    return members[tag].keys.count - 1
  }

  /// Every name that is defined.
  var names: Set<String> { Set(Builtins.functionNames).union(values.keys) }

  func releaseAll() {
    for value in values.values { release(value) }
    values = [:]
    for table in members {
      for native in table.natives { release(native) }
      for key in table.keys { release(Slot(meta: Tag.string, bits: key)) }
    }
    members = []
  }
}
