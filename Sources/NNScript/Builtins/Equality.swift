// Structural equality of values: what `==` gives for everything but tensors, and `equal` for all.
import NNTensor

/// Compares two values by structure, without recursion: nesting of any depth and cycles are fine.
struct Equality {
  private var pending: [(Slot, Slot)] = []
  /// Two containers that meet again are already under comparison.
  private var met = MetPairs()

  /// True if both values are equal: same type, and same contents for strings, containers, ranges, errors and tensors.
  static func areEqual(_ left: Slot, _ right: Slot, in vm: VM) throws -> Bool {
    var comparison = Equality()
    comparison.pending.append((left, right))
    while let (left, right) = comparison.pending.popLast() {
      try vm.pay()
      guard comparison.compareOne(left, right) else { return false }
    }
    return true
  }

  /// Compares two values up to their parts, which become pending.
  private mutating func compareOne(_ left: Slot, _ right: Slot) -> Bool {
    if let a = left.asNumber, let b = right.asNumber { return a == b }
    if left.isTensor || right.isTensor { return Self.areEqualTensors(left, right) }
    guard left.tag == right.tag else { return false }
    switch left.tag {
    case Tag.none: return true
    case Tag.bool: return left.bool == right.bool
    case Tag.string:
      return left.object(StringObject.self).isEqual(to: right.object(StringObject.self))
    case Tag.list, Tag.tuple: return compareElements(left, right)
    case Tag.dict: return compareEntries(left, right)
    case Tag.range: return Self.areEqualRanges(left.object(), right.object())
    case Tag.error: return Self.areEqualErrors(left.object(), right.object())
    case Tag.boundMethod:
      let (a, b) = (left.object(BoundMethodObject.self), right.object(BoundMethodObject.self))
      return a.receiver.isIdentical(to: b.receiver) && a.function.isIdentical(to: b.function)
    case Tag.native: return left.object(NativeObject.self).isSameFunction(as: right.object())
    default: return left.bits == right.bits
    }
  }

  private mutating func compareElements(_ left: Slot, _ right: Slot) -> Bool {
    guard let a = left.elements, let b = right.elements, a.count == b.count else { return false }
    guard met.insert(left.bits, right.bits) else { return true }
    for index in a.indices {
      if a[index].isPlainNumber, b[index].isPlainNumber {
        if a[index].number != b[index].number { return false }
      } else {
        pending.append((a[index], b[index]))
      }
    }
    return true
  }

  private mutating func compareEntries(_ left: Slot, _ right: Slot) -> Bool {
    let (a, b) = (left.object(DictObject.self), right.object(DictObject.self))
    guard a.size == b.size else { return false }
    guard met.insert(left.bits, right.bits) else { return true }
    for index in 0..<a.used where !a.entries[index].key.isUndefined {
      guard let other = b[a.entries[index].key] else { return false }
      pending.append((a.entries[index].value, other))
    }
    return true
  }

  private static func areEqualRanges(_ a: RangeObject, _ b: RangeObject) -> Bool {
    let length = a.length
    guard length == b.length else { return false }
    return length == 0 || (a.start == b.start && (length == 1 || a.step == b.step))
  }

  private static func areEqualErrors(_ a: ErrorObject, _ b: ErrorObject) -> Bool {
    a === b || (a.error.kind == b.error.kind && a.error.message == b.error.message)
  }

  /// Tensors are equal in shape and elements, whatever their dtypes; one of rank 0 is its number.
  private static func areEqualTensors(_ left: Slot, _ right: Slot) -> Bool {
    switch (left.asTensor, right.asTensor) {
    case (let a?, let b?):
      guard a.shape == b.shape else { return false }
      return a.hasEqualElements(to: b)
    case (let a?, nil): return isScalar(a, equalTo: right)
    case (nil, let b?): return isScalar(b, equalTo: left)
    case (nil, nil): return false
    }
  }

  private static func isScalar(_ tensor: Tensor, equalTo slot: Slot) -> Bool {
    guard tensor.shape.rank == 0 else { return false }
    if let number = slot.asNumber {
      return tensor.dtype != .bool && tensor.number(at: 0) == number
    }
    if let bool = slot.asBool {
      return tensor.dtype == .bool && (tensor.number(at: 0) != 0) == bool
    }
    return false
  }
}

extension NativeObject {
  /// True for the same builtin, or a function made by one from the same values.
  fileprivate func isSameFunction(as other: NativeObject) -> Bool {
    self === other || (captured.isEmpty && other.captured.isEmpty && function === other.function)
  }
}
