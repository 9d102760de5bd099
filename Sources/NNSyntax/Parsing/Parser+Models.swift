// Parses models.

extension Parser {
  /// Whether `model Name` begins at the current token; elsewhere `model` is a name.
  var isModelStart: Bool {
    at(.identifier) && peek().kind == .identifier && !peek().startsLine && text(current) == "model"
  }

  /// `model Name(parameters) { fields and methods }`
  @inline(never)
  mutating func parseModel() throws(ParseFailure) -> ModelDecl {
    let start = index
    advance()
    let name = try expectName("a model's name")
    let parameters = at(.leftParen) && !isAtNewline ? try parseParameters() : []
    if at(.colon) || at(.less) {
      throw fail(
        "models do not inherit", currentSpan,
        help: ["give the model a field that holds the other: `let base = Other(...)`"])
    }
    guard at(.leftBrace) else {
      throw unexpected("`{` after the model's name and parameters")
    }
    let state = openBracket(newlinesEnd: true)
    let items = parseItems()
    try closeBracket(state, .rightBrace, orComma: false)
    let variable = Variable(name: text(name), span: span(name), kind: .model)
    return ModelDecl(
      variable: variable, parameters: parameters, items: items, doc: docs[start],
      span: span(from: start))
  }

  /// Parses what stands between the braces of a model; errors end the field or method they are in.
  @inline(never)
  private mutating func parseItems() -> [ModelDecl.Item] {
    var items: [ModelDecl.Item] = []
    while !at(.endOfFile), !at(.rightBrace) {
      if take(.semicolon) || take(.comma) { continue }
      let state = StatementState(
        start: index, brackets: openBrackets.count, newlinesEnd: newlinesEnd, depth: depth)
      do throws(ParseFailure) {
        items.append(try parseItem())
        try expectStatementEnd(from: state.start)
      } catch {
        recover(state)
      }
    }
    return items
  }

  @inline(never)
  private mutating func parseItem() throws(ParseFailure) -> ModelDecl.Item {
    let start = index
    if at(.fn) { return .method(try parseMethod()) }
    if let kind = fieldKind {
      advance()
      return .field(try parseField(kind, from: start))
    }
    throw rejectItem()
  }

  /// The kind of field that begins at the current token.
  private var fieldKind: FieldDecl.Kind? {
    switch current.kind {
    case .let: .let
    case .var: .var
    case .identifier where peek().kind == .identifier && !peek().startsLine:
      text(current) == "param" ? .param : text(current) == "state" ? .state : nil
    default: nil
    }
  }

  private mutating func parseMethod() throws(ParseFailure) -> Function {
    let start = index
    advance()
    let name = try expectName("a name after `fn`")
    return try parseFunctionRest(.method, from: start, name: name, variable: nil)
  }

  @inline(never)
  private mutating func parseField(
    _ kind: FieldDecl.Kind, from start: Int
  ) throws(ParseFailure) -> FieldDecl {
    if at(.leftParen) || at(.leftBracket) {
      throw fail(
        "a field is one name", currentSpan, help: ["write one `\(kind.rawValue)` for each field"])
    }
    let name = try expectName("a field's name")
    let variable = Variable(name: text(name), span: span(name), kind: .let)
    let value = try parseInitializer(of: kind.rawValue, .name(variable))
    return FieldDecl(
      kind: kind, name: text(name), nameSpan: span(name), value: value, doc: docs[start],
      span: span(from: start))
  }

  /// The error about something else in a model's body.
  private mutating func rejectItem() -> ParseFailure {
    let message = "expected a field or function of the model, found \(describe(current))"
    if isForeignFunction {
      return fail(
        "functions are declared with `fn`", currentSpan,
        help: ["write `fn \(text(peek()))(...) { ... }`"])
    }
    if at(.self) {
      return fail(
        message, currentSpan,
        help: ["fields are declared in the model's body: `let l1 = ...` or `param w = ...`"])
    }
    if at(.identifier), peek().kind == .equal {
      let name = text(current)
      return fail(
        message, currentSpan,
        help: [
          "write `let \(name) = ...`, or `param` for what is trained, `state` for what is kept"
        ])
    }
    return fail(
      message, currentSpan,
      help: ["the body of a model holds `param`, `state`, `let`, `var` and `fn`"])
  }
}
