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
}
