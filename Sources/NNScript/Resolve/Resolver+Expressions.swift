// Resolves the names in expressions and checks calls whose function is known.
import NNSyntax

extension Resolver {
  func resolve(_ expr: Expr) {
    switch expr {
    case .nil, .bool, .number: return
    case .string(let node):
      for case .interpolation(let value, _, _) in node.segments { resolve(value) }
    case .name(let node): resolve(node)
    case .receiver(let node): resolve(node)
    case .list(let node): for element in node.elements { resolve(element.value) }
    case .tuple(let node): for element in node.elements { resolve(element) }
    case .dict(let node):
      for entry in node.entries {
        resolve(entry.key)
        resolve(entry.value)
      }
      checkKeys(node)
    case .comprehension(let node): resolve(node)
    case .range(let node):
      resolve(node.start)
      resolve(node.end)
    case .unary(let node): resolve(node.operand)
    case .binary(let node):
      resolve(node.left)
      resolve(node.right)
    case .logical(let node):
      resolve(node.left)
      resolve(node.right)
    case .call(let node): resolve(node)
    case .member(let node): resolve(node)
    case .index(let node): resolve(node)
    case .function(let node): resolve(node)
    case .if(let node):
      for branch in node.branches {
        resolve(branch.condition)
        resolve(branch.block)
      }
      if let otherwise = node.otherwise { resolve(otherwise) }
    case .try(let node):
      resolve(node.body)
      inScope {
        if let caught = node.caught { declare(caught) }
        resolve(node.handler)
      }
    case .throw(let node): resolve(node.value)
    }
  }

  private func resolve(_ key: DictExpr.Key) {
    if case .computed(let expr) = key { resolve(expr) }
  }

  /// A key that stands twice in a dict is likely to be a slip.
  private func checkKeys(_ node: DictExpr) {
    var first: [String: Span] = [:]
    for entry in node.entries {
      let name: String
      switch entry.key {
      case .string(let text, _): name = text
      case .number, .computed: continue
      }
      if let span = first[name] {
        report(
          "the key `\(name)` stands twice in this dict", entry.key.span, severity: .warning,
          labels: [DiagnosticLabel(span: span, text: "this value is lost")])
      }
      first[name] = entry.key.span
    }
  }

  /// The clauses nest, each in the scope of those before it.
  private func resolve(_ node: ComprehensionExpr) {
    let outer = scope
    for clause in node.clauses {
      switch clause {
      case .each(let pattern, let iterable):
        resolve(iterable)
        scope = Scope(function: function, parent: scope)
        declare(pattern)
      case .filter(let condition): resolve(condition)
      }
    }
    switch node.result {
    case .list(let value): resolve(value)
    case .dict(let key, let value):
      resolve(key)
      resolve(value)
    }
    scope = outer
  }

  private func resolve(_ node: ReceiverExpr) {
    var place: Scope? = scope
    while let scope = place {
      if case .members = scope.kind, let receiver = scope.function.layout.receiver {
        node.binding = function.binding(of: receiver)
        receiver.isUsed = true
        return
      }
      place = scope.parent
    }
    report("`self` is known only in a model", node.span)
  }

  private func resolve(_ node: IndexExpr) {
    resolve(node.object)
    for item in node.items {
      switch item {
      case .value(let value): resolve(value)
      case .slice(let start, let stop, let step, _):
        for part in [start, stop, step] { if let part { resolve(part) } }
      case .ellipsis: continue
      }
    }
  }

  func resolve(_ node: MemberExpr) {
    resolve(node.object)
    _ = checkModuleMember(node)
  }

  /// Checks `h.name` where `h` is an imported module that is known; returns how the member is called.
  private func checkModuleMember(_ node: MemberExpr) -> CallSignature? {
    guard case .name(let object) = node.object, let members = facts(of: object.binding)?.members
    else { return nil }
    if node.name.hasPrefix("_"), members[node.name] != nil {
      report("`\(node.name)` is private in `\(object.name)`", node.nameSpan)
      return nil
    }
    guard let signature = members[node.name] else {
      let names = members.keys.filter { !$0.hasPrefix("_") }.sorted()
      let near = Suggestion.nearest(to: node.name, among: names)
      report(
        "`\(object.name)` has no member `\(node.name)`", node.nameSpan,
        help: near.map { ["did you mean `\($0)`?"] } ?? [])
      return nil
    }
    return signature
  }

  // MARK: Calls

  private func resolve(_ node: CallExpr) {
    var signature: CallSignature?
    var name = ""
    switch node.callee {
    case .name(let callee):
      resolveCallee(callee)
      name = callee.name
      signature = self.signature(of: callee.binding)
    case .member(let member) where node.pipeSpan == nil:
      resolve(member.object)
      signature = checkModuleMember(member)
      member.function = fallback(for: member.name)
      name = member.name
    case .member(let member):
      resolve(member.object)
      signature = checkModuleMember(member)
      name = member.name
    default: resolve(node.callee)
    }
    for argument in node.arguments { resolve(argument.value) }
    if let problem = signature?.problem(with: node, of: name) { bag.add(problem) }
  }

  /// What `x.f(a)` calls where `x` has no member `f`: the function of that name in scope. Methods do not count,
  /// since without their instance they are no functions.
  private func fallback(for name: String) -> Binding {
    for binding in lookup(name, all: true) {
      if case .member(let member, _) = binding, member.kind == .method { continue }
      if isCallable(binding) == false { continue }
      markUsed(binding)
      return binding
    }
    return .unresolved
  }

  /// Resolves a name that is called: what certainly cannot be called is passed over, what perhaps cannot is
  /// followed by what the name means further out.
  private func resolveCallee(_ node: NameExpr) {
    let candidates = lookup(node.name, all: true)
    guard let first = candidates.first else { return resolve(node) }
    let possible = candidates.filter { isCallable($0) != false }
    guard let chosen = possible.first else { return resolve(node) }
    node.binding = chosen
    markUsed(chosen)
    if isCallable(first) == false { warnPassedOver(node, first, chosen) }
    if isCallable(chosen) == true { return }
    for outer in possible.dropFirst() {
      node.outerBindings.append(outer)
      markUsed(outer)
      if isCallable(outer) == true { return }
    }
  }

  private func warnPassedOver(_ node: NameExpr, _ passed: Binding, _ chosen: Binding) {
    let span: Span? =
      if case .member(let member, _) = passed { member.span } else { variable(of: passed)?.span }
    let meant =
      if case .builtin = chosen { "the builtin `\(node.name)`" } else { "the function around" }
    report(
      "`\(node.name)` is not a function here: \(meant) is called", node.span, severity: .warning,
      labels: span.map { [DiagnosticLabel(span: $0, text: "this is passed over")] } ?? [])
  }

  private func signature(of binding: Binding) -> CallSignature? {
    switch binding {
    case .builtin(let name):
      if case .function(let signature) = environment.builtin(name) { return signature }
      return nil
    case .member(let member, _):
      var place: Scope? = scope
      while let scope = place {
        if case .members(let model) = scope.kind,
          let signature = model.signatures[ObjectIdentifier(member)]
        {
          return signature
        }
        place = scope.parent
      }
      return nil
    default: return facts(of: binding)?.signature
    }
  }
}
