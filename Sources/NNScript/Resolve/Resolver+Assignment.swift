// Resolves what assignments assign to, and refuses what does not change.
import NNSyntax

extension Resolver {
  func assign(to target: Target, _ statement: AssignStmt) {
    switch target {
    case .discard: return
    case .sequence(let targets, _): for target in targets { assign(to: target, statement) }
    case .name(let node): assign(to: node, statement)
    case .member(let node):
      resolve(node)
      checkModuleAssignment(node)
    case .index(let node):
      resolve(.index(node))
      markRebound(node)
    }
  }

  /// `x[i] = v` puts a new tensor into `x`.
  private func markRebound(_ node: IndexExpr) {
    switch node.object {
    case .index(let inner): markRebound(inner)
    case .name(let name):
      if let variable = variable(of: name.binding), variable.kind == .var {
        variable.isReassigned = true
        noteInside(name.binding)
      }
    default: return
    }
  }

  /// Notes that a variable is assigned in another function than its own.
  private func noteInside(_ binding: Binding) {
    switch binding {
    case .captured(_, let variable): variable.isReassignedInside = true
    case .global(let variable):
      if !function.isTopLevel { variable.isReassignedInside = true }
    default: return
    }
  }

  private func checkModuleAssignment(_ node: MemberExpr) {
    guard case .name(let object) = node.object, variable(of: object.binding)?.kind == .module
    else { return }
    report(
      "`\(node.name)` of the module `\(object.name)` cannot be assigned from outside", node.span,
      help: ["give `\(object.name)` a function that assigns `\(node.name)`"])
  }

  private func assign(to node: NameExpr, _ statement: AssignStmt) {
    guard let binding = lookup(node.name).first else { return reportUndeclared(node, statement) }
    node.binding = binding
    switch binding {
    case .local(let variable), .captured(_, let variable), .global(let variable),
      .thisFunction(let variable):
      variable.isReassigned = true
      noteInside(binding)
      if variable.kind != .var { reportFixed(node, variable) }
    case .member(let member, let receiver):
      markUsed(receiver)
      reportFixed(node, member)
    case .builtin: reportBuiltin(node)
    case .unresolved: return
    }
  }

  private func reportUndeclared(_ node: NameExpr, _ statement: AssignStmt) {
    if globals.variables[node.name] != nil { return resolve(node) }
    var help: [String] = []
    if let near = Suggestion.nearest(to: node.name, among: visibleNames(withBuiltins: false)) {
      help.append("did you mean `\(near)`?")
    }
    if statement.op == nil {
      help.append("to declare it, write `let \(node.name) = ...`, or `var` if it changes later")
    }
    report("`\(node.name)` is not declared", node.span, help: help)
    undeclared.insert(node.name)
  }

  private func reportBuiltin(_ node: NameExpr) {
    report(
      "`\(node.name)` is a builtin and cannot be assigned", node.span,
      help: ["to use the name for a variable, write `let \(node.name) = ...` or `var`"])
  }

  private func reportFixed(_ node: NameExpr, _ variable: Variable) {
    let name = node.name
    let message: String
    let help: String
    switch variable.kind {
    case .let:
      message = "`\(name)` cannot be assigned: it is declared with `let`"
      help = "declare it with `var \(name) = ...` if it changes"
    case .parameter, .loop, .caught:
      let what =
        variable.kind == .parameter
        ? "a parameter" : variable.kind == .loop ? "a loop variable" : "the error caught"
      message = "`\(name)` cannot be assigned: it is \(what)"
      help = "write `var \(name) = \(name)` at the top of the block for a variable of its own"
    case .function, .model, .module:
      let what =
        variable.kind == .function ? "function" : variable.kind == .model ? "model" : "module"
      message = "`\(name)` cannot be assigned: it is a \(what)"
      help = "give the variable another name"
    case .dimension:
      message = "`\(name)` cannot be assigned: it is a dimension of a parameter"
      help = "give the variable another name"
    case .var, .receiver: return
    }
    report(
      message, node.span, labels: [DiagnosticLabel(span: variable.span, text: "declared here")],
      help: [help])
  }

  private func reportFixed(_ node: NameExpr, _ member: ModelMember) {
    let help: String
    switch member.kind {
    case .param, .state, .var: return
    case .let: help = "declare it with `state` if it is saved with the model, or with `var`"
    case .argument: help = "to change it, declare the field `var \(member.name) = \(member.name)`"
    case .method: help = "give the variable another name"
    }
    let what =
      switch member.kind {
      case .argument: "an argument of the constructor"
      case .method: "a function of the model"
      default: "declared with `let`"
      }
    report(
      "`\(node.name)` cannot be assigned: it is \(what)", node.span,
      labels: [DiagnosticLabel(span: member.span, text: "declared here")], help: [help])
  }
}
