// Writes numbers and strings by a format of Python's mini-language: fixed, scientific, percent, widths, alignment.
import NNSyntax

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Why a format does not suit its value.
package struct FormatError: Error, Equatable {
  /// What is wrong, in one clause.
  package let message: String
  /// What to write instead, where that is known.
  package var help: String? = nil
}

extension FormatSpec {
  private static let wholeTypes: Set<Character> = ["d", "x", "X", "b", "o", "c"]

  /// Whether only numbers can be written with this format.
  package var needsNumber: Bool {
    (type != nil && type != "s") || sign != .negativeOnly || isAlternate || grouping != nil
      || (alignment == .afterSign && fill != "0")
  }

  /// The text of a string: `>10`, `.3` (its first three characters), `*^20s`.
  package func format(text: String) throws(FormatError) -> String {
    if needsNumber {
      throw FormatError(
        message: "the format '\(notation)' takes a number, not a string",
        help: "strings take a fill, '<' '>' '^', a width and '.n' for their first n characters")
    }
    let shown = precision.map { String(text.prefix($0)) } ?? text
    return pad(sign: "", body: shown, alignment == .afterSign ? .left : alignment ?? .left)
  }

  /// Pads a sign and what follows it to the width.
  private func pad(sign: String, body: String, _ alignment: Alignment) -> String {
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

  /// The text of a number; `shortest` replaces its shortest form where the format names no type and no precision
  /// (an `f32` has fewer digits than the same value as a number).
  package func format(number value: Double, shortest: String? = nil) throws(FormatError) -> String {
    if type == "s" {
      throw FormatError(
        message: "the format '\(notation)' takes a string, not a number",
        help: "leave out the 's', or use 'f', 'g' or 'd'")
    }
    let magnitude = try magnitudeText(of: value, shortest: shortest)
    let isNegative = !value.isNaN && value.sign == .minus
    let signText: String
    switch sign {
    case _ where isNegative: signText = "-"
    case .always: signText = "+"
    case .space: signText = " "
    case .negativeOnly: signText = ""
    }
    return layOut(sign: signText + magnitude.prefix, digits: magnitude.digits)
  }

  /// The digits of a number without its sign, and the `0x` that stands before them under `#`.
  private func magnitudeText(
    of value: Double, shortest: String?
  ) throws(FormatError) -> (prefix: String, digits: String) {
    if let type, Self.wholeTypes.contains(type) { return try wholeText(of: value, type) }
    let magnitude = value.magnitude
    guard value.isFinite else {
      let name = value.isNaN ? "nan" : "inf"
      let text = type.map { "EFG".contains($0) } == true ? name.uppercased() : name
      return ("", type == "%" ? text + "%" : text)
    }
    switch type {
    case "%": return ("", print("%.*f", precision ?? 6, magnitude * 100) + "%")
    case nil where precision == nil:
      let text = shortest ?? NumberText.shortest(value)
      return ("", text.hasPrefix("-") ? String(text.dropFirst()) : text)
    case nil: return ("", print("%.*g", precision ?? 6, magnitude))
    case .some(let type):
      let letter = type == "n" ? "g" : String(type)
      return ("", print((isAlternate ? "%#.*" : "%.*") + letter, precision ?? 6, magnitude))
    }
  }

  /// A whole number in base 10, 16, 8 or 2.
  private func wholeText(
    of value: Double, _ type: Character
  ) throws(FormatError) -> (prefix: String, digits: String) {
    guard value == value.rounded(.towardZero), value.isFinite else {
      throw FormatError(
        message: "the format '\(notation)' takes a whole number, not \(NumberText.shortest(value))",
        help: "use '.0f', or round the number first")
    }
    if precision != nil {
      throw FormatError(
        message: "the format '\(notation)' gives a precision, but '\(type)' writes whole numbers",
        help: "use 'f' for digits after the point")
    }
    if type == "d" { return ("", print("%.*f", 0, value.magnitude)) }
    if grouping == "," {
      throw FormatError(message: "',' cannot group the digits of '\(type)'", help: "use '_'")
    }
    if type == "c" { return try ("", character(value)) }
    guard let whole = UInt64(exactly: value.magnitude) else {
      throw FormatError(
        message: "\(NumberText.shortest(value)) is too large for the format '\(notation)'")
    }
    let radix = type == "b" ? 2 : type == "o" ? 8 : 16
    let prefix = isAlternate ? "0" + String(type) : ""
    return (prefix, String(whole, radix: radix, uppercase: type == "X"))
  }

  /// The character of a Unicode code.
  private func character(_ code: Double) throws(FormatError) -> String {
    guard let scalar = UInt32(exactly: code).flatMap(Unicode.Scalar.init) else {
      throw FormatError(message: "\(NumberText.shortest(code)) is no character's code")
    }
    return String(Character(scalar))
  }

  /// What C's `printf` makes of one number: exact digits, rounded half to even.
  private func print(_ format: String, _ precision: Int, _ value: Double) -> String {
    withVaList([Int32(precision), value]) { arguments in
      // The largest Float64 has 309 digits before its point.
      withUnsafeTemporaryAllocation(of: CChar.self, capacity: precision + 330) { buffer in
        let count = vsnprintf(buffer.baseAddress, buffer.count, format, arguments)
        return String(
          decoding: UnsafeRawBufferPointer(buffer).prefix(max(0, Int(count))), as: UTF8.self)
      }
    }
  }

  /// Groups the digits and pads to the width; zeros that fill the width are grouped too, as in Python.
  private func layOut(sign: String, digits: String) -> String {
    guard let grouping else { return pad(sign: sign, body: digits, numberAlignment) }
    let whole = digits.prefix { $0.isNumber || $0.isLetter && groupSize == 4 }
    let rest = digits[whole.endIndex...]
    // Infinities and NaN have no digits to group.
    guard !whole.isEmpty else { return pad(sign: sign, body: digits, numberAlignment) }
    let filled = fill == "0" && numberAlignment == .afterSign
    let minimum = filled ? width - sign.count - rest.count : 0
    let body = grouped(Array(whole), by: grouping, minimum: minimum) + rest
    return pad(sign: sign, body: body, numberAlignment)
  }

  /// Digits go in threes, in fours for the bases of computers.
  private var groupSize: Int { type == "x" || type == "X" || type == "b" || type == "o" ? 4 : 3 }

  private var numberAlignment: Alignment { alignment ?? .right }

  /// Puts separators between groups of digits and zeros before them until the text has `minimum` characters.
  private func grouped(_ digits: [Character], by separator: Character, minimum: Int) -> String {
    var reversed: [Character] = []
    var taken = 0
    while taken < digits.count || reversed.count < minimum {
      if taken > 0, taken % groupSize == 0 { reversed.append(separator) }
      reversed.append(taken < digits.count ? digits[digits.count - 1 - taken] : "0")
      taken += 1
    }
    return String(reversed.reversed())
  }

  /// The format as it is written.
  var notation: String {
    var text = fill == " " || (fill == "0" && alignment == .afterSign) ? "" : String(fill)
    if let alignment, fill != "0" || alignment != .afterSign { text.append(alignment.rawValue) }
    if sign != .negativeOnly { text.append(sign.rawValue) }
    if isAlternate { text += "#" }
    if fill == "0", alignment == .afterSign { text += "0" }
    if width > 0 { text += String(width) }
    if let grouping { text.append(grouping) }
    if let precision { text += "." + String(precision) }
    if let type { text.append(type) }
    return text
  }
}
