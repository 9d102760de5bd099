// What happens when an instruction fails: values that were moved out go back, handlers take over, frames are left.
import NNSyntax
import NNTensor

extension VM {
  /// Finds the handler of an error among the frames above `floor` and makes it run next; throws the error on if there is none.
  func unwind(_ error: any Error, to floor: Int) throws {
    var error = scriptError(error)
    locate(&error)
    fuel -= 16
    if fuel < 0, error.isCatchable { fuel = try refuelWhileUnwinding(to: floor) }
    while depth > floor {
      let frame = frames[depth - 1]
      let code = frame.code.takeUnretainedValue()
      let pc = frame.pc - code.words
      restore(code, frame.base, pc)
      if let span = code.place(before: pc)?.span {
        error.add(ScriptError.Call(function: code.name, span: span))
      }
      if error.isCatchable, let handler = code.handler(at: pc) {
        clear(frame.base + handler.firstDead, frame.base + code.registerCount)
        let value = Slot(ErrorObject(heap: heap, error: error, owned: takePayload()))
        assign(value, to: frame.base + handler.register)
        frames[depth - 1].pc = code.words + handler.target
        return
      }
      clear(frame.base - 1, frame.base + code.registerCount)
      depth -= 1
    }
    throw error
  }

  private func refuelWhileUnwinding(to floor: Int) throws -> Int {
    do {
      return try refuel()
    } catch {
      while depth > floor {
        let frame = frames[depth - 1]
        let code = frame.code.takeUnretainedValue()
        clear(frame.base - 1, frame.base + code.registerCount)
        depth -= 1
      }
      throw error
    }
  }

  private func clear(_ first: Registers, _ end: Registers) {
    var register = first
    while register < end {
      assign(.nil, to: register)
      register += 1
    }
  }

  /// Puts values that an instruction had moved out of their variables back.
  private func restore(_ code: Code, _ base: Registers, _ pc: Int) {
    for entry in code.restores where entry.range.contains(pc - 1) {
      let register = base + entry.register
      guard register.pointee.isTensor else { continue }
      let value = moveOrCopy(register, true)
      switch entry.place {
      case .global(let index): assign(value, to: code.globals + index)
      case .cell(let cell): setCell(base[cell], value)
      case .captureCell(let index):
        setCell(base[-1].object(FunctionObject.self).captures[index], value)
      case .field(let receiver, let index):
        assign(value, to: base[receiver].object(InstanceObject.self).fields + index)
      case .member(let object, let name): restoreMember(base[object], name, value)
      case .element(let object, let key): restoreElement(base[object], base[key], value)
      }
    }
  }

  private func setCell(_ cell: Slot, _ value: Slot) {
    let object = cell.object(CellObject.self)
    let old = object.value
    object.value = value
    release(old)
  }

  private func restoreMember(_ object: Slot, _ name: Slot, _ value: Slot) {
    if let dict = object.asDict {
      dict.set(name, owned: value)
    } else if let instance = object.asInstance, let index = instance.model.layout.find(name),
      index < instance.model.layout.fieldCount
    {
      assign(value, to: instance.fields + index)
    } else {
      release(value)
    }
  }

  private func restoreElement(_ object: Slot, _ key: Slot, _ value: Slot) {
    if let list = object.asList, let whole = wholeNumber(key) {
      let position = whole < 0 ? whole + list.size : whole
      if position >= 0, position < list.size { return list.replace(at: position, owned: value) }
    } else if let dict = object.asDict, key.isKey {
      return dict.set(key, owned: value)
    }
    release(value)
  }

  // MARK: Errors

  /// Any error as one of the script's.
  func scriptError(_ error: any Error) -> ScriptError {
    switch error {
    case let error as ScriptError: return error
    case let error as TensorError: return ScriptError(error)
    case let error as HostError:
      return error.kind == .cancelled
        ? .cancelled : ScriptError(.io, error.message, help: error.help)
    default: return ScriptError(.error, "\(error)")
    }
  }

  /// A line of an error's trace: the function and where in it the call stands.
  func describe(_ call: ScriptError.Call) -> String {
    guard let file = modules.sources.file(of: call.span) else { return call.function }
    return "\(call.function) at \(file.name):\(file.location(at: Int(call.span.start)).line)"
  }

  /// Gives an error the place of the instruction that failed in the innermost frame, unless it has one.
  private func locate(_ error: inout ScriptError) {
    if error.span == nil, let position = error.position {
      error.span = modules.all.lazy.compactMap { $0.span(atPosition: position) }.first
    }
    guard error.span == nil, depth > 0 else { return }
    let frame = frames[depth - 1]
    let code = frame.code.takeUnretainedValue()
    guard let place = code.place(before: frame.pc - code.words) else { return }
    error = error.located(at: place)
  }

  /// The error for `throw value`, whose count moves in.
  func thrown(_ value: Slot) -> ScriptError {
    if let object = value.asError {
      var error = object.error
      pendingPayload = retained(object.payload)
      release(value)
      if error.span == nil { error.forgetCalls() }
      return error
    }
    let message = ValueText.plain(value)
    pendingPayload = value
    return ScriptError(.error, message)
  }

  /// The thrown value that belongs to the error being handled, owned.
  private func takePayload() -> Slot {
    let payload = pendingPayload
    pendingPayload = .nil
    return payload
  }
}

extension Code {
  /// The innermost handler around the instruction before a position.
  func handler(at pc: Int) -> Handler? {
    handlers.first { $0.range.contains(pc - 1) }
  }
}
