// Writes a syntax tree as text, for `--ast` and tests.

/// Writes a tree in nested parentheses; what does not fit on a line is indented below its head.
package struct TreeDump {
  /// A part of the text: a word, or a parenthesis with parts.
  indirect enum Node {
    case word(String)
    case group([Node])

    var width: Int {
      switch self {
      case .word(let text): text.count
      case .group(let parts): parts.reduce(1) { $0 + $1.width + 1 }
      }
    }
  }

  /// The greatest width of a group on one line.
  static let lineWidth = 80

  package static func dump(_ program: Program) -> String {
    program.statements.map { render(node($0), indentation: 0) }.joined(separator: "\n")
  }

  package static func dump(_ expr: Expr) -> String { render(node(expr), indentation: 0) }

  private static func render(_ node: Node, indentation: Int) -> String {
    switch node {
    case .word(let text): return text
    case .group(let parts):
      if indentation + node.width <= lineWidth || parts.count < 2 {
        return "(" + parts.map { render($0, indentation: 0) }.joined(separator: " ") + ")"
      }
      let inner = "\n" + String(repeating: " ", count: min(indentation + 2, 40))
      let rest = parts.dropFirst().map { inner + render($0, indentation: indentation + 2) }
      return "(" + render(parts[0], indentation: indentation) + rest.joined() + ")"
    }
  }

  private static func group(_ head: String, _ parts: [Node]) -> Node {
    .group([.word(head)] + parts)
  }

  // MARK: Statements

  private static func node(_ stmt: Stmt) -> Node {
    switch stmt {
    case .expression(let expr): node(expr)
    case .binding(let stmt):
      group(stmt.isVar ? "var" : "let", [node(stmt.pattern), node(stmt.value)] + doc(stmt.doc))
    case .assign(let stmt):
      group((stmt.op?.rawValue ?? "") + "=", [node(stmt.target), node(stmt.value)])
    case .function(let function): node(function)
    case .model(let model): node(model)
    case .while(let stmt): group("while", [node(stmt.condition), node(stmt.body)])
    case .for(let stmt): group("for", [node(stmt.pattern), node(stmt.iterable), node(stmt.body)])
    case .return(let stmt): group("return", stmt.value.map { [node($0)] } ?? [])
    case .break: .group([.word("break")])
    case .continue: .group([.word("continue")])
    case .import(let stmt): importNode(stmt)
    }
  }

  private static func importNode(_ stmt: ImportStmt) -> Node {
    let source: Node =
      switch stmt.source {
      case .file(let path): .word(quoted(path))
      case .module(let name): .word(name)
      }
    return group("import", [source, .word(stmt.variable.name)])
  }

  private static func node(_ block: Block) -> Node { group("do", block.statements.map(node)) }

  private static func node(_ pattern: Pattern) -> Node {
    switch pattern {
    case .name(let variable): .word(variable.name)
    case .discard: .word("_")
    case .tuple(let parts, _): group("tuple", parts.map(node))
    case .list(let parts, _): group("list", parts.map(node))
    }
  }

  private static func node(_ target: Target) -> Node {
    switch target {
    case .name(let name): .word(name.name)
    case .member(let member): node(Expr.member(member))
    case .index(let index): node(Expr.index(index))
    case .discard: .word("_")
    case .sequence(let parts, _): group("tuple", parts.map(node))
    }
  }

  private static func doc(_ text: String?) -> [Node] {
    text.map { [group("doc", [.word(quoted($0))])] } ?? []
  }

  // MARK: Functions and models

  private static func node(_ function: Function) -> Node {
    var parts = [Node.group(function.parameters.map(node))]
    if let name = function.name { parts.insert(.word(name), at: 0) }
    if let type = function.returnType { parts.append(group("->", [node(type)])) }
    switch function.body {
    case .block(let block): parts.append(node(block))
    case .expression(let expr): parts.append(node(expr))
    }
    return group(function.kind == .lambda ? "=>" : "fn", parts + doc(function.doc))
  }

  private static func node(_ parameter: Parameter) -> Node {
    if parameter.isRest { return group("rest", [.word(parameter.name)]) }
    if parameter.type == nil, parameter.defaultValue == nil { return .word(parameter.name) }
    var parts = [Node.word(parameter.name)]
    if let type = parameter.type { parts.append(group(":", [node(type)])) }
    if let value = parameter.defaultValue { parts.append(group("=", [node(value)])) }
    return .group(parts)
  }

  private static func node(_ model: ModelDecl) -> Node {
    let items = model.items.map { item in
      switch item {
      case .field(let field):
        group(field.kind.rawValue, [.word(field.name), node(field.value)] + doc(field.doc))
      case .method(let function): node(function)
      }
    }
    return group(
      "model",
      [.word(model.name), .group(model.parameters.map(node))] + items + doc(model.doc))
  }

  private static func node(_ type: TypeAnnotation) -> Node {
    switch type {
    case .simple(let simple, _): .word(simple.rawValue)
    case .model(let path): node(path)
    case .shape(let shape):
      group("shape", [.word(shape.element.rawValue)] + shape.dimensions.map(node))
    }
  }

  private static func node(_ dimension: Dimension) -> Node {
    switch dimension {
    case .ellipsis: .word("...")
    case .any: .word("_")
    case .size(let size, _): .word("\(size)")
    case .name(let name): .word(name.name)
    case .arithmetic(let op, let left, let right, _):
      group(op.rawValue, [node(left), node(right)])
    }
  }

  // MARK: Expressions

  private static func node(_ expr: Expr) -> Node {
    switch expr {
    case .nil: .word("nil")
    case .bool(let value, _): .word(value ? "true" : "false")
    case .number(let value, _): .word(numberText(value))
    case .string(let string): node(string)
    case .name(let name): .word(name.name)
    case .receiver: .word("self")
    case .list(let list):
      group(
        "list", list.elements.map { $0.isSpread ? group("...", [node($0.value)]) : node($0.value) })
    case .tuple(let tuple): group("tuple", tuple.elements.map(node))
    case .dict(let dict):
      group("dict", dict.entries.map { .group([node($0.key), node($0.value)]) })
    case .comprehension(let comprehension): node(comprehension)
    case .range(let range):
      group(range.includesEnd ? "..=" : "..", [node(range.start), node(range.end)])
    case .unary(let unary): group(unary.op.rawValue, [node(unary.operand)])
    case .binary(let binary): group(binary.op.rawValue, [node(binary.left), node(binary.right)])
    case .logical(let logical):
      group(logical.isAnd ? "and" : "or", [node(logical.left), node(logical.right)])
    case .call(let call):
      group(call.pipeSpan == nil ? "call" : "|>", [node(call.callee)] + call.arguments.map(node))
    case .member(let member): group(".", [node(member.object), .word(member.name)])
    case .index(let index): group("index", [node(index.object)] + index.items.map(node))
    case .function(let function): node(function)
    case .if(let stmt): node(stmt)
    case .try(let stmt):
      group("try", [node(stmt.body), .word(stmt.caught?.name ?? "_"), node(stmt.handler)])
    case .throw(let stmt): group("throw", [node(stmt.value)])
    }
  }

  private static func numberText(_ value: Double) -> String {
    if let whole = Int(exactly: value), abs(value) < 9e15 { return "\(whole)" }
    return "\(value)"
  }

  private static func node(_ string: StringExpr) -> Node {
    if let text = string.constant { return .word(quoted(text)) }
    return group(
      "string",
      string.segments.map { segment in
        switch segment {
        case .text(let text): .word(quoted(text))
        case .interpolation(let value, nil, _): group("{}", [node(value)])
        case .interpolation(let value, let format?, _):
          group("{}", [node(value), .word(":\(formatText(format))")])
        }
      })
  }

  private static func formatText(_ format: FormatSpec) -> String {
    var text =
      format.alignment.map { (format.fill == " " ? "" : "\(format.fill)") + "\($0.rawValue)" } ?? ""
    if format.sign != .negativeOnly { text.append(format.sign.rawValue) }
    if format.isAlternate { text += "#" }
    if format.width > 0 { text += "\(format.width)" }
    if let grouping = format.grouping { text.append(grouping) }
    if let precision = format.precision { text += ".\(precision)" }
    if let type = format.type { text.append(type) }
    return text
  }

  private static func node(_ key: DictExpr.Key) -> Node {
    switch key {
    case .string(let text, _): .word(quoted(text))
    case .number(let value, _): .word(numberText(value))
    case .computed(let expr): group("key", [node(expr)])
    }
  }

  private static func node(_ comprehension: ComprehensionExpr) -> Node {
    let clauses = comprehension.clauses.map { clause in
      switch clause {
      case .each(let pattern, let iterable): group("for", [node(pattern), node(iterable)])
      case .filter(let condition): group("if", [node(condition)])
      }
    }
    switch comprehension.result {
    case .list(let value): return group("list-for", [node(value)] + clauses)
    case .dict(let key, let value): return group("dict-for", [node(key), node(value)] + clauses)
    }
  }

  private static func node(_ argument: Argument) -> Node {
    if let name = argument.name { return group("\(name):", [node(argument.value)]) }
    return argument.isSpread ? group("...", [node(argument.value)]) : node(argument.value)
  }

  private static func node(_ item: IndexExpr.Item) -> Node {
    switch item {
    case .value(let value): node(value)
    case .slice(let start, let stop, let step, _):
      group(":", [start, stop, step].map { $0.map(node) ?? .word("_") })
    case .ellipsis: .word("...")
    }
  }

  private static func node(_ expr: IfExpr) -> Node {
    var parts: [Node] = []
    for branch in expr.branches { parts += [node(branch.condition), node(branch.block)] }
    return group("if", parts + (expr.otherwise.map { [node($0)] } ?? []))
  }
}
