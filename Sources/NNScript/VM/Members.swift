// Members: `x.name`, `x.name = v` and `x.name(...)` for every kind of value.
import NNTensor

extension VM {
  /// The value of a member, owned. `cache` remembers where it was found.
  @inline(never) func member(
    of object: Slot, _ key: Slot, _ cache: UnsafeMutablePointer<UInt32>
  ) throws -> Slot {
    switch object.tag {
    case Tag.dict:
      let dict = object.object(DictObject.self)
      if let index = dict.find(key) {
        remember(index, in: cache, dict, key)
        return retained(dict.entries[index].value)
      }
    case Tag.instance:
      let instance = object.object(InstanceObject.self)
      if let index = instance.model.layout.find(key) {
        cache.pointee = UInt32(truncatingIfNeeded: index)
        return try member(of: instance, at: index)
      }
    case Tag.module:
      return retained(try object.object(ModuleObject.self).module.member(key, cache))
    default: break
    }
    let name = key.object(StringObject.self).value
    if let attribute = try Builtins.attribute(name, of: object, vm: self) { return attribute }
    if let native = builtinMember(object, key, cache) {
      return Slot(
        BoundMethodObject(heap: heap, owned: retained(object), function: retained(native)))
    }
    throw noMember(object, name)
  }

  /// The next look compares pointers: an entry whose key is equal but another object gets the instruction's.
  private func remember(
    _ index: Int, in cache: UnsafeMutablePointer<UInt32>, _ dict: DictObject, _ key: Slot
  ) {
    cache.pointee = UInt32(truncatingIfNeeded: index)
    if dict.entries[index].key.bits != key.bits { dict.replaceKey(at: index, with: key) }
  }

  private func member(of instance: InstanceObject, at index: Int) throws -> Slot {
    let layout = instance.model.layout
    if index < layout.fieldCount {
      let value = instance.fields[index]
      if value.isUndefined { throw undefinedField(Slot(instance), index) }
      return retained(value)
    }
    return bindMethod(Slot(instance), index - layout.fieldCount)
  }

  func bindMethod(_ instance: Slot, _ index: Int) -> Slot {
    let method = instance.object(InstanceObject.self).model.methods[index]
    return Slot(
      BoundMethodObject(heap: heap, owned: retained(instance), function: retained(method)))
  }

  /// A member that all values of a builtin type have, borrowed.
  private func builtinMember(
    _ object: Slot, _ key: Slot, _ cache: UnsafeMutablePointer<UInt32>
  ) -> Slot? {
    registry.member(key, tag: object.tag, cache)
  }

  func noMember(_ object: Slot, _ name: String) -> ScriptError {
    .noMember(name, of: sketch(of: object), names: memberNames(of: object))
  }

  /// The names of all members of a value, for suggestions.
  func memberNames(of object: Slot) -> [String] {
    switch object.tag {
    case Tag.instance:
      let layout = object.object(InstanceObject.self).model.layout
      return layout.fields.map(\.name) + layout.methodNames
    case Tag.module: return object.object(ModuleObject.self).module.publicNames
    case Tag.dict:
      return object.object(DictObject.self).textKeys
    default: return Builtins.memberNames(of: object)
    }
  }

  // MARK: Calls

  /// Decides what `x.f(...)` calls. The registers hold the function `f` in scope (or nil), x, and the arguments.
  ///
  /// Afterwards the first register holds the callee; x is its first argument, unless the member is a value of its own: then the arguments have moved
  /// down, `count` is one less, and the answer is 1.
  @inline(never) func selectMember(
    _ callee: Registers, _ count: inout Int, _ words: UnsafeMutablePointer<UInt32>,
    _ constants: Registers
  ) throws -> Int {
    let object = callee[1]
    let key = constants[Int(words.pointee)]
    let cache = words + 1
    switch object.tag {
    case Tag.instance:
      let instance = object.object(InstanceObject.self)
      let hint = Int(cache.pointee)
      let layout = instance.model.layout
      let isCached = hint < layout.memberCount && layout.keys[hint].bits == key.bits
      guard let index = isCached ? hint : layout.find(key) else { break }
      cache.pointee = UInt32(truncatingIfNeeded: index)
      if index >= layout.fieldCount {
        assign(retained(instance.model.methods[index - layout.fieldCount]), to: callee)
        return 0
      }
      return dropReceiver(callee, &count, value: try member(of: instance, at: index))
    case Tag.module:
      let value = retained(try object.object(ModuleObject.self).module.member(key, cache))
      return dropReceiver(callee, &count, value: value)
    case Tag.dict:
      let value = object.object(DictObject.self)[key]
      if let value, value.isCallable {
        return dropReceiver(callee, &count, value: retained(value))
      }
      if let native = builtinMember(object, key, cache) {
        assign(retained(native), to: callee)
        return 0
      }
      if let value, !callee.pointee.isCallable { throw notCallable(value) }
    default:
      if let native = builtinMember(object, key, cache) {
        assign(retained(native), to: callee)
        return 0
      }
    }
    if callee.pointee.isCallable { return 0 }
    let name = key.object(StringObject.self).value
    if let attribute = try Builtins.attribute(name, of: object, vm: self) {
      defer { release(attribute) }
      throw ScriptError(
        .type, "'\(name)' is \(attribute.describedType), not a function",
        help: "write `.\(name)` without parentheses")
    }
    throw noMember(object, name)
  }

  /// Makes a member's value the callee and moves the arguments down over the receiver.
  private func dropReceiver(_ callee: Registers, _ count: inout Int, value: Slot) -> Int {
    assign(value, to: callee)
    let receiver = callee[1]
    for index in 1..<max(count, 1) { callee[index] = callee[index + 1] }
    callee[count] = .nil
    release(receiver)
    count -= 1
    return 1
  }

  /// The shape of a member's call; without the receiver if that was dropped.
  func memberShape(_ code: Unmanaged<Code>, _ index: Int, _ dropped: Int) -> Code.CallShape {
    code._withUnsafeGuaranteedRef {
      let shape = $0.callShapes[index]
      return Code.CallShape(
        isSpread: Array(shape.isSpread.dropFirst(dropped)), names: shape.names)
    }
  }

  // MARK: Changing members

  /// `object.name = value`; the value moves out of its register if `isTaken`.
  @inline(never) func setMember(
    _ object: Slot, _ key: Slot, _ source: Registers, _ cache: UnsafeMutablePointer<UInt32>,
    isTaken: Bool
  ) throws {
    switch object.tag {
    case Tag.dict:
      let dict = object.object(DictObject.self)
      dict.set(key, owned: moveOrCopy(source, isTaken))
      if let index = dict.find(key) { remember(index, in: cache, dict, key) }
    case Tag.instance:
      let instance = object.object(InstanceObject.self)
      let layout = instance.model.layout
      guard let index = layout.find(key) else {
        throw noMember(object, key.object(StringObject.self).value)
      }
      guard index < layout.fieldCount else {
        throw ScriptError(
          .name,
          "'\(layout.methodNames[index - layout.fieldCount])' is a method of \(instance.model.name)"
        )
      }
      try setField(instance, index, source, isTaken: isTaken)
    case Tag.module:
      throw ScriptError(
        .name,
        "'\(key.object(StringObject.self).value)' of a module cannot be assigned from outside",
        help: "let the module define a function that changes it")
    default:
      throw ScriptError(
        .type, "\(object.describedType) has no members that can be assigned",
        notes: [.init(operand: 0, text: briefDescription(of: object))])
    }
  }

  /// A value that leaves its register, or a copy of it.
  func moveOrCopy(_ source: Registers, _ isTaken: Bool) -> Slot {
    let value = source.pointee
    if isTaken { source.pointee = .nil } else { retain(value) }
    return value
  }

  /// A member's value for an update: a tensor is moved out, unless it is a parameter.
  func takeMember(
    _ object: Slot, _ key: Slot, _ cache: UnsafeMutablePointer<UInt32>
  ) throws -> Slot {
    if object.meta == Tag.dict {
      let dict = object.object(DictObject.self)
      if let index = dict.find(key), dict.entries[index].value.isTensor {
        let value = dict.entries[index].value
        dict.entries[index].value = .nil
        return value
      }
    } else if object.meta == Tag.instance {
      let instance = object.object(InstanceObject.self)
      let layout = instance.model.layout
      if let index = layout.find(key), index < layout.fieldCount,
        layout.fields[index].kind.isAssignable, layout.fields[index].kind != .parameter,
        instance.fields[index].isTensor, heap.batchDepth == 0
      {
        let value = instance.fields[index]
        instance.fields[index] = .nil
        return value
      }
    }
    return try member(of: object, key, cache)
  }

  // MARK: Fields

  /// Assigns a field. A parameter keeps its shape and dtype.
  func setField(
    _ instance: InstanceObject, _ index: Int, _ source: Registers, isTaken: Bool
  ) throws {
    let field = instance.model.layout.fields[index]
    guard field.kind.isAssignable else {
      throw ScriptError(
        .name, "'\(field.name)' of \(instance.model.name) cannot be assigned",
        help: field.kind == .argument
          ? "it is an argument of the constructor" : "declare it with `var`, `state` or `param`")
    }
    if source.pointee.tag == Tag.trackedTensor {
      try checkKept(source.pointee, inField: Slot(instance))
    }
    guard field.kind == .parameter else {
      assign(moveOrCopy(source, isTaken), to: instance.fields + index)
      return
    }
    let value = try parameterValue(source.pointee, field.name, replacing: instance.fields[index])
    if isTaken { assign(.nil, to: source) }
    assign(value, to: instance.fields + index)
  }

  /// Gives a field its first value, which moves out of its register.
  func initializeField(_ instance: InstanceObject, _ index: Int, _ source: Registers) throws {
    let field = instance.model.layout.fields[index]
    if field.kind == .parameter {
      let value = try parameterValue(source.pointee, field.name, replacing: .undefined)
      assign(.nil, to: source)
      assign(value, to: instance.fields + index)
    } else {
      assign(moveOrCopy(source, true), to: instance.fields + index)
    }
  }

  /// What a parameter is set to, owned: a tensor of the same shape and dtype as the one it replaces, if there is one. A parameter may be nil.
  func parameterValue(_ value: Slot, _ name: String, replacing old: Slot) throws -> Slot {
    if value.isNil, old.isNil || old.isUndefined { return value }
    let maker = TensorMaker(vm: self, caller: "param \(name)")
    guard value.isTensor || value.isNumber || value.meta == Tag.list,
      var operand = try maker.operand(value)
    else {
      throw ScriptError(
        .type, "param '\(name)' must be a tensor, not \(value.describedType)",
        help: "a `state` holds anything")
    }
    let dtype = old.asTensor?.dtype ?? .f32
    if operand.isNumber {
      operand = try context.apply(Ops.to, [operand], [.dtype(dtype)])
    }
    if let tensor = old.asTensor, let new = operand.tensor {
      let (shape, found) = (shape(of: old), context.shape(of: operand))
      guard shape == found, tensor.dtype == new.dtype else {
        throw ScriptError.notAssignable(
          name, "\(tensor.dtype.name)\(shape)", "\(new.dtype.name)\(found)")
      }
    }
    return Slot(operand)
  }

  func undefinedField(_ instance: Slot, _ index: Int) -> ScriptError {
    let model = instance.object(InstanceObject.self).model
    return ScriptError(
      .name, "'\(model.layout.fields[index].name)' of \(model.name) has no value yet",
      help: "fields are initialised in the order in which they are written")
  }
}

extension FieldKind {
  /// True for fields that can be assigned after construction.
  var isAssignable: Bool { self == .variable || self == .parameter || self == .state }
}
