// A growing array of plain structs without counts and checks, for the tape.

/// Elements in one allocation; they must be trivial, the owner releases what they refer to.
struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>?
  private(set) var count = 0
  private var capacity = 0

  init() {}
  deinit { base?.deallocate() }

  @inline(__always) mutating func append(_ element: Element) {
    if count == capacity { grow() }
    base.unsafelyUnwrapped[count] = element
    count += 1
  }

  @inline(never) private mutating func grow() {
    let larger = max(64, capacity * 2)
    let new = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    if let base {
      new.update(from: base, count: count)
      base.deallocate()
    }
    base = new
    capacity = larger
  }

  /// Forgets all elements, keeping the memory.
  mutating func removeAll() { count = 0 }

  mutating func removeLast() -> Element {
    precondition(count > 0)
    count -= 1
    return base.unsafelyUnwrapped[count]
  }

  @inline(__always) subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return base.unsafelyUnwrapped[index]
    }
    set {
      precondition(index >= 0 && index < count)
      base.unsafelyUnwrapped[index] = newValue
    }
  }
}
