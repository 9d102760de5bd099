// The order of values, for `sorted`, `sort`, `min` and `max`.

/// Compares numbers, strings and, element by element, tuples and lists.
struct Ordering {
  private let vm: VM
  /// Containers that were found equal, in this order, so that shared ones are not compared again and again.
  private var met = MetPairs()

  /// Nested deeper than this, lists are not compared.
  private static let deepest = 200

  /// Below zero if `left` comes first, above if `right` does. NaN comes after every number.
  static func compare(_ left: Slot, _ right: Slot, in vm: VM) throws -> Int {
    if left.isPlainNumber, right.isPlainNumber { return compare(left.number, right.number) }
    var ordering = Ordering(vm: vm)
    return try ordering.compare(left, right, depth: 0)
  }

  private init(vm: VM) { self.vm = vm }

  private mutating func compare(_ left: Slot, _ right: Slot, depth: Int) throws -> Int {
    try vm.pay()
    if let a = Self.scalar(left), let b = Self.scalar(right) { return Self.compare(a, b) }
    if let a = left.asString, let b = right.asString { return Self.compare(a.value, b.value) }
    if let a = left.asBool, let b = right.asBool { return (a ? 1 : 0) - (b ? 1 : 0) }
    if left.tag == right.tag, let a = left.elements, let b = right.elements {
      if met.contains(left.bits, right.bits) { return 0 }
      let order = try compare(a, b, depth: depth)
      if order == 0 { _ = met.insert(left.bits, right.bits) }
      return order
    }
    throw ScriptError(
      .type, "cannot order \(left.describedType) and \(right.describedType)",
      help: "numbers, strings, and lists or tuples of them have an order; 'key:' can give one")
  }

  private static func scalar(_ slot: Slot) -> Double? {
    if let number = slot.asNumber { return number }
    guard let tensor = slot.asTensor, tensor.shape.rank == 0 else { return nil }
    return tensor.number(at: 0)
  }

  private static func compare(_ left: Double, _ right: Double) -> Int {
    if left < right { return -1 }
    if left > right { return 1 }
    return (left.isNaN ? 1 : 0) - (right.isNaN ? 1 : 0)
  }

  /// Bytes of UTF-8 are in the order of Unicode scalars.
  private static func compare(_ left: String, _ right: String) -> Int {
    if left.utf8.lexicographicallyPrecedes(right.utf8) { return -1 }
    return left.utf8.count == right.utf8.count && left.utf8.elementsEqual(right.utf8) ? 0 : 1
  }

  private mutating func compare(
    _ left: UnsafeMutableBufferPointer<Slot>, _ right: UnsafeMutableBufferPointer<Slot>, depth: Int
  ) throws -> Int {
    guard depth < Self.deepest else {
      throw ScriptError(.recursion, "cannot order lists nested more than \(Self.deepest) deep")
    }
    for index in 0..<min(left.count, right.count) {
      let order = try compare(left[index], right[index], depth: depth + 1)
      if order != 0 { return order }
    }
    return left.count - right.count
  }
}
