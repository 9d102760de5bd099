// Python's format mini-language: what may stand after the colon of `{value:.4f}`.

/// Why a format cannot be read or does not suit its value.
package struct FormatError: Error, Equatable {
  /// What is wrong, in one clause.
  package let message: String
  /// What to write instead, where that is known.
  package var help: String? = nil
}

/// A format such as `.4f`, `>8`, `+,.2f` or `08.3e`, read once and applied to many values.
package struct FormatSpec: Equatable, Sendable {
  /// Where the text stands within its width.
  package enum Alignment: UInt8, Sendable {
    case left, right, center
    /// Padding goes between the sign and the digits.
    case afterSign
  }

  /// What is written before a number that is not negative.
  package enum Sign: UInt8, Sendable {
    case none, plus, space
  }

  package private(set) var fill: Character = " "
  package private(set) var alignment: Alignment?
  package private(set) var sign = Sign.none
  package private(set) var isAlternate = false
  package private(set) var width = 0
  package private(set) var grouping: Character?
  package private(set) var precision: Int?
  package private(set) var type: Character?
  private(set) var hasZeroFlag = false
  private(set) var source: String

  /// The largest width and precision a format may ask for.
  static let limit = 10_000
  static let wholeTypes: Set<Character> = ["d", "x", "X", "b", "o"]
  static let fractionTypes: Set<Character> = ["e", "E", "f", "F", "g", "G", "%"]

  /// Reads a format: `[[fill]align][sign][#][0][width][, or _][.precision][type]`.
  package init(parsing text: some StringProtocol) throws(FormatError) {
    source = String(text)
    var scanner = Scanner(rest: Substring(source))
    readAlignment(&scanner)
    readSign(&scanner)
    isAlternate = scanner.skip("#")
    if scanner.skip("0") { applyZeroFlag() }
    width = try scanner.number(in: source) ?? 0
    if let separator = scanner.next(where: { $0 == "," || $0 == "_" }) { grouping = separator }
    if scanner.skip(".") {
      guard let digits = try scanner.number(in: source) else {
        throw FormatError(
          message: "the format '\(source)' has a point without a precision",
          help: "write the number of digits after the point, as in '.3f'")
      }
      precision = digits
    }
    type = scanner.next { $0.isLetter || $0 == "%" }
    try checkEnd(scanner.rest)
  }

  private mutating func readAlignment(_ scanner: inout Scanner) {
    let start = scanner.rest
    if let first = scanner.next(where: { _ in true }), let found = scanner.alignment() {
      fill = first
      alignment = found
      return
    }
    scanner.rest = start
    alignment = scanner.alignment()
  }

  private mutating func readSign(_ scanner: inout Scanner) {
    switch scanner.next(where: { $0 == "+" || $0 == "-" || $0 == " " }) {
    case "+": sign = .plus
    case " ": sign = .space
    default: break
    }
  }

  private mutating func applyZeroFlag() {
    hasZeroFlag = true
    if alignment == nil {
      fill = "0"
    }
  }

  /// Refuses unknown types and whatever follows the type.
  private func checkEnd(_ rest: Substring) throws(FormatError) {
    guard rest.isEmpty else {
      throw FormatError(
        message: "the format '\(source)' cannot be read from '\(rest)' on",
        help: "a format is [[fill]align][sign][0][width][,][.precision][type], as in '.4f' or '>8'")
    }
    guard let type, type != "s" else { return }
    if Self.wholeTypes.contains(type) {
      if precision != nil {
        throw FormatError(
          message: "the format '\(source)' gives a precision, but '\(type)' writes whole numbers",
          help: "use 'f' for digits after the point")
      }
    } else if !Self.fractionTypes.contains(type) {
      throw FormatError(
        message: "the format '\(source)' has an unknown type '\(type)'",
        help: "numbers take d x X b o e E f F g G %, strings take s")
    }
    if grouping == ",", type == "x" || type == "X" || type == "b" || type == "o" {
      throw FormatError(
        message: "',' cannot group the digits of '\(type)'", help: "group them with '_'")
    }
  }

  /// Whether only numbers can be written with this format.
  package var needsNumber: Bool {
    (type != nil && type != "s") || sign != .none || isAlternate || grouping != nil
      || alignment == .afterSign
  }

  /// The text of a string: `>10`, `.3` (its first three characters), `*^20s`.
  package func format(text: String) throws(FormatError) -> String {
    if needsNumber {
      throw FormatError(
        message: "the format '\(source)' takes a number, not a string",
        help: "strings take a fill, '<' '>' '^', a width and '.n' for their first n characters")
    }
    let shown = precision.map { String(text.prefix($0)) } ?? text
    return pad(sign: "", body: shown, alignment ?? .left)
  }

  /// Pads a sign and what follows it to the width.
  func pad(sign: String, body: String, _ alignment: Alignment) -> String {
    let missing = width - sign.count - body.count
    guard missing > 0 else { return sign + body }
    func filling(_ count: Int) -> String { String(repeating: fill, count: count) }
    switch alignment {
    case .left: return sign + body + filling(missing)
    case .right: return filling(missing) + sign + body
    case .center: return filling(missing / 2) + sign + body + filling(missing - missing / 2)
    case .afterSign: return sign + filling(missing) + body
    }
  }
}

/// Reads a format from its left end.
private struct Scanner {
  var rest: Substring

  /// Takes the next character if it satisfies the condition.
  mutating func next(where condition: (Character) -> Bool) -> Character? {
    guard let first = rest.first, condition(first) else { return nil }
    rest.removeFirst()
    return first
  }

  /// Takes the next character if it is this one.
  mutating func skip(_ character: Character) -> Bool {
    next { $0 == character } != nil
  }

  mutating func alignment() -> FormatSpec.Alignment? {
    switch next(where: { "<>^=".contains($0) }) {
    case "<": .left
    case ">": .right
    case "^": .center
    case "=": .afterSign
    default: nil
    }
  }

  /// Takes decimal digits; refuses numbers over the limit.
  mutating func number(in source: String) throws(FormatError) -> Int? {
    var value: Int?
    while let digit = next(where: { $0.isASCII && $0.isNumber })?.wholeNumberValue {
      value = (value ?? 0) * 10 + digit
      if value! > FormatSpec.limit {
        throw FormatError(
          message: "the format '\(source)' asks for more than \(FormatSpec.limit) characters")
      }
    }
    return value
  }
}
