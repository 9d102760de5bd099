// The format of an interpolation, `{x:>8.3f}`, in Python's format mini-language.

/// `[[fill]align][sign][#][0][width][,][.precision][type]`
package struct FormatSpec: Equatable, Sendable {
  package enum Alignment: Character, Sendable {
    case left = "<"
    case right = ">"
    case center = "^"
    /// Between the sign and the digits.
    case afterSign = "="
  }
  package enum Sign: Character, Sendable {
    case negativeOnly = "-"
    case always = "+"
    case space = " "
  }
  package var fill: Character = " "
  package var alignment: Alignment?
  package var sign: Sign = .negativeOnly
  package var isAlternate = false
  package var width = 0
  /// `,` or `_` between groups of digits.
  package var grouping: Character?
  package var precision: Int?
  /// One of `b c d e E f F g G n o s x X %`.
  package var type: Character?

  package init() {}

  /// Why a text is not a format.
  package struct Problem: Error, Equatable {
    package let message: String
  }

  /// The types of formats: those of numbers, and `s` for strings.
  private static let types = "bcdeEfFgGnosxX%"

  /// Reads a format, as the text after the colon.
  package static func parse(_ text: String) -> Result<FormatSpec, Problem> {
    var rest = Array(text)[...]
    var spec = FormatSpec()
    var hasFill = false
    if rest.count > 1, let alignment = Alignment(rawValue: rest[1]) {
      spec.fill = rest[0]
      hasFill = true
      spec.alignment = alignment
      rest = rest.dropFirst(2)
    } else if let first = rest.first, let alignment = Alignment(rawValue: first) {
      spec.alignment = alignment
      rest = rest.dropFirst()
    }
    if let first = rest.first, let sign = Sign(rawValue: first) {
      spec.sign = sign
      rest = rest.dropFirst()
    }
    if rest.first == "#" {
      spec.isAlternate = true
      rest = rest.dropFirst()
    }
    if rest.first == "0" {
      if !hasFill { spec.fill = "0" }
      if spec.alignment == nil { spec.alignment = .afterSign }
      rest = rest.dropFirst()
    }
    guard let width = takeNumber(&rest) else { return tooLarge("width") }
    spec.width = width ?? 0
    if let first = rest.first, first == "," || first == "_" {
      spec.grouping = first
      rest = rest.dropFirst()
    }
    if rest.first == "." {
      rest = rest.dropFirst()
      guard let precision = takeNumber(&rest) else { return tooLarge("precision") }
      guard let precision else {
        return .failure(Problem(message: "a precision must follow the `.` of a format"))
      }
      spec.precision = precision
    }
    return finish(spec, rest)
  }

  /// Reads the type, which must be all that is left.
  private static func finish(
    _ spec: FormatSpec, _ rest: ArraySlice<Character>
  ) -> Result<FormatSpec, Problem> {
    var spec = spec
    guard let type = rest.first else { return .success(spec) }
    guard rest.count == 1, types.contains(type) else {
      return .failure(Problem(message: "`\(String(rest))` is not a format"))
    }
    spec.type = type
    if spec.precision != nil, "bcdoxX".contains(type) {
      return .failure(Problem(message: "`\(type)` writes whole numbers, which take no precision"))
    }
    if spec.grouping == ",", "bcnosxX".contains(type) {
      return .failure(Problem(message: "`,` does not go with `\(type)`"))
    }
    return .success(spec)
  }

  private static func tooLarge(_ what: String) -> Result<FormatSpec, Problem> {
    .failure(Problem(message: "the \(what) of a format is at most 1000"))
  }

  /// Takes a number from the front: nil inside where there is none, nil outside where it is above 1000.
  private static func takeNumber(_ rest: inout ArraySlice<Character>) -> Int?? {
    let digits = rest.prefix { $0.isASCII && $0.isNumber }
    guard !digits.isEmpty else { return .some(nil) }
    rest = rest.dropFirst(digits.count)
    guard let value = Int(String(digits)), value <= 1000 else { return nil }
    return value
  }
}
