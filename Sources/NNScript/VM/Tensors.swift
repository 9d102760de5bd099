// Tensors in the virtual machine: elements, slices and their replacement, and small conversions natives ask for.
import NNTensor

extension VM {
  /// The number in a slot: a number, plain or tracked, or a 0-d tensor; nil for anything else.
  func plainNumber(_ slot: Slot) -> Double? {
    if slot.isNumber { return slot.number }
    guard let tensor = slot.asTensor, tensor.shape.rank == 0 else { return nil }
    return tensor.number(at: 0)
  }

  /// A short text for a value in an error label: its type, or for a tensor its dtype and shape.
  func briefDescription(of slot: Slot) -> String {
    if slot.isTensor { return "\(slot.tensor.dtype.name)\(shape(of: slot))" }
    return slot.isUndefined ? "nothing" : slot.describedType
  }

  /// Whether a value stands for one example to the code that sees it and is many.
  func isBatched(_ slot: Slot) -> Bool {
    slot.tag == Tag.trackedTensor && context.isBatched(Operand(slot))
  }

  /// Throws where a value stands for many at once, so that it has no truth or number of its own to decide on.
  func checkUnbatched(_ slot: Slot, _ what: String = "truth") throws {
    guard isBatched(slot) else { return }
    throw ScriptError(
      .type, "inside vmap a batched value has no single \(what)",
      help: "where(condition, a, b) chooses for each example",
      notes: [.init(operand: 0, text: "a batch of \(briefDescription(of: slot))")])
  }

  /// Refuses to keep a batched value in something made outside of its batched call.
  @inline(never) func checkKept(_ value: Slot, in depth: UInt8, _ what: String) throws {
    guard heap.batchDepth > depth, context.batchDepth(of: Operand(value)) > Int(depth) else {
      return
    }
    throw ScriptError(
      .type, "inside vmap a batched value cannot be assigned to \(what)",
      help: "return it: the results of vmap hold all examples",
      notes: [.init(operand: 1, text: "a batch of \(briefDescription(of: value))")])
  }

  /// The text of a value as `print` gives it; of a batched one, all its examples.
  func text(of slot: Slot) throws -> String {
    guard isBatched(slot) else { return try ValueText.plain(slot, in: self) }
    let sizes = slot.tensor.shape.prefix(slot.tensor.shape.rank - shape(of: slot).rank)
    let count = sizes.array.map { "\($0)" }.joined(separator: " x ")
    return "batch of \(count): \(try ValueText.plain(slot, in: self))"
  }

  /// The part of an untracked tensor at a position of its first axis, owned: a view. Nil where an op has to find it.
  private func view(of slot: Slot, at index: Int) -> Slot? {
    guard slot.meta == Tag.tensor, slot.tensor.shape.rank > 0 else { return nil }
    let tensor = slot.tensor
    let size = tensor.shape[0]
    let position = index < 0 ? index + size : index
    guard position >= 0, position < size else { return nil }
    let shape = tensor.shape.suffix(from: 1)
    return Slot(Tensor(sharing: tensor, offset: position * shape.count, shape: shape))
  }

  /// `tensor[key]`
  func tensorElement(_ slot: Slot, _ keys: [Slot]) throws -> Slot {
    if keys.count == 1, let index = wholeNumber(keys[0]), let part = view(of: slot, at: index) {
      return part
    }
    var reader = IndexReader(vm: self)
    for key in keys { try reader.add(key) }
    return try applyIndex(slot, reader.items, reader.operands)
  }

  /// `tensor[1:3, ..., i]` with the items in registers.
  func tensorSlice(_ slot: Slot, _ first: Registers, _ items: [Code.SliceItem]) throws -> Slot {
    let reader = try read(items, first)
    return try applyIndex(slot, reader.items, reader.operands)
  }

  private func read(_ items: [Code.SliceItem], _ first: Registers) throws -> IndexReader {
    var reader = IndexReader(vm: self)
    var register = first
    for item in items {
      switch item {
      case .value:
        try reader.add(register.pointee)
        register += 1
      case .slice:
        reader.items.append(
          .slice(
            start: try slicePart(register[0]), stop: try slicePart(register[1]),
            step: try slicePart(register[2])))
        register += 3
      case .ellipsis: reader.items.append(.ellipsis)
      }
    }
    return reader
  }

  private func applyIndex(_ slot: Slot, _ items: [IndexItem], _ extra: [Operand]) throws -> Slot {
    do {
      return Slot(try context.apply(Ops.index, [Operand(slot)] + extra, [.index(items)]))
    } catch {
      throw ScriptError(error)
    }
  }

  /// `tensor[key] = value`: the register gets the tensor with that part replaced.
  func replaceElements(of container: Registers, _ keys: [Slot], _ value: Slot) throws {
    var reader = IndexReader(vm: self)
    for key in keys { try reader.add(key) }
    try replace(container, reader, value)
  }

  /// `tensor[...] = value` with the items in registers.
  func replaceSlice(
    of container: Registers, _ first: Registers, _ items: [Code.SliceItem], _ value: Slot
  ) throws {
    try replace(container, try read(items, first), value)
  }

  /// Moves the tensor out of its register, so that it can be changed in place; an error puts it back.
  private func replace(_ container: Registers, _ reader: IndexReader, _ value: Slot) throws {
    let maker = TensorMaker(vm: self, caller: "[]=")
    guard let part = try maker.operand(value) else {
      throw ScriptError(
        .type, "a part of a tensor cannot become \(value.describedType)",
        notes: [.init(operand: 2, text: value.describedType)])
    }
    let old = container.pointee
    container.pointee = .nil
    var operand = Operand(
      Unmanaged<Tensor>.fromOpaque(old.pointer).takeRetainedValue(), handle: old.handle)
    do {
      container.pointee = Slot(try context.replace(&operand, part, reader.operands, reader.items))
    } catch {
      container.pointee = Slot(operand)
      throw error
    }
  }

  /// `x ** y` of numbers.
  func power(_ x: Double, _ y: Double) -> Double {
    if y == 2 { return x * x }
    if y == 0.5, x >= 0 { return x.squareRoot() }
    return Ops.pow.value(of: x, y) ?? .nan
  }
}

/// Reads the items of a tensor's index from slots.
struct IndexReader {
  let vm: VM
  var items: [IndexItem] = []
  /// Masks and integer tensors, which are operands of the op after the tensor itself.
  private(set) var operands: [Operand] = []

  init(vm: VM) { self.vm = vm }

  mutating func add(_ key: Slot) throws {
    if key.isNil {
      items.append(.newAxis)
    } else if let whole = vm.wholeNumber(key) {
      items.append(.at(whole))
    } else if key.isTensor {
      try add(tensor: key.tensor, key)
    } else if let range = key.asRange {
      let end = range.isInclusive ? range.end + 1 : range.end
      items.append(.slice(start: range.start, stop: max(end, range.start), step: range.step))
    } else if key.meta == Tag.list {
      let maker = TensorMaker(vm: vm, caller: "index")
      guard let operand = try maker.operand(key, wantsIntegers: true), let tensor = operand.tensor
      else { throw badIndex(key) }
      try add(tensor: tensor, Slot(tensor))
    } else {
      throw badIndex(key)
    }
  }

  private mutating func add(tensor: Tensor, _ key: Slot) throws {
    if tensor.dtype == .bool {
      items.append(.mask(operand: operands.count + 1))
    } else if tensor.dtype.isInteger {
      items.append(.integers(operand: operands.count + 1))
    } else {
      throw badIndex(key)
    }
    operands.append(Operand(tensor, handle: key.handle))
  }

  private func badIndex(_ key: Slot) -> ScriptError {
    let text = key.asNumber.map(NumberText.shortest) ?? vm.briefDescription(of: key)
    return ScriptError(
      .type,
      "a tensor is indexed with whole numbers, slices, masks and integer tensors, not \(text)",
      help: key.isTensor ? "to(x, \"i32\") makes integers" : nil,
      notes: [.init(operand: 1, text: text)])
  }
}
