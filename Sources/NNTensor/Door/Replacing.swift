// Assignment to a part of a tensor, in place where nobody else holds it.
import NNKernels

extension TensorContext {
  /// The tensor with a part replaced. The operand is moved in, so that it can be changed in place; after an error it is as before.
  ///
  /// `tensors` are the index tensors; item operands count them from 1.
  package func replace(
    _ operand: inout Operand, _ value: Operand, _ tensors: [Operand], _ items: [IndexItem]
  ) throws(TensorError) -> Operand {
    let isUnique = isKnownUniquelyReferenced(&operand.tensor)
    guard let tensor = operand.tensor else {
      throw TensorError("type", "a number has no parts to assign to")
    }
    let needsTrace =
      !operand.handle.isNone || !value.handle.isNone
      || tensors.contains { !$0.handle.isNone }
    if needsTrace, innermostTrace([operand, value] + tensors) != nil {
      var operands = [operand] + tensors
      var items = items
      (operands, items) = try Ops.maskless(self, operands, [.index(items)])
      operands.insert(value, at: 1)
      return try apply(Ops.indexUpdate, operands, [.index(items)])
    }
    if isUnique, value.isNumber, tensors.isEmpty, tensor.ownsBlock,
      let place = Self.place(items, tensor.shape), tensor.dtype.isFloat
    {
      tensor.set(value.number, at: place)
      return operand.plain
    }
    let selection = try selection(in: operand, tensors, items)
    let part = try selection.value(value, dtype: tensor.dtype)
    let output = isUnique && tensor.ownsBlock ? tensor : try tensor.copied()
    try selection.write(part, to: output)
    return Operand(output)
  }

  /// The elements that items name in a plain tensor.
  private func selection(
    in operand: Operand, _ tensors: [Operand], _ items: [IndexItem]
  ) throws(TensorError) -> Selection {
    let operands = [operand] + tensors
    if let (shape, places) = try MaskPlaces.rows(self, operands, items) {
      return try Selection(
        shape, .index([.integers(operand: 1)]), [operand, places], from: 1)
    }
    let (all, plainItems) = try Ops.maskless(self, operands, [.index(items)])
    return try Selection(shape(of: operand), .index(plainItems), all, from: 1)
  }

  /// The element that whole-number items for every axis name; nil for anything else.
  private static func place(_ items: [IndexItem], _ shape: Shape) -> Int? {
    guard items.count == shape.rank else { return nil }
    var place = 0
    for axis in shape.indices {
      guard case .at(let index) = items[axis], index < shape[axis], index >= -shape[axis] else {
        return nil
      }
      place = place * shape[axis] + (index < 0 ? index + shape[axis] : index)
    }
    return place
  }
}
