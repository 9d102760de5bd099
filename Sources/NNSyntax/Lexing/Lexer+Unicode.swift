// Reads names in other scripts, and recognises characters that only look like the language's own.

extension Lexer {
  /// Characters that keyboards and word processors put for ASCII ones: what they are read as.
  private static let lookalikes: [Unicode.Scalar: (kind: TokenKind, text: String)] = [
    "\u{2212}": (.minus, "-"), "\u{2013}": (.minus, "-"), "\u{2014}": (.minus, "-"),
    "\u{D7}": (.star, "*"), "\u{F7}": (.slash, "/"), "\u{22C5}": (.star, "*"),
    "\u{B7}": (.star, "*"), "\u{2264}": (.lessEqual, "<="), "\u{2265}": (.greaterEqual, ">="),
    "\u{2260}": (.notEqual, "!="), "\u{2192}": (.fatArrow, "=>"), "\u{21D2}": (.fatArrow, "=>"),
    "\u{2026}": (.ellipsis, "..."), "\u{2208}": (.in, "in"), "\u{FF0C}": (.comma, ","),
    "\u{FF1A}": (.colon, ":"), "\u{FF1D}": (.equal, "="), "\u{2227}": (.and, "and"),
    "\u{2228}": (.or, "or"), "\u{AC}": (.not, "not"),
  ]

  mutating func lexUnicode() {
    let start = position
    let decoded = decodeScalar(bytes, at: start)
    guard let scalar = decoded.scalar else { return lexInvalidBytes() }
    if scalar.properties.isXIDStart {
      position = identifierEnd(from: start)
      emit(.identifier, from: start)
      return
    }
    position += decoded.length
    if let lookalike = Lexer.lookalikes[scalar] {
      report(
        "unexpected character `\(scalar)` (\(codePoint(scalar)))", start..<position,
        help: ["write `\(lookalike.text)`"])
      emit(lookalike.kind, from: start)
      return
    }
    switch scalar {
    case "\u{201C}", "\u{201D}", "\u{201E}":
      position = start
      lexForeignString(
        closing: Array("\u{201D}".utf8), opening: decoded.length,
        message: "strings are written with straight quotes")
    case "\u{2018}", "\u{2019}":
      position = start
      lexForeignString(
        closing: Array("\u{2019}".utf8), opening: decoded.length,
        message: "strings are written with straight double quotes")
    default: lexStrangeCharacter(scalar, from: start)
    }
  }

  /// Invisible characters and those without a meaning, a whole run of the same at once.
  private mutating func lexStrangeCharacter(_ scalar: Unicode.Scalar, from start: Int) {
    let encoded = Array(bytes[start..<position])
    while bytes[position...].starts(with: encoded) { position += encoded.count }
    sawSpace = true
    let properties = scalar.properties
    if properties.isWhitespace || properties.isDefaultIgnorableCodePoint
      || properties.generalCategory == .format || properties.generalCategory == .control
    {
      report(
        "unexpected invisible character \(codePoint(scalar))", start..<position,
        help: ["replace it with a space, or remove it"])
    } else {
      report("unexpected character `\(scalar)` (\(codePoint(scalar)))", start..<position)
    }
  }

  private mutating func lexInvalidBytes() {
    let start = position
    while position < bytes.count, bytes[position] >= 0x80,
      decodeScalar(bytes, at: position).scalar == nil
    {
      position += 1
    }
    sawSpace = true
    reportInvalidUTF8(start..<position)
  }

  private func codePoint(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16, uppercase: true)
    return "U+" + String(repeating: "0", count: max(0, 4 - digits.count)) + digits
  }
}
