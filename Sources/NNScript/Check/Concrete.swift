// Between what the checker knows and the values of the virtual machine: constants go there and back.
import NNSyntax
import NNTensor

extension Checker {
  /// A wholly known value as one of the virtual machine, owned by the caller; nil for everything else. Tensors are never known.
  func slot(_ value: AbstractValue, depth: Int = 0) -> Slot? {
    switch value {
    case .nil: return .nil
    case .bool(let bool?): return Slot(bool)
    case .number(let number?): return Slot(number)
    case .string(let text?): return vm.heap.string(text)
    case .range(let range?):
      let end = range.isInclusive ? range.end - 1 : range.end
      return Slot(
        RangeObject(
          heap: vm.heap, start: range.start, end: end, step: range.step,
          isInclusive: range.isInclusive))
    case .tuple(let elements):
      return slots(elements, depth).map { Slot(TupleObject(heap: vm.heap, owned: $0)) }
    case .list(let container):
      guard let elements = container.elements else { return nil }
      return slots(elements, depth).map { Slot(ListObject(heap: vm.heap, owned: $0)) }
    case .dict(let container): return container.elements.flatMap { dict($0, depth) }
    default: return nil
    }
  }

  func slots(_ values: [AbstractValue], _ depth: Int) -> [Slot]? {
    guard depth < 16, values.count <= 1024 else { return nil }
    var result: [Slot] = []
    for value in values {
      guard canVisit(), let slot = slot(value, depth: depth + 1) else {
        for slot in result { release(slot) }
        return nil
      }
      result.append(slot)
    }
    return result
  }

  private func dict(_ pairs: [AbstractValue], _ depth: Int) -> Slot? {
    var keys: [AbstractValue] = []
    var values: [AbstractValue] = []
    for case .tuple(let pair) in pairs {
      keys.append(pair[0])
      values.append(pair[1])
    }
    guard let owned = slots(values, depth) else { return nil }
    let dict = DictObject(heap: vm.heap, capacity: pairs.count)
    for (key, value) in zip(keys, owned) {
      guard let key = slot(key) else {
        release(value)
        continue
      }
      dict.set(key, owned: value)
      release(key)
    }
    return Slot(dict)
  }

  /// What is known of a value of the virtual machine, which is used up.
  func value(ofPlain slot: Slot) -> AbstractValue {
    defer { release(slot) }
    return known(slot, depth: 0)
  }

  private func known(_ slot: Slot, depth: Int) -> AbstractValue {
    guard depth < 16 else { return .unknown }
    switch slot.tag {
    case Tag.none: return .nil
    case Tag.bool: return .bool(slot.bool)
    case Tag.number: return .number(slot.number)
    case Tag.string: return .string(slot.object(StringObject.self).value)
    case Tag.tensor:
      let shape = Dims(slot.tensor.shape.array.map { SymbolicDim($0) })
      return .tensor(TensorFacts(slot.tensor.dtype, shape))
    case Tag.tuple, Tag.list:
      guard let elements = slot.elements, elements.count <= 1024 else { return .unknown }
      let values = elements.map { known($0, depth: depth + 1) }
      return slot.tag == Tag.tuple ? .tuple(values) : .list(AbstractContainer(values))
    case Tag.range:
      let range = slot.object(RangeObject.self)
      let end = range.isInclusive ? range.end + 1 : range.end
      return .range(
        AbstractRange(
          start: range.start, end: end, isInclusive: range.isInclusive, step: range.step))
    default: return .unknown
    }
  }

  /// Calls a native of the virtual machine on wholly known arguments; nil if some are not known.
  func fold(_ native: NativeFunction, _ arguments: [BoundArgument], at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    guard let buffer = registers(arguments) else { return nil }
    defer { buffer.free() }
    let object = NativeObject(heap: vm.heap, function: native)
    let slot = Slot(object)
    defer { release(slot) }
    var call = NativeCall(vm: vm, object: object, arguments: buffer.first)
    let result = try at(place) { try native.body(&call) }
    return value(ofPlain: result)
  }

  /// The arguments of a native in a row; nil if some are not wholly known.
  private func registers(_ arguments: [BoundArgument]) -> ArgumentBuffer? {
    let buffer = ArgumentBuffer(count: arguments.count)
    for (index, argument) in arguments.enumerated() {
      guard let slot = slot(argument) else {
        buffer.free()
        return nil
      }
      buffer.first[index] = slot
    }
    return buffer
  }

  func slot(_ argument: BoundArgument) -> Slot? {
    switch argument {
    case .missing: .undefined
    case .given(let value): slot(value)
    case .rest(let values):
      slots(values, 0).map { Slot(ListObject(heap: vm.heap, owned: $0)) }
    }
  }
}

/// The arguments of a native's call.
struct ArgumentBuffer {
  let first: Registers
  let count: Int

  init(count: Int) {
    self.count = count
    first = .allocate(capacity: max(count, 1))
    first.initialize(repeating: .undefined, count: count)
  }

  func free() {
    for index in 0..<count { release(first[index]) }
    first.deallocate()
  }
}
