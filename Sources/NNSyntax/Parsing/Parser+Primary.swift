// Parses what expressions begin with: literals, names, brackets, and the keywords that are expressions.

extension Parser {
  @inline(never)
  mutating func parsePrimary() throws(ParseFailure) -> Expr {
    switch current.kind {
    case .stringStart: .string(try parseString())
    case .leftParen: try parseParenthesis()
    case .leftBracket: try parseList()
    case .leftBrace: try parseDict()
    case .fn: try parseAnonymousFunction()
    case .if: .if(try parseIf())
    case .try: .try(try parseTry())
    case .throw: try parseThrow()
    default: try parseLeaf()
    }
  }

  /// Parses an expression of one token.
  @inline(never)
  private mutating func parseLeaf() throws(ParseFailure) -> Expr {
    let token = current
    let expr: Expr
    switch token.kind {
    case .number: expr = .number(token.number, span(token))
    case .true, .false: expr = .bool(token.kind == .true, span(token))
    case .nil: expr = .nil(span(token))
    case .self: expr = .receiver(ReceiverExpr(span: span(token)))
    case .identifier:
      try rejectForeignExpression()
      expr = .name(NameExpr(name: text(token), span: span(token)))
    case .var where peek().kind == .leftParen:
      expr = .name(NameExpr(name: "var", span: span(token)))
    default: throw unexpectedInExpression()
    }
    advance()
    return expr
  }

  /// `throw e`
  @inline(never)
  private mutating func parseThrow() throws(ParseFailure) -> Expr {
    let start = index
    advance()
    if isAtStatementEnd {
      throw unexpected("what to throw", help: ["write `throw error(\"...\")`"])
    }
    let value = try parseExpression()
    return .throw(ThrowExpr(value: value, span: span(from: start)))
  }

  // MARK: Strings

  @inline(never)
  mutating func parseString() throws(ParseFailure) -> StringExpr {
    let start = index
    let end = Int(current.partner)
    openBrackets.append(index)
    let outerNewlines = newlinesEnd
    newlinesEnd = false
    advance()
    var segments: [StringExpr.Segment] = []
    while index < end {
      if at(.stringText) {
        segments.append(.text(list.texts[Int(current.text)]))
        advance()
      } else {
        segments.append(try parseInterpolation())
      }
    }
    openBrackets.removeLast()
    newlinesEnd = outerNewlines
    advance()
    return StringExpr(segments: segments, span: span(from: start))
  }

  @inline(never)
  private mutating func parseInterpolation() throws(ParseFailure) -> StringExpr.Segment {
    let start = index
    advance()
    if at(.interpolationEnd) || at(.formatText) { throw emptyInterpolation(from: start) }
    let value = try parseExpression()
    let format = at(.formatText) ? parseFormat() : nil
    guard at(.interpolationEnd) else { throw unexpected("`}`") }
    advance()
    return .interpolation(value, format: format, span: span(from: start))
  }

  @inline(never)
  private mutating func emptyInterpolation(from start: Int) -> ParseFailure {
    let end = Int(tokens[start].partner)
    return fail(
      "an interpolation needs an expression", span(tokens[start]).union(span(tokens[end])),
      help: ["write `\\{` for a brace"])
  }

  @inline(never)
  private mutating func parseFormat() -> FormatSpec? {
    let token = current
    advance()
    switch FormatSpec.parse(list.texts[Int(token.text)]) {
    case .success(let spec): return spec
    case .failure(let problem):
      report(
        problem.message, span(token),
        help: ["formats are as in Python: `.4f`, `.2%`, `8.3f`, `,`, `>10`"])
      return nil
    }
  }

  // MARK: Parentheses and lists

  /// `(e)`, `()`, `(a,)`, `(a, b)`
  @inline(never)
  private mutating func parseParenthesis() throws(ParseFailure) -> Expr {
    let start = index
    let state = openBracket(newlinesEnd: false)
    var elements: [Expr] = []
    var isTuple = at(.rightParen)
    while !at(.rightParen) {
      elements.append(try parseExpression())
      if at(.ellipsis) { throw spreadInTuple() }
      if !take(.comma) { break }
      isTuple = true
    }
    try closeBracket(state, .rightParen, help: parenthesisHelp())
    if !isTuple, elements.count == 1 { return elements[0] }
    return .tuple(TupleExpr(elements: elements, span: span(from: start)))
  }

  @inline(never)
  private mutating func spreadInTuple() -> ParseFailure {
    fail("spread works in calls and lists only", currentSpan, help: ["write `tuple([xs...])`"])
  }

  @inline(never)
  private func parenthesisHelp() -> [String] {
    switch current.kind {
    case .for: ["a list made by a loop needs brackets: `[x * x for x in xs]`"]
    case .if: ["a condition in an expression is written `if c { a } else { b }`"]
    case .equal: ["`==` compares; an assignment is a statement of its own"]
    default: []
    }
  }

  /// `[a, b, xs...]` or `[e for p in xs if c]`
  @inline(never)
  private mutating func parseList() throws(ParseFailure) -> Expr {
    let start = index
    let state = openBracket(newlinesEnd: false)
    var elements: [ListExpr.Element] = []
    while !at(.rightBracket) {
      try rejectForeignSpread()
      let value = try parseExpression()
      if at(.for), elements.isEmpty {
        let clauses = try parseClauses()
        try closeBracket(state, .rightBracket, orComma: false)
        return .comprehension(
          ComprehensionExpr(result: .list(value), clauses: clauses, span: span(from: start)))
      }
      elements.append(ListExpr.Element(value: value, isSpread: take(.ellipsis)))
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightBracket, help: listHelp())
    return .list(ListExpr(elements: elements, span: span(from: start)))
  }

  @inline(never)
  private func listHelp() -> [String] {
    switch current.kind {
    case .if: ["a condition in an expression is written `if c { a } else { b }`"]
    case .semicolon: ["the rows of a matrix are lists: `[[1, 2], [3, 4]]`"]
    default: []
    }
  }

  /// `for p in xs if c`, any number of times.
  @inline(never)
  private mutating func parseClauses() throws(ParseFailure) -> [ComprehensionExpr.Clause] {
    var clauses: [ComprehensionExpr.Clause] = []
    while true {
      if take(.for) {
        let pattern = try parsePattern(kind: .loop)
        try expectIn()
        clauses.append(.each(pattern, in: try parseExpression()))
      } else if take(.if) {
        clauses.append(.filter(try parseExpression()))
      } else {
        return clauses
      }
    }
  }

  // MARK: Dicts

  /// `{name: 1, "two words": 2, [key]: 3}` or `{k: v for p in xs}`
  @inline(never)
  private mutating func parseDict() throws(ParseFailure) -> Expr {
    let start = index
    let state = openBracket(newlinesEnd: false)
    var entries: [(key: DictExpr.Key, value: Expr)] = []
    while !at(.rightBrace) {
      let keyStart = index
      let (key, isName) = try parseKey(
        isAfterArrow: start > 0 && tokens[start - 1].kind == .fatArrow)
      let hasColon = try expectKeyColon(keyStart)
      let value = try parseExpression()
      if at(.for), entries.isEmpty {
        let clauses = try parseClauses()
        try closeBracket(state, .rightBrace, orComma: false)
        return comprehension(key, isName: isName, value, clauses, from: start)
      }
      if hasColon, case .computed(let expr) = key, !isComputedKey(keyStart) { rejectKey(expr) }
      entries.append((key, value))
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightBrace)
    return .dict(DictExpr(entries: entries, span: span(from: start)))
  }

  private func comprehension(
    _ key: DictExpr.Key, isName: Bool, _ value: Expr, _ clauses: [ComprehensionExpr.Clause],
    from start: Int
  ) -> Expr {
    var key = key
    if isName, case .string(let name, let span) = key {
      key = .computed(.name(NameExpr(name: name, span: span)))
    }
    return .comprehension(
      ComprehensionExpr(
        result: .dict(key: key, value: value), clauses: clauses, span: span(from: start)))
  }

  /// Whether the key that begins at a token is written `[key]` or is a string.
  private func isComputedKey(_ token: Int) -> Bool {
    tokens[token].kind == .leftBracket || tokens[token].kind == .stringStart
  }

  @inline(never)
  private mutating func rejectKey(_ key: Expr) {
    let help = shown(key.span).map { "a key that is computed stands in brackets: `[\($0)]: ...`" }
    report("this cannot be a key", key.span, help: help.map { [$0] } ?? [])
  }

  /// Parses a key; also says whether it is a bare name.
  @inline(never)
  private mutating func parseKey(
    isAfterArrow: Bool
  ) throws(ParseFailure) -> (DictExpr.Key, isName: Bool) {
    let token = current
    if token.kind == .identifier || token.kind.isKeyword, peek().kind == .colon {
      advance()
      return (.string(text(token), span(token)), token.kind == .identifier)
    }
    try rejectNonKey(isAfterArrow: isAfterArrow)
    let key = try parseExpression()
    switch key {
    case .string(let string):
      if let text = string.constant { return (.string(text, string.span), false) }
    case .number(let value, let span):
      return (.number(value, span), false)
    case .list(let list) where list.elements.count == 1 && !list.elements[0].isSpread:
      return (.computed(list.elements[0].value), false)
    default: break
    }
    return (.computed(key), false)
  }

  /// Reports what cannot begin a key: statements, where a block was meant, and spread.
  @inline(never)
  private mutating func rejectNonKey(isAfterArrow: Bool) throws(ParseFailure) {
    if isStatementKeyword(current.kind) || at(.var) || (isAfterArrow && at(.if)) {
      throw fail(
        "expected a key of a dict, found \(describe(current))", currentSpan,
        help: [
          isAfterArrow
            ? "`{` after `=>` begins a dict; a function with statements is written `fn(x) { ... }`"
            : "`{` where a value is expected begins a dict"
        ])
    }
    if at(.ellipsis) || at(.starStar) {
      throw fail("a dict cannot be spread", currentSpan, help: ["spread works in calls and lists"])
    }
  }

  /// Takes the colon after a key; false if something else was taken for it after an error.
  @inline(never)
  private mutating func expectKeyColon(_ keyStart: Int) throws(ParseFailure) -> Bool {
    if take(.colon) { return true }
    let key = tokens[keyStart]
    let name = key.kind == .identifier && index == keyStart + 1 ? text(key) : nil
    if at(.fatArrow) || at(.equal) {
      report(
        "expected `:` after a key, found \(describe(current))", currentSpan,
        help: ["write `{key: value}`"])
      advance()
      return false
    }
    let isAfterArrow = keyStart >= 2 && tokens[keyStart - 2].kind == .fatArrow
    let help: String =
      if keyStart >= 2, tokens[keyStart - 2].kind == .interpolationStart {
        "write `\\{` for a brace in a string"
      } else if isAfterArrow, !(name != nil && (at(.comma) || at(.rightBrace))) {
        "`{` after `=>` begins a dict; a function with statements is written `fn(x) { ... }`"
      } else if let name, at(.comma) || at(.rightBrace) {
        "write `{\(name): \(name)}`"
      } else {
        "`{` where a value is expected begins a dict, written `{key: value}`"
      }
    throw unexpected("`:` after a key", help: [help])
  }
}
