// Parses statements, blocks and patterns.

extension Parser {
  @inline(never)
  mutating func parseStatement() throws(ParseFailure) -> Stmt {
    switch current.kind {
    case .let, .var: return .binding(try parseBinding())
    case .fn where peek().kind != .leftParen: return .function(try parseFunctionDeclaration())
    case .while: return .while(try parseWhile())
    case .for: return .for(try parseFor())
    case .return: return .return(try parseReturn())
    case .break:
      advance()
      return .break(previousSpan)
    case .continue:
      advance()
      return .continue(previousSpan)
    case .import: return .import(try parseImport())
    default: break
    }
    if isModelStart { return .model(try parseModel()) }
    if let statement = try parseForeignStatement() { return statement }
    try rejectStatementStart()
    return try parseExpressionOrAssignment()
  }

  // MARK: Blocks

  /// Parses `{ ... }` after what `context` names.
  @inline(never)
  mutating func parseBlock(_ context: String) throws(ParseFailure) -> Block {
    if at(.colon) { return try parseIndentedBlock(context) }
    try checkBlockStart(context)
    try enterLevel()
    let start = index
    let state = openBracket(newlinesEnd: true)
    let statements = parseStatements(until: .rightBrace)
    try closeBracket(state, .rightBrace, orComma: false)
    depth -= 1
    return Block(statements: statements, span: span(from: start))
  }

  /// Checks that a block begins here, on the line of what it belongs to.
  @inline(never)
  private mutating func checkBlockStart(_ context: String) throws(ParseFailure) {
    guard at(.leftBrace) else {
      throw unexpected("`{` after \(context)", help: blockHelp())
    }
    if newlinesEnd, current.startsLine {
      report(
        "`{` must stand on the line of what it belongs to", currentSpan,
        help: ["move the `{` to the end of the line before"])
    }
  }

  @inline(never)
  private func blockHelp() -> [String] {
    if at(.equal) { return ["`==` compares; `=` is only for statements"] }
    if at(.not), peek().kind == .in { return ["write `not (x in xs)`"] }
    if at(.identifier), !isAtNewline, text(current) == "is" { return ["`==` compares"] }
    return isAtNewline || at(.identifier) ? ["a block is written in braces: `{ ... }`"] : []
  }

  /// Reports a block in Python's style and parses it by its indentation, so that what is inside is still checked.
  @inline(never)
  private mutating func parseIndentedBlock(_ context: String) throws(ParseFailure) -> Block {
    report(
      "expected `{` after \(context), found `:`", currentSpan,
      help: ["a block is written in braces: `{ ... }`"])
    try enterLevel()
    let start = index
    let headerColumn = indentation(of: current)
    advance()
    let outer = newlinesEnd
    newlinesEnd = true
    var statements: [Stmt] = []
    let isOneLine = !current.startsLine
    while index < innermostEnd, !at(.rightBrace) {
      if take(.semicolon) { continue }
      if current.startsLine, isOneLine || indentation(of: current) <= headerColumn { break }
      let state = StatementState(
        start: index, brackets: openBrackets.count, newlinesEnd: newlinesEnd, depth: depth)
      do throws(ParseFailure) {
        statements.append(try parseStatement())
        try expectStatementEnd(from: state.start)
      } catch {
        recover(state)
      }
    }
    newlinesEnd = outer
    depth -= 1
    return Block(statements: statements, span: span(from: start))
  }

  // MARK: Declarations

  /// `let p = e`, `var p = e`
  @inline(never)
  private mutating func parseBinding() throws(ParseFailure) -> BindingStmt {
    let start = index
    let isVar = at(.var)
    advance()
    let pattern = try parsePattern(kind: isVar ? .var : .let)
    try rejectLooseTuple(after: pattern.span)
    let value = try parseInitializer(of: isVar ? "var" : "let", pattern)
    return BindingStmt(
      isVar: isVar, pattern: pattern, value: value, doc: docs[start], span: span(from: start))
  }

  /// Reports `let a, b = ...`.
  @inline(never)
  private mutating func rejectLooseTuple(after first: Span) throws(ParseFailure) {
    guard at(.comma), !isAtNewline else { return }
    let second = peek().kind == .identifier ? text(peek()) : "b"
    throw fail(
      "expected `=`, found `,`", currentSpan,
      help: ["to take a tuple apart, write `(\(source.text(of: first)), \(second))`"])
  }

  /// `= e` of a declaration.
  @inline(never)
  mutating func parseInitializer(
    of keyword: String, _ pattern: Pattern
  ) throws(ParseFailure) -> Expr {
    let name = source.text(of: pattern.span)
    if at(.colon), !isAtNewline {
      throw fail(
        "only parameters have types", currentSpan, help: ["write `\(keyword) \(name) = ...`"])
    }
    guard at(.equal), !isAtNewline else {
      if isAtStatementEnd {
        throw fail(
          "`\(keyword) \(name)` needs a value", pattern.span,
          help: [
            keyword == "var"
              ? "write `var \(name) = nil` where the value comes later"
              : "write `\(keyword) \(name) = ...`"
          ])
      }
      throw unexpected("`=`")
    }
    advance()
    return try parseExpression()
  }

  /// `name`, `_`, `(a, b)`, `[a, b]`
  @inline(never)
  mutating func parsePattern(kind: Variable.Kind) throws(ParseFailure) -> Pattern {
    try enterLevel()
    defer { depth -= 1 }
    let start = index
    switch current.kind {
    case .leftParen, .leftBracket:
      let isTuple = at(.leftParen)
      let closing: TokenKind = isTuple ? .rightParen : .rightBracket
      let state = openBracket(newlinesEnd: false)
      var parts: [Pattern] = []
      while !at(closing) {
        parts.append(try parsePattern(kind: kind))
        if !take(.comma) { break }
      }
      if at(.ellipsis) {
        throw fail(
          "a pattern has a fixed number of parts", currentSpan,
          help: ["take the rest with a slice: `xs[1:]`"])
      }
      try closeBracket(state, closing)
      let whole = span(from: start)
      return isTuple ? .tuple(parts, whole) : .list(parts, whole)
    default:
      let token = try expectName(
        kind == .loop ? "a loop variable" : "a name",
        help: at(.leftBrace) ? ["a dict cannot be taken apart by a pattern"] : [])
      let name = text(token)
      if name == "_" { return .discard(span(token)) }
      return .name(Variable(name: name, span: span(token), kind: kind))
    }
  }

  /// `import "helpers.nn" as h`, `import plot`
  @inline(never)
  private mutating func parseImport() throws(ParseFailure) -> ImportStmt {
    let start = index
    advance()
    let sourceStart = index
    let module: ImportStmt.Source
    var stem: String?
    if at(.stringStart), !isAtNewline {
      let string = try parseString()
      guard let path = string.constant, !path.isEmpty else {
        throw fail("an import needs a path without interpolation", string.span)
      }
      module = .file(path)
      stem = Parser.stem(of: path)
    } else {
      let name = text(
        try expectName("a module", help: ["write `import \"helpers.nn\"` or `import plot`"]))
      module = .module(name)
      stem = name
    }
    let sourceSpan = span(from: sourceStart)
    let variable = try parseImportName(stem, sourceSpan)
    return ImportStmt(
      source: module, sourceSpan: sourceSpan, variable: variable, span: span(from: start))
  }

  /// The name after `as`, or the one that follows from the path.
  private mutating func parseImportName(
    _ stem: String?, _ sourceSpan: Span
  ) throws(ParseFailure) -> Variable {
    if at(.identifier), text(current) == "as", !isAtNewline {
      advance()
      let token = try expectName("a name after `as`")
      return Variable(name: text(token), span: span(token), kind: .module)
    }
    guard let stem else {
      throw fail(
        "this path does not give the module a name", sourceSpan, help: ["add `as name`"])
    }
    return Variable(name: stem, span: sourceSpan, kind: .module)
  }

  /// The file's name without folder and ending, if that is a name of the language.
  private static func stem(of path: String) -> String? {
    let file = path.split(separator: "/").last ?? ""
    let stem = file.hasSuffix(".nn") ? String(file.dropLast(3)) : String(file)
    guard let first = stem.unicodeScalars.first, first == "_" || first.properties.isXIDStart,
      stem.unicodeScalars.allSatisfy(\.properties.isXIDContinue), TokenKind.keywords[stem] == nil
    else { return nil }
    return stem
  }

  // MARK: Control

  /// `if c { } else if d { } else { }`
  @inline(never)
  mutating func parseIf() throws(ParseFailure) -> IfExpr {
    let start = index
    var branches: [(condition: Expr, block: Block)] = []
    var otherwise: Block?
    advance()
    while true {
      let condition = try parseExpression()
      branches.append((condition, try parseBlock("the condition")))
      if isForeignElseIf {
        takeForeignElseIf()
        continue
      }
      guard take(.else) else { break }
      if take(.if) { continue }
      otherwise = try parseBlock("`else`")
      break
    }
    return IfExpr(branches: branches, otherwise: otherwise, span: span(from: start))
  }

  @inline(never)
  private mutating func takeForeignElseIf() {
    report("there is no `\(text(current))`", currentSpan, help: ["write `else if`"])
    advance()
  }

  private var isForeignElseIf: Bool {
    at(.identifier) && ["elif", "elsif", "elseif"].contains(text(current))
      && peek().kind != .equal
  }

  /// `try { } catch e { }`
  @inline(never)
  mutating func parseTry() throws(ParseFailure) -> TryExpr {
    let start = index
    advance()
    let body = try parseBlock("`try`")
    guard at(.catch) else { throw missingCatch() }
    advance()
    let caught = try parseCaught()
    let handler = try parseBlock("`catch`")
    try rejectFinally()
    return TryExpr(body: body, caught: caught, handler: handler, span: span(from: start))
  }

  @inline(never)
  private mutating func missingCatch() -> ParseFailure {
    let isForeign = at(.identifier) && ["except", "finally", "rescue"].contains(text(current))
    return fail(
      "`try` needs a `catch`", isForeign ? currentSpan : previousSpan,
      help: [
        isForeign && text(current) == "finally"
          ? "there is no `finally`; write `catch e { ...; throw e }`"
          : "write `try { ... } catch e { ... }`"
      ])
  }

  @inline(never)
  private mutating func rejectFinally() throws(ParseFailure) {
    guard at(.identifier), text(current) == "finally", peek().kind == .leftBrace else { return }
    throw fail(
      "there is no `finally`", currentSpan, help: ["put what always runs after the `try`"])
  }

  /// The name after `catch`, if there is one.
  @inline(never)
  private mutating func parseCaught() throws(ParseFailure) -> Variable? {
    if at(.leftParen), peek().kind == .identifier, peek(2).kind == .rightParen {
      report(
        "the name after `catch` has no parentheses", currentSpan,
        help: ["write `catch \(text(peek()))`"])
      advance()
      defer { advance() }
      advance()
      return Variable(name: text(previous), span: previousSpan, kind: .caught)
    }
    guard at(.identifier), !isAtNewline else { return nil }
    advance()
    if text(previous) == "_" { return nil }
    return Variable(name: text(previous), span: previousSpan, kind: .caught)
  }

  @inline(never)
  private mutating func parseWhile() throws(ParseFailure) -> WhileStmt {
    let start = index
    advance()
    let condition = try parseExpression()
    let body = try parseBlock("the condition")
    return WhileStmt(condition: condition, body: body, span: span(from: start))
  }

  @inline(never)
  private mutating func parseFor() throws(ParseFailure) -> ForStmt {
    let start = index
    advance()
    try rejectForeignFor()
    let pattern = try parsePattern(kind: .loop)
    try expectIn()
    let iterable = try parseExpression()
    let body = try parseBlock("what the loop runs over")
    return ForStmt(pattern: pattern, iterable: iterable, body: body, span: span(from: start))
  }

  /// Takes the `in` of a loop.
  @inline(never)
  mutating func expectIn() throws(ParseFailure) {
    if take(.in) { return }
    if at(.comma), previous.kind == .identifier {
      let second = peek().kind == .identifier ? text(peek()) : "b"
      throw fail(
        "expected `in`, found `,`", currentSpan,
        help: ["write `for (\(text(previous)), \(second)) in ...`"])
    }
    if at(.identifier), text(current) == "of" || text(current) == "from" {
      report(
        "expected `in`, found \(describe(current))", currentSpan, help: ["write `for x in xs`"])
      return advance()
    }
    throw unexpected("`in`", help: ["a loop is written `for x in xs { ... }`"])
  }

  @inline(never)
  private mutating func parseReturn() throws(ParseFailure) -> ReturnStmt {
    let start = index
    advance()
    let value = isAtStatementEnd ? nil : try parseExpression()
    return ReturnStmt(value: value, span: span(from: start))
  }

  // MARK: Expressions and assignments

  @inline(never)
  private mutating func parseExpressionOrAssignment() throws(ParseFailure) -> Stmt {
    let start = index
    let left = try parseExpression()
    if assignmentOperator(current.kind) == nil || isAtNewline { return .expression(left) }
    return try parseAssignment(to: left, from: start)
  }

  @inline(never)
  private mutating func parseAssignment(
    to left: Expr, from start: Int
  ) throws(ParseFailure) -> Stmt {
    let op = assignmentOperator(current.kind)?.binary
    let operatorSpan = currentSpan
    let target = try assignmentTarget(left)
    if op != nil { try rejectCompound(target, operatorSpan) }
    advance()
    let value = try parseExpression()
    if assignmentOperator(current.kind) != nil, !isAtNewline {
      throw fail(
        "assignments cannot be chained", currentSpan, help: ["write one assignment per line"])
    }
    return .assign(
      AssignStmt(
        target: target, op: op, operatorSpan: operatorSpan, value: value, span: span(from: start)))
  }

  /// Whether a token is an assignment, and the operator of a compound one.
  private func assignmentOperator(_ kind: TokenKind) -> (binary: BinaryOperator?, Void)? {
    switch kind {
    case .equal: (nil, ())
    case .plusEqual: (.add, ())
    case .plusPlusEqual: (.concatenate, ())
    case .minusEqual: (.subtract, ())
    case .starEqual: (.multiply, ())
    case .slashEqual: (.divide, ())
    default: nil
    }
  }

  /// What an expression on the left of `=` assigns to.
  @inline(never)
  private mutating func assignmentTarget(_ expr: Expr) throws(ParseFailure) -> Target {
    switch expr {
    case .name(let node): return node.name == "_" ? .discard(node.span) : .name(node)
    case .member(let node): return .member(node)
    case .index(let node): return .index(node)
    case .tuple(let node) where !node.elements.isEmpty:
      return try sequenceTarget(node.elements, node.span)
    case .list(let node) where !node.elements.isEmpty && !node.elements.contains(where: \.isSpread):
      return try sequenceTarget(node.elements.map(\.value), node.span)
    case .call:
      throw fail(
        "the result of a call cannot be assigned to", expr.span,
        help: ["a function is declared `fn f(x) = ...`"])
    default:
      throw fail(
        "this cannot be assigned to", expr.span,
        help: at(.equal) ? ["`==` compares; `=` assigns to a variable, member or element"] : [])
    }
  }

  private mutating func sequenceTarget(
    _ elements: [Expr], _ span: Span
  ) throws(ParseFailure) -> Target {
    var targets: [Target] = []
    for element in elements { targets.append(try assignmentTarget(element)) }
    return .sequence(targets, span)
  }

  @inline(never)
  private mutating func rejectCompound(_ target: Target, _ span: Span) throws(ParseFailure) {
    switch target {
    case .name, .member, .index: return
    case .discard, .sequence:
      throw fail(
        "\(describe(current)) needs one variable, member or element on its left", span)
    }
  }
}
