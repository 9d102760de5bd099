// Lists and tuples: contiguous slots.

/// A growable list with reference semantics.
final class ListObject: HeapObject {
  /// Room for more elements than this is made only when they come.
  private static let largestReservation = 1 << 20

  private(set) var storage: UnsafeMutablePointer<Slot>
  private(set) var size = 0
  private var capacity: Int

  /// An empty list with room for `capacity` elements.
  init(heap: Heap, capacity: Int = 0) {
    self.capacity = min(max(capacity, 4), Self.largestReservation)
    storage = .allocate(capacity: self.capacity)
    super.init(heap: heap, tag: Tag.list)
    heap.payloadBytes &+= self.capacity &* 16
  }

  /// A list of these elements, whose counts move in.
  convenience init(heap: Heap, owned elements: some Collection<Slot>) {
    self.init(heap: heap, capacity: elements.count)
    for element in elements { append(owned: element) }
  }

  deinit {
    storage.deallocate()
    heap.payloadBytes &-= capacity &* 16
  }

  var elements: UnsafeMutableBufferPointer<Slot> {
    UnsafeMutableBufferPointer(start: storage, count: size)
  }

  /// Appends an element whose count moves in.
  @inline(__always) func append(owned element: Slot) {
    if size == capacity { grow(to: capacity &* 2) }
    (storage + size).initialize(to: element)
    size &+= 1
  }

  func reserve(_ wanted: Int) {
    if wanted > capacity { grow(to: wanted) }
  }

  private func grow(to newCapacity: Int) {
    let larger = UnsafeMutablePointer<Slot>.allocate(capacity: newCapacity)
    larger.moveInitialize(from: storage, count: size)
    storage.deallocate()
    storage = larger
    heap.payloadBytes &+= (newCapacity &- capacity) &* 16
    capacity = newCapacity
  }

  /// Inserts an element whose count moves in; `index` is 0 ... size.
  func insert(owned element: Slot, at index: Int) {
    append(owned: element)
    var place = size - 1
    while place > index {
      storage[place] = storage[place - 1]
      place -= 1
    }
    storage[index] = element
  }

  /// Takes out an element; its count moves to the caller.
  func remove(at index: Int) -> Slot {
    let element = storage[index]
    for place in index..<(size - 1) { storage[place] = storage[place + 1] }
    size -= 1
    return element
  }

  /// Replaces an element by one whose count moves in.
  func replace(at index: Int, owned element: Slot) {
    assign(element, to: storage + index)
  }

  override func visitChildren(_ body: (Slot) -> Void) {
    for element in elements { body(element) }
  }

  override func dropChildren() {
    let old = size
    size = 0
    for index in 0..<old { release(storage[index]) }
  }

  /// Makes a list in `fill`; if that throws, nothing is leaked. The caller owns the result.
  static func build(heap: Heap, capacity: Int = 0, _ fill: (ListObject) throws -> Void) rethrows
    -> Slot
  {
    let list = ListObject(heap: heap, capacity: capacity)
    do {
      try fill(list)
    } catch {
      release(Slot(list))
      throw error
    }
    return Slot(list)
  }
}

/// A fixed number of slots with value semantics.
final class TupleObject: HeapObject {
  let storage: UnsafeMutablePointer<Slot>
  private(set) var size: Int

  /// A tuple of these elements, whose counts move in.
  init(heap: Heap, owned elements: some Collection<Slot>) {
    size = elements.count
    storage = .allocate(capacity: max(size, 1))
    _ = UnsafeMutableBufferPointer(start: storage, count: size).initialize(fromContentsOf: elements)
    super.init(heap: heap, tag: Tag.tuple)
  }

  deinit { storage.deallocate() }

  var elements: UnsafeMutableBufferPointer<Slot> {
    UnsafeMutableBufferPointer(start: storage, count: size)
  }

  override func visitChildren(_ body: (Slot) -> Void) {
    for element in elements { body(element) }
  }

  override func dropChildren() {
    let old = size
    size = 0
    for index in 0..<old { release(storage[index]) }
  }
}

extension Slot {
  /// The elements of a list or tuple, borrowed; nil for anything else.
  var elements: UnsafeMutableBufferPointer<Slot>? {
    switch tag {
    case Tag.list: object(ListObject.self).elements
    case Tag.tuple: object(TupleObject.self).elements
    default: nil
    }
  }
}
