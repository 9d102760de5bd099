// Parses functions, their parameters and the types of parameters.

extension Parser {
  /// `fn f(a, b: type, c = e, rest...) -> type { }` or `= e`
  @inline(never)
  mutating func parseFunctionDeclaration() throws(ParseFailure) -> Function {
    let start = index
    advance()
    let name = try expectName("a name after `fn`")
    let variable = Variable(name: text(name), span: span(name), kind: .function)
    return try parseFunctionRest(.declaration, from: start, name: name, variable: variable)
  }

  /// `fn(a) { }`
  @inline(never)
  mutating func parseAnonymousFunction() throws(ParseFailure) -> Expr {
    let start = index
    advance()
    if at(.identifier) {
      throw fail(
        "a function in an expression has no name", currentSpan,
        help: [
          "write `fn(...) { ... }`, or declare `fn \(text(current))(...)` on a line of its own"
        ])
    }
    return .function(try parseFunctionRest(.anonymous, from: start, name: nil, variable: nil))
  }

  /// Parses from the parameters on.
  @inline(never)
  mutating func parseFunctionRest(
    _ kind: Function.Kind, from start: Int, name: Token?, variable: Variable?
  ) throws(ParseFailure) -> Function {
    guard at(.leftParen), !isAtNewline else {
      throw unexpected("`(`", help: ["a function without parameters is written `fn f() { ... }`"])
    }
    let parameters = try parseParameters()
    let returnType = try parseReturnType()
    let body = try parseFunctionBody()
    return Function(
      kind: kind, variable: variable, name: name.map(text), nameSpan: name.map(span),
      parameters: parameters, returnType: returnType, body: body, doc: docs[start],
      span: span(from: start))
  }

  /// `-> type`
  private mutating func parseReturnType() throws(ParseFailure) -> TypeAnnotation? {
    guard at(.arrow), !isAtNewline else { return nil }
    advance()
    return try parseType()
  }

  /// `{ ... }` or `= e`
  @inline(never)
  private mutating func parseFunctionBody() throws(ParseFailure) -> Function.Body {
    if at(.fatArrow), !isAtNewline {
      throw fail(
        "expected `{` or `=`, found `=>`", currentSpan,
        help: ["write `fn f(x) = ...` or `x => ...`"])
    }
    guard at(.equal), !isAtNewline else { return .block(try parseBlock("the parameters")) }
    advance()
    return .expression(try parseExpression())
  }

  /// `x => e`, `(x, y) => e`, `() => e`
  @inline(never)
  mutating func parseLambda(_ minimum: Precedence) throws(ParseFailure) -> Expr {
    let start = index
    if minimum > .lowest {
      report(
        "a function with `=>` needs parentheses here", currentSpan, help: ["write `(x => ...)`"])
    }
    let parameters: [Parameter]
    if at(.leftParen) {
      parameters = try parseParameters()
    } else {
      advance()
      let variable = Variable(name: text(previous), span: previousSpan, kind: .parameter)
      parameters = [
        Parameter(
          variable: variable, type: nil, defaultValue: nil, isRest: false, isNamedOnly: false,
          span: previousSpan)
      ]
    }
    try expect(.fatArrow)
    let body = try parseExpression()
    return .function(
      Function(
        kind: .lambda, variable: nil, name: nil, nameSpan: nil, parameters: parameters,
        returnType: nil, body: .expression(body), doc: nil, span: span(from: start)))
  }

  // MARK: Parameters

  /// Parses parameters in their parentheses.
  @inline(never)
  mutating func parseParameters() throws(ParseFailure) -> [Parameter] {
    let state = openBracket(newlinesEnd: false)
    var parameters: [Parameter] = []
    var rest: Parameter?
    while !at(.rightParen) {
      let parameter = try parseParameter(isNamedOnly: rest != nil)
      if parameter.isRest {
        if let rest {
          report(
            "there can be only one rest parameter", parameter.span,
            labels: [DiagnosticLabel(span: rest.span, text: "the first is here")])
        }
        rest = parameter
      }
      parameters.append(parameter)
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightParen, help: parameterHelp())
    return parameters
  }

  private func parameterHelp() -> [String] {
    at(.identifier) && previous.kind == .identifier
      ? ["a type stands after the name: `\(text(current)): \(text(previous))`"] : []
  }

  @inline(never)
  private mutating func parseParameter(isNamedOnly: Bool) throws(ParseFailure) -> Parameter {
    let start = index
    try rejectForeignParameter()
    let name = try expectName(
      "a parameter's name",
      help: at(.leftParen) || at(.leftBracket)
        ? ["take a tuple apart in the body: `let (a, b) = pair`"] : [])
    var type: TypeAnnotation?
    var defaultValue: Expr?
    let isRest = take(.ellipsis)
    if take(.colon) { type = try parseType() }
    if take(.equal) { defaultValue = try parseExpression() }
    if isRest, type != nil || defaultValue != nil {
      report("a rest parameter has no type or default: it is a list", span(from: start))
    }
    return Parameter(
      variable: Variable(name: text(name), span: span(name), kind: .parameter), type: type,
      defaultValue: defaultValue, isRest: isRest, isNamedOnly: isNamedOnly, span: span(from: start))
  }

  @inline(never)
  private mutating func rejectForeignParameter() throws(ParseFailure) {
    switch current.kind {
    case .self:
      throw fail(
        "`self` is not a parameter", currentSpan,
        help: ["in a model's functions `self` is there without being declared; remove it"])
    case .star, .ellipsis:
      let name = peek().kind == .identifier ? text(peek()) : "rest"
      throw fail(
        "a rest parameter is written after its name", currentSpan, help: ["write `\(name)...`"])
    case .starStar:
      throw fail(
        "there are no parameters for any name", currentSpan, help: ["take a dict as a parameter"])
    case .let, .var:
      throw fail(
        "parameters have no `\(text(current))`", currentSpan, help: ["write the name alone"])
    default: return
    }
  }

  // MARK: Types

  /// `number`, `Linear`, `[B, 784]`, `int[B]`
  mutating func parseType() throws(ParseFailure) -> TypeAnnotation {
    let token = current
    switch token.kind {
    case .leftBracket: return .shape(try parseShape(.float, from: index))
    case .fn:
      advance()
      return .simple(.fn, span(token))
    case .identifier: return try parseNamedType()
    default:
      throw unexpected(
        "a type",
        help: at(.nil) ? ["leave the type away where `nil` is possible"] : [])
    }
  }

  private mutating func parseNamedType() throws(ParseFailure) -> TypeAnnotation {
    let start = index
    let name = text(current)
    let next = peek()
    if next.kind == .leftBracket, !next.startsLine {
      guard let element = ElementType(rawValue: name), element != .float else {
        throw fail(
          "there are no tensors of `\(name)`", currentSpan, help: [Parser.elementHelp(name)])
      }
      advance()
      return .shape(try parseShape(element, from: start))
    }
    if let simple = SimpleType(rawValue: name) {
      advance()
      return .simple(simple, previousSpan)
    }
    if let help = Parser.foreignTypes[name] {
      throw fail("there is no type `\(name)`", currentSpan, help: [help])
    }
    advance()
    var path = Expr.name(NameExpr(name: name, span: previousSpan))
    if at(.dot) {
      advance()
      let member = try expectName("a model's name")
      path = .member(
        MemberExpr(
          object: path, name: text(member), nameSpan: span(member), span: span(from: start)))
    }
    return .model(path)
  }

  private static func elementHelp(_ name: String) -> String {
    switch name {
    case "float": "without a name a shape is of any float type: `[B, 784]`"
    case "list": "the type of any list is `list`"
    case "tensor", "Tensor": "a tensor's type is its shape: `[B, 784]`, or `[...]` for any"
    default: "the element types are f32 f64 int i32 i64 u8 bool any; floats are `[B, 784]`"
    }
  }

  /// Types of other languages, and how to write them.
  private static let foreignTypes: [String: String] = {
    var rows = [
      "float": "write `number`, or `[]` for a tensor with one element",
      "int": "write `number`, or `int[B]` for a tensor of integers",
      "str": "write `string`", "String": "write `string`", "boolean": "write `bool`",
      "tensor": "a tensor's type is its shape: `[B, 784]`, or `[...]` for any",
      "function": "write `fn`", "any": "leave the type away, or write `any[...]` for any tensor",
      "object": "leave the type away", "None": "leave the type away", "void": "leave the type away",
    ]
    rows["Tensor"] = rows["tensor"]
    rows["array"] = rows["tensor"]
    rows["Any"] = rows["any"]
    for name in ["f32", "f64", "i32", "i64", "u8"] {
      rows[name] = "write `number`, or `\(name)[...]` for a tensor of that type"
    }
    return rows
  }()

  /// The brackets of a shape.
  private mutating func parseShape(
    _ element: ElementType, from start: Int
  ) throws(ParseFailure) -> ShapeType {
    let state = openBracket(newlinesEnd: false)
    var dimensions: [Dimension] = []
    var ellipsis: Span?
    while !at(.rightBracket) {
      let dimension = try parseDimension()
      if case .ellipsis(let span) = dimension {
        if let ellipsis {
          report(
            "`...` can stand only once in a shape", span,
            labels: [DiagnosticLabel(span: ellipsis, text: "the first is here")])
        }
        ellipsis = span
      }
      dimensions.append(dimension)
      if !take(.comma) { break }
    }
    try closeBracket(state, .rightBracket)
    return ShapeType(element: element, dimensions: dimensions, span: span(from: start))
  }

  /// `784`, `B`, `_`, `...`, `H * D`, `2 * (N + 1)`
  private mutating func parseDimension() throws(ParseFailure) -> Dimension {
    if take(.ellipsis) { return .ellipsis(previousSpan) }
    return try parseDimensionSum()
  }

  private mutating func parseDimensionSum() throws(ParseFailure) -> Dimension {
    let start = index
    var left = try parseDimensionProduct()
    while at(.plus) || at(.minus) {
      let op: DimensionOperator = at(.plus) ? .add : .subtract
      advance()
      let right = try parseDimensionProduct()
      left = .arithmetic(op, left, right, try dimensionSpan(from: start))
    }
    return left
  }

  private mutating func parseDimensionProduct() throws(ParseFailure) -> Dimension {
    let start = index
    var left = try parseDimensionTerm()
    while at(.star) || at(.slashSlash) || at(.slash) {
      if at(.slash) {
        report("a dimension is a whole number", currentSpan, help: ["divide with `//`"])
      }
      let op: DimensionOperator = at(.star) ? .multiply : .floorDivide
      advance()
      let right = try parseDimensionTerm()
      left = .arithmetic(op, left, right, try dimensionSpan(from: start))
    }
    return left
  }

  /// The span of a dimension, which is refused when it is absurdly long.
  private mutating func dimensionSpan(from start: Int) throws(ParseFailure) -> Span {
    if index - start > Parser.depthLimit {
      throw giveUp("this dimension is too long", span(from: start).startPoint)
    }
    return span(from: start)
  }

  private mutating func parseDimensionTerm() throws(ParseFailure) -> Dimension {
    let token = current
    switch token.kind {
    case .number:
      guard let size = Int(exactly: token.number) else {
        throw fail("a dimension is a whole number", span(token))
      }
      advance()
      return .size(size, span(token))
    case .identifier:
      advance()
      return text(token) == "_"
        ? .any(span(token)) : .name(NameExpr(name: text(token), span: span(token)))
    case .leftParen:
      try enterLevel()
      let state = openBracket(newlinesEnd: false)
      let inner = try parseDimensionSum()
      try closeBracket(state, .rightParen, orComma: false)
      depth -= 1
      return inner
    case .colon:
      throw fail("expected a dimension, found `:`", span(token), help: ["any size is written `_`"])
    case .minus:
      throw fail("expected a dimension, found `-`", span(token), help: ["any size is written `_`"])
    default:
      throw unexpected(
        "a dimension", help: ["a dimension is a number, a name or arithmetic on names"])
    }
  }
}
