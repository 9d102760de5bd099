// Finds what a piece of a program refers to.
import NNSyntax

/// What the names in a piece of syntax mean where it stands: of inner functions, top-level variables and what they capture.
struct NameUses {
  private(set) var bindings: [Binding] = []
  /// Whether it may leave the function or loop around it.
  private(set) var returns = false
  private(set) var breaks = false
  /// Whether it calls something that is no builtin.
  private(set) var callsVariables = false
  /// How many functions there are around the current place.
  private var depth = 0

  private mutating func note(_ binding: Binding) {
    if case .global = binding {
      bindings.append(binding)
    } else if depth == 0 {
      bindings.append(binding)
    }
  }

  /// The variables that a function or model made here captures.
  private mutating func note(_ layout: FunctionLayout) {
    for capture in layout.captures {
      switch capture.source {
      case .local(let variable): note(.local(variable))
      case .captured(let index): note(.captured(index: index, capture.variable))
      case .thisFunction: continue
      }
    }
  }

  mutating func visit(_ function: Function) {
    note(function.layout)
    depth += 1
    defer { depth -= 1 }
    visit(function.parameters)
    switch function.body {
    case .expression(let value): visit(value)
    case .block(let block): visit(block)
    }
  }

  mutating func visit(_ model: ModelDecl) {
    note(model.layout)
    depth += 1
    defer { depth -= 1 }
    visit(model.parameters)
    for item in model.items {
      switch item {
      case .field(let field): visit(field.value)
      case .method(let method): visit(method)
      }
    }
  }

  private mutating func visit(_ parameters: [NNSyntax.Parameter]) {
    for parameter in parameters {
      if let value = parameter.defaultValue { visit(value) }
    }
  }

  private mutating func visit(_ block: Block) {
    for statement in block.statements { visit(statement) }
  }

  mutating func visit(_ statement: Stmt) {
    switch statement {
    case .expression(let value): visit(value)
    case .binding(let node): visit(node.value)
    case .assign(let node):
      visit(node.target)
      visit(node.value)
    case .function(let node): visit(node)
    case .model(let node): visit(node)
    case .while(let node):
      visit(node.condition)
      visit(node.body)
    case .for(let node):
      visit(node.iterable)
      visit(node.body)
    case .return(let node):
      if depth == 0 { returns = true }
      if let value = node.value { visit(value) }
    case .break, .continue: if depth == 0 { breaks = true }
    case .import: return
    }
  }

  private mutating func visit(_ target: Target) {
    switch target {
    case .name(let node): note(node.binding)
    case .member(let node): visit(node.object)
    case .index(let node): visit(Expr.index(node))
    case .discard: return
    case .sequence(let targets, _): for target in targets { visit(target) }
    }
  }

  mutating func visit(_ value: Expr) {
    switch value {
    case .nil, .bool, .number: return
    case .receiver(let node): note(node.binding)
    case .string(let node):
      for case .interpolation(let part, _, _) in node.segments { visit(part) }
    case .name(let node):
      note(node.binding)
      for binding in node.outerBindings { note(binding) }
    case .list(let node): for element in node.elements { visit(element.value) }
    case .tuple(let node): for element in node.elements { visit(element) }
    case .dict(let node):
      for entry in node.entries {
        visit(entry.key)
        visit(entry.value)
      }
    case .comprehension(let node): visit(node)
    case .range(let node):
      visit(node.start)
      visit(node.end)
    case .unary(let node): visit(node.operand)
    case .binary(let node):
      visit(node.left)
      visit(node.right)
    case .logical(let node):
      visit(node.left)
      visit(node.right)
    case .call(let node):
      if !node.callee.isBuiltin { callsVariables = true }
      visit(node.callee)
      for argument in node.arguments { visit(argument.value) }
    case .member(let node):
      note(node.function)
      visit(node.object)
    case .index(let node):
      visit(node.object)
      for item in node.items { visit(item) }
    case .function(let node): visit(node)
    case .if(let node):
      for branch in node.branches {
        visit(branch.condition)
        visit(branch.block)
      }
      if let block = node.otherwise { visit(block) }
    case .try(let node):
      visit(node.body)
      visit(node.handler)
    case .throw(let node): visit(node.value)
    }
  }

  private mutating func visit(_ key: DictExpr.Key) {
    if case .computed(let value) = key { visit(value) }
  }

  private mutating func visit(_ node: ComprehensionExpr) {
    for clause in node.clauses {
      switch clause {
      case .each(_, let iterable): visit(iterable)
      case .filter(let condition): visit(condition)
      }
    }
    switch node.result {
    case .list(let value): visit(value)
    case .dict(let key, let value):
      visit(key)
      visit(value)
    }
  }

  private mutating func visit(_ item: IndexExpr.Item) {
    switch item {
    case .value(let value): visit(value)
    case .slice(let start, let stop, let step, _):
      for part in [start, stop, step] { if let part { visit(part) } }
    case .ellipsis: return
    }
  }
}

extension Expr {
  /// Whether it is the name of a builtin.
  fileprivate var isBuiltin: Bool {
    if case .name(let node) = self, case .builtin = node.binding { return true }
    return false
  }
}
