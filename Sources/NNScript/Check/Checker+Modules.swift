// What names outside a program mean to the checker: builtins, the library, imported files.
import NNSyntax
import NNTensor

extension Checker {
  /// The value of a builtin or library name.
  func builtin(_ name: String) -> AbstractValue {
    if let slot = vm.registry.value(name) {
      if slot.isNumber { return .number(slot.number) }
      guard let native = slot.asNative?.function, native === Builtins.function(named: name) else {
        return .unknown
      }
      return .native(native)
    }
    guard let file = vm.modules.libraryFile(of: name, vm: vm),
      let variable = file.globals.variables[name]
    else { return .unknown }
    _ = module(of: file)
    return value(ofGlobal: variable)
  }

  /// The value of a top-level variable. Those of the library are evaluated when they are first asked for.
  func value(ofGlobal variable: Variable) -> AbstractValue {
    if let module = owners[ObjectIdentifier(variable)],
      let binding = module.pending.removeValue(forKey: ObjectIdentifier(variable))
    {
      for other in binding.pattern.variables {
        module.pending[ObjectIdentifier(other)] = nil
      }
      evaluate(binding, of: module)
    }
    return globalPlace(of: variable).value
  }

  /// Evaluates a binding of the library on its own.
  private func evaluate(_ binding: BindingStmt, of module: AbstractModule) {
    let file = module.file
    let (before, exits) = (doubts, frame.exits)
    silence += 1
    frames.append(
      CheckFrame(
        name: "<" + file.module.name + ">", module: file.module,
        localCount: file.program.layout.localCount, captures: [], ownFunction: nil, result: nil,
        mark: trail.count))
    do throws(Flow) {
      try execute(.binding(binding))
    } catch {
      // What could not be evaluated stays unknown.
    }
    frames.removeLast()
    silence -= 1
    doubts = before
    frame.exits = exits
  }

  /// What is known of a file; the definitions of a library file are made when it is first asked for.
  func module(of file: ModuleFile) -> AbstractModule {
    if let known = modules[ObjectIdentifier(file)] { return known }
    let module = AbstractModule(file)
    modules[ObjectIdentifier(file)] = module
    if file.module.path == nil { define(file, in: module) }
    return module
  }

  private func define(_ file: ModuleFile, in module: AbstractModule) {
    frames.append(
      CheckFrame(
        name: "<" + file.module.name + ">", module: file.module, localCount: 0, captures: [],
        ownFunction: nil, result: nil, mark: trail.count))
    defer { frames.removeLast() }
    for statement in file.program.statements {
      switch statement {
      case .function(let node):
        guard let variable = node.variable else { continue }
        let function = closure(node, name: node.name ?? "fn")
        globals[ObjectIdentifier(variable)] = Place(.function(function))
      case .model(let node):
        globals[ObjectIdentifier(node.variable)] = Place(.model(model(node)))
      case .binding(let node) where !node.isVar:
        for variable in node.pattern.variables {
          owners[ObjectIdentifier(variable)] = module
          module.pending[ObjectIdentifier(variable)] = node
        }
      default: continue
      }
    }
  }
}
