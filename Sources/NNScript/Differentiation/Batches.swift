// Batched calls: vmap, and how axes line up with arguments.
import NNTensor

extension Differentiation {
  static let vmap = NativeFunction(
    "vmap", "f, axes = 0",
    documentation: """
      The function that applies `f`, written for one example, to a batch of them: inside, each tensor lacks the given axis; results have it in front.
      `axes` is one for all arguments, or a tuple with one for each: a number, nil for what all examples share, or a structure of these.
      Random numbers differ from example to example. `if` cannot decide on a batched value, `where` chooses for each example.
      """,
    example: "vmap(dot)(ones(5, 3), ones(5, 3))"
  ) { call in
    let function = try call.callable(0)
    let axes = call[1].isUndefined ? Slot(0) : retained(call[1])
    return Slot(
      NativeObject(heap: call.heap, function: batched, owned: [retained(function), axes]))
  }

  private static let batched = NativeFunction("vmap(f)", "arguments...") { call in
    try BatchedRun(vm: call.vm).run(
      call.captured[0], axes: call.captured[1], Array(call.rest(0)))
  }
}

/// One call of a function on batches.
private struct BatchedRun {
  let vm: VM

  func run(_ function: Slot, axes: Slot, _ given: [Slot]) throws -> Slot {
    let axes = try eachAxis(axes, count: given.count)
    let trace = vm.context.beginBatch(size: try size(given, axes))
    vm.heap.batchDepth += 1
    defer {
      vm.heap.batchDepth -= 1
      vm.context.end(trace)
    }
    let result = try call(function, given, axes, trace)
    defer { release(result) }
    return try ResultTree(vm: vm, trace: trace).mapped(result) { try stacked($0, trace) }
  }

  /// The axes of each argument.
  private func eachAxis(_ axes: Slot, count: Int) throws -> [Slot] {
    guard let each = axes.asTuple?.elements else {
      return Array(repeating: axes, count: count)
    }
    guard each.count == count else {
      throw ScriptError.axesForOthers(each.count, count)
    }
    return Array(each)
  }

  /// How many examples the arguments have.
  private func size(_ given: [Slot], _ axes: [Slot]) throws -> Int {
    var size: Int?
    var swaps = ParameterSwaps()
    for (argument, axis) in zip(given, axes) {
      let walk = BatchWalk(vm: vm) { value, axis in
        let found = vm.shape(of: value)[axis]
        guard size == nil || size == found else {
          throw ScriptError.otherNumberOfExamples("\(size ?? 0)", "\(found)")
        }
        size = found
        return retained(value)
      }
      defer { swaps.restore() }
      release(try walk.map(argument, axis, &swaps))
    }
    guard let size else { throw ScriptError.nothingToMap }
    return size
  }

  private func call(
    _ function: Slot, _ given: [Slot], _ axes: [Slot], _ trace: BatchTrace
  ) throws -> Slot {
    var swaps = ParameterSwaps()
    var arguments: [Slot] = []
    defer {
      swaps.restore()
      for argument in arguments { release(argument) }
    }
    let walk = BatchWalk(vm: vm) { value, axis in
      do throws(TensorError) {
        return Slot(try trace.add(vm.context.moved(Operand(value), axis: axis, to: 0)))
      } catch {
        throw ScriptError(error)
      }
    }
    for (argument, axis) in zip(given, axes) {
      arguments.append(try walk.map(argument, axis, &swaps))
    }
    return try vm.call(function, arguments)
  }

  /// One value of the result with all examples along the first axis; owned.
  private func stacked(_ leaf: Slot, _ trace: BatchTrace) throws -> Slot {
    do {
      switch leaf.tag {
      case Tag.none: return .nil
      case Tag.bool:
        let value = Operand(try Tensor(leaf.bool ? 1 : 0, dtype: .bool))
        return Slot(try trace.stacked(value, in: vm.context))
      case Tag.number, Tag.trackedNumber, Tag.tensor, Tag.trackedTensor:
        return Slot(try trace.stacked(Operand(leaf), in: vm.context))
      default:
        throw ScriptError(
          .type, "vmap: the function returns \(leaf.describedType), which has no batch of it",
          help: "it returns numbers, tensors, and lists, tuples and dicts of them")
      }
    } catch let error as TensorError {
      throw ScriptError(error)
    }
  }
}

/// Replaces the tensors of an argument that are mapped over.
private struct BatchWalk {
  let vm: VM
  private let meter: WalkMeter
  /// The stand-in, owned, for a tensor and the axis of its examples.
  let leaf: (Slot, Int) throws -> Slot

  init(vm: VM, leaf: @escaping (Slot, Int) throws -> Slot) {
    self.vm = vm
    self.leaf = leaf
    meter = WalkMeter(vm, "vmap")
  }

  /// The argument with its tensors replaced, owned. Parameters of models are swapped in place.
  func map(_ argument: Slot, _ axes: Slot, _ swaps: inout ParameterSwaps) throws -> Slot {
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "an argument is nested too deeply for vmap")
    }
    if axes.isNil { return retained(argument) }
    try meter.visit(argument)
    if axes.isNumber, try isNumbers(argument) { return try mapNumbers(argument, axes) }
    switch argument.tag {
    case Tag.tensor, Tag.trackedTensor: return try mapTensor(argument, axes)
    case Tag.list, Tag.tuple: return try mapElements(argument, axes, &swaps)
    case Tag.dict: return try mapEntries(argument.object(DictObject.self), axes, &swaps)
    case Tag.instance:
      try swapParameters(argument.object(InstanceObject.self), axes, &swaps)
      return retained(argument)
    case Tag.number, Tag.trackedNumber:
      throw ScriptError.numberToMap
    default: return retained(argument)
    }
  }

  private func mapTensor(_ tensor: Slot, _ axes: Slot) throws -> Slot {
    guard let number = vm.plainNumber(axes), let axis = Int(exactly: number) else {
      throw ScriptError(
        .type, "vmap: the axis of a tensor is a whole number or nil, not \(axes.describedType)")
    }
    let shape = vm.shape(of: tensor)
    guard axis >= -shape.rank, axis < shape.rank else {
      throw ScriptError.noAxisToMap(axis, "\(shape)")
    }
    return try leaf(tensor, axis < 0 ? axis + shape.rank : axis)
  }

  /// Whether this is a list of numbers, nested no deeper than a tensor, which is accepted where a tensor is.
  private func isNumbers(_ value: Slot, depth: Int = 1) throws -> Bool {
    guard value.meta == Tag.list, depth <= Shape.maximumRank, let elements = value.elements,
      !elements.isEmpty
    else { return false }
    try vm.pay(elements.count)
    return try elements.allSatisfy { try $0.isNumber || isNumbers($0, depth: depth + 1) }
  }

  private func mapNumbers(_ list: Slot, _ axes: Slot) throws -> Slot {
    guard let tensor = try TensorMaker(vm: vm, caller: "vmap").operand(list) else {
      return retained(list)
    }
    let slot = Slot(tensor)
    defer { release(slot) }
    return try mapTensor(slot, axes)
  }

  private func mapElements(
    _ container: Slot, _ axes: Slot, _ swaps: inout ParameterSwaps
  ) throws -> Slot {
    let elements = Array(container.elements ?? .init(start: nil, count: 0))
    let each = axes.elements.map(Array.init)
    guard axes.isNumber || each?.count == elements.count else { throw misfit(container, axes) }
    var mapped: [Slot] = []
    do {
      for (index, element) in elements.enumerated() {
        mapped.append(try map(element, each?[index] ?? axes, &swaps))
      }
    } catch {
      for slot in mapped { release(slot) }
      throw error
    }
    return container.tag == Tag.list
      ? Slot(ListObject(heap: vm.heap, owned: mapped))
      : Slot(TupleObject(heap: vm.heap, owned: mapped))
  }

  private func mapEntries(
    _ dict: DictObject, _ axes: Slot, _ swaps: inout ParameterSwaps
  ) throws -> Slot {
    let each = axes.asDict
    guard axes.isNumber || each != nil else { throw misfit(Slot(dict), axes) }
    return try DictObject.build(heap: vm.heap, capacity: dict.size) { copy in
      try dict.visitEntries { key, value in
        guard let axis = each.map({ $0[key] }) ?? axes else { throw misfit(Slot(dict), axes) }
        copy.set(key, owned: try map(value, axis, &swaps))
      }
    }
  }

  private func swapParameters(
    _ instance: InstanceObject, _ axes: Slot, _ swaps: inout ParameterSwaps
  ) throws {
    let each = axes.asDict
    guard axes.isNumber || each != nil else { throw misfit(Slot(instance), axes) }
    for place in ModelWalk.parameters(of: instance, heap: vm.heap) {
      let axis = each.map { $0[place.path] ?? .nil } ?? axes
      if axis.isNil || !place.value.isTensor { continue }
      swaps.swap(place, for: try mapTensor(place.value, axis))
    }
  }

  private func misfit(_ argument: Slot, _ axes: Slot) -> ScriptError {
    ScriptError(
      .argument,
      "vmap: the axes of \(argument.describedType) are a number, nil or a structure like it, not \(vm.briefDescription(of: axes))"
    )
  }
}

extension ScriptError {
  private static let axesHelp =
    "nil among the axes leaves it as it is for all examples, as in axes: (0, nil)"

  /// Axes for another number of arguments than are given.
  static func axesForOthers(_ axes: Int, _ arguments: Int) -> ScriptError {
    ScriptError(
      .argument, "vmap: axes for \(axes) arguments, but \(arguments) are given",
      help: "axes: (0, nil) maps over the first of two; one number is for all")
  }

  static func otherNumberOfExamples(_ first: String, _ other: String) -> ScriptError {
    ScriptError(
      .shape, "vmap: the arguments have different numbers of examples, \(first) and \(other)",
      help: "axes: (0, nil) maps over the first argument only")
  }

  static var nothingToMap: ScriptError {
    ScriptError(
      .argument, "vmap: no argument has an axis to map over",
      help: "axes says which axis of each argument; a number has none")
  }

  static var numberToMap: ScriptError {
    ScriptError(.type, "vmap: a number has no axis to map over", help: axesHelp)
  }

  static func noAxisToMap(_ axis: Int, _ shape: String) -> ScriptError {
    ScriptError(
      .shape, "vmap: a tensor of shape \(shape) has no axis \(axis) to map over", help: axesHelp)
  }
}
