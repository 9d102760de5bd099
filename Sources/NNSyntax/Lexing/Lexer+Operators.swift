// Reads operators and brackets, and what other languages and keyboards put in their place.

extension Lexer {
  /// The operators, longest first within each first byte.
  private static let operators: [UInt8: [(text: [UInt8], kind: TokenKind)]] = {
    let kinds: [TokenKind] = [
      .leftParen, .rightParen, .leftBracket, .rightBracket, .leftBrace, .rightBrace, .comma,
      .semicolon, .colon, .dot, .ellipsis, .question, .arrow, .fatArrow, .pipe, .plus, .plusPlus,
      .minus, .star, .starStar, .slash, .slashSlash, .percent, .at, .dotDot, .dotDotEqual,
      .equalEqual, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .equal, .plusEqual,
      .plusPlusEqual, .minusEqual, .starEqual, .slashEqual,
    ]
    let rows = kinds.map { (text: Array($0.rawValue.utf8), kind: $0) }
    return Dictionary(grouping: rows) { $0.text[0] }
      .mapValues { $0.sorted { $0.text.count > $1.text.count } }
  }()

  /// An operator of other languages: what it is called in the message, what it is read as, and how to write it.
  private struct ForeignOperator {
    let text: String
    let kind: TokenKind?
    let help: String
  }

  /// Looked at before `operators`, by their first byte; longest first.
  private static let foreignOperators = Dictionary(grouping: foreignOperatorRows) {
    $0.text.utf8.first ?? 0
  }

  private static let foreignOperatorRows: [ForeignOperator] = [
    .init(text: "===", kind: .equalEqual, help: "write `==`"),
    .init(text: "!==", kind: .notEqual, help: "write `!=`"),
    .init(text: "**=", kind: .starEqual, help: "write `x = x ** y`"),
    .init(text: "//=", kind: .slashEqual, help: "write `x = x // y`"),
    .init(text: "&&=", kind: .plusEqual, help: "write `x = x and y`"),
    .init(text: "||=", kind: .plusEqual, help: "write `x = x or y`"),
    .init(text: "<<=", kind: .plusEqual, help: "write `x = x * 2 ** n`"),
    .init(text: ">>=", kind: .plusEqual, help: "write `x = x // 2 ** n`"),
    .init(text: "&&", kind: .and, help: "write `and`"),
    .init(text: "||", kind: .or, help: "write `or`"),
    .init(text: "<>", kind: .notEqual, help: "write `!=`"),
    .init(text: ":=", kind: .equal, help: "write `let x = ...`, or `x = ...` to assign to a `var`"),
    .init(text: "%=", kind: .slashEqual, help: "write `x = x % y`"),
    .init(text: "@=", kind: .starEqual, help: "write `x = x @ y`"),
    .init(text: "^=", kind: .starEqual, help: "write `x = x ** y`"),
    .init(text: "&=", kind: .plusEqual, help: "write `x = x and y`"),
    .init(text: "|=", kind: .plusEqual, help: "write `x = x or y`"),
    .init(text: "<<", kind: .star, help: "multiply by a power of two: `x * 2 ** n`"),
    .init(text: ">>", kind: .slashSlash, help: "divide by a power of two: `x // 2 ** n`"),
    .init(text: "??", kind: .or, help: "write `if x == nil { y } else { x }`"),
    .init(text: "?.", kind: .dot, help: "write `if x != nil { x.name }`"),
    .init(text: "!", kind: .not, help: "write `not`"),
    .init(text: "&", kind: .and, help: "write `and`, or `logical_and(a, b)` for tensors"),
    .init(
      text: "|", kind: .or, help: "write `or`, or `logical_or(a, b)` for tensors, or `|>` to pipe"),
    .init(text: "^", kind: .starStar, help: "a power is written `x ** y`"),
    .init(text: "~", kind: .not, help: "write `not`, or `logical_not(x)` for tensors"),
  ]

  mutating func lexOperator() {
    if lexForeignOperator() { return }
    if bytes[position] == UInt8(ascii: "."), lexLeadingPoint() { return }
    let rest = bytes[position...]
    guard
      let match = Lexer.operators[bytes[position]]?.first(where: { rest.starts(with: $0.text) })
    else { return lexUnknownCharacter() }
    let start = position
    position += match.text.count
    switch match.kind {
    case .leftParen, .leftBracket, .leftBrace: open(match.kind, from: start)
    case .rightParen: close(.leftParen, with: .rightParen, from: start)
    case .rightBracket: close(.leftBracket, with: .rightBracket, from: start)
    case .rightBrace: closeBrace(from: start)
    case .colon:
      if !startFormat(from: start) { emit(.colon, from: start) }
    default: emit(match.kind, from: start)
    }
  }

  private mutating func open(_ kind: TokenKind, from start: Int) {
    brackets.append(emit(kind, from: start))
    openCounts[kind] += 1
  }

  /// Closes the innermost bracket of its kind; brackets inside that are still open stay without a partner.
  private mutating func close(_ opening: TokenKind, with closing: TokenKind, from start: Int) {
    let token = emit(closing, from: start)
    guard openCounts[opening] > 0 else { return }
    while let index = brackets.popLast() {
      let kind = list.tokens[index].kind
      openCounts[kind] -= 1
      if kind == opening {
        list.tokens[index].partner = Int32(token)
        return
      }
    }
  }

  private mutating func closeBrace(from start: Int) {
    if case .interpolation = modes.last, openCounts[.leftBrace] == 0 {
      endInterpolation(from: start)
    } else {
      close(.leftBrace, with: .rightBrace, from: start)
    }
  }

  /// `.5`: reads it as a number after reporting it, unless it follows a value.
  private mutating func lexLeadingPoint() -> Bool {
    guard let next = byte(at: position + 1), next.isDigit else { return false }
    if let last = list.tokens.last, !sawSpace, last.kind.endsExpression || last.kind == .dot {
      return false
    }
    let start = position
    position += 1
    lexNumber()
    let index = list.tokens.count - 1
    let digits = source.text(in: start..<position)
    report(
      "a number needs a digit before the point", start..<position, help: ["write `0\(digits)`"])
    list.tokens[index].start = UInt32(start)
    return true
  }

  private mutating func lexForeignOperator() -> Bool {
    let rest = bytes[position...]
    guard
      let foreign = Lexer.foreignOperators[bytes[position]]?.first(where: {
        rest.starts(with: $0.text.utf8)
      }),
      !(foreign.text == "!" && rest.dropFirst().first == UInt8(ascii: "=")),
      !(foreign.text == "|" && rest.dropFirst().first == UInt8(ascii: ">"))
    else { return false }
    let start = position
    position += foreign.text.utf8.count
    report("there is no operator `\(foreign.text)`", start..<position, help: [foreign.help])
    if let kind = foreign.kind { emit(kind, from: start) }
    return true
  }

  /// A character that means nothing here, reported together with those that follow it.
  private mutating func lexUnknownCharacter() {
    let start = position
    switch bytes[start] {
    case UInt8(ascii: "'"):
      return lexForeignString(
        closing: [UInt8(ascii: "'")], opening: 1, message: "strings are written with double quotes")
    case UInt8(ascii: "`"):
      return lexForeignString(
        closing: [UInt8(ascii: "`")], opening: 1, message: "strings are written with double quotes")
    case UInt8(ascii: "\\"):
      position += 1
      report(
        "unexpected `\\`", start..<position,
        help: ["a line continues after an operator, a comma or inside brackets; no `\\` is needed"])
      skipLineEnding()
    default:
      position += 1
      let byte = bytes[start]
      let name =
        byte < 0x20 || byte == 0x7F
        ? "control character \(hex(byte))" : "`\(Character(Unicode.Scalar(byte)))`"
      while position < bytes.count, bytes[position] == byte { position += 1 }
      report("unexpected \(name)", start..<position)
    }
    sawSpace = true
  }

  /// Moves over the line ending after a `\`, where the author meant the line to go on.
  private mutating func skipLineEnding() {
    var end = position
    while end < bytes.count, bytes[end].isBlank || bytes[end] == UInt8(ascii: "\r") { end += 1 }
    if byte(at: end) == UInt8(ascii: "\n"), modes.isEmpty { position = end + 1 }
  }

  /// Reads a string with the wrong quotes as a string after reporting it.
  mutating func lexForeignString(closing: [UInt8], opening: Int, message: String) {
    let start = position
    var end = start + opening
    while end < bytes.count, bytes[end] != UInt8(ascii: "\n"), !bytes[end...].starts(with: closing)
    {
      end += 1
    }
    guard end < bytes.count, bytes[end] != UInt8(ascii: "\n") else {
      position = start + opening
      sawSpace = true
      let quote = source.text(in: start..<position)
      return report(
        "unexpected `\(quote)`", start..<position, help: ["strings are written \"like this\""])
    }
    let content = source.text(in: start + opening..<end)
    position = end + closing.count
    checkUTF8(start..<end)
    report(message, start..<position, help: ["write \"\(content)\""])
    let token = emit(.stringStart, from: start)
    list.tokens[emit(.stringText, from: start)].text = addText(content)
    list.tokens[token].partner = Int32(emit(.stringEnd, from: start))
  }

  mutating func addText(_ text: String) -> Int32 {
    list.texts.append(text)
    return Int32(clamping: list.texts.count - 1)
  }
}
