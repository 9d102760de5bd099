// Cuts a source text into tokens; never traps, and goes on after every error.

/// Makes the tokens of one source file.
package struct Lexer {
  /// What the text at the current place is part of, besides plain code.
  enum Mode {
    /// Inside the quotes of a string.
    case string(StringContext)
    /// Inside `{ }` of a string: code.
    case interpolation(InterpolationContext)

    var isSingleLineString: Bool {
      if case .string(let context) = self { !context.isTriple } else { false }
    }
  }

  let source: SourceFile
  let bytes: [UInt8]
  var position = 0
  var list = TokenList()
  var bag = DiagnosticBag()
  var modes: [Mode] = []
  /// The indices of the opening brackets not closed yet.
  var brackets: [Int] = []
  /// How many of `brackets` there are of each kind since the innermost interpolation began: `(`, `[`, `{`.
  var openCounts = BracketCounts()
  var sawNewline = true
  var sawSpace = true

  init(_ source: SourceFile) {
    self.source = source
    bytes = source.bytes
  }

  /// Cuts the whole text.
  package static func tokenize(_ source: SourceFile) -> (TokenList, [Diagnostic]) {
    guard source.bytes.count < Int(Int32.max) else {
      var list = TokenList()
      list.tokens = [Token(kind: .endOfFile, start: 0, end: 0)]
      return (list, [Diagnostic("the file is larger than 2 GiB", at: nil)])
    }
    var lexer = Lexer(source)
    lexer.run()
    return (lexer.list, lexer.bag.diagnostics)
  }

  mutating func run() {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    while position < bytes.count {
      if case .string(let context) = modes.last {
        lexStringPart(context)
      } else {
        lexCode()
      }
    }
    if !modes.isEmpty { closeUnfinishedString(atNewline: false) }
    emit(.endOfFile, from: bytes.count)
  }

  /// Reads one token, comment or run of white space.
  private mutating func lexCode() {
    let byte = bytes[position]
    switch byte {
    case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
      sawSpace = true
      position += 1
    case UInt8(ascii: "\n"):
      lexNewline()
    case UInt8(ascii: "#"):
      lexComment()
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "_"):
      lexIdentifier()
    case UInt8(ascii: "0")...UInt8(ascii: "9"):
      lexNumber()
    case UInt8(ascii: "\""):
      openString()
    case 0..<0x80:
      lexOperator()
    default:
      lexUnicode()
    }
  }

  private mutating func lexNewline() {
    if modes.contains(where: \.isSingleLineString) {
      closeUnfinishedString(atNewline: true)
      return
    }
    sawNewline = true
    sawSpace = true
    position += 1
  }

  private mutating func lexComment() {
    let start = position
    while position < bytes.count, bytes[position] != UInt8(ascii: "\n") {
      position += 1
    }
    var end = position
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    checkUTF8(start..<end)
    let isDoc = start + 1 < end && bytes[start + 1] == UInt8(ascii: "#")
    list.comments.append(
      Comment(
        start: UInt32(start), end: UInt32(end), isDoc: isDoc, isTrailing: !sawNewline,
        nextToken: list.tokens.count))
    sawSpace = true
  }

  /// Reports the first bytes of a range that are not UTF-8.
  mutating func checkUTF8(_ range: Range<Int>) {
    var offset = range.lowerBound
    while offset < range.upperBound {
      if bytes[offset] < 0x80 {
        offset += 1
        continue
      }
      let decoded = decodeScalar(bytes, at: offset)
      if decoded.scalar == nil {
        return reportInvalidUTF8(offset..<offset + 1)
      }
      offset += decoded.length
    }
  }

  mutating func reportInvalidUTF8(_ range: Range<Int>) {
    report(
      "the text is not valid UTF-8 here", range, label: "byte \(hex(bytes[range.lowerBound]))",
      help: ["save the file with the encoding UTF-8"])
  }

  private mutating func lexIdentifier() {
    let start = position
    position = identifierEnd(from: start)
    let text = source.text(in: start..<position)
    if position < bytes.count, bytes[position] == UInt8(ascii: "\""),
      Lexer.stringPrefixes.contains(text.lowercased())
    {
      report(
        "strings have no prefix `\(text)`", start..<position, label: "remove this",
        help: [
          text.lowercased().contains("f")
            ? "every string interpolates: \"x is {x}\""
            : "a backslash is written `\\\\`"
        ])
      return
    }
    emit(TokenKind.keywords[text] ?? .identifier, from: start)
  }

  /// The prefixes that Python's strings have.
  private static let stringPrefixes: Set<String> = ["f", "r", "b", "u", "rb", "br", "fr", "rf"]

  /// The end of the name that begins at `start`, where at least one character is known to belong to it.
  func identifierEnd(from start: Int) -> Int {
    var offset = start
    while offset < bytes.count {
      let byte = bytes[offset]
      if byte < 0x80 {
        guard byte.isNameByte else { break }
        offset += 1
      } else {
        let decoded = decodeScalar(bytes, at: offset)
        guard let scalar = decoded.scalar, scalar.properties.isXIDContinue else { break }
        offset += decoded.length
      }
    }
    return offset
  }

  /// Adds a token that ends at the current position.
  @discardableResult
  mutating func emit(_ kind: TokenKind, from start: Int) -> Int {
    list.tokens.append(
      Token(
        kind: kind, startsLine: sawNewline, isSpaced: sawSpace, start: UInt32(start),
        end: UInt32(position)))
    sawNewline = false
    sawSpace = false
    return list.tokens.count - 1
  }

  func span(_ range: Range<Int>) -> Span {
    Span(file: source.id, start: UInt32(range.lowerBound), end: UInt32(range.upperBound))
  }

  mutating func report(
    _ message: String, _ range: Range<Int>, label: String = "", help: [String] = []
  ) {
    bag.add(Diagnostic(message, at: span(range), label: label, help: help))
  }

  func byte(at offset: Int) -> UInt8? { offset < bytes.count ? bytes[offset] : nil }
}

/// The number of brackets of each kind that are open.
struct BracketCounts {
  var counts: (paren: Int, bracket: Int, brace: Int) = (0, 0, 0)

  subscript(opening: TokenKind) -> Int {
    get {
      switch opening {
      case .leftParen: counts.paren
      case .leftBracket: counts.bracket
      default: counts.brace
      }
    }
    set {
      switch opening {
      case .leftParen: counts.paren = newValue
      case .leftBracket: counts.bracket = newValue
      default: counts.brace = newValue
      }
    }
  }
}

extension UInt8 {
  /// Whether an ASCII byte can be inside a name.
  var isNameByte: Bool {
    switch self {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }

  var isDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }

  /// The value of a hexadecimal digit.
  var hexDigitValue: UInt32? {
    switch self {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(self - UInt8(ascii: "0"))
    case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(self - UInt8(ascii: "a")) + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(self - UInt8(ascii: "A")) + 10
    default: nil
    }
  }
}

/// A byte as `0xff`.
func hex(_ byte: UInt8) -> String {
  let digits = String(byte, radix: 16)
  return "0x" + (digits.count < 2 ? "0" : "") + digits
}
