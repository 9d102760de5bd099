// Reads JSON text (RFC 8259), every error with its line and column.

extension JSON {
  /// The value that a text holds.
  ///
  /// Strict: no comments, trailing commas, bare words, numbers beyond Float64 or broken UTF-8.
  package static func parse(_ text: String) throws(JSONError) -> JSON {
    try parse(Array(text.utf8))
  }

  /// The value that UTF-8 text holds.
  package static func parse(_ bytes: [UInt8]) throws(JSONError) -> JSON {
    var parser = JSONParser(bytes)
    return try parser.document()
  }
}

/// A recursive descent over the text's bytes; its depth is bounded by `JSON.deepest`.
private struct JSONParser {
  private let bytes: [UInt8]
  private var position = 0
  private var depth = 0

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws(JSONError) -> JSON {
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw unexpected("the end of the text") }
    return value
  }

  private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  /// Steps over `byte` after white space, if it comes next.
  private mutating func take(_ byte: Character) -> Bool {
    skipSpace()
    guard current == byte.asciiValue else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(JSONError) -> JSON {
    skipSpace()
    switch current {
    case UInt8(ascii: "{"): return try nested { (parser) throws(JSONError) in try parser.object() }
    case UInt8(ascii: "["): return try nested { (parser) throws(JSONError) in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || isDigit(byte): return .number(try number())
    default: throw unexpected("a value")
    }
  }

  private mutating func nested(_ body: (inout JSONParser) throws(JSONError) -> JSON)
    throws(JSONError) -> JSON
  {
    guard depth < JSON.deepest else {
      throw error("more than \(JSON.deepest) levels inside each other", at: position)
    }
    depth += 1
    defer { depth -= 1 }
    position += 1
    return try body(&self)
  }

  private mutating func array() throws(JSONError) -> JSON {
    var items: [JSON] = []
    if take("]") { return .array(items) }
    while true {
      items.append(try value())
      if take("]") { return .array(items) }
      guard take(",") else { throw unexpected("\",\" or \"]\"") }
    }
  }

  private mutating func object() throws(JSONError) -> JSON {
    var members: [JSON.Member] = []
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw unexpected("a key in double quotes") }
      let key = try string()
      guard take(":") else { throw unexpected("\":\"") }
      members.append(JSON.Member(key, try value()))
      if take("}") { return .object(members) }
      guard take(",") else { throw unexpected("\",\" or \"}\"") }
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSON) throws(JSONError) -> JSON {
    let end = position + word.utf8CodeUnitCount
    let matches = word.withUTF8Buffer { $0.elementsEqual(bytes[position..<min(end, bytes.count)]) }
    guard matches else { throw unexpected("a value") }
    position = end
    return value
  }

  /// A number by the grammar `-? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?`.
  private mutating func number() throws(JSONError) -> Double {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    if current == UInt8(ascii: "0") { position += 1 } else { try digits() }
    if current == UInt8(ascii: ".") {
      position += 1
      try digits()
    }
    if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      try digits()
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    guard let value = Double(text), value.isFinite else {
      throw error("the number is too large", at: start)
    }
    return value
  }

  private func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  private mutating func digits() throws(JSONError) {
    let start = position
    while let byte = current, isDigit(byte) { position += 1 }
    guard position > start else { throw unexpected("a digit") }
  }

  private mutating func string() throws(JSONError) -> String {
    let start = position
    position += 1
    var text: [UInt8] = []
    while true {
      let run = position
      while let byte = current, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20
      {
        position += 1
      }
      text += bytes[run..<position]
      switch current {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw error("the string is not UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"): text += Array(String(try escape()).utf8)
      case nil: throw error("the string is not closed", at: start)
      default:
        throw error("a control character in a string must be written as an escape", at: position)
      }
    }
  }

  private mutating func escape() throws(JSONError) -> Character {
    let start = position
    position += 1
    guard let byte = current else { throw error("the string is not closed", at: start) }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"):
      return Character(Unicode.Scalar(byte))
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return Character(try unicodeEscape(from: start))
    default: throw error("an unknown escape", at: start)
    }
  }

  /// The scalar of `\uXXXX`, or of the two halves `\uD8XX\uDCXX` of one beyond U+FFFF.
  private mutating func unicodeEscape(from start: Int) throws(JSONError) -> Unicode.Scalar {
    let first = try fourDigits(from: start)
    if let scalar = Unicode.Scalar(first) { return scalar }
    guard first < 0xDC00, current == UInt8(ascii: "\\"), position + 1 < bytes.count,
      bytes[position + 1] == UInt8(ascii: "u")
    else { throw error("half of a surrogate pair", at: start) }
    position += 2
    let second = try fourDigits(from: start)
    guard second >= 0xDC00, second < 0xE000,
      let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
    else { throw error("half of a surrogate pair", at: start) }
    return scalar
  }

  private mutating func fourDigits(from start: Int) throws(JSONError) -> UInt32 {
    guard position + 4 <= bytes.count else { throw error("\\u takes four digits", at: start) }
    var value: UInt32 = 0
    for byte in bytes[position..<position + 4] {
      guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
        throw error("\\u takes four hexadecimal digits", at: start)
      }
      value = value << 4 | UInt32(digit)
    }
    position += 4
    return value
  }

  private func unexpected(_ expected: String) -> JSONError {
    error("expected \(expected), found \(found)", at: position)
  }

  /// What stands at the current position, for errors.
  private var found: String {
    guard let byte = current else { return "the end of the text" }
    if byte < 0x20 || byte == 0x7F { return "a control character" }
    let character = String(decoding: bytes[position...].prefix(16), as: UTF8.self).first
    return character.map { "'\($0)'" } ?? "nothing"
  }

  /// The error with `position` as a line and a column, which counts characters as the reader does: by UTF-8 lead bytes.
  private func error(_ problem: String, at position: Int) -> JSONError {
    let before = bytes[..<position]
    let line = before.reduce(1) { $1 == 0x0A ? $0 + 1 : $0 }
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let column = bytes[lineStart..<position].reduce(1) { $1 & 0xC0 != 0x80 ? $0 + 1 : $0 }
    return JSONError(problem, line: line, column: column)
  }
}
