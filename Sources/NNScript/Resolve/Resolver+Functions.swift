// Resolves functions and models: parameters, dimension names, bodies, members.
import NNSyntax

extension Resolver {
  /// Resolves a function in the current scope.
  func resolve(_ function: Function) {
    let isLocal = function.variable.map { if case .local = $0.storage { true } else { false } }
    resolve(function, selfVariable: isLocal == true ? function.variable : nil, model: nil)
  }

  private func resolve(_ node: Function, selfVariable: Variable?, model: ModelScope?) {
    let inner = FunctionScope(layout: node.layout, parent: function, selfVariable: selfVariable)
    inMembers(model, of: inner, span: node.span) {
      inScope(of: inner) {
        declare(node.parameters, model: model)
        resolve(node.returnType)
        inScope {
          for dimension in node.layout.dimensions {
            scope.variables[dimension.name] = dimension
          }
          switch node.body {
          case .expression(let expr): resolve(expr)
          case .block(let block): resolve(block)
          }
        }
      }
    }
  }

  /// Runs `body` where the members of a model are visible, if there is one.
  private func inMembers(
    _ model: ModelScope?, of function: FunctionScope, span: Span, _ body: () -> Void
  ) {
    guard let model else { return body() }
    let receiver = Variable(name: "self", span: span, kind: .receiver)
    function.declare(receiver)
    function.layout.receiver = receiver
    inScope(.members(model), of: function, body)
  }

  /// Declares parameters in the current scope; a default sees those before it.
  private func declare(_ parameters: [Parameter], model: ModelScope?) {
    for parameter in parameters {
      if let value = parameter.defaultValue { resolve(value) }
      declare(parameter.variable)
    }
    let names = Dictionary(
      parameters.map { ($0.name, $0.variable) }, uniquingKeysWith: { first, _ in first })
    for parameter in parameters { declareDimensions(parameter.type, names, model) }
  }

  // MARK: Types

  /// Binds the names in a parameter's type: parameters, fields, or sizes that are fresh in each call.
  private func declareDimensions(
    _ type: TypeAnnotation?, _ parameters: [String: Variable], _ model: ModelScope?
  ) {
    switch type {
    case .shape(let shape):
      for dimension in shape.dimensions {
        bind(dimension) { node in
          if let variable = parameters[node.name] { return .local(variable) }
          if let field = self.field(node.name, of: model) { return field }
          return .local(self.dimension(node))
        }
      }
    case .model(let path): resolveType(path)
    case .simple, nil: return
    }
  }

  /// Binds the names in a result's type; those that no parameter has are of any size.
  private func resolve(_ type: TypeAnnotation?) {
    switch type {
    case .shape(let shape):
      for dimension in shape.dimensions {
        bind(dimension) { node in
          let dimensions = self.function.layout.dimensions
          if let variable = dimensions.first(where: { $0.name == node.name }) {
            return .local(variable)
          }
          if let variable = self.scope.variables[node.name] { return .local(variable) }
          if case .members(let model) = self.scope.parent?.kind {
            return self.field(node.name, of: model) ?? .unresolved
          }
          return .unresolved
        }
      }
    case .model(let path): resolveType(path)
    case .simple, nil: return
    }
  }

  private func bind(_ dimension: Dimension, _ binding: (NameExpr) -> Binding) {
    switch dimension {
    case .ellipsis, .any, .size: return
    case .name(let node):
      node.binding = binding(node)
      markUsed(node.binding)
    case .arithmetic(_, let left, let right, _):
      bind(left, binding)
      bind(right, binding)
    }
  }

  /// A constructor argument or field that a dimension name means.
  private func field(_ name: String, of model: ModelScope?) -> Binding? {
    guard let member = model?.members[name], member.kind != .method,
      let receiver = function.layout.receiver
    else { return nil }
    return .member(member, receiver: .local(receiver))
  }

  /// The variable of a fresh dimension name.
  private func dimension(_ node: NameExpr) -> Variable {
    if let known = function.layout.dimensions.first(where: { $0.name == node.name }) {
      return known
    }
    let variable = Variable(name: node.name, span: node.span, kind: .dimension)
    function.declare(variable)
    function.layout.dimensions.append(variable)
    return variable
  }

  /// The name of a model as a type.
  private func resolveType(_ path: Expr) {
    guard case .name(let node) = path else { return resolve(path) }
    if lookup(node.name).isEmpty {
      let types = SimpleType.allCases.map(\.rawValue) + globals.variables.keys.sorted()
      let near =
        Suggestion.nearest(to: node.name, among: types)
        ?? Suggestion.nearest(to: node.name, among: environment.builtinNames())
      return report(
        "unknown type `\(node.name)`", node.span,
        help: near.map { ["did you mean `\($0)`?"] }
          ?? [
            "a type is number, string, bool, list, dict, fn, tuple, a model or a shape as `[B, 784]`"
          ])
    }
    resolve(node)
    if let known = facts(of: node.binding), known.signature?.isModel != true,
      known.isCallable != nil
    {
      report("`\(node.name)` is not a type", node.span, help: ["a type is the name of a model"])
    }
  }

  // MARK: Models

  func resolve(_ node: ModelDecl) {
    let model = ModelScope(name: node.name)
    declareMembers(node, in: model)
    let constructor = FunctionScope(layout: node.layout, parent: function, isConstructor: true)
    inMembers(model, of: constructor, span: node.span) {
      inScope(of: constructor) {
        declare(node.parameters, model: nil)
        inScope {
          for dimension in node.layout.dimensions {
            scope.variables[dimension.name] = dimension
          }
          for case .field(let field) in node.items {
            inScope { resolve(field.value) }
            model.initialised.insert(field.name)
            // From here on the name means the field, also where it replaces an argument.
            scope.parent?.variables[field.name] = nil
          }
        }
      }
    }
    for case .method(let method) in node.items {
      resolve(method, selfVariable: nil, model: model)
    }
  }

  /// Numbers the members. An argument with the name of a field has a place, but is no member: the field replaces it.
  private func declareMembers(_ node: ModelDecl, in model: ModelScope) {
    let fieldNames = Set(
      node.items.compactMap { if case .field(let field) = $0 { field.name } else { nil } })
    var fields = 0
    var methods = 0
    for parameter in node.parameters {
      if !fieldNames.contains(parameter.name) {
        add(parameter.name, parameter.variable.span, .argument, fields, to: node, model)
      }
      fields += 1
    }
    for item in node.items {
      switch item {
      case .field(let field):
        add(field.name, field.nameSpan, Resolver.kind(of: field), fields, to: node, model)
        fields += 1
      case .method(let method):
        let name = method.name ?? ""
        add(name, method.nameSpan ?? method.span, .method, methods, to: node, model)
        methods += 1
        if let member = model.members[name] {
          model.signatures[ObjectIdentifier(member)] = CallSignature(method)
        }
      }
    }
  }

  private static func kind(of field: FieldDecl) -> ModelMember.Kind {
    switch field.kind {
    case .param: .param
    case .state: .state
    case .let: .let
    case .var: .var
    }
  }

  private func add(
    _ name: String, _ span: Span, _ kind: ModelMember.Kind, _ index: Int, to node: ModelDecl,
    _ model: ModelScope
  ) {
    let member = ModelMember(name: name, span: span, kind: kind, index: index)
    node.members.append(member)
    guard let first = model.members[name] else {
      model.members[name] = member
      return
    }
    // Two arguments of one name are reported as parameters.
    if kind == .argument { return }
    report(
      "`\(name)` is declared twice in the model `\(model.name)`", span,
      labels: [DiagnosticLabel(span: first.span, text: "first declared here")],
      help: ["give one of them another name"])
  }
}
