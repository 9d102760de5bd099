// Dicts: insertion-ordered maps from strings and whole numbers to values.

/// A mutable dictionary that keeps insertion order.
///
/// Entries lie side by side in the order of insertion, so that an instruction can remember at which index it found a key last time.
/// Small dicts are searched from the front; larger ones have a hash index. A removed entry leaves a hole until the next growth.
final class DictObject: HeapObject {
  struct Entry {
    /// A string or a whole number; undefined in a hole.
    var key: Slot
    var value: Slot
  }

  private static let largestScan = 8
  private static let emptyPlace: Int32 = -1

  private(set) var entries: UnsafeMutablePointer<Entry>
  /// How many entries are in use, holes included.
  private(set) var used = 0
  /// How many keys there are.
  private(set) var size = 0
  private var capacity: Int
  private var places: UnsafeMutablePointer<Int32>?
  private var placeMask = 0

  init(heap: Heap, capacity: Int = 0) {
    self.capacity = min(max(capacity, 4), 1 << 20)
    entries = .allocate(capacity: self.capacity)
    super.init(heap: heap, tag: Tag.dict)
    heap.payloadBytes &+= self.capacity &* 32
    if self.capacity > Self.largestScan { rebuildPlaces() }
  }

  deinit {
    entries.deallocate()
    places?.deallocate()
    heap.payloadBytes &-= capacity &* 32
  }

  /// The index of the entry with this key, nil if there is none.
  func find(_ key: Slot) -> Int? {
    guard let places else { return scanIdentical(key) ?? scanEqual(key) }
    var place = Self.hash(of: key) & placeMask
    while places[place] != Self.emptyPlace {
      let index = Int(places[place])
      if Self.sameKey(entries[index].key, key) { return index }
      place = (place + 1) & placeMask
    }
    return nil
  }

  /// Looks for the very same object or number: names in scripts are interned, and comparing bits touches no count.
  @inline(__always) private func scanIdentical(_ key: Slot) -> Int? {
    let entries = self.entries
    let used = self.used
    var index = 0
    while index < used {
      if entries[index].key.bits == key.bits && entries[index].key.meta == key.meta { return index }
      index &+= 1
    }
    return nil
  }

  @inline(never) private func scanEqual(_ key: Slot) -> Int? {
    for index in 0..<used where Self.sameKey(entries[index].key, key) { return index }
    return nil
  }

  /// The value for a key, borrowed.
  subscript(key: Slot) -> Slot? {
    find(key).map { entries[$0].value }
  }

  /// The value for a text key, borrowed.
  subscript(text: String) -> Slot? {
    let key = heap.string(text)
    defer { release(key) }
    return self[key]
  }

  /// Sets the value for a key. The counts of `value` and, if it is new, of a copy of `key` move in; `key` itself stays the caller's.
  func set(_ key: Slot, owned value: Slot) {
    if let index = find(key) {
      let old = entries[index].value
      entries[index].value = value
      release(old)
    } else {
      add(key, owned: value)
    }
  }

  /// As `set`, where `key` and all keys of this dict are interned strings: a look at the objects is enough.
  func setInterned(_ key: Slot, owned value: Slot) {
    if let index = places == nil ? scanIdentical(key) : find(key) {
      replace(at: index, owned: value)
    } else {
      add(key, owned: value)
    }
  }

  /// Sets the value for a text key; the count of `value` moves in.
  func set(_ text: String, owned value: Slot) {
    let key = heap.intern(text)
    set(key, owned: value)
    release(key)
  }

  /// Replaces the value of an entry found before; the count of `value` moves in.
  @inline(__always) func replace(at index: Int, owned value: Slot) {
    let old = entries[index].value
    entries[index].value = value
    release(old)
  }

  /// Makes an entry's key the given equal object, so that the next look can compare pointers.
  func replaceKey(at index: Int, with key: Slot) {
    let old = entries[index].key
    entries[index].key = retained(key)
    release(old)
  }

  /// Removes a key; the value's count moves to the caller.
  func remove(_ key: Slot) -> Slot? {
    guard let index = find(key) else { return nil }
    let entry = entries[index]
    entries[index] = Entry(key: .undefined, value: .nil)
    size -= 1
    release(entry.key)
    if size == 0 { compact(capacity: capacity) }
    return entry.value
  }

  /// Adds an entry for a key that has none yet; counts move as in `set`.
  func add(_ key: Slot, owned value: Slot) {
    if used == capacity { compact(capacity: size &* 4 < capacity &* 3 ? capacity : capacity &* 2) }
    (entries + used).initialize(to: Entry(key: retained(key.untracked), value: value))
    if places != nil { enter(used) }
    used += 1
    size += 1
  }

  /// Moves the entries together, into a new allocation if the capacity changes, and rebuilds the index.
  private func compact(capacity newCapacity: Int) {
    let target =
      newCapacity == capacity
      ? entries : UnsafeMutablePointer<Entry>.allocate(capacity: newCapacity)
    var next = 0
    for index in 0..<used where !entries[index].key.isUndefined {
      (target + next).initialize(to: entries[index])
      next += 1
    }
    used = next
    if target != entries {
      entries.deallocate()
      entries = target
      heap.payloadBytes &+= (newCapacity &- capacity) &* 32
      capacity = newCapacity
    }
    if capacity > Self.largestScan { rebuildPlaces() }
  }

  private func rebuildPlaces() {
    places?.deallocate()
    var wanted = 16
    while wanted < capacity * 2 { wanted *= 2 }
    let fresh = UnsafeMutablePointer<Int32>.allocate(capacity: wanted)
    fresh.initialize(repeating: Self.emptyPlace, count: wanted)
    places = fresh
    placeMask = wanted - 1
    for index in 0..<used where !entries[index].key.isUndefined { enter(index) }
  }

  private func enter(_ index: Int) {
    guard let places else { return }
    var place = Self.hash(of: entries[index].key) & placeMask
    while places[place] != Self.emptyPlace { place = (place + 1) & placeMask }
    places[place] = Int32(truncatingIfNeeded: index)
  }

  private static func hash(of key: Slot) -> Int {
    if key.meta == Tag.string {
      return key.unmanaged(StringObject.self)._withUnsafeGuaranteedRef { $0.hash }
    }
    let number = key.number == 0 ? 0 : key.number.bitPattern
    return Int(truncatingIfNeeded: ((number ^ (number >> 29)) &* 0x9e37_79b9_7f4a_7c15) >> 20)
  }

  /// Keys are strings and numbers (the caller has made sure).
  @inline(__always) private static func sameKey(_ left: Slot, _ right: Slot) -> Bool {
    if left.meta != right.tag {
      return left.isNumber && right.isNumber && left.number == right.number
    }
    if left.bits == right.bits { return true }
    if left.meta == Tag.string {
      return left.object(StringObject.self).isEqual(to: right.object(StringObject.self))
    }
    return left.meta == Tag.number && left.number == right.number
  }

  /// Calls `body` with each key and value, borrowed, in order. `body` may change the dict: entries added meanwhile are visited too.
  func visitEntries(_ body: (Slot, Slot) throws -> Void) rethrows {
    var index = 0
    while index < used {
      let entry = entries[index]
      index += 1
      if !entry.key.isUndefined { try body(entry.key, entry.value) }
    }
  }

  /// The keys that are strings, in order.
  var textKeys: [String] {
    (0..<used).compactMap { entries[$0].key.asString?.value }
  }

  override func visitChildren(_ body: (Slot) -> Void) {
    visitEntries {
      body($0)
      body($1)
    }
  }

  override func dropChildren() {
    let old = used
    used = 0
    size = 0
    for index in 0..<old {
      release(entries[index].key)
      release(entries[index].value)
    }
    places?.deallocate()
    places = nil
  }

  /// Makes a dict in `fill`; if that throws, nothing is leaked. The caller owns the result.
  static func build(heap: Heap, capacity: Int = 0, _ fill: (DictObject) throws -> Void) rethrows
    -> Slot
  {
    let dict = DictObject(heap: heap, capacity: capacity)
    do {
      try fill(dict)
    } catch {
      release(Slot(dict))
      throw error
    }
    return Slot(dict)
  }
}

extension Slot {
  /// True for what a dict takes as a key: a string or a whole number.
  var isKey: Bool {
    meta == Tag.string || isNumber && number.rounded(.towardZero) == number && number.isFinite
  }
}

extension UnsafeMutablePointer<DictObject.Entry> {
  /// Where the value of an entry is.
  @inline(__always) func value(at index: Int) -> UnsafeMutablePointer<Slot> {
    UnsafeMutableRawPointer(self + index).advanced(by: MemoryLayout<Slot>.stride)
      .assumingMemoryBound(to: Slot.self)
  }
}
