// Looks names up, and says what was probably meant where one is unknown.
import NNSyntax

extension Resolver {
  /// Everything a name means from here outwards, nearest first; only the first unless `all`.
  func lookup(_ name: String, all: Bool = false) -> [Binding] {
    var found: [Binding] = []
    var place: Scope? = scope
    while let scope = place {
      if let binding = binding(of: name, in: scope) {
        found.append(binding)
        if !all { return found }
      }
      place = scope.parent
    }
    let hasBuiltin = environment.builtin(name) != nil
    if let variable = globals.variables[name], isVisible(variable, hasBuiltin: hasBuiltin) {
      found.append(.global(variable))
      if !all { return found }
    }
    if hasBuiltin { found.append(.builtin(name)) }
    return found
  }

  private func binding(of name: String, in scope: Scope) -> Binding? {
    switch scope.kind {
    case .block:
      return scope.variables[name].map { function.binding(of: $0) }
    case .members(let model):
      guard let member = model.members[name], let receiver = scope.function.layout.receiver else {
        return nil
      }
      let isUnderConstruction = scope.function.isConstructor && member.kind != .method
      if isUnderConstruction, !model.initialised.contains(name) { return nil }
      return .member(member, receiver: function.binding(of: receiver))
    }
  }

  /// Whether a top-level variable can be used here: after its declaration, or in a function.
  private func isVisible(_ variable: Variable, hasBuiltin: Bool) -> Bool {
    if initialising.contains(variable.name) {
      let isFromBefore = declaredGlobals.contains(variable.name)
      return isFromBefore || (!function.isTopLevel && !hasBuiltin)
    }
    return declaredGlobals.contains(variable.name) || !function.isTopLevel
  }

  /// Resolves a name that is read.
  func resolve(_ node: NameExpr) {
    guard let binding = lookup(node.name).first else { return reportUnknown(node) }
    markUsed(binding)
    node.binding = binding
  }

  func markUsed(_ binding: Binding) {
    switch binding {
    case .local(let variable), .captured(_, let variable), .global(let variable),
      .thisFunction(let variable):
      variable.isUsed = true
    case .member(_, let receiver): markUsed(receiver)
    case .builtin, .unresolved: return
    }
  }

  /// The variable that a binding means, if it means one.
  func variable(of binding: Binding) -> Variable? {
    switch binding {
    case .local(let variable), .captured(_, let variable), .global(let variable),
      .thisFunction(let variable):
      variable
    case .member, .builtin, .unresolved: nil
    }
  }

  func facts(of binding: Binding) -> VariableFacts? {
    variable(of: binding).flatMap { facts[ObjectIdentifier($0)] }
  }

  /// Whether what a binding means can certainly be called, or certainly cannot.
  func isCallable(_ binding: Binding) -> Bool? {
    switch binding {
    case .member(let member, _):
      switch member.kind {
      case .method: return true
      case .param, .state: return false
      case .argument, .let, .var: return nil
      }
    case .builtin(let name):
      if case .function = environment.builtin(name) { return true }
      return nil
    case .local, .captured, .global, .thisFunction, .unresolved:
      if variable(of: binding)?.kind == .dimension { return false }
      return facts(of: binding)?.isCallable
    }
  }

  // MARK: Unknown names

  private func reportUnknown(_ node: NameExpr) {
    if node.name == "_" {
      return report("`_` has no value", node.span, help: ["it stands for what is not needed"])
    }
    if undeclared.contains(node.name) { return }
    if let later = declaredLater(node.name) {
      return report(
        "`\(node.name)` is used before it is declared", node.span,
        labels: [DiagnosticLabel(span: later.span, text: "declared here")],
        help: laterHelp(later, node))
    }
    report("unknown name `\(node.name)`", node.span, help: unknownHelp(node.name))
  }

  /// The help for a name that is declared only later.
  private func laterHelp(_ later: Variable, _ node: NameExpr) -> [String] {
    switch later.kind {
    case .function, .model:
      ["only functions and models of the top level can be used before their declaration"]
    case .let,
      .var where later.span.start < node.span.start:
      ["a function that calls itself is declared `fn \(later.name)(...)`"]
    default: []
    }
  }

  /// A declaration of a name in a scope around that comes after the current place, or of a field.
  private func declaredLater(_ name: String) -> Variable? {
    var place: Scope? = scope
    while let scope = place {
      let declared = scope.statements.flatMap(Resolver.declarations)
      if let variable = declared.last(where: { $0.name == name }) { return variable }
      if case .members(let model) = scope.kind, let member = model.members[name] {
        return Variable(name: name, span: member.span, kind: .let)
      }
      place = scope.parent
    }
    return globals.variables[name]
  }

  /// The help for an unknown name: what it is called here, or the most similar name.
  func unknownHelp(_ name: String) -> [String] {
    if let help = ForeignName.help[name] { return [help] }
    if let near = Suggestion.nearest(to: name, among: visibleNames()) {
      return ["did you mean `\(near)`?"]
    }
    return []
  }

  /// Every name that could stand here, nearest first.
  func visibleNames(withBuiltins: Bool = true) -> [String] {
    var names: [String] = []
    var place: Scope? = scope
    while let scope = place {
      switch scope.kind {
      case .block: names += scope.variables.keys.sorted()
      case .members(let model): names += model.members.keys.sorted()
      }
      place = scope.parent
    }
    names += globals.variables.keys.sorted()
    return withBuiltins ? names + environment.builtinNames() : names
  }
}
