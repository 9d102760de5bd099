// The script heap: counted objects, the queue that frees them without recursion, and the one place where counts change.
import NNTensor

/// Base of everything a slot points to, tensors excepted.
///
/// `count` is the number of references scripts and natives hold; it is not atomic, an engine lives on one thread at a time.
/// While it is above zero the object holds exactly one Swift reference to itself. A new object has count 1, which belongs to its creator.
class HeapObject {
  final var count: Int = 1
  /// Where this object stands in `Heap.objects`.
  final fileprivate(set) var index: UInt32
  final let tag: UInt8
  /// Free for the use of subclasses.
  final var flags: UInt8 = 0
  /// How many batched calls were running when it was made.
  final let batchDepth: UInt8
  final unowned(unsafe) let heap: Heap

  init(heap: Heap, tag: UInt64) {
    self.heap = heap
    self.tag = UInt8(truncatingIfNeeded: tag)
    batchDepth = heap.batchDepth
    index = UInt32(truncatingIfNeeded: heap.objects.count)
    heap.register(self)
  }

  /// Calls `body` with each slot this object holds a count on.
  func visitChildren(_ body: (Slot) -> Void) {}
  /// Releases every slot this object holds a count on and forgets them, so that a second call does nothing.
  func dropChildren() {}
}

@inline(__always) func retain(_ slot: Slot) {
  if slot.tag >= Tag.firstCounted { retainCounted(slot) }
}

@inline(__always) func retainCounted(_ slot: Slot) {
  if slot.tag >= Tag.firstObject {
    slot.unmanaged(HeapObject.self)._withUnsafeGuaranteedRef { $0.count &+= 1 }
  } else {
    _ = Unmanaged<Tensor>.fromOpaque(slot.pointer).retain()
  }
}

@inline(__always) func release(_ slot: Slot) {
  if slot.tag >= Tag.firstCounted { releaseCounted(slot) }
}

@inline(__always) func releaseCounted(_ slot: Slot) {
  if slot.tag >= Tag.firstObject {
    let isLast = slot.unmanaged(HeapObject.self)._withUnsafeGuaranteedRef {
      $0.count &-= 1
      return $0.count == 0
    }
    if isLast { freeObject(slot) }
  } else {
    Unmanaged<Tensor>.fromOpaque(slot.pointer).release()
  }
}

@inline(never) private func freeObject(_ slot: Slot) {
  let heap = slot.unmanaged(HeapObject.self)._withUnsafeGuaranteedRef {
    Unmanaged.passUnretained($0.heap)
  }
  heap._withUnsafeGuaranteedRef { $0.free(slot) }
}

/// Stores `value`, whose count moves in, and releases what was there.
@inline(__always) func assign(_ value: Slot, to place: UnsafeMutablePointer<Slot>) {
  let old = place.pointee
  place.pointee = value
  release(old)
}

/// `slot` with one more count: for handing a borrowed value to somebody who will own it.
@inline(__always) func retained(_ slot: Slot) -> Slot {
  retain(slot)
  return slot
}

/// All objects of one engine. Not thread-safe: an engine runs on one thread at a time.
///
/// Its lists change with every object that is made or freed. No access to them lasts longer than the statement it is in, so they do
/// without the check for overlapping ones.
final class Heap {
  /// Every live object, in no order; `HeapObject.index` points back. Teardown and the cycle collector walk it.
  @exclusivity(unchecked) fileprivate(set) var objects: [Unmanaged<HeapObject>] = []
  @exclusivity(unchecked) private var freeQueue: [Unmanaged<HeapObject>] = []
  @exclusivity(unchecked) private var isFreeing = false
  var interned: [InternKey: Unmanaged<StringObject>] = [:]
  /// Bytes held by lists, dicts and strings beside the fixed part of each object: what the memory limit counts, with the tensors' blocks.
  @exclusivity(unchecked) var payloadBytes = 0
  /// How many batched calls are running.
  var batchDepth: UInt8 = 0
  /// The collector runs when the number of objects passes this.
  var collectionThreshold = 50_000

  init() {}

  /// How many objects are alive; the audit at teardown expects zero.
  var liveCount: Int { objects.count }
  /// About how many bytes the objects hold.
  var liveBytes: Int { objects.count &* 96 &+ payloadBytes }

  @inline(__always) fileprivate func register(_ object: HeapObject) {
    objects.append(Unmanaged.passRetained(object))
  }

  /// Frees an object whose count reached zero; its children follow from a queue, so that no nesting is too deep.
  fileprivate func free(_ slot: Slot) {
    freeQueue.append(slot.unmanaged(HeapObject.self))
    if isFreeing { return }
    isFreeing = true
    while let next = freeQueue.popLast() {
      next._withUnsafeGuaranteedRef { $0.dropChildren() }
      unregister(next)
      next.release()
    }
    isFreeing = false
  }

  private func unregister(_ object: Unmanaged<HeapObject>) {
    let index = Int(object._withUnsafeGuaranteedRef { $0.index })
    let last = objects.removeLast()
    if index < objects.count {
      objects[index] = last
      last._withUnsafeGuaranteedRef { $0.index = UInt32(truncatingIfNeeded: index) }
    }
  }

  /// Frees what is still alive after the roots are gone (cycles and leaks) and says how many objects were not part of a cycle.
  @discardableResult func tearDown() -> Int {
    collectCycles()
    let leaked = objects.count
    for object in objects { object._withUnsafeGuaranteedRef { $0.count &+= 1 } }
    for object in Array(objects) { object._withUnsafeGuaranteedRef { $0.dropChildren() } }
    // Strings last: layouts hold names and release them when they go.
    let strings = objects.filter { $0._withUnsafeGuaranteedRef { UInt64($0.tag) == Tag.string } }
    for object in objects where !object._withUnsafeGuaranteedRef({ UInt64($0.tag) == Tag.string }) {
      object.release()
    }
    for string in strings { string.release() }
    objects = []
    return leaked
  }
}
