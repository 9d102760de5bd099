// Functions between tensors and other values: `tensor`, `item`, `list`.
import NNTensor

extension Builtins {
  /// Making tensors and taking them apart; each is a member of tensors too.
  static let tensorFunctions: [NativeFunction] = [
    NativeFunction(
      "tensor", "values, dtype = nil",
      documentation:
        "A tensor of a number, bool or nested list; `f32`, or `bool` for bools, where no dtype is named.",
      example: "tensor([[1, 2], [3, 4]])"
    ) { call in
      let dtype = try call.optional(1) {
        try AttributeReader(
          call: call, index: $0, parameter: Parameter("dtype", .dtype, Attribute.none)
        ).dtype()
      }
      if call[0].isTensor {
        guard let dtype, dtype != call[0].tensor.dtype else { return retained(call[0]) }
        let operand = Operand(call[0].tensor, handle: call[0].handle)
        return Slot(try call.vm.context.apply(Ops.to, [operand], [.dtype(dtype)]))
      }
      if call[0].isNumber { return try call.scalar(dtype ?? .f32) }
      let maker = TensorMaker(vm: call.vm, caller: "tensor")
      if let operand = try maker.operand(call[0], dtype: dtype) { return Slot(operand) }
      throw call.typeError(0, expected: "a number, a bool or a nested list of them")
    },
    NativeFunction(
      "item", "x", documentation: "The number, or bool, in a tensor of one element.",
      example: "item(tensor([2.5]))  # 2.5"
    ) { call in
      if call[0].isTensor { return try call.vm.item(call[0], caller: "item") }
      guard call[0].isNumber || call[0].isBool else {
        throw call.typeError(0, expected: "a tensor of one element")
      }
      return call[0]
    },
    NativeFunction(
      "list", "values",
      documentation: "A list of the values of a collection; nested lists of a tensor's elements.",
      example: "list(tensor([[1, 2], [3, 4]]))  # [[1, 2], [3, 4]]"
    ) { call in
      if call[0].isTensor {
        guard call.vm.shape(of: call[0]).rank > 0 else {
          throw call.typeError(0, expected: "a tensor with axes")
        }
        return try call.vm.nestedList(call[0])
      }
      return Slot(ListObject(heap: call.heap, owned: try call.ownedElements(of: 0)))
    },
  ]
}

extension NativeCall {
  /// A number argument as a tensor of rank 0; a tracked one stays tracked.
  fileprivate func scalar(_ dtype: DType) throws -> Slot {
    let number = self[0].number
    guard dtype.isFloat || (dtype.holds(number) && number == number.rounded(.towardZero)) else {
      throw argumentError(0, "\(NumberText.shortest(number)) does not fit \(dtype.name)")
    }
    guard !self[0].isPlainNumber else { return Slot(try Tensor(number, dtype: dtype)) }
    let operand = Operand(number, handle: self[0].handle)
    return Slot(try vm.context.apply(Ops.to, [operand], [.dtype(dtype)]))
  }
}
