// Makes every tensor op callable from scripts: binds arguments to the op's parameters and applies it.
import NNTensor

/// How one tensor op is called with script values.
struct OpBinder: Sendable {
  private let op: Op
  /// The parameters that are operands, and the positions of those that are attributes.
  private let operands: [OperandPlan]
  private let attributes: [Int]
  /// The attributes where no argument is given.
  private let standard: [Attribute]
  private let form: Form

  /// What is asked of each operand in a call.
  private struct OperandPlan: BitwiseCopyable {
    let index: Int
    let isOptional: Bool
    let isList: Bool
    /// The number that stands for it where it is left out.
    let neutral: Double?
  }

  /// Which of the fast ways fits: those for elementwise ops of one or two tensors and nothing else.
  private enum Form {
    case unary, binary, general
  }

  init(_ op: Op) {
    self.op = op
    let parameters = op.parameters
    operands = parameters.indices.filter { parameters[$0].isOperand }.map {
      var neutral: Double?
      if case .number(let number) = parameters[$0].standard { neutral = number }
      return OperandPlan(
        index: $0, isOptional: parameters[$0].standard != nil,
        isList: parameters[$0].kind == .tensors, neutral: neutral)
    }
    attributes = parameters.indices.filter { !parameters[$0].isOperand }
    standard = attributes.map { parameters[$0].standard ?? .none }
    let isSimple = op.isElementwise && attributes.isEmpty
    form =
      !isSimple ? .general : operands.count == 1 ? .unary : operands.count == 2 ? .binary : .general
  }

  /// The op of each of `functions`.
  static let opOfFunction: [ObjectIdentifier: Op] = Dictionary(
    uniqueKeysWithValues: zip(functions, Ops.all.filter { !$0.isInternal }).map {
      (ObjectIdentifier($0), $1)
    })

  /// The functions for all ops that scripts may call.
  static let functions: [NativeFunction] = Ops.all.filter { !$0.isInternal }.map {
    OpBinder($0).native
  }

  /// The op as a builtin function.
  var native: NativeFunction {
    NativeFunction(
      op.name, Signature(op.parameters.map(Self.signature)), documentation: op.summary,
      example: op.example
    ) { call in try self.call(&call) }
  }

  /// A parameter as scripts see it.
  private static func signature(_ parameter: Parameter) -> Signature.Parameter {
    Signature.Parameter(
      name: parameter.name, defaultText: parameter.standard.map(AttributeReader.text),
      isRest: parameter.takesRest)
  }

  /// Calls the op with arguments in the order of its parameters. Tensors are moved out of them, so that the op may write into temporaries.
  func call(_ call: inout NativeCall) throws -> Slot {
    let context = call.vm.context
    do {
      switch form {
      case .unary:
        if call[0].isPlainNumber, let value = op.value(of: call[0].number) { return Slot(value) }
        return Slot(try context.unary(op, try call.takeOperand(0, op)))
      case .binary:
        let first = try call.takeOperand(0, op)
        return Slot(try context.binary(op, first, try call.takeOperand(1, op)))
      case .general: return try callGeneral(call, readAttributes(call))
      }
    } catch let error as TensorError {
      throw ScriptError(error, operands: operands.map(\.index))
    }
  }

  private func callGeneral(_ call: NativeCall, _ attributes: [Attribute]) throws -> Slot {
    var inputs: [Operand] = []
    inputs.reserveCapacity(operands.count)
    for (place, operand) in operands.enumerated() {
      if operand.isOptional, !call.has(operand.index) { continue }
      // What was left out before an operand that is given has its number in its place.
      while inputs.count < place, let neutral = operands[inputs.count].neutral {
        inputs.append(Operand(neutral))
      }
      if operand.isList {
        inputs += try call.operands(operand.index, op.parameters[operand.index])
      } else {
        inputs.append(try call.takeOperand(operand.index, op))
      }
    }
    let inputCount = inputs.count
    do throws(TensorError) {
      guard op.hasManyResults else {
        return Slot(try call.vm.context.apply(op, inputs, attributes))
      }
      let results = try call.vm.context.applyMany(op, inputs, attributes).map { Slot($0) }
      // A number of results that depends on the arguments is a list, a fixed number a tuple.
      return op.outputs == nil
        ? Slot(ListObject(heap: call.heap, owned: results))
        : Slot(TupleObject(heap: call.heap, owned: results))
    } catch {
      throw ScriptError(error, operands: origins(call, count: inputCount))
    }
  }

  /// For each of so many operands, the parameter it came from. Moved tensors have left nil behind, so optional ones are told by the count.
  private func origins(_ call: NativeCall, count: Int) -> [Int] {
    var result: [Int] = []
    for operand in operands {
      let single = operand.isList ? max(1, count - operands.count + 1) : 1
      result += repeatElement(operand.index, count: single)
    }
    return Array(result.prefix(count))
  }

  private func readAttributes(_ call: NativeCall) throws -> [Attribute] {
    var result = standard
    for (place, index) in attributes.enumerated() {
      let slot = call[index]
      if slot.isUndefined { continue }
      let parameter = op.parameters[index]
      if slot.isNil, parameter.standard != nil { continue }
      result[place] = try AttributeReader(call: call, index: index, parameter: parameter).read()
    }
    return result
  }
}

extension ScriptError {
  /// An op's error, with operands replaced by the arguments they came from.
  init(_ error: TensorError, operands: [Int]) {
    self.init(error)
    notes = error.notes.compactMap { note in
      note.operand < operands.count ? Note(operand: operands[note.operand], text: note.text) : nil
    }
  }
}

extension Slot {
  /// A slot for what an op gave; owned.
  @inline(__always) init(_ operand: consuming Operand) {
    if let tensor = operand.tensor {
      self.init(tensor, handle: operand.handle)
    } else {
      self.init(operand.number, handle: operand.handle)
    }
  }
}

extension NativeCall {
  /// An argument as an operand. A tensor is moved out of the argument.
  @inline(__always) func takeOperand(_ index: Int, _ op: Op) throws -> Operand {
    let slot = arguments[index]
    if slot.isTensor {
      arguments[index] = .nil
      let tensor = Unmanaged<Tensor>.fromOpaque(slot.pointer).takeRetainedValue()
      return Operand(tensor, handle: slot.handle)
    }
    if slot.isNumber { return Operand(slot.number, handle: slot.handle) }
    return try convertedOperand(index, op.parameters[index])
  }

  /// A list or bool as an operand.
  private func convertedOperand(_ index: Int, _ parameter: Parameter) throws -> Operand {
    let maker = TensorMaker(vm: vm, caller: function.name)
    if let operand = try maker.operand(self[index], wantsIntegers: parameter.wantsIntegers) {
      return operand
    }
    throw typeError(index, expected: "a tensor, a number or a list of numbers")
  }

  /// The tensors of a list argument, each an operand.
  fileprivate func operands(_ index: Int, _ parameter: Parameter) throws -> [Operand] {
    if self[index].isTensor { return try vm.rows(of: self[index]) }
    guard let elements = self[index].elements else {
      throw typeError(index, expected: "a list of tensors")
    }
    let maker = TensorMaker(vm: vm, caller: function.name)
    return try elements.map { element in
      if let operand = try maker.operand(element, wantsIntegers: parameter.wantsIntegers) {
        return operand
      }
      throw ScriptError(
        .type,
        "\(function.name): '\(parameter.name)' must be a list of tensors, not with \(element.describedType) in it"
      )
    }
  }
}
