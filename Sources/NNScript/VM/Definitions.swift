// Instructions that make functions and models, and find builtins when they are first used.
import NNTensor

extension VM {
  /// A closure of a child function, with its captured variables.
  func makeClosure(_ code: Unmanaged<Code>, _ index: Int, _ base: Registers) -> Slot {
    code._withUnsafeGuaranteedRef { code in
      let child = code.children[index]
      let function = FunctionObject(
        heap: heap, code: child, captureCount: child.captures.count)
      for (index, source) in child.captures.enumerated() {
        switch source {
        case .register(let register): function.captures[index] = retained(base[register])
        case .capture(let outer):
          function.captures[index] = retained(
            base[-1].object(FunctionObject.self).captures[outer])
        case .thisFunction: function.captures[index] = retained(base[-1])
        }
      }
      return Slot(function)
    }
  }

  /// A model, with its constructor and methods closed over the variables around.
  func makeModel(_ code: Unmanaged<Code>, _ index: Int, _ base: Registers) -> Slot {
    let template = code._withUnsafeGuaranteedRef { $0.models[index] }
    let layout = ModelLayout(
      heap: heap, fields: template.fields, methodNames: template.methodNames)
    let constructor = makeClosure(code, template.constructor, base)
    let methods = template.methods.map { makeClosure(code, $0, base) }
    return Slot(
      ModelObject(
        heap: heap, name: template.name, documentation: template.documentation, layout: layout,
        owned: constructor, methods: methods))
  }

  /// Puts the value of a builtin in the place of its name among the constants, and makes the instruction an ordinary load. Gives the value, borrowed.
  func link(_ constant: Registers, _ instruction: UnsafeMutablePointer<UInt32>) throws -> Slot {
    let name = constant.pointee.object(StringObject.self).value
    guard let value = try builtin(name) else {
      throw ScriptError(
        .name, "unknown name '\(name)'",
        help: Suggestion.help(for: name, among: registry.names.sorted()))
    }
    assign(retained(value), to: constant)
    instruction.pointee =
      instruction.pointee & ~0xff | UInt32(Opcode.loadConstant.rawValue)
    return value
  }

  /// The value of a builtin or library name, borrowed.
  func builtin(_ name: String) throws -> Slot? {
    if let value = registry.value(name) { return value }
    return try modules.libraryValue(name, vm: self)
  }

  func undefinedGlobal(_ code: Unmanaged<Code>, _ index: Int) -> ScriptError {
    let name = code._withUnsafeGuaranteedRef { $0.module.name(of: index) }
    return ScriptError(
      .name, "'\(name)' is used before it has a value",
      help:
        "statements run from top to bottom; only functions and models can be used before they are defined"
    )
  }
}
