// Members that are values: `x.shape`, `x.dtype`, `e.message`.
import NNTensor

extension Builtins {
  static let tensorAttributes = ["shape", "dtype", "rank", "size", "T"]
  private static let errorAttributes = ["message", "kind", "trace"]

  /// The attributes a value has.
  static func attributeNames(of slot: Slot) -> [String] {
    slot.isTensor ? tensorAttributes : slot.meta == Tag.error ? errorAttributes : []
  }

  /// The attribute of this name, owned by the caller; nil if the value has none such.
  static func attribute(_ name: String, of slot: Slot, vm: VM) throws -> Slot? {
    if slot.isTensor { return try attribute(name, ofTensor: slot, vm: vm) }
    guard let error = slot.asError?.error else { return nil }
    switch name {
    case "message": return vm.heap.string(error.message)
    case "kind": return vm.heap.intern(error.kind.rawValue)
    case "trace": return vm.traceLines(of: error)
    default: return nil
    }
  }

  private static func attribute(_ name: String, ofTensor slot: Slot, vm: VM) throws -> Slot? {
    let shape = vm.shape(of: slot)
    switch name {
    case "shape":
      return Slot(TupleObject(heap: vm.heap, owned: shape.array.map { Slot($0) }))
    case "dtype": return vm.heap.intern(slot.tensor.dtype.name)
    case "rank": return Slot(shape.rank)
    case "size": return Slot(shape.count)
    case "T": return try vm.transpose(slot)
    default: return nil
    }
  }
}
