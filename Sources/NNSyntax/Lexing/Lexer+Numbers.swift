// Reads numbers, and says what is wrong with those of other languages.

extension Lexer {
  /// Reads a number; what is malformed is one token all the same.
  mutating func lexNumber() {
    let start = position
    scanNumber()
    let text = source.text(in: start..<position)
    let value: Double
    switch Lexer.parseNumber(text) {
    case .success(let number): value = number
    case .failure(let problem):
      value = 1
      report(problem.message, start..<position, help: problem.help.map { [$0] } ?? [])
    }
    list.tokens[emit(.number, from: start)].number = value
  }

  /// Moves over everything that looks as if it belonged to one number.
  private mutating func scanNumber() {
    let start = position
    position = identifierEnd(from: position)
    while let byte = byte(at: position) {
      let isHex = bytes[start...].starts(with: "0x".utf8) || bytes[start...].starts(with: "0X".utf8)
      if byte == UInt8(ascii: "."), pointBelongsToNumber() {
        position = identifierEnd(from: position + 1)
      } else if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"), !isHex,
        position - start >= 2,
        bytes[position - 1] | 0x20 == UInt8(ascii: "e"),
        bytes[start..<position - 1].allSatisfy({
          $0.isDigit || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "_")
        }),
        self.byte(at: position + 1)?.isDigit == true
      {
        position = identifierEnd(from: position + 1)
      } else {
        break
      }
    }
  }

  /// Whether a point after digits is part of the number and not a range, a spread or a member.
  private func pointBelongsToNumber() -> Bool {
    guard let next = byte(at: position + 1) else { return true }
    if next == UInt8(ascii: ".") { return false }
    if next.isDigit { return true }
    if next | 0x20 == UInt8(ascii: "e"), byte(at: position + 2)?.isDigit == true { return true }
    return !(next.isNameByte || next >= 0x80)
  }

  struct NumberProblem: Error {
    let message: String
    let help: String?
  }

  /// The value of a number's text.
  static func parseNumber(_ text: String) -> Result<Double, NumberProblem> {
    let bytes = Array(text.utf8)
    if bytes.starts(with: "0x".utf8) || bytes.starts(with: "0X".utf8) {
      return parseHexadecimal(text, bytes)
    }
    if bytes.count > 1, bytes[0] == UInt8(ascii: "0"), let radix = foreignRadix(bytes[1]) {
      let digits = text.dropFirst(2).filter { $0 != "_" }
      return .failure(
        NumberProblem(
          message: "there are no \(radix.name) numbers",
          help: Int(digits, radix: radix.value).map { "write `\($0)`" }))
    }
    return parseDecimal(text, bytes)
  }

  private static func foreignRadix(_ byte: UInt8) -> (name: String, value: Int)? {
    switch byte | 0x20 {
    case UInt8(ascii: "b"): ("binary", 2)
    case UInt8(ascii: "o"): ("octal", 8)
    default: nil
    }
  }

  private static func parseHexadecimal(
    _ text: String, _ bytes: [UInt8]
  ) -> Result<Double, NumberProblem> {
    let digits = bytes.dropFirst(2)
    guard !digits.isEmpty else {
      return .failure(NumberProblem(message: "hexadecimal digits must follow `0x`", help: nil))
    }
    if let problem = underscoreProblem(Array(digits), isDigit: { $0.hexDigitValue != nil }) {
      return .failure(problem)
    }
    var value = 0.0
    for digit in digits where digit != UInt8(ascii: "_") {
      guard let nibble = digit.hexDigitValue else {
        return .failure(
          NumberProblem(message: "`\(text)` is not a hexadecimal number", help: nil))
      }
      value = value * 16 + Double(nibble)
    }
    guard value.isFinite else { return .failure(tooLarge) }
    return .success(value)
  }

  private static let tooLarge = NumberProblem(
    message: "this number is too large", help: "the largest is about 1.8e308; infinity is `inf`")

  private static func underscoreProblem(
    _ bytes: [UInt8], isDigit: (UInt8) -> Bool
  ) -> NumberProblem? {
    for (index, byte) in bytes.enumerated() where byte == UInt8(ascii: "_") {
      let before = index > 0 && isDigit(bytes[index - 1])
      let after = index + 1 < bytes.count && isDigit(bytes[index + 1])
      if !before || !after {
        return NumberProblem(
          message: "an underscore in a number stands between two digits", help: nil)
      }
    }
    return nil
  }

  private static func parseDecimal(
    _ text: String, _ bytes: [UInt8]
  ) -> Result<Double, NumberProblem> {
    var offset = digitsEnd(bytes, from: 0)
    if offset < bytes.count, bytes[offset] == UInt8(ascii: ".") {
      let end = digitsEnd(bytes, from: offset + 1)
      guard end > offset + 1 else {
        return .failure(
          NumberProblem(
            message: "a number needs a digit after the point",
            help: "write `\(text.prefix { $0 != "." }).0`"))
      }
      offset = end
    }
    let mantissaEnd = offset
    if offset < bytes.count, bytes[offset] | 0x20 == UInt8(ascii: "e") {
      offset += 1
      if offset < bytes.count,
        bytes[offset] == UInt8(ascii: "+") || bytes[offset] == UInt8(ascii: "-")
      {
        offset += 1
      }
      let end = digitsEnd(bytes, from: offset)
      if end == offset { offset = mantissaEnd } else { offset = end }
    }
    guard offset == bytes.count else {
      return .failure(suffixProblem(text, String(decoding: bytes[offset...], as: UTF8.self)))
    }
    if let problem = underscoreProblem(bytes, isDigit: \.isDigit) { return .failure(problem) }
    let plain = String(decoding: bytes.filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
    guard let value = Double(plain) else {
      return .failure(NumberProblem(message: "`\(text)` is not a number", help: nil))
    }
    guard value.isFinite else { return .failure(tooLarge) }
    return .success(value)
  }

  /// The end of a run of digits and underscores.
  private static func digitsEnd(_ bytes: [UInt8], from start: Int) -> Int {
    var end = start
    while end < bytes.count, bytes[end].isDigit || bytes[end] == UInt8(ascii: "_") { end += 1 }
    return end
  }

  /// What to say about text that is attached to a number.
  private static func suffixProblem(_ text: String, _ suffix: String) -> NumberProblem {
    let number = text.dropLast(suffix.count)
    if suffix.hasPrefix(".") {
      return NumberProblem(message: "`\(text)` has two decimal points", help: nil)
    }
    if suffix == "e" || suffix == "E" {
      return NumberProblem(message: "digits must follow the `\(suffix)` of an exponent", help: nil)
    }
    return NumberProblem(
      message: "`\(suffix)` is attached to a number",
      help: "to multiply, write `\(number) * \(suffix)`")
  }
}
