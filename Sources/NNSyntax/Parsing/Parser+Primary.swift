// Parses what expressions begin with: literals, names, brackets, and the keywords that are expressions.

extension Parser {
  mutating func parsePrimary() throws(ParseFailure) -> Expr {
    let token = current
    switch token.kind {
    case .number:
      advance()
      return .number(token.number, span(token))
    case .stringStart: return .string(try parseString())
    case .true, .false:
      advance()
      return .bool(token.kind == .true, span(token))
    case .nil:
      advance()
      return .nil(span(token))
    case .self:
      advance()
      return .receiver(ReceiverExpr(span: span(token)))
    case .identifier:
      try rejectForeignExpression()
      advance()
      return .name(NameExpr(name: text(token), span: span(token)))
    case .var where peek().kind == .leftParen:
      advance()
      return .name(NameExpr(name: "var", span: span(token)))
    case .leftParen: return try parseParenthesis()
    case .leftBracket: return try parseList()
    case .leftBrace: return try parseDict()
    case .fn: return try parseAnonymousFunction()
    case .if: return .if(try parseIf())
    case .try: return .try(try parseTry())
    case .throw: return try parseThrow()
    default: throw unexpectedInExpression()
    }
  }

  /// `throw e`
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

  private mutating func parseInterpolation() throws(ParseFailure) -> StringExpr.Segment {
    let start = index
    advance()
    if at(.interpolationEnd) || at(.formatText) {
      let end = Int(tokens[start].partner)
      throw fail(
        "an interpolation needs an expression", span(tokens[start]).union(span(tokens[end])),
        help: ["write `\\{` for a brace"])
    }
    let value = try parseExpression()
    let format = at(.formatText) ? parseFormat() : nil
    guard at(.interpolationEnd) else {
      throw unexpected("`}`", help: at(.colon) ? ["write `\\{` for a brace"] : [])
    }
    advance()
    return .interpolation(value, format: format, span: span(from: start))
  }

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
  private mutating func parseParenthesis() throws(ParseFailure) -> Expr {
    let start = index
    let state = openBracket(newlinesEnd: false)
    var elements: [Expr] = []
    var isTuple = at(.rightParen)
    while !at(.rightParen) {
      elements.append(try parseExpression())
      if at(.ellipsis) {
        throw fail(
          "spread works in calls and lists only", currentSpan, help: ["write `tuple([xs...])`"])
      }
      if !take(.comma) { break }
      isTuple = true
    }
    try closeBracket(state, .rightParen, help: parenthesisHelp())
    if !isTuple, elements.count == 1 { return elements[0] }
    return .tuple(TupleExpr(elements: elements, span: span(from: start)))
  }

  private func parenthesisHelp() -> [String] {
    switch current.kind {
    case .for: ["a list made by a loop needs brackets: `[x * x for x in xs]`"]
    case .if: ["a condition in an expression is written `if c { a } else { b }`"]
    case .equal: ["`==` compares; an assignment is a statement of its own"]
    default: []
    }
  }

  /// `[a, b, xs...]` or `[e for p in xs if c]`
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

  private func listHelp() -> [String] {
    switch current.kind {
    case .if: ["a condition in an expression is written `if c { a } else { b }`"]
    case .semicolon: ["the rows of a matrix are lists: `[[1, 2], [3, 4]]`"]
    default: []
    }
  }

  /// `for p in xs if c`, any number of times.
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
  private mutating func parseDict() throws(ParseFailure) -> Expr {
    let start = index
    let state = openBracket(newlinesEnd: false)
    var entries: [(key: DictExpr.Key, value: Expr)] = []
    while !at(.rightBrace) {
      let keyStart = index
      let (key, isName) = try parseKey(
        isAfterArrow: start > 0 && tokens[start - 1].kind == .fatArrow)
      try expectKeyColon(keyStart)
      let value = try parseExpression()
      if at(.for), entries.isEmpty {
        let clauses = try parseClauses()
        try closeBracket(state, .rightBrace, orComma: false)
        return comprehension(key, isName: isName, value, clauses, from: start)
      }
      if case .computed(let expr) = key, !isComputedKey(keyStart) { rejectKey(expr) }
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

  private mutating func rejectKey(_ key: Expr) {
    let help = shown(key.span).map { "a key that is computed stands in brackets: `[\($0)]: ...`" }
    report("this cannot be a key", key.span, help: help.map { [$0] } ?? [])
  }

  /// Parses a key; also says whether it is a bare name.
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

  private mutating func expectKeyColon(_ keyStart: Int) throws(ParseFailure) {
    if take(.colon) { return }
    let key = tokens[keyStart]
    let name = key.kind == .identifier && index == keyStart + 1 ? text(key) : nil
    if at(.fatArrow) || at(.equal) {
      report(
        "expected `:` after a key, found \(describe(current))", currentSpan,
        help: ["write `{key: value}`"])
      return advance()
    }
    let isAfterArrow = keyStart >= 2 && tokens[keyStart - 2].kind == .fatArrow
    let help: String =
      if isAfterArrow, !(name != nil && (at(.comma) || at(.rightBrace))) {
        "`{` after `=>` begins a dict; a function with statements is written `fn(x) { ... }`"
      } else if let name, at(.comma) || at(.rightBrace) {
        "write `{\(name): \(name)}`"
      } else {
        "`{` where a value is expected begins a dict, written `{key: value}`"
      }
    throw unexpected("`:` after a key", help: [help])
  }
}
