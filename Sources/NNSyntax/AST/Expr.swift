// The expressions of the syntax tree.

/// An expression: a case for each form, so that a switch is exhaustive, around a node that can be annotated.
package enum Expr {
  case `nil`(Span)
  case bool(Bool, Span)
  case number(Double, Span)
  case string(StringExpr)
  case name(NameExpr)
  /// `self`
  case receiver(ReceiverExpr)
  case list(ListExpr)
  case tuple(TupleExpr)
  case dict(DictExpr)
  case comprehension(ComprehensionExpr)
  case range(RangeExpr)
  case unary(UnaryExpr)
  case binary(BinaryExpr)
  /// `and`, `or`
  case logical(LogicalExpr)
  case call(CallExpr)
  case member(MemberExpr)
  case index(IndexExpr)
  case function(Function)
  case `if`(IfExpr)
  case `try`(TryExpr)
  case `throw`(ThrowExpr)

  package var span: Span {
    switch self {
    case .nil(let span), .bool(_, let span), .number(_, let span): span
    case .string(let node): node.span
    case .name(let node): node.span
    case .receiver(let node): node.span
    case .list(let node): node.span
    case .tuple(let node): node.span
    case .dict(let node): node.span
    case .comprehension(let node): node.span
    case .range(let node): node.span
    case .unary(let node): node.span
    case .binary(let node): node.span
    case .logical(let node): node.span
    case .call(let node): node.span
    case .member(let node): node.span
    case .index(let node): node.span
    case .function(let node): node.span
    case .if(let node): node.span
    case .try(let node): node.span
    case .throw(let node): node.span
    }
  }
}

/// A string literal: text and interpolations in turn.
package final class StringExpr {
  package enum Segment {
    case text(String)
    /// `{expr}` or `{expr:format}`; the span covers the braces.
    case interpolation(Expr, format: FormatSpec?, span: Span)
  }
  package let segments: [Segment]
  package let span: Span

  package init(segments: [Segment], span: Span) {
    self.segments = segments
    self.span = span
  }

  /// The text, if there is no interpolation.
  package var constant: String? {
    if segments.isEmpty { return "" }
    if segments.count == 1, case .text(let text) = segments[0] { return text }
    return nil
  }
}

/// A variable, function, model or builtin by name.
package final class NameExpr {
  package let name: String
  package let span: Span
  /// Set by the resolver.
  package var binding: Binding = .unresolved
  /// Set by the resolver where the name is called: what the name means in the scopes around, nearest first,
  /// to be called instead when the value of `binding` cannot be called.
  package var outerBindings: [Binding] = []

  package init(name: String, span: Span) {
    self.name = name
    self.span = span
  }
}

/// `self` in a model.
package final class ReceiverExpr {
  package let span: Span
  /// Set by the resolver: a local or captured variable.
  package var binding: Binding = .unresolved

  package init(span: Span) { self.span = span }
}

/// `[a, b, xs...]`
package final class ListExpr {
  package struct Element {
    package let value: Expr
    package let isSpread: Bool
  }
  package let elements: [Element]
  package let span: Span

  package init(elements: [Element], span: Span) {
    self.elements = elements
    self.span = span
  }
}

/// `()`, `(a,)`, `(a, b)`
package final class TupleExpr {
  package let elements: [Expr]
  package let span: Span

  package init(elements: [Expr], span: Span) {
    self.elements = elements
    self.span = span
  }
}

/// `{name: 1, "two words": 2, 3: "c", [key]: 4}`
package final class DictExpr {
  package enum Key {
    case string(String, Span)
    case number(Double, Span)
    /// `[key]`, or a string with interpolations
    case computed(Expr)

    package var span: Span {
      switch self {
      case .string(_, let span), .number(_, let span): span
      case .computed(let key): key.span
      }
    }
  }
  package let entries: [(key: Key, value: Expr)]
  package let span: Span

  package init(entries: [(key: Key, value: Expr)], span: Span) {
    self.entries = entries
    self.span = span
  }
}

/// `[e for p in xs if c]` and `{k: v for p in xs if c}`. The variables are fresh in each turn and belong to the
/// function around; there is no function of its own.
package final class ComprehensionExpr {
  package enum Result {
    case list(Expr)
    case dict(key: DictExpr.Key, value: Expr)
  }
  package enum Clause {
    case each(Pattern, in: Expr)
    case filter(Expr)
  }
  package let result: Result
  package let clauses: [Clause]
  package let span: Span

  package init(result: Result, clauses: [Clause], span: Span) {
    self.result = result
    self.clauses = clauses
    self.span = span
  }
}

/// `a..b` or `a..=b`
package final class RangeExpr {
  package let start: Expr
  package let end: Expr
  package let includesEnd: Bool
  package let operatorSpan: Span
  package let span: Span

  package init(start: Expr, end: Expr, includesEnd: Bool, operatorSpan: Span, span: Span) {
    self.start = start
    self.end = end
    self.includesEnd = includesEnd
    self.operatorSpan = operatorSpan
    self.span = span
  }
}

/// `-x`, `not x`
package final class UnaryExpr {
  package let op: UnaryOperator
  package let operand: Expr
  package let operatorSpan: Span
  package let span: Span

  package init(op: UnaryOperator, operand: Expr, operatorSpan: Span, span: Span) {
    self.op = op
    self.operand = operand
    self.operatorSpan = operatorSpan
    self.span = span
  }
}

/// An infix operator that evaluates both sides.
package final class BinaryExpr {
  package let op: BinaryOperator
  package let left: Expr
  package let right: Expr
  package let operatorSpan: Span
  package let span: Span

  package init(op: BinaryOperator, left: Expr, right: Expr, operatorSpan: Span, span: Span) {
    self.op = op
    self.left = left
    self.right = right
    self.operatorSpan = operatorSpan
    self.span = span
  }
}

/// `a and b`, `a or b`
package final class LogicalExpr {
  package let isAnd: Bool
  package let left: Expr
  package let right: Expr
  package let operatorSpan: Span
  package let span: Span

  package init(isAnd: Bool, left: Expr, right: Expr, operatorSpan: Span, span: Span) {
    self.isAnd = isAnd
    self.left = left
    self.right = right
    self.operatorSpan = operatorSpan
    self.span = span
  }
}

/// An argument of a call: `value`, `name: value` or `values...`
package struct Argument {
  package let name: String?
  package let nameSpan: Span?
  package let value: Expr
  package let isSpread: Bool
  package let span: Span
}

/// `f(a, b)`, and also `a |> f(b)` and `a |> f`, where the piped value is the first argument.
package final class CallExpr {
  package let callee: Expr
  package let arguments: [Argument]
  /// The `|>` of a piped call.
  package let pipeSpan: Span?
  package let span: Span

  package init(callee: Expr, arguments: [Argument], pipeSpan: Span?, span: Span) {
    self.callee = callee
    self.arguments = arguments
    self.pipeSpan = pipeSpan
    self.span = span
  }
}

/// `object.name`
package final class MemberExpr {
  package let object: Expr
  package let name: String
  package let nameSpan: Span
  package let span: Span
  /// Set by the resolver where the member is called: the function of that name in scope,
  /// for `x.f(a)` where `x` has no member `f`.
  package var function: Binding = .unresolved

  package init(object: Expr, name: String, nameSpan: Span, span: Span) {
    self.object = object
    self.name = name
    self.nameSpan = nameSpan
    self.span = span
  }
}

/// `x[1:3, ::2, ..., nil, mask]`
package final class IndexExpr {
  package enum Item {
    case value(Expr)
    case slice(start: Expr?, stop: Expr?, step: Expr?, span: Span)
    case ellipsis(Span)

    package var span: Span {
      switch self {
      case .value(let value): value.span
      case .slice(_, _, _, let span), .ellipsis(let span): span
      }
    }
  }
  package let object: Expr
  package let items: [Item]
  /// The brackets with what is inside.
  package let bracketSpan: Span
  package let span: Span

  package init(object: Expr, items: [Item], bracketSpan: Span, span: Span) {
    self.object = object
    self.items = items
    self.bracketSpan = bracketSpan
    self.span = span
  }
}

/// `if c { } else if d { } else { }`
package final class IfExpr {
  package let branches: [(condition: Expr, block: Block)]
  package let otherwise: Block?
  package let span: Span

  package init(branches: [(condition: Expr, block: Block)], otherwise: Block?, span: Span) {
    self.branches = branches
    self.otherwise = otherwise
    self.span = span
  }
}

/// `try { } catch e { }`
package final class TryExpr {
  package let body: Block
  /// The variable of the error, where it has a name.
  package let caught: Variable?
  package let handler: Block
  package let span: Span

  package init(body: Block, caught: Variable?, handler: Block, span: Span) {
    self.body = body
    self.caught = caught
    self.handler = handler
    self.span = span
  }
}

/// `throw e`
package final class ThrowExpr {
  package let value: Expr
  package let span: Span

  package init(value: Expr, span: Span) {
    self.value = value
    self.span = span
  }
}
