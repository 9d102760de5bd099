// Forward mode: jvp, and how tangents line up with arguments.
import NNTensor

extension Differentiation {
  static let jvp = NativeFunction(
    "jvp", "f, args, tangents",
    documentation: """
      `(value, tangent)` of `f` at the arguments: how the value changes as they move along `tangents`, which have their structure (nil stands for zero).
      Several arguments are a tuple, and so are their tangents; a model's tangent is a dict from parameter path to tensor.
      """,
    example: "let (y, dy) = jvp(x => x ** 2, 3, 1)"
  ) { call in
    let function = try call.callable(0)
    let (arguments, tangents) = try paired(call)
    for (argument, tangent) in zip(arguments, tangents) where !tangent.isNil {
      try checkDifferentiable(argument, "jvp")
    }
    var reader = TangentReader(vm: call.vm)
    for (argument, tangent) in zip(arguments, tangents) { try reader.read(tangent, of: argument) }
    return try ForwardRun(call.vm).run(function, arguments, reader.tangents)
  }

  /// The arguments and their tangents: the parts of tuples, or one bare value each.
  private static func paired(_ call: NativeCall) throws -> ([Slot], [Slot]) {
    guard let arguments = call[1].asTuple else { return ([call[1]], [call[2]]) }
    guard let tangents = call[2].asTuple, tangents.elements.count == arguments.elements.count else {
      throw call.typeError(2, expected: "a tuple with a tangent for each argument")
    }
    return (Array(arguments.elements), Array(tangents.elements))
  }
}

/// One call of a function on arguments with tangents.
private struct ForwardRun {
  let vm: VM

  init(_ vm: VM) { self.vm = vm }

  /// The tuple of value and tangent; `tangents` are those of the leaves in order.
  func run(_ function: Slot, _ given: [Slot], _ tangents: [Operand]) throws -> Slot {
    let trace = vm.context.beginJVP()
    let result: Slot
    do {
      defer { vm.context.end(trace) }
      result = try call(function, given, tangents, on: trace)
    }
    let tree = ResultTree(vm: vm, trace: trace)
    let tangent: Slot
    do {
      tangent = try tree.mapped(result) { leaf in try self.tangent(of: leaf, trace) }
    } catch {
      release(result)
      throw error
    }
    do {
      return Slot(TupleObject(heap: vm.heap, owned: [try tree.lowered(owned: result), tangent]))
    } catch {
      release(tangent)
      throw error
    }
  }

  private func call(
    _ function: Slot, _ given: [Slot], _ tangents: [Operand], on trace: JVPTrace
  ) throws -> Slot {
    var remaining = tangents[...]
    var arguments = TrackedArguments(vm: vm) { value in
      try vm.watch(value, tangent: remaining.removeFirst(), on: trace)
    }
    var tracked: [Slot] = []
    let wasTraining = vm.isTraining
    defer {
      arguments.restore()
      arguments.discardKeys()
      for slot in tracked { release(slot) }
      vm.isTraining = wasTraining
    }
    for argument in given { tracked.append(try arguments.track(argument).0) }
    vm.isTraining = arguments.hasModel
    return try vm.call(function, tracked)
  }

  /// The tangent of one value of the result: zeros where it does not depend on the arguments, nil where it is no float.
  private func tangent(of leaf: Slot, _ trace: JVPTrace) throws -> Slot {
    guard leaf.isNumber || leaf.isTensor && leaf.tensor.dtype.isFloat else { return .nil }
    let value = Operand(leaf)
    if let tangent = trace.tangent(of: value) { return Slot(tangent) }
    do throws(TensorError) {
      return Slot(try vm.context.zeros(like: trace.lowered(value)))
    } catch {
      throw ScriptError(error)
    }
  }
}

/// Reads the tangents of the numbers and float tensors in arguments, in the order in which those are watched.
private struct TangentReader {
  let vm: VM
  private let meter: WalkMeter
  private(set) var tangents: [Operand] = []

  init(vm: VM) {
    self.vm = vm
    meter = WalkMeter(vm, "jvp")
  }

  mutating func read(_ tangent: Slot, of value: Slot) throws {
    try meter.visit(value)
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "an argument is nested too deeply to be differentiated")
    }
    switch value.tag {
    case Tag.number, Tag.trackedNumber, Tag.tensor, Tag.trackedTensor:
      try readLeaf(tangent, of: value)
    case Tag.list, Tag.tuple: try readElements(tangent, of: value)
    case Tag.dict: try readEntries(tangent, of: value.object(DictObject.self))
    case Tag.instance: try readParameters(tangent, of: value.object(InstanceObject.self))
    default: break
    }
  }

  private mutating func readLeaf(_ tangent: Slot, of value: Slot) throws {
    if let tensor = value.asTensor, !tensor.dtype.isFloat { return }
    let shape = vm.shape(of: value)
    guard !tangent.isNil else {
      tangents.append(try zeros(shape, value))
      return
    }
    let maker = TensorMaker(vm: vm, caller: "jvp")
    guard let operand = try maker.operand(tangent) else {
      throw mismatch(value, "a number or tensor", tangent)
    }
    let found = vm.context.shape(of: operand)
    guard found == shape else { throw ScriptError.notATangent("\(shape)", "\(found)") }
    tangents.append(operand)
  }

  private func zeros(_ shape: Shape, _ value: Slot) throws -> Operand {
    do throws(TensorError) {
      return try vm.context.zeros(like: Operand(value))
    } catch {
      throw ScriptError(error)
    }
  }

  private mutating func readElements(_ tangent: Slot, of value: Slot) throws {
    let elements = Array(value.elements ?? .init(start: nil, count: 0))
    if tangent.isNil {
      for element in elements { try read(.nil, of: element) }
      return
    }
    guard let parts = tangent.elements.map(Array.init), parts.count == elements.count else {
      throw mismatch(value, "\(value.describedType) of \(elements.count)", tangent)
    }
    for (element, part) in zip(elements, parts) { try read(part, of: element) }
  }

  private mutating func readEntries(_ tangent: Slot, of dict: DictObject) throws {
    let parts = tangent.asDict
    guard parts != nil || tangent.isNil else { throw mismatch(Slot(dict), "a dict", tangent) }
    try dict.visitEntries { key, value in try read(parts?[key] ?? .nil, of: value) }
  }

  private mutating func readParameters(_ tangent: Slot, of instance: InstanceObject) throws {
    let parts = tangent.asDict
    guard parts != nil || tangent.isNil else {
      throw mismatch(Slot(instance), "a dict from parameter path to tensor", tangent)
    }
    for place in ModelWalk.parameters(of: instance, heap: vm.heap) where !place.isFrozen {
      try read(parts?[place.path] ?? .nil, of: place.value)
    }
  }

  private func mismatch(_ value: Slot, _ expected: String, _ found: Slot) -> ScriptError {
    ScriptError(
      .type,
      "jvp: the tangent of \(value.describedType) must be \(expected) or nil, not \(found.describedType)",
      notes: [.init(operand: 2, text: found.describedType)])
  }
}

extension VM {
  /// A value as one that a tape tracks.
  func watch(_ value: Operand, on tape: Tape) throws -> Operand {
    do throws(TensorError) {
      return try context.watch(value, on: tape)
    } catch {
      throw ScriptError(error)
    }
  }

  /// A value with its tangent.
  func watch(_ value: Operand, tangent: Operand, on trace: JVPTrace) throws -> Operand {
    do throws(TensorError) {
      return try context.watch(value, tangent: tangent, on: trace)
    } catch {
      throw ScriptError(error)
    }
  }
}
