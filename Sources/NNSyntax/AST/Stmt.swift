// The statements of the syntax tree.

/// A statement.
package enum Stmt {
  case expression(Expr)
  case binding(BindingStmt)
  case assign(AssignStmt)
  case function(Function)
  case model(ModelDecl)
  case `while`(WhileStmt)
  case `for`(ForStmt)
  case `return`(ReturnStmt)
  case `break`(Span)
  case `continue`(Span)
  case `import`(ImportStmt)

  package var span: Span {
    switch self {
    case .expression(let expr): expr.span
    case .binding(let node): node.span
    case .assign(let node): node.span
    case .function(let node): node.span
    case .model(let node): node.span
    case .while(let node): node.span
    case .for(let node): node.span
    case .return(let node): node.span
    case .break(let span), .continue(let span): span
    case .import(let node): node.span
    }
  }
}

/// `{ statements }`; its value is its last statement, if that is an expression, else nil.
package final class Block {
  package let statements: [Stmt]
  package let span: Span

  package init(statements: [Stmt], span: Span) {
    self.statements = statements
    self.span = span
  }
}

/// `let p = e`, `var p = e`
package final class BindingStmt {
  package let isVar: Bool
  package let pattern: Pattern
  package let value: Expr
  package let doc: String?
  package let span: Span

  package init(isVar: Bool, pattern: Pattern, value: Expr, doc: String?, span: Span) {
    self.isVar = isVar
    self.pattern = pattern
    self.value = value
    self.doc = doc
    self.span = span
  }
}

/// What is declared by `let`, `var`, `for` and comprehensions.
package indirect enum Pattern {
  case name(Variable)
  /// `_`
  case discard(Span)
  /// `(a, b)`
  case tuple([Pattern], Span)
  /// `[a, b]`
  case list([Pattern], Span)

  package var span: Span {
    switch self {
    case .name(let variable): variable.span
    case .discard(let span), .tuple(_, let span), .list(_, let span): span
    }
  }

  /// The variables it declares, in order.
  package var variables: [Variable] {
    switch self {
    case .name(let variable): [variable]
    case .discard: []
    case .tuple(let parts, _), .list(let parts, _): parts.flatMap(\.variables)
    }
  }
}

/// What an assignment assigns to.
package indirect enum Target {
  case name(NameExpr)
  case member(MemberExpr)
  case index(IndexExpr)
  case discard(Span)
  /// `(a, b) = ...` and `[a, b] = ...`
  case sequence([Target], Span)

  package var span: Span {
    switch self {
    case .name(let node): node.span
    case .member(let node): node.span
    case .index(let node): node.span
    case .discard(let span), .sequence(_, let span): span
    }
  }
}

/// `t = e`, and `t += e` and the like with an operator (`+ - * / ++`).
package final class AssignStmt {
  package let target: Target
  package let op: BinaryOperator?
  package let operatorSpan: Span
  package let value: Expr
  package let span: Span

  package init(target: Target, op: BinaryOperator?, operatorSpan: Span, value: Expr, span: Span) {
    self.target = target
    self.op = op
    self.operatorSpan = operatorSpan
    self.value = value
    self.span = span
  }
}

/// `while c { }`
package final class WhileStmt {
  package let condition: Expr
  package let body: Block
  package let span: Span

  package init(condition: Expr, body: Block, span: Span) {
    self.condition = condition
    self.body = body
    self.span = span
  }
}

/// `for p in e { }`
package final class ForStmt {
  package let pattern: Pattern
  package let iterable: Expr
  package let body: Block
  package let span: Span

  package init(pattern: Pattern, iterable: Expr, body: Block, span: Span) {
    self.pattern = pattern
    self.iterable = iterable
    self.body = body
    self.span = span
  }
}

/// `return`, `return e`
package final class ReturnStmt {
  package let value: Expr?
  package let span: Span

  package init(value: Expr?, span: Span) {
    self.value = value
    self.span = span
  }
}

/// `import "helpers.nn" as h`, `import plot`
package final class ImportStmt {
  package enum Source: Equatable {
    /// A path relative to the importing file.
    case file(String)
    /// A standard module.
    case module(String)
  }
  package let source: Source
  package let sourceSpan: Span
  /// What the module is called here: the name after `as`, or the stem of the file.
  package let variable: Variable
  package let span: Span

  package init(source: Source, sourceSpan: Span, variable: Variable, span: Span) {
    self.source = source
    self.sourceSpan = sourceSpan
    self.variable = variable
    self.span = span
  }
}

/// A whole file, or one input of a session.
package final class Program {
  package let statements: [Stmt]
  package let span: Span
  /// Set by the resolver: the local variables of the top level's blocks.
  package let layout = FunctionLayout()

  package init(statements: [Stmt], span: Span) {
    self.statements = statements
    self.span = span
  }
}
