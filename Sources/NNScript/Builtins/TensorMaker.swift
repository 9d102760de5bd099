// Makes tensors of nested lists, ranges, numbers and bools.
import NNTensor

/// Turns script values into operands where a tensor is expected.
struct TensorMaker {
  let vm: VM
  /// The function that wants the tensor, for messages.
  let caller: String

  /// A tensor or number as it is, a bool or a nested list of numbers as a tensor; nil for what cannot become one.
  func operand(_ slot: Slot, wantsIntegers: Bool = false, dtype: DType? = nil) throws -> Operand? {
    switch slot.tag {
    case Tag.number, Tag.trackedNumber: return Operand(slot.number, handle: slot.handle)
    case Tag.tensor, Tag.trackedTensor: return Operand(slot.tensor, handle: slot.handle)
    case Tag.bool: return Operand(try Tensor(slot.bool ? 1 : 0, dtype: dtype ?? .bool))
    case Tag.list, Tag.tuple, Tag.range:
      return try nested(slot, wantsIntegers: wantsIntegers, dtype: dtype)
    default: return nil
    }
  }

  /// A value for a parameter, owned: a tensor as it is, a number or list in the dtype of the tensor it replaces; nil for other values.
  func tensor(_ slot: Slot, like old: Tensor?) throws -> Slot? {
    if slot.isTensor { return retained(slot) }
    let dtype = old?.dtype ?? .f32
    if slot.isPlainNumber { return Slot(try Tensor(slot.number, dtype: dtype)) }
    guard let operand = try operand(slot, dtype: dtype) else { return nil }
    guard operand.isNumber else { return Slot(operand) }
    return Slot(try vm.context.apply(Ops.to, [operand], [.dtype(dtype)]))
  }

  private func nested(_ slot: Slot, wantsIntegers: Bool, dtype: DType?) throws -> Operand {
    var reader = NestedNumbers(vm: vm, caller: caller)
    guard try reader.read(slot) else { return try stacked(slot, wantsIntegers, dtype, depth: 0) }
    let chosen = dtype ?? reader.dtype(wantsIntegers: wantsIntegers)
    if !chosen.isFloat { try reader.check(fit: chosen) }
    return Operand(try Tensor(reader.numbers, shape: reader.shape, dtype: chosen))
  }

  /// A list with tensors or tracked numbers in it: its elements, which must be of one shape, stacked along a new first axis.
  private func stacked(
    _ slot: Slot, _ wantsIntegers: Bool, _ dtype: DType?, depth: Int
  ) throws -> Operand {
    guard let elements = slot.elements, depth < 8 else {
      return try nested(slot, wantsIntegers: wantsIntegers, dtype: dtype)
    }
    try vm.pay(elements.count)
    let parts = try elements.map { element -> Operand in
      if element.elements != nil {
        return try stacked(element, wantsIntegers, dtype, depth: depth + 1)
      }
      if let part = try operand(element, dtype: dtype) { return part }
      throw notANumber(element)
    }
    let whole = try vm.context.apply(Ops.stack, parts, [.int(0)])
    guard let dtype, whole.tensor?.dtype != dtype else { return whole }
    return try vm.context.apply(Ops.to, [whole], [.dtype(dtype)])
  }

  private func notANumber(_ slot: Slot) -> ScriptError {
    ScriptError(
      .type, "\(caller): a tensor cannot be made of a list with \(slot.describedType) in it",
      help: "lists of numbers, bools and tensors of one shape can become tensors")
  }
}

/// Reads a nested list of plain numbers or bools into row-major order.
private struct NestedNumbers {
  let vm: VM
  let caller: String
  private(set) var numbers: [Double] = []
  private(set) var sizes: [Int] = []
  private var hasNumber = false
  private var hasBool = false
  private var hasFraction = false
  /// The first leaf's depth, once one was found.
  private var leafDepth: Int?

  init(vm: VM, caller: String) {
    self.vm = vm
    self.caller = caller
  }

  /// Reads a list; false if it holds tensors or tracked numbers, which takes another way.
  mutating func read(_ slot: Slot) throws -> Bool { try read(slot, depth: 0) }

  private mutating func read(_ slot: Slot, depth: Int) throws -> Bool {
    if let range = slot.asRange { return try read(range, depth: depth) }
    guard let elements = slot.elements else { return try readLeaf(slot, depth: depth) }
    try enter(count: elements.count, depth: depth)
    for element in elements {
      if element.isPlainNumber, leafDepth == depth + 1 {
        append(element.number)
      } else if try !read(element, depth: depth + 1) {
        return false
      }
    }
    return true
  }

  private mutating func read(_ range: RangeObject, depth: Int) throws -> Bool {
    let count = range.length
    guard count <= 1 << 31 else { throw ScriptError(.limit, "\(caller): the range is too long") }
    try enter(count: count, depth: depth)
    if count > 0 { try expectLeaf(depth: depth + 1) }
    for index in 0..<count {
      if index & 0xffff == 0 { try vm.checkCancellation() }
      append(Double(range.value(at: index)))
    }
    return true
  }

  private mutating func append(_ number: Double) {
    hasNumber = true
    if number != number.rounded(.towardZero) || number.isInfinite { hasFraction = true }
    numbers.append(number)
  }

  private mutating func readLeaf(_ slot: Slot, depth: Int) throws -> Bool {
    if slot.isTensor || slot.tag == Tag.trackedNumber { return false }
    try expectLeaf(depth: depth)
    if let bool = slot.asBool {
      hasBool = true
      numbers.append(bool ? 1 : 0)
    } else if slot.isPlainNumber {
      append(slot.number)
    } else {
      throw ScriptError(
        .type, "\(caller): a tensor cannot be made of a list with \(slot.describedType) in it",
        help: "lists of numbers, bools and tensors of one shape can become tensors")
    }
    return true
  }

  /// Notes the length of a list at a depth; all lists of one depth must agree.
  private mutating func enter(count: Int, depth: Int) throws {
    guard depth < 8 else {
      throw ScriptError(.shape, "\(caller): a tensor has at most 8 axes")
    }
    if leafDepth.map({ depth >= $0 }) == true { throw ragged("numbers and lists side by side") }
    try vm.pay(count)
    if depth == sizes.count {
      sizes.append(count)
      // A few lists that hold each other stand for any number of elements.
      let (most, total) = (1 << 40, sizes.reduce(1.0) { $0 * Double(max($1, 1)) })
      try vm.checkRoom(total < Double(most) ? Int(total) * 8 : .max / 2)
      numbers.reserveCapacity(Int(min(total, 0x1p24)))
    } else if sizes[depth] != count {
      throw ragged("lists of \(sizes[depth]) and of \(count) elements side by side")
    }
  }

  private mutating func expectLeaf(depth: Int) throws {
    if let leafDepth, leafDepth != depth { throw ragged("numbers and lists side by side") }
    if leafDepth == nil, depth < sizes.count { throw ragged("numbers and lists side by side") }
    leafDepth = depth
  }

  private func ragged(_ found: String) -> ScriptError {
    ScriptError(
      .shape, "\(caller): the nested list is not rectangular: \(found)",
      help: "all rows of a tensor have the same length")
  }

  var shape: [Int] { sizes }

  /// `bool` for bools alone, `i32` where integers are wanted and all are whole, else `f32`.
  func dtype(wantsIntegers: Bool) -> DType {
    if hasBool, !hasNumber { return .bool }
    return wantsIntegers && !hasFraction ? .i32 : .f32
  }

  /// Refuses numbers that an integer dtype cannot hold.
  func check(fit dtype: DType) throws {
    for number in numbers
    where !dtype.holds(number) || number != number.rounded(.towardZero) {
      throw ScriptError(
        .argument, "\(caller): \(NumberText.shortest(number)) does not fit \(dtype.name)")
    }
  }
}
