// Calls that are not plain: natives, models, instances, bound methods, named and spread arguments, and calls from Swift.
import NNTensor

extension VM {
  /// Makes the call at `callee` ready to run: afterwards it holds a script function with its parameters in the registers after it.
  ///
  /// A native is run at once and its result stored; then there is nothing left to do and the answer is false.
  @inline(never) func prepare(
    _ callee: Registers, _ count: Int, _ shape: Code.CallShape?, result: Registers
  ) throws -> Bool {
    if let value = try prepare(callee, count, shape) {
      assign(value, to: result)
      return false
    }
    return true
  }

  /// The same; gives the owned result of a native, nil if a script function is to be run.
  private func prepare(_ callee: Registers, _ count: Int, _ shape: Code.CallShape?) throws -> Slot?
  {
    var count = count
    var shape = shape
    while true {
      switch callee.pointee.tag {
      case Tag.function:
        try bind(callee, count, shape, callee.pointee.object(FunctionObject.self).code)
        return nil
      case Tag.native: return try callNative(callee, count, shape)
      case Tag.boundMethod:
        let bound = callee.pointee.object(BoundMethodObject.self)
        insert(bound.receiver, function: bound.function, callee, &count, &shape)
      case Tag.instance:
        guard let method = callee.pointee.object(InstanceObject.self).model.callMethod else {
          throw notCallable(callee.pointee)
        }
        insert(callee.pointee, function: method, callee, &count, &shape)
      case Tag.model:
        let model = callee.pointee.object(ModelObject.self)
        let instance = Slot(InstanceObject(heap: heap, model: model))
        insert(instance, function: model.constructor, callee, &count, &shape)
        release(instance)
      default: throw notCallable(callee.pointee)
      }
    }
  }

  /// Replaces the callee by a function that takes one argument more, before the others; both are borrowed.
  private func insert(
    _ receiver: Slot, function: Slot, _ callee: Registers, _ count: inout Int,
    _ shape: inout Code.CallShape?
  ) {
    retain(receiver)
    retain(function)
    let arguments = callee + 1
    let spare = arguments[count]
    var index = count
    while index > 0 {
      arguments[index] = arguments[index - 1]
      index -= 1
    }
    arguments[0] = receiver
    release(spare)
    assign(function, to: callee)
    count += 1
    if let old = shape {
      shape = Code.CallShape(isSpread: [false] + old.isSpread, names: old.names)
    }
  }

  func notCallable(_ value: Slot) -> ScriptError {
    .notCallable(sketch(of: value))
  }

  func tooDeep() -> ScriptError {
    ScriptError(.recursion, "the recursion is too deep", help: "does it ever end?")
  }

  // MARK: Arguments

  /// Puts the arguments of a script function into its parameters' registers.
  private func bind(_ callee: Registers, _ count: Int, _ shape: Code.CallShape?, _ code: Code)
    throws
  {
    let list = code.parameters
    if shape == nil, count == code.simpleCount { return }
    let first = callee + (list.hasReceiver ? 2 : 1)
    let given = count - (list.hasReceiver ? 1 : 0)
    if given == 1, shape == nil, code.isLambda, list.count > 1, unpackArgument(first, list.count) {
      return
    }
    try bind(list, name: code.name, first, given, shape, receiverCount: list.hasReceiver ? 1 : 0)
  }

  /// Takes the parts of the one tuple or list that a lambda with several parameters was given.
  private func unpackArgument(_ first: Registers, _ count: Int) -> Bool {
    let argument = first.pointee
    guard let elements = argument.elements, elements.count == count else { return false }
    for index in 1..<count { assign(retained(elements[index]), to: first + index) }
    first.pointee = retained(elements[0])
    release(argument)
    return true
  }

  /// Distributes arguments over parameters, both starting at `first`; parameters without an argument become undefined.
  private func bind(
    _ list: ParameterList, name: String, _ first: Registers, _ count: Int, _ shape: Code.CallShape?,
    receiverCount: Int = 0
  ) throws {
    if shape == nil, list.restIndex == nil, count <= list.count {
      for index in count..<max(count, list.count) {
        if list.isRequired[index] { throw ScriptError.missingArgument(list, name, index) }
        assign(.undefined, to: first + index)
      }
      return
    }
    var arguments = Arguments(first, count, shape, receiverCount: receiverCount)
    defer { arguments.releaseAll() }
    try arguments.spread(in: self)
    if list.restIndex == nil, arguments.positional.count > list.count {
      throw ScriptError.tooManyArguments(list, name, arguments.positional.count)
    }
    try distribute(&arguments, list, name, first)
  }

  private func distribute(
    _ arguments: inout Arguments, _ list: ParameterList, _ name: String, _ first: Registers
  ) throws {
    let positionalCount = list.restIndex ?? list.count
    for index in 0..<list.count {
      var value = Slot.undefined
      if index == list.restIndex {
        let rest = arguments.positional.dropFirst(positionalCount)
        value = Slot(ListObject(heap: heap, owned: rest.map { retained($0) }))
      } else if index < positionalCount, index < arguments.positional.count {
        value = retained(arguments.positional[index])
        if arguments.takeNamed(list.names[index]) != nil {
          release(value)
          throw ScriptError.givenTwice(list, name, index)
        }
      } else if let named = arguments.takeNamed(list.names[index]) {
        value = retained(named)
      } else if list.isRequired[index] {
        throw ScriptError.missingArgument(list, name, index)
      }
      assign(value, to: first + index)
    }
    if let unknown = arguments.unusedName {
      throw ScriptError.unknownArgument(list, name, unknown)
    }
  }

  // MARK: Natives

  /// Calls the native at `callee` and clears its registers; gives the owned result.
  private func callNative(_ callee: Registers, _ count: Int, _ shape: Code.CallShape?) throws
    -> Slot
  {
    let object = callee.pointee.unmanaged(NativeObject.self)
    return try object._withUnsafeGuaranteedRef { object in
      let function = object.function
      let parameterCount = function.parameterCount
      if callee + max(count, parameterCount) > stackEnd { throw tooDeep() }
      let savedTop = top
      if shape != nil || count != parameterCount || !function.isPlain {
        top = max(top, callee + max(count, parameterCount) + 1)
        do {
          try bind(function.signature.list, name: function.name, callee + 1, count, shape)
        } catch {
          clear(callee, count + 1)
          top = savedTop
          throw error
        }
      }
      top = max(frameEnd, callee + parameterCount + 1)
      defer {
        clear(callee, parameterCount + 1)
        top = savedTop
      }
      if depth > 0 { markPosition() }
      try checkCancellation()
      var call = NativeCall(vm: self, object: object, arguments: callee + 1)
      return try function.body(&call)
    }
  }

  /// The first register after those of the running frame.
  private var frameEnd: Registers {
    if depth == 0 { return stack }
    let frame = frames[depth - 1]
    return frame.base + frame.code._withUnsafeGuaranteedRef { $0.registerCount }
  }

  private func clear(_ first: Registers, _ count: Int) {
    for index in 0..<count { assign(.nil, to: first + index) }
  }

  // MARK: Calls from Swift

  /// Calls a value with borrowed arguments; the caller owns the result.
  func call(_ callee: Slot, _ arguments: [Slot]) throws -> Slot {
    let savedTop = top
    // An instruction, too, may call back: the registers of its frame are above what the last native left.
    let first = max(top, frameEnd)
    guard first + arguments.count < stackEnd, NativeStack.hasRoom else { throw tooDeep() }
    assign(retained(callee), to: first)
    for (index, argument) in arguments.enumerated() {
      assign(retained(argument), to: first + 1 + index)
    }
    top = first + arguments.count + 3
    defer { top = savedTop }
    let value: Slot?
    do {
      value = try prepare(first, arguments.count, nil)
    } catch {
      clear(first, arguments.count + 3)
      throw error
    }
    return try value ?? enter(first)
  }

  /// Runs the script function at `callee`, whose parameters are in place; gives the owned result.
  private func enter(_ callee: Registers) throws -> Slot {
    let code = callee.pointee.object(FunctionObject.self).code
    guard depth + 1 < VM.mostFrames else {
      clear(callee, code.parameters.count + 2)
      throw tooDeep()
    }
    frames[depth] = Frame(
      code: .passUnretained(code), pc: code.words, base: callee + 1, result: 0)
    depth += 1
    return try run(above: depth - 1)
  }
}

extension ScriptError {
  static func missingArgument(_ list: ParameterList, _ name: String, _ index: Int) -> ScriptError {
    ScriptError(
      .argument, "\(name)() needs an argument for '\(list.names[index])'",
      help: "its parameters are \(list.names.joined(separator: ", "))")
  }

  static func tooManyArguments(_ list: ParameterList, _ name: String, _ count: Int) -> ScriptError {
    let takes = list.count == 1 ? "1 argument" : "\(list.count) arguments"
    let names = list.names.isEmpty ? "" : " (\(list.names.joined(separator: ", ")))"
    return ScriptError(.argument, "\(name)() takes \(takes)\(names), not \(count)")
  }

  static func givenTwice(_ list: ParameterList, _ name: String, _ index: Int) -> ScriptError {
    ScriptError(.argument, "\(name)() is given '\(list.names[index])' twice")
  }

  static func unknownArgument(_ list: ParameterList, _ name: String, _ label: String)
    -> ScriptError
  {
    ScriptError(
      .argument, "\(name)() has no parameter '\(label)'",
      help: Suggestion.help(for: label, among: list.names)
        ?? "its parameters are \(list.names.joined(separator: ", "))")
  }
}

/// The arguments of a call taken apart into positional and named ones, each owned.
private struct Arguments {
  private(set) var positional: [Slot] = []
  private var named: [(name: String, value: Slot?)] = []
  private var spreadIndices: [Int] = []

  /// Moves `count` arguments out of their registers.
  init(_ first: Registers, _ count: Int, _ shape: Code.CallShape?, receiverCount: Int) {
    let namedCount = shape?.names.count ?? 0
    for index in 0..<count {
      let value = first[index]
      first[index] = .nil
      if index >= count - namedCount, let shape {
        let name = shape.names[index - (count - namedCount)]
        named.append((name.object(StringObject.self).value, value))
      } else {
        if let shape, shape.isSpread[index + receiverCount] { spreadIndices.append(index) }
        positional.append(value)
      }
    }
  }

  /// Replaces each spread argument by its elements.
  mutating func spread(in vm: VM) throws {
    for index in spreadIndices.reversed() {
      var elements: [Slot] = []
      do {
        guard var source = try Elements(positional[index], vm: vm) else {
          throw ScriptError(
            .type, "\(positional[index].describedType) cannot be spread into arguments")
        }
        while let element = try source.next() { elements.append(element) }
      } catch {
        for element in elements { release(element) }
        throw error
      }
      release(positional[index])
      positional.replaceSubrange(index...index, with: elements)
    }
  }

  /// The named argument for a parameter, borrowed, marked as used.
  mutating func takeNamed(_ name: String) -> Slot? {
    guard let index = named.firstIndex(where: { $0.name == name && !used.contains($0.name) }) else {
      return nil
    }
    used.insert(name)
    return named[index].value
  }

  private var used: Set<String> = []

  /// A name that no parameter has.
  var unusedName: String? { named.first { !used.contains($0.name) }?.name }

  mutating func releaseAll() {
    for value in positional { release(value) }
    for case let value? in named.map(\.value) { release(value) }
    positional = []
    named = []
  }
}
