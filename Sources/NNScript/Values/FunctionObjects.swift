// Callable objects: script functions with their captured variables, natives, bound methods, and the cells of captured variables.

/// A variable that a closure captured: it outlives the frame that declared it.
final class CellObject: HeapObject {
  var value: Slot

  /// A cell whose value's count moves in.
  init(heap: Heap, owned value: Slot) {
    self.value = value
    super.init(heap: heap, tag: Tag.cell)
  }

  override func visitChildren(_ body: (Slot) -> Void) { body(value) }

  override func dropChildren() {
    let old = value
    value = .nil
    release(old)
  }
}

/// A script function: its code and the cells it captured.
final class FunctionObject: HeapObject {
  /// The engine keeps all code alive until teardown.
  unowned(unsafe) let code: Code
  let captures: UnsafeMutablePointer<Slot>
  private var captureCount: Int

  /// A function with room for its captures, which are nil until set.
  init(heap: Heap, code: Code, captureCount: Int) {
    self.code = code
    self.captureCount = captureCount
    captures = .allocate(capacity: max(captureCount, 1))
    captures.initialize(repeating: .nil, count: captureCount)
    super.init(heap: heap, tag: Tag.function)
  }

  deinit { captures.deallocate() }

  override func visitChildren(_ body: (Slot) -> Void) {
    for index in 0..<captureCount { body(captures[index]) }
  }

  override func dropChildren() {
    let old = captureCount
    captureCount = 0
    for index in 0..<old { release(captures[index]) }
  }
}

/// A function written in Swift, as a value; `captured` are the script values it works with (such as the function that `grad` was given).
final class NativeObject: HeapObject {
  let function: NativeFunction
  private(set) var captured: [Slot]

  /// A native whose captured values' counts move in.
  init(heap: Heap, function: NativeFunction, owned captured: [Slot] = []) {
    self.function = function
    self.captured = captured
    super.init(heap: heap, tag: Tag.native)
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

/// A function together with its first argument: `let update = opt.update`.
final class BoundMethodObject: HeapObject {
  private(set) var receiver: Slot
  private(set) var function: Slot

  /// Binds a receiver to a function; both counts move in.
  init(heap: Heap, owned receiver: Slot, function: Slot) {
    self.receiver = receiver
    self.function = function
    super.init(heap: heap, tag: Tag.boundMethod)
  }

  override func visitChildren(_ body: (Slot) -> Void) {
    body(receiver)
    body(function)
  }

  override func dropChildren() {
    let (oldReceiver, oldFunction) = (receiver, function)
    receiver = .nil
    function = .nil
    release(oldReceiver)
    release(oldFunction)
  }
}
