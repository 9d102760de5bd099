// The cycle collector: frees groups of objects that only refer to each other, such as a recursive local closure.

extension Heap {
  /// True when enough objects have been made since the last collection that another one pays.
  var wantsCollection: Bool { objects.count > collectionThreshold }

  /// Finds objects reachable only from each other and frees them; gives how many.
  ///
  /// Trial deletion as in CPython: subtract from each count the references that come from other objects. What keeps a count above zero is
  /// held from outside (registers, globals, natives), and so is all it reaches; the rest is garbage. No root has to be known, so a native may hold any slot.
  @discardableResult func collectCycles() -> Int {
    var outside = objects.map { $0._withUnsafeGuaranteedRef { $0.count } }
    for object in objects {
      object._withUnsafeGuaranteedRef {
        $0.visitChildren { child in
          if child.isObject { outside[Self.index(of: child)] &-= 1 }
        }
      }
    }
    markReachable(&outside)
    let garbage = outside.indices.filter { outside[$0] == 0 }.map { objects[$0] }
    freeGarbage(garbage)
    collectionThreshold = max(50_000, 2 * objects.count)
    return garbage.count
  }

  private static func index(of slot: Slot) -> Int {
    Int(slot.unmanaged(HeapObject.self)._withUnsafeGuaranteedRef { $0.index })
  }

  /// Gives everything reachable from an object with an outside count a count above zero.
  private func markReachable(_ outside: inout [Int]) {
    var pending = outside.indices.filter { outside[$0] > 0 }
    while let index = pending.popLast() {
      objects[index]._withUnsafeGuaranteedRef {
        $0.visitChildren { child in
          guard child.isObject else { return }
          let target = Self.index(of: child)
          if outside[target] <= 0 {
            outside[target] = 1
            pending.append(target)
          }
        }
      }
    }
  }

  private func freeGarbage(_ garbage: [Unmanaged<HeapObject>]) {
    for object in garbage { object._withUnsafeGuaranteedRef { $0.count &+= 1 } }
    for object in garbage { object._withUnsafeGuaranteedRef { $0.dropChildren() } }
    for object in garbage { release(object._withUnsafeGuaranteedRef { Slot($0) }) }
  }
}
