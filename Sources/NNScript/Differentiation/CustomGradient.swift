// Functions with a gradient of their own, and functions that are computed again on the way back.
import NNTensor

extension Differentiation {
  static let customGrad = NativeFunction(
    "custom_grad", "f, backward",
    documentation: """
      The function `f` with another gradient: `backward(saved_args, out, g)` gives the gradients of the arguments (one alone, several as a tuple; nil
      is zero), each in its argument's structure, from the tuple of arguments, the result and the gradient in the result. Variables that `f` captures
      keep their usual gradients.
      """,
    example: "custom_grad(x => x * x, (saved, out, g) => clip(2 * saved[0] * g, -1, 1))"
  ) { call in
    let (function, backward) = (try call.callable(0), try call.callable(1))
    return Slot(
      NativeObject(
        heap: call.heap, function: customised, owned: [retained(function), retained(backward)]))
  }

  private static let customised = NativeFunction("custom_grad(f)", "arguments...") { call in
    try CustomCall(vm: call.vm, function: call.captured[0], backward: call.captured[1])
      .run(Array(call.rest(0)))
  }

  static let checkpoint = NativeFunction(
    "checkpoint", "f",
    documentation: """
      The function `f`, of whose inner values the backward pass stores none: it computes them again from what went in, with the same random numbers.
      Takes less memory and more time. `f` itself runs once, so what it prints and assigns happens once.
      """,
    example: "let block = checkpoint(x => gelu(x @ w1) @ w2)"
  ) { call in
    let function = retained(try call.callable(0))
    return Slot(NativeObject(heap: call.heap, function: checkpointed, owned: [function]))
  }

  private static let checkpointed = NativeFunction("checkpoint(f)", "arguments...") { call in
    let (vm, function, arguments) = (call.vm, call.captured[0], Array(call.rest(0)))
    return try vm.context.checkpointed { try vm.call(function, arguments) }
  }
}

/// One call of a function that has a gradient of its own.
private struct CustomCall {
  let vm: VM
  let function: Slot
  let backward: Slot

  /// The result; where an argument is tracked, recorded as one op with the results of `f` as further operands, so that gradients
  /// of what `f` captured pass through those.
  func run(_ given: [Slot]) throws -> Slot {
    var arguments = TrackedArguments(vm: vm, keepsSources: true) { try vm.stopped($0) }
    let result: Slot
    let layouts: [GradientLayout]
    do {
      (result, layouts) = try call(given, &arguments)
    } catch {
      arguments.discardKeys()
      throw error
    }
    let outputs: [Operand]
    do {
      outputs = try floats(in: result, WalkMeter(vm, "custom_grad"))
    } catch {
      arguments.discardKeys()
      release(result)
      throw error
    }
    guard !outputs.isEmpty, arguments.sources.contains(where: { vm.context.isTracked($0) }) else {
      arguments.discardKeys()
      return result
    }
    defer { release(result) }
    let rule = CustomRule(
      vm: vm, backward: backward, given: given, arguments: arguments, layouts: layouts,
      result: result)
    do throws(TensorError) {
      let operands = arguments.sources + outputs
      let replaced = try vm.context.applyMany(rule.makeOp(outputs: outputs.count), operands)
      return rule.tree(of: replaced) { retained($0) }
    } catch {
      throw ScriptError(error)
    }
  }

  /// Calls the function on arguments that no gradient passes through.
  private func call(
    _ given: [Slot], _ arguments: inout TrackedArguments
  ) throws -> (Slot, [GradientLayout]) {
    var stopped: [Slot] = []
    var layouts: [GradientLayout] = []
    defer {
      arguments.restore()
      for slot in stopped { release(slot) }
    }
    for argument in given {
      let (slot, layout) = try arguments.track(argument)
      stopped.append(slot)
      layouts.append(layout)
    }
    return (try vm.call(function, stopped), layouts)
  }

  /// The numbers and float tensors in a result, in order.
  private func floats(in value: Slot, _ meter: WalkMeter) throws -> [Operand] {
    try meter.visit(value)
    if value.isFloat { return [Operand(value)] }
    if let elements = value.elements, NativeStack.hasRoom {
      return try elements.flatMap { try floats(in: $0, meter) }
    }
    var found: [Operand] = []
    if let dict = value.asDict, NativeStack.hasRoom {
      try dict.visitEntries { _, entry in found += try floats(in: entry, meter) }
    }
    return found
  }
}

extension VM {
  /// A value through which no gradient passes.
  fileprivate func stopped(_ value: Operand) throws -> Operand {
    do throws(TensorError) {
      return try context.apply(Ops.stopGradient, [value])
    } catch {
      throw ScriptError(error)
    }
  }
}

extension Slot {
  /// Whether the value can have a gradient: a number or a float tensor.
  fileprivate var isFloat: Bool { isNumber || isTensor && tensor.dtype.isFloat }
}

/// The row of one call: its results are its last operands, its gradient is the script's.
///
/// An engine is confined to one thread at a time, and so is all it makes; rows are `Sendable` because most are shared.
private final class CustomRule: @unchecked Sendable {
  private let vm: VM
  private let backward: Slot
  private let given: [Slot]
  /// Holds the keys that the layouts use.
  private var arguments: TrackedArguments
  private let layouts: [GradientLayout]
  private let result: Slot

  init(
    vm: VM, backward: Slot, given: [Slot], arguments: TrackedArguments, layouts: [GradientLayout],
    result: Slot
  ) {
    self.vm = vm
    self.backward = retained(backward)
    self.given = given.map { retained($0) }
    self.arguments = arguments
    self.layouts = layouts
    self.result = retained(result)
  }

  deinit {
    release(backward)
    for slot in given { release(slot) }
    release(result)
    arguments.discardKeys()
  }

  func makeOp(outputs: Int) -> Op {
    Op.passing(outputs: outputs) { (_, inputs, outputs, cotangents) throws(TensorError) in
      do {
        return try self.gradients(inputs, outputs, cotangents)
      } catch let error as TensorError {
        throw error
      } catch let error as ScriptError {
        throw TensorError(carrying: error, error.kind.rawValue, error.message)
      } catch {
        throw TensorError("error", "\(error)")
      }
    }
  }

  /// The result's structure with other numbers and tensors; owned.
  func tree(of values: [Operand], others: (Slot) -> Slot) -> Slot {
    var values = values[...]
    return tree(result, &values, others)
  }

  private func tree(
    _ value: Slot, _ values: inout ArraySlice<Operand>, _ others: (Slot) -> Slot
  ) -> Slot {
    switch value.tag {
    case Tag.list, Tag.tuple:
      var parts: [Slot] = []
      for element in value.elements ?? .init(start: nil, count: 0) {
        parts.append(tree(element, &values, others))
      }
      return value.tag == Tag.list
        ? Slot(ListObject(heap: vm.heap, owned: parts))
        : Slot(TupleObject(heap: vm.heap, owned: parts))
    case Tag.dict:
      let dict = value.object(DictObject.self)
      let copy = DictObject(heap: vm.heap, capacity: dict.size)
      dict.visitEntries { key, entry in copy.set(key, owned: tree(entry, &values, others)) }
      return Slot(copy)
    default: return value.isFloat ? Slot(values.removeFirst()) : others(value)
    }
  }

  /// The gradients of the arguments' leaves.
  private func gradients(
    _ inputs: [Operand], _ outputs: [Operand], _ cotangents: [Operand]
  ) throws -> [Operand?] {
    let saved = zip(given, layouts).map { $1.rebuild($0, inputs, heap: vm.heap) }
    var owned = [
      Slot(TupleObject(heap: vm.heap, owned: saved)), tree(of: outputs) { retained($0) },
      tree(of: cotangents) { _ in .nil },
    ]
    defer { for slot in owned { release(slot) } }
    let gradient = try vm.call(backward, owned)
    owned.append(gradient)
    var reader = LeafGradients(vm: vm, inputs: inputs)
    if given.count == 1, gradient.asTuple?.elements.count != 1 {
      try reader.read(gradient, layouts[0])
      return reader.gradients
    }
    guard let parts = gradient.asTuple?.elements, parts.count == layouts.count else {
      throw ScriptError(
        .type,
        "custom_grad: backward must return a tuple of \(layouts.count) gradients, one for each argument, not \(gradient.describedType)"
      )
    }
    for (part, layout) in zip(Array(parts), layouts) { try reader.read(part, layout) }
    return reader.gradients
  }
}

extension GradientLayout {
  /// The argument with other leaves, owned; a model is itself.
  fileprivate func rebuild(_ argument: Slot, _ leaves: [Operand], heap: Heap) -> Slot {
    switch self {
    case .leaf(let index): return Slot(leaves[index])
    case .none, .model: return retained(argument)
    case .list(let layouts):
      return Slot(ListObject(heap: heap, owned: parts(argument, layouts, leaves, heap)))
    case .tuple(let layouts):
      return Slot(TupleObject(heap: heap, owned: parts(argument, layouts, leaves, heap)))
    case .dict(let keys, let layouts):
      let dict = argument.object(DictObject.self)
      let copy = DictObject(heap: heap, capacity: keys.count)
      for (key, layout) in zip(keys, layouts) {
        copy.set(key, owned: layout.rebuild(dict[key] ?? .nil, leaves, heap: heap))
      }
      return Slot(copy)
    }
  }

  private func parts(
    _ argument: Slot, _ layouts: [GradientLayout], _ leaves: [Operand], _ heap: Heap
  ) -> [Slot] {
    // A list may have been changed since; what is left of it is enough for the structure.
    let elements = argument.elements.map(Array.init) ?? []
    return layouts.enumerated().map { index, layout in
      layout.rebuild(index < elements.count ? elements[index] : .nil, leaves, heap: heap)
    }
  }
}

/// Reads what a script gives as the gradients of arguments.
private struct LeafGradients {
  let vm: VM
  let inputs: [Operand]
  private(set) var gradients: [Operand?]

  init(vm: VM, inputs: [Operand]) {
    self.vm = vm
    self.inputs = inputs
    gradients = [Operand?](repeating: nil, count: inputs.count)
  }

  mutating func read(_ value: Slot, _ layout: GradientLayout) throws {
    if value.isNil { return }
    switch layout {
    case .none: break
    case .leaf(let index): try readLeaf(value, index)
    case .list(let layouts), .tuple(let layouts):
      guard let parts = value.elements.map(Array.init), parts.count == layouts.count else {
        throw mismatch("\(layouts.count) gradients", value)
      }
      for (part, layout) in zip(parts, layouts) { try read(part, layout) }
    case .dict(let keys, let layouts):
      guard let dict = value.asDict else { throw mismatch("a dict", value) }
      for (key, layout) in zip(keys, layouts) { try read(dict[key] ?? .nil, layout) }
    case .model(let places, let first):
      guard let dict = value.asDict else { throw mismatch("a dict from path to tensor", value) }
      for (index, place) in places.enumerated() {
        try read(dict[place.path] ?? .nil, .leaf(first + index))
      }
    }
  }

  private mutating func readLeaf(_ value: Slot, _ index: Int) throws {
    guard let gradient = try TensorMaker(vm: vm, caller: "custom_grad").operand(value) else {
      throw mismatch("a number or tensor", value)
    }
    let (wanted, found) = (vm.context.shape(of: inputs[index]), vm.context.shape(of: gradient))
    guard wanted == found || gradient.isNumber else {
      throw ScriptError(
        .shape,
        "custom_grad: backward gives a gradient of shape \(found) for an argument of shape \(wanted)"
      )
    }
    gradients[index] = gradient
  }

  private func mismatch(_ expected: String, _ found: Slot) -> ScriptError {
    ScriptError(
      .type, "custom_grad: backward must return \(expected), not \(found.describedType)")
  }
}
