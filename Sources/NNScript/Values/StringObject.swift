// Strings of scripts: immutable, hash and length cached, constants and names interned.

/// Bytes of a string as a dictionary key: strings are equal when their Unicode scalars are, which Swift's own `==` is too kind for.
struct InternKey: Hashable {
  let text: String

  static func == (left: InternKey, right: InternKey) -> Bool {
    left.text.utf8.elementsEqual(right.text.utf8)
  }
  func hash(into hasher: inout Hasher) {
    hasher.combine(StringObject.hash(of: text))
  }
}

/// A string value.
final class StringObject: HeapObject {
  let value: String
  /// Same bytes, same hash: also the hash of dict keys.
  let hash: Int
  private var cachedLength = -1
  /// Two interned strings are equal only if they are the same object.
  fileprivate(set) var isInterned = false

  init(_ value: String, heap: Heap) {
    self.value = value
    hash = Self.hash(of: value)
    super.init(heap: heap, tag: Tag.string)
    heap.payloadBytes &+= value.utf8.count
  }

  deinit {
    heap.payloadBytes &-= value.utf8.count
  }

  override func dropChildren() {
    if isInterned { heap.interned[InternKey(text: value)] = nil }
  }

  /// How many characters it has.
  var length: Int {
    if cachedLength < 0 {
      let isSimple = value.utf8.allSatisfy { $0 < 0x80 && $0 != 0x0d }
      cachedLength = isSimple ? value.utf8.count : value.count
    }
    return cachedLength
  }

  /// True if every character is one byte, so that character and byte positions are the same.
  var isSimple: Bool { length == value.utf8.count }

  func isEqual(to other: StringObject) -> Bool {
    if self === other { return true }
    if isInterned && other.isInterned || hash != other.hash { return false }
    return value.utf8.elementsEqual(other.value.utf8)
  }

  /// FNV-1a over the bytes, mixed at the end.
  static func hash(of text: String) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in text.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    hash ^= hash >> 32
    return Int(truncatingIfNeeded: (hash &* 0x9e37_79b9_7f4a_7c15) >> 16)
  }
}

extension Heap {
  /// A new string; the caller owns its count.
  func string(_ text: String) -> Slot { Slot(StringObject(text, heap: self)) }

  /// The one object for this text, for constants and field names; the caller owns a count.
  func intern(_ text: String) -> Slot {
    if let known = interned[InternKey(text: text)] {
      return retained(known._withUnsafeGuaranteedRef { Slot($0) })
    }
    let object = StringObject(text, heap: self)
    object.isInterned = true
    interned[InternKey(text: text)] = Unmanaged.passUnretained(object)
    return Slot(object)
  }
}
