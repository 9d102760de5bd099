// Parses expressions: prefix forms, then whatever the infix table says can follow.

extension Parser {
  /// Parses an expression whose operators bind at least as tightly as `minimum`.
  mutating func parseExpression(_ minimum: Precedence = .lowest) throws(ParseFailure) -> Expr {
    try enterLevel()
    let outerPeak = peak
    peak = 0
    let start = index
    var left = try parsePrefix(minimum)
    var height = peak + 1
    var endsInPipe = false
    while let rule = infixRule(), rule.precedence >= minimum {
      peak = 0
      var isPipe = false
      if case .pipe = rule.form { isPipe = true }
      if endsInPipe, !isPipe { reportOperatorAfterPipe(from: start) }
      left = try parseInfix(rule, left, from: start)
      endsInPipe = isPipe
      height = max(height, peak) + 1
      if height > Parser.heightLimit {
        throw giveUp("this expression is too long", span(from: start).startPoint)
      }
    }
    peak = max(outerPeak, height)
    depth -= 1
    return left
  }

  /// The rule of the current token, if it continues the expression before it.
  private func infixRule() -> InfixRule? {
    guard let rule = InfixRule.table[current.kind] else { return nil }
    guard current.startsLine else { return rule }
    if newlinesEnd { return continuesLine ? rule : nil }
    // In brackets a call or index on a new line is more likely a missing comma.
    return at(.leftParen) || at(.leftBracket) ? nil : rule
  }

  @inline(never)
  private mutating func parseInfix(
    _ rule: InfixRule, _ left: Expr, from start: Int
  ) throws(ParseFailure) -> Expr {
    switch rule.form {
    case .call: return try parseCall(left, from: start)
    case .index: return try parseIndex(left, from: start)
    case .member: return try parseMember(left, from: start)
    case .pipe: return try parsePipe(left, from: start)
    case .binary, .logical, .range: break
    }
    let operatorSpan = currentSpan
    let operatorText = text(current)
    advance()
    let minimum = rule.associativity == .right ? rule.precedence : rule.precedence.tighter
    let right = try parseOperand(after: operatorText, minimum)
    let whole = span(from: start)
    if rule.associativity == .none { checkChain(rule, left, operatorText, right) }
    switch rule.form {
    case .logical(let isAnd):
      return .logical(
        LogicalExpr(
          isAnd: isAnd, left: left, right: right, operatorSpan: operatorSpan, span: whole))
    case .range(let includesEnd):
      return .range(
        RangeExpr(
          start: left, end: right, includesEnd: includesEnd, operatorSpan: operatorSpan,
          span: whole))
    case .binary(let op):
      return .binary(
        BinaryExpr(op: op, left: left, right: right, operatorSpan: operatorSpan, span: whole))
    default: preconditionFailure("the other forms returned above")
    }
  }

  /// Parses the right side of an operator.
  @inline(never)
  private mutating func parseOperand(
    after text: String, _ minimum: Precedence
  ) throws(ParseFailure) -> Expr {
    if let failure = missingOperand(after: text) { throw failure }
    return try parseExpression(minimum)
  }

  /// The error that nothing follows an operator, if that is so.
  @inline(never)
  private mutating func missingOperand(after text: String) -> ParseFailure? {
    let operatorToken = previous
    let endsHere =
      at(.endOfFile) || at(.rightParen) || at(.rightBracket) || at(.rightBrace) || at(.semicolon)
      || at(.comma) || at(.equal)
    if endsHere || (current.startsLine && isStatementKeyword(current.kind)) {
      if let increment = increment(operatorToken) { return increment }
      return fail(
        "expected an expression after `\(text)`, found \(describe(current))",
        at(.endOfFile) || current.startsLine ? span(operatorToken) : currentSpan)
    }
    return current.startsLine ? increment(operatorToken) : nil
  }

  /// The error about `x++` and `x--` where `x` is a name, if the last token read ends one.
  @inline(never)
  private mutating func increment(_ last: Token) -> ParseFailure? {
    let isDecrement =
      last.kind == .minus && index >= 2 && tokens[index - 2].kind == .minus && !last.isSpaced
    guard last.kind == .plusPlus || isDecrement, !last.isSpaced else { return nil }
    let target = index - (isDecrement ? 3 : 2)
    guard target >= 0, tokens[target].kind == .identifier else { return nil }
    let name = text(tokens[target])
    return fail(
      "there is no operator `\(isDecrement ? "--" : "++")` for counting",
      span(tokens[target + 1]).union(span(last)),
      help: ["write `\(name) \(isDecrement ? "-=" : "+=") 1`"])
  }

  /// Whether a token at a line's start can only begin a statement.
  func isStatementKeyword(_ kind: TokenKind) -> Bool {
    switch kind {
    case .let, .while, .for, .return, .break, .continue, .import: true
    default: false
    }
  }

  /// Reports `a < b < c` and `a..b..c` at the second operator.
  @inline(never)
  private mutating func checkChain(
    _ rule: InfixRule, _ left: Expr, _ operatorText: String, _ right: Expr
  ) {
    guard let next = infixRule(), next.precedence == rule.precedence else { return }
    let second = text(current)
    if rule.precedence == .range {
      return report(
        "ranges cannot be chained", currentSpan, help: ["a step is given as `range(a, b, step)`"])
    }
    let leftText = shown(left.span)
    let rightText = shown(right.span)
    let isOperand = peek().kind == .identifier || peek().kind == .number
    let third = isOperand ? text(peek()) : "..."
    let help: [String] =
      if let leftText, let rightText {
        ["write `\(leftText) \(operatorText) \(rightText) and \(rightText) \(second) \(third)`"]
      } else {
        ["join two comparisons with `and`"]
      }
    report("comparisons cannot be chained", currentSpan, help: help)
  }

  /// The text of a span for use in a help line, if it is short.
  @inline(never)
  func shown(_ span: Span) -> String? {
    let text = source.text(of: span)
    return text.count <= 60 && !text.contains(where: \.isNewline) ? text : nil
  }

  // MARK: Pipes

  @inline(never)
  private mutating func reportOperatorAfterPipe(from start: Int) {
    let operatorText = describe(current)
    let piped = shown(span(from: start))
    let next = peek()
    let isOperand = next.kind == .identifier || next.kind == .number
    let help =
      if let piped, isOperand {
        "write `(\(piped)) \(text(current)) \(text(next))`"
      } else {
        "put parentheses around the pipe, or around what follows it"
      }
    report("\(operatorText) cannot follow a pipe", currentSpan, help: [help])
  }

  /// `x |> f`, `x |> f(a)`: a call with the left side as its first argument.
  @inline(never)
  private mutating func parsePipe(_ left: Expr, from start: Int) throws(ParseFailure) -> Expr {
    let pipeSpan = currentSpan
    advance()
    let first = index
    try checkPipeTarget()
    let right = try parseExpression(.postfix)
    let isParenthesised =
      tokens[first].kind == .leftParen && Int(tokens[first].partner) == index - 1
    let piped = Argument(
      name: nil, nameSpan: nil, value: left, isSpread: false, span: left.span)
    var callee = right
    var arguments = [piped]
    if case .call(let call) = right, !isParenthesised {
      callee = call.callee
      arguments += call.arguments
    }
    return .call(
      CallExpr(callee: callee, arguments: arguments, pipeSpan: pipeSpan, span: span(from: start)))
  }

  /// Reports what cannot stand on the right of a pipe.
  @inline(never)
  private mutating func checkPipeTarget() throws(ParseFailure) {
    if isLambdaStart {
      throw fail(
        "a function on the right of `|>` needs parentheses", currentSpan,
        help: ["write `x |> (y => ...)`"])
    }
    switch current.kind {
    case .identifier, .self, .leftParen, .var: return
    case .fn, .if, .try, .throw:
      throw fail(
        "\(describe(current)) on the right of `|>` needs parentheses", currentSpan,
        help: ["write `x |> (\(text(current)) ...)`"])
    default:
      throw fail(
        "expected a function after `|>`, found \(describe(current))", currentSpan,
        help: ["`x |> f` is `f(x)`, and `x |> f(a)` is `f(x, a)`"])
    }
  }

  // MARK: Prefix forms

  @inline(never)
  private mutating func parsePrefix(_ minimum: Precedence) throws(ParseFailure) -> Expr {
    switch current.kind {
    case .minus: try parseNegation()
    case .not: try parseNot(minimum)
    case .identifier, .leftParen:
      isLambdaStart ? try parseLambda(minimum) : try parsePrimary()
    default: try parsePrimary()
    }
  }

  @inline(never)
  private mutating func parseNegation() throws(ParseFailure) -> Expr {
    let start = index
    advance()
    let operand = try parseOperand(after: "-", .power)
    return .unary(
      UnaryExpr(
        op: .negate, operand: operand, operatorSpan: span(tokens[start]), span: span(from: start)))
  }

  @inline(never)
  private mutating func parseNot(_ minimum: Precedence) throws(ParseFailure) -> Expr {
    let start = index
    if minimum > .not { reportTightNot() }
    advance()
    let operand = try parseOperand(after: "not", max(minimum, .not))
    return .unary(
      UnaryExpr(
        op: .not, operand: operand, operatorSpan: span(tokens[start]), span: span(from: start)))
  }

  @inline(never)
  private mutating func reportTightNot() {
    report(
      "`not` needs parentheses here", currentSpan,
      help: ["`not` binds less tightly than comparisons and arithmetic: write `(not x)`"])
  }

  /// Whether a lambda begins at the current token: `x =>`, `(x, y) =>`.
  var isLambdaStart: Bool {
    switch current.kind {
    case .identifier: return peek().kind == .fatArrow && !(newlinesEnd && peek().startsLine)
    case .leftParen:
      let partner = Int(current.partner)
      return partner >= 0 && partner + 1 < tokens.count && tokens[partner + 1].kind == .fatArrow
    default: return false
    }
  }

  // MARK: What follows an expression

  /// `f(a, name: b, xs...)`
  @inline(never)
  private mutating func parseCall(_ callee: Expr, from start: Int) throws(ParseFailure) -> Expr {
    let state = openBracket(newlinesEnd: false)
    var arguments: [Argument] = []
    while !at(.rightParen) {
      arguments.append(try parseArgument(after: arguments))
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightParen, help: argumentHelp())
    return .call(
      CallExpr(callee: callee, arguments: arguments, pipeSpan: nil, span: span(from: start)))
  }

  @inline(never)
  private mutating func parseArgument(after earlier: [Argument]) throws(ParseFailure) -> Argument {
    let start = index
    try rejectForeignSpread()
    let isNamed = takeArgumentName()
    let value = try parseExpression()
    let argument = makeArgument(value, isNamed: isNamed, from: start)
    checkOrder(argument, after: earlier)
    return argument
  }

  /// Takes `name:`, or `name=` after reporting it.
  @inline(never)
  private mutating func takeArgumentName() -> Bool {
    guard at(.identifier), peek().kind == .colon || peek().kind == .equal else { return false }
    if peek().kind == .equal {
      report(
        "named arguments are written with `:`", span(peek()),
        help: ["write `\(text(current)): ...`"])
    }
    advance()
    advance()
    return true
  }

  @inline(never)
  private mutating func makeArgument(_ value: Expr, isNamed: Bool, from start: Int) -> Argument {
    let isSpread = !isNamed && take(.ellipsis)
    return Argument(
      name: isNamed ? text(tokens[start]) : nil, nameSpan: isNamed ? span(tokens[start]) : nil,
      value: value, isSpread: isSpread, span: span(from: start))
  }

  @inline(never)
  private mutating func checkOrder(_ argument: Argument, after earlier: [Argument]) {
    if let name = argument.name {
      if let same = earlier.first(where: { $0.name == name }) {
        report(
          "the argument `\(name)` is given twice", argument.nameSpan ?? argument.span,
          labels: [DiagnosticLabel(span: same.span, text: "given here first")])
      }
    } else if let named = earlier.last(where: { $0.name != nil }) {
      report(
        "arguments without a name come before those with one", argument.span,
        labels: [DiagnosticLabel(span: named.span, text: "this one has a name")])
    }
  }

  /// Reports `f(*xs)`, `f(**d)` and `[...xs]`.
  @inline(never)
  mutating func rejectForeignSpread() throws(ParseFailure) {
    guard at(.star) || at(.starStar) || at(.ellipsis), peek().kind != .rightBracket else { return }
    let operand = peek().kind == .identifier ? text(peek()) : "xs"
    let help =
      at(.starStar)
      ? "arguments by name cannot be spread from a dict: write `name: \(operand).name`"
      : "write `\(operand)...`"
    throw fail(
      at(.starStar) ? "a dict cannot be spread" : "spread is written after the value", currentSpan,
      help: [help])
  }

  private func argumentHelp() -> [String] {
    switch current.kind {
    case .if: ["a condition in an expression is written `if c { a } else { b }`"]
    case .for: ["a list made by a loop needs brackets: `[x * x for x in xs]`"]
    case .colon where previous.kind == .stringEnd:
      ["the name of an argument has no quotes"]
    default: []
    }
  }

  /// `x.name`
  @inline(never)
  private mutating func parseMember(_ object: Expr, from start: Int) throws(ParseFailure) -> Expr {
    advance()
    if at(.number), !current.isSpaced {
      throw fail(
        "expected a member name after `.`, found \(describe(current))", currentSpan,
        help: ["an element is taken by its index: `x[\(text(current))]`"])
    }
    guard at(.identifier) || current.kind.isKeyword, !isAtNewline else {
      throw unexpected("a member name after `.`")
    }
    advance()
    return .member(
      MemberExpr(
        object: object, name: text(previous), nameSpan: previousSpan, span: span(from: start)))
  }

  /// `x[1:3, ..., i]`
  @inline(never)
  private mutating func parseIndex(_ object: Expr, from start: Int) throws(ParseFailure) -> Expr {
    let bracketStart = index
    let state = openBracket(newlinesEnd: false)
    if at(.rightBracket) { throw missingIndex(from: bracketStart) }
    var items: [IndexExpr.Item] = []
    while !at(.rightBracket) {
      items.append(try parseIndexItem())
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightBracket)
    return .index(
      IndexExpr(
        object: object, items: items, bracketSpan: span(from: bracketStart),
        span: span(from: start)))
  }

  @inline(never)
  private mutating func missingIndex(from start: Int) -> ParseFailure {
    fail(
      "an index is missing", span(from: start).union(currentSpan),
      help: ["write `x[0]`, or `x[:]` for everything"])
  }

  @inline(never)
  private mutating func parseIndexItem() throws(ParseFailure) -> IndexExpr.Item {
    let start = index
    if at(.ellipsis) {
      advance()
      return .ellipsis(previousSpan)
    }
    var parts: [Expr?] = [at(.colon) ? nil : try parseExpression()]
    while at(.colon), parts.count < 3 {
      advance()
      let isEmpty = at(.colon) || at(.comma) || at(.rightBracket)
      parts.append(isEmpty ? nil : try parseExpression())
    }
    if parts.count == 1, let value = parts[0] { return .value(value) }
    return .slice(
      start: parts[0], stop: parts[1], step: parts.count > 2 ? parts[2] : nil,
      span: span(from: start))
  }
}
