// Recognises what people who know other languages write, and says how it is written here.

extension Parser {
  /// Words that declare functions in other languages.
  private static let functionWords: Set<String> = [
    "def", "func", "function", "fun", "sub", "proc", "define",
  ]

  /// Whether `def f(` or the like begins at the current token.
  var isForeignFunction: Bool {
    at(.identifier) && peek().kind == .identifier && !peek().startsLine
      && peek(2).kind == .leftParen && Parser.functionWords.contains(text(current))
  }

  // MARK: Statements

  /// Reports a statement of another language, and parses it where its meaning is clear.
  @inline(never)
  mutating func parseForeignStatement() throws(ParseFailure) -> Stmt? {
    guard at(.identifier), !peek().startsLine else { return nil }
    let word = text(current)
    let next = peek()
    if isForeignFunction {
      report(
        "functions are declared with `fn`", currentSpan,
        help: ["write `fn \(text(next))(...) { ... }`"])
      return .function(try parseFunctionDeclaration())
    }
    guard next.kind == .identifier || next.kind == .stringStart || next.kind == .leftBrace else {
      return nil
    }
    if let help = Parser.foreignStatements[word], next.kind == .identifier {
      throw fail("there is no statement `\(word)`", currentSpan, help: [help])
    }
    if ["elif", "elsif", "elseif"].contains(word) {
      throw fail(
        "there is no `\(word)`", currentSpan, help: ["write `else if` after the `}` of an `if`"])
    }
    if next.kind == .leftBrace, let help = Parser.foreignBlocks[word] {
      throw fail("there is no statement `\(word)`", currentSpan, help: [help])
    }
    return nil
  }

  /// Words that begin statements in other languages, where another word follows.
  private static let foreignStatements: [String: String] = [
    "const": "write `let name = ...`",
    "val": "write `let name = ...`",
    "local": "write `let name = ...`, or `var` for a variable that changes",
    "int": "write `let name = ...`",
    "float": "write `let name = ...`",
    "auto": "write `let name = ...`",
    "mut": "write `var name = ...`",
    "global": "a function may assign to the `var`s around it without declaring them",
    "nonlocal": "a function may assign to the `var`s around it without declaring them",
    "class":
      "a network with its parameters is a `model Name(arguments) { ... }`; other data is a dict",
    "struct": "data with named parts is a dict: `{x: 1, y: 2}`",
    "type": "data with named parts is a dict: `{x: 1, y: 2}`",
    "enum": "write strings: `\"red\"`",
    "from": "write `import \"file.nn\" as name` and use `name.f`",
    "using": "write `import name`",
    "include": "write `import \"file.nn\"`",
    "require": "write `import \"file.nn\"`",
    "del": "remove from a dict or list with `.remove(key)`",
    "raise": "write `throw error(\"...\")`",
    "yield": "build a list with `push`, or a comprehension",
    "async": "functions are called one after the other; remove it",
    "await": "functions are called one after the other; remove it",
    "with": "call the function with a function: `with_training(true, fn() { ... })`",
    "match": "write `if x == a { ... } else if x == b { ... }`",
    "switch": "write `if x == a { ... } else if x == b { ... }`",
    "unless": "write `if not c { ... }`",
    "until": "write `while not c { ... }`",
    "foreach": "write `for x in xs { ... }`",
    "new": "call the model: `Linear(3, 4)`",
    "echo": "write `print(...)`",
    "assert": "write `assert(condition, \"message\")`",
    "export": "what stands at the top level of a file is visible from outside",
    "public": "what stands at the top level of a file is visible from outside",
    "private": "names that begin with `_` are private",
  ]

  /// Words that are followed by a block in other languages.
  private static let foreignBlocks: [String: String] = [
    "loop": "write `while true { ... }`",
    "do": "write `while true { ...; if c { break } }`",
    "finally": "there is no `finally`; put what always runs after the `try`",
    "defer": "put what always runs after the `try`",
  ]

  /// Reports a token that cannot begin a statement.
  @inline(never)
  mutating func rejectStatementStart() throws(ParseFailure) {
    let token = current
    switch token.kind {
    case .else, .catch:
      let owner = token.kind == .else ? "if" : "try"
      throw fail(
        "this `\(text(token))` belongs to no `\(owner)`", span(token),
        help: ["it stands behind the `}` of the `\(owner)`'s block, or on the line below it"])
    case .rightParen, .rightBracket:
      throw fail("this `\(text(token))` closes nothing", span(token))
    case .slashSlash:
      throw fail(
        "a line cannot begin with `//`", span(token), help: ["comments begin with `#`"])
    case .slash where peek().kind == .star || peek().kind == .starStar:
      throw fail("a line cannot begin with `/`", span(token), help: ["comments begin with `#`"])
    case .plusPlus where peek().kind == .identifier:
      throw fail(
        "there is no operator `++` for counting", span(token),
        help: ["write `\(text(peek())) += 1`"])
    case .minus where peek().kind == .minus && !peek().isSpaced && peek(2).kind == .identifier:
      throw fail(
        "there is no operator `--` for counting", span(token).union(span(peek())),
        help: ["write `\(text(peek(2))) -= 1`"])
    case .at where peek().kind == .identifier:
      throw fail(
        "there are no decorators", span(token),
        help: ["call the function: `let f = \(text(peek()))(f)`"])
    case .minus, .leftParen, .leftBracket, .not: return
    default:
      guard InfixRule.table[token.kind] != nil || isAssignment(token.kind) else { return }
      throw fail(
        "a line cannot begin with `\(text(token))`", span(token),
        help: ["to continue the line before, end it with `\(text(token))`"])
    }
  }

  private func isAssignment(_ kind: TokenKind) -> Bool {
    switch kind {
    case .equal, .plusEqual, .plusPlusEqual, .minusEqual, .starEqual, .slashEqual: true
    default: false
    }
  }

  /// Reports `for (i = 0; i < n; i += 1)`, `for (x in xs)` and `for let x in xs`.
  @inline(never)
  mutating func rejectForeignFor() throws(ParseFailure) {
    if at(.let) || at(.var) {
      throw fail(
        "a loop variable has no `\(text(current))`", currentSpan,
        help: ["write `for x in xs { ... }`; the variable is new in each turn"])
    }
    guard at(.leftParen) else { return }
    let end = Int(current.partner)
    guard end > index else { return }
    let inside = tokens[index + 1..<end]
    if inside.contains(where: { $0.kind == .semicolon || $0.kind == .equal }) {
      throw fail(
        "a loop runs over a range or a collection", span(current).union(span(tokens[end])),
        help: ["write `for i in 0..n { ... }`, or `while condition { ... }`"])
    }
    if inside.contains(where: { $0.kind == .in || $0.kind == .let || $0.kind == .var }),
      tokens[end + 1].kind != .in
    {
      throw fail(
        "a loop has no parentheses", span(current).union(span(tokens[end])),
        help: ["write `for x in xs { ... }`"])
    }
  }

  // MARK: The end of a statement

  /// Checks that a statement ends here, or says what is likely to be meant.
  @inline(never)
  mutating func expectStatementEnd(from start: Int) throws(ParseFailure) {
    if isAtStatementEnd { return }
    let token = current
    let message = "expected the end of the statement, found \(describe(token))"
    switch token.kind {
    case .if:
      throw fail(
        message, span(token),
        help: ["a condition in an expression is written `if c { a } else { b }`"])
    case .question:
      throw fail(
        "there is no operator `?`", span(token), help: ["write `if condition { a } else { b }`"])
    case .comma:
      throw fail(message, span(token), help: [looseTupleHelp(from: start)])
    case .colon:
      throw fail(message, span(token), help: colonHelp(from: start))
    case .rightParen, .rightBracket:
      throw fail("this `\(text(token))` closes nothing", span(token))
    case .fatArrow:
      throw fail(
        message, span(token), help: ["a function is written `x => ...` or `(x, y) => ...`"])
    case .equal, .plusEqual, .minusEqual, .starEqual, .slashEqual, .plusPlusEqual:
      throw fail(
        "an assignment is a statement of its own", span(token), help: ["`==` compares"])
    case .for:
      throw fail(
        message, span(token), help: ["a list made by a loop needs brackets: `[x * x for x in xs]`"])
    case .leftBrace:
      throw fail(
        message, span(token), help: ["a dict or block begins after `=`, `(`, `if` and the like"])
    case .not where peek().kind == .in:
      throw fail(message, span(token), help: ["write `not (x in xs)`"])
    default:
      throw fail(message, span(token), help: endHelp(from: start))
    }
  }

  private func looseTupleHelp(from start: Int) -> String {
    switch tokens[start].kind {
    case .import: "write one `import` for each module"
    case .return: "a tuple needs parentheses: `return (a, b)`"
    default: "a tuple needs parentheses: `(a, b)`"
    }
  }

  private func colonHelp(from start: Int) -> [String] {
    if previous.kind == .identifier, index == start + 1 {
      return ["only parameters have types: write `let \(text(previous)) = ...`"]
    }
    return ["blocks are written in braces: `{ ... }`"]
  }

  private func endHelp(from start: Int) -> [String] {
    if hasSlashComment(from: start) { return ["comments begin with `#`"] }
    let last = previous
    if current.kind == .stringStart {
      if last.kind == .stringEnd { return ["strings are joined with `++`"] }
      if last.kind == .identifier, index == start + 1 {
        return ["a call needs parentheses: `\(text(last))(...)`"]
      }
    }
    if current.kind == .identifier {
      if text(current) == "is" { return ["`==` compares"] }
      if text(current) == "then" { return ["a block is written in braces: `{ ... }`"] }
      if last.kind == .number { return ["to multiply, write `\(text(last)) * \(text(current))`"] }
    }
    if last.kind == .identifier, index == start + 1,
      current.kind == .identifier || current.kind == .number
    {
      return ["a call needs parentheses: `\(text(last))(\(text(current)))`"]
    }
    return ["statements on one line are separated by `;`"]
  }

  /// Whether a `//` that looks like a comment stands before the current token on its line.
  private func hasSlashComment(from start: Int) -> Bool {
    var place = index - 1
    while place >= start, !tokens[place + 1].startsLine {
      if tokens[place].kind == .slashSlash { return true }
      place -= 1
    }
    return false
  }

  // MARK: Expressions

  /// Reports `lambda x: ...`, `new X()` and the like, where an expression begins with them.
  @inline(never)
  mutating func rejectForeignExpression() throws(ParseFailure) {
    guard peek().kind == .identifier || peek().kind == .colon, !peek().startsLine else { return }
    switch text(current) {
    case "lambda":
      throw fail(
        "there is no `lambda`", currentSpan, help: ["write `x => ...` or `(x, y) => ...`"])
    case "new" where peek().kind == .identifier:
      throw fail(
        "there is no `new`", currentSpan, help: ["call the model: `\(text(peek()))(...)`"])
    case "await" where peek().kind == .identifier, "async" where peek().kind == .identifier:
      throw fail("there is no `\(text(current))`", currentSpan, help: ["remove it"])
    default: return
    }
  }

  /// The error about a token that cannot begin an expression.
  @inline(never)
  mutating func unexpectedInExpression() -> ParseFailure {
    let token = current
    if token.startsLine, isStatementKeyword(token.kind) || token.kind == .var {
      return fail(
        "expected an expression after `\(text(previous))`, found the end of the line",
        previousSpan.endPoint)
    }
    switch token.kind {
    case .plus:
      return fail("there is no sign `+`", span(token), help: ["remove it"])
    case .return, .break, .continue:
      return fail(
        "`\(text(token))` is a statement and cannot stand in an expression", span(token),
        help: token.kind == .return
          ? ["the value of `x => ...` is the expression after `=>`; `fn(x) { ... }` has statements"]
          : [])
    case .let, .while, .for, .import:
      return fail(
        "`\(text(token))` is a statement and cannot stand in an expression", span(token),
        help: ["a function with statements is written `fn(x) { ... }`"])
    case .var:
      return fail(
        "`var` is a keyword unless it is called", span(token),
        help: ["the variance as a function is `x => var(x)`"])
    case .colon:
      return unexpected("an expression", help: ["a slice stands in an index: `x[1:3]`"])
    case .question:
      return unexpected("an expression", help: ["write `if condition { a } else { b }`"])
    case .dotDot, .dotDotEqual:
      return unexpected("an expression", help: ["a range has a start: `0..n`"])
    case .fatArrow:
      return unexpected("an expression", help: ["a function without parameters is `() => ...`"])
    case .equal:
      return unexpected("an expression", help: ["`==` compares"])
    default:
      return unexpected("an expression")
    }
  }
}
