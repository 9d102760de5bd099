// A growing array of plain structs without counts and checks, for the tape.
import NNKernels

/// Elements in one block of the tensors' allocator, so that the memory limit counts them; they must be trivial, the owner
/// releases what they refer to.
struct FlatArray<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>?
  private(set) var count = 0
  private var capacity = 0

  init() {}
  deinit { nnk_block_release(base) }

  /// Adds an element; false, and nothing added, if there is no memory.
  @inline(__always) mutating func append(_ element: Element) -> Bool {
    if count == capacity, !grow() { return false }
    base.unsafelyUnwrapped[count] = element
    count += 1
    return true
  }

  @inline(never) private mutating func grow() -> Bool {
    let bytes = max(64, capacity * 2) * MemoryLayout<Element>.stride
    guard let block = nnk_block_alloc(bytes) else { return false }
    let new = block.assumingMemoryBound(to: Element.self)
    if let base {
      new.update(from: base, count: count)
      nnk_block_release(base)
    }
    base = new
    capacity = nnk_block_capacity(block) / MemoryLayout<Element>.stride
    return true
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
