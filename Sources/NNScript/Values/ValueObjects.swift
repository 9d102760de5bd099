// Small objects: ranges, errors, modules.

/// A range of whole numbers with a step; `0..n`, `0..=n`, `range(a, b, step)`.
final class RangeObject: HeapObject {
  let start: Int
  /// Where it ends: not part of the range, unless `isInclusive`.
  let end: Int
  let step: Int
  /// Written with `..=`.
  let isInclusive: Bool

  init(heap: Heap, start: Int, end: Int, step: Int = 1, isInclusive: Bool = false) {
    self.start = start
    self.end = end
    self.step = step
    self.isInclusive = isInclusive
    super.init(heap: heap, tag: Tag.range)
  }

  /// How many numbers it has.
  var length: Int {
    let (low, high, stride) = step > 0 ? (start, end, step) : (end, start, -step)
    let span = high - low + (isInclusive ? 1 : 0)
    return span <= 0 ? 0 : (span + stride - 1) / stride
  }

  /// The number at a position in 0 ..< length.
  @inline(__always) func value(at index: Int) -> Int { start &+ index &* step }
}

/// An error as a value: what `catch` binds and `error("...")` makes.
final class ErrorObject: HeapObject {
  let error: ScriptError
  /// The thrown value where that was not an error; nil otherwise.
  private(set) var payload: Slot

  /// An error value; the payload's count moves in.
  init(heap: Heap, error: ScriptError, owned payload: Slot = .nil) {
    self.error = error
    self.payload = payload
    super.init(heap: heap, tag: Tag.error)
  }

  override func visitChildren(_ body: (Slot) -> Void) { body(payload) }

  override func dropChildren() {
    let old = payload
    payload = .nil
    release(old)
  }
}

/// A module as a value: `import plot` binds one.
final class ModuleObject: HeapObject {
  unowned(unsafe) let module: Module

  /// The engine keeps all modules alive until teardown.
  init(heap: Heap, module: Module) {
    self.module = module
    super.init(heap: heap, tag: Tag.module)
  }
}

/// A lazy sequence made by `map`, `zip`, `enumerate` or `progress` over sequences: knows its length and computes an element when asked.
final class SequenceObject: HeapObject {
  /// Gives the length, asking the sources in `captured`.
  typealias Length = @Sendable (VM, [Slot]) throws -> Int
  /// Gives the element at an index as an owned slot.
  typealias Element = @Sendable (VM, [Slot], Int) throws -> Slot

  let name: String
  let length: Length
  let element: Element
  private(set) var captured: [Slot]

  /// A sequence over `captured`, whose counts move in.
  init(
    heap: Heap, name: String, owned captured: [Slot], length: @escaping Length,
    element: @escaping Element
  ) {
    self.name = name
    self.captured = captured
    self.length = length
    self.element = element
    super.init(heap: heap, tag: Tag.sequence)
  }

  override func visitChildren(_ body: (Slot) -> Void) {
    for slot in captured { body(slot) }
  }

  override func dropChildren() {
    let old = captured
    captured = []
    for slot in old { release(slot) }
  }
}
