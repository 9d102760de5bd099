// Tensor operations that natives and the virtual machine share: elements, items, sums.
import NNTensor

extension VM {
  /// A value as an operand, without moving it; nil if it is no tensor and no number.
  func borrowedOperand(_ slot: Slot) -> Operand? {
    if slot.isTensor { return Operand(slot.tensor, handle: slot.handle) }
    return slot.isNumber ? Operand(slot.number, handle: slot.handle) : nil
  }

  /// The sum of two numbers or tensors; owned.
  func add(_ left: Slot, _ right: Slot) throws -> Slot {
    guard let a = borrowedOperand(left), let b = borrowedOperand(right) else {
      throw ScriptError(
        .type, "cannot add \(left.describedType) and \(right.describedType)")
    }
    return Slot(try context.binary(Ops.add, a, b))
  }

  /// The element of a tensor at a position within its first axis; owned.
  func element(of slot: Slot, at index: Int) throws -> Slot {
    let operand = Operand(slot.tensor, handle: slot.handle)
    return Slot(try context.apply(Ops.index, [operand], [.index([.at(index)])]))
  }

  /// The rows of a tensor along its first axis.
  func rows(of slot: Slot) throws -> [Operand] {
    let operand = Operand(slot.tensor, handle: slot.handle)
    let shape = shape(of: slot)
    guard shape.rank > 0 else { return [operand] }
    return try (0..<shape[0]).map {
      try context.apply(Ops.index, [operand], [.index([.at($0)])])
    }
  }

  /// The tensor with its last two axes swapped; owned.
  func transpose(_ slot: Slot) throws -> Slot {
    let shape = shape(of: slot)
    guard shape.rank >= 2 else {
      throw ScriptError.notTransposable("\(shape)")
    }
    let operand = Operand(slot.tensor, handle: slot.handle)
    return Slot(try context.apply(Ops.transpose, [operand]))
  }

  /// The one element of a tensor: a number, a tracked one of a tracked tensor, or a bool; owned.
  func item(_ slot: Slot, caller: String) throws -> Slot {
    if !slot.isTensor { return slot }
    let shape = shape(of: slot)
    guard shape.count == 1 else {
      throw ScriptError(
        .shape, "\(caller): a tensor of shape \(shape) has \(shape.count) elements, not one",
        help: "list(x) gives them all", notes: [.init(operand: 0, text: "\(shape)")])
    }
    if slot.tag == Tag.trackedTensor {
      return Slot(try context.apply(Ops.item, [Operand(slot.tensor, handle: slot.handle)]))
    }
    let number = slot.tensor.number(at: 0)
    return slot.tensor.dtype == .bool ? Slot(number != 0) : Slot(number)
  }

  /// Nested lists of a tensor's elements; of a tracked tensor, of tracked numbers. Owned.
  func nestedList(_ slot: Slot) throws -> Slot {
    let shape = shape(of: slot)
    if shape.rank == 0 { return try item(slot, caller: "list") }
    if slot.tag == Tag.trackedTensor {
      return try ListObject.build(heap: heap, capacity: shape[0]) { list in
        for index in 0..<shape[0] {
          let part = try element(of: slot, at: index)
          defer { release(part) }
          list.append(owned: try nestedList(part))
        }
      }
    }
    return plainList(slot.tensor, axis: 0, offset: 0)
  }

  private func plainList(_ tensor: Tensor, axis: Int, offset: Int) -> Slot {
    let size = tensor.shape[axis]
    let list = ListObject(heap: heap, capacity: size)
    let step = tensor.shape.product(axis + 1..<tensor.shape.rank)
    for index in 0..<size {
      let place = offset + index * step
      if axis + 1 < tensor.shape.rank {
        list.append(owned: plainList(tensor, axis: axis + 1, offset: place))
      } else {
        let number = tensor.number(at: place)
        list.append(owned: tensor.dtype == .bool ? Slot(number != 0) : Slot(number))
      }
    }
    return Slot(list)
  }

  /// The calls of an error's trace as strings, innermost first; owned.
  func traceLines(of error: ScriptError) -> Slot {
    let lines = error.trace.map { call in
      let file = modules.sources.file(of: call.span)
      let line = file.map { " (\($0.name):\($0.location(at: Int(call.span.start)).line))" } ?? ""
      return heap.string(call.function + line)
    }
    return Slot(ListObject(heap: heap, owned: lines))
  }
}
