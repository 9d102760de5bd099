// The tokens that a source text is cut into.

/// What a token is. The raw value is its text where that is fixed, otherwise a description.
package enum TokenKind: String, Sendable {
  case identifier = "name"
  case number
  case stringStart = "string start"
  case stringText = "string text"
  case interpolationStart = "interpolation start"
  case formatText = "format"
  case interpolationEnd = "interpolation end"
  case stringEnd = "string end"
  case endOfFile = "end of file"

  case `let`, `var`, fn, `return`, `if`, `else`, `for`, `in`, `while`, `break`, `continue`
  case `import`, `try`, `catch`, `throw`, and, or, not, `true`, `false`, `nil`, `self`

  case leftParen = "("
  case rightParen = ")"
  case leftBracket = "["
  case rightBracket = "]"
  case leftBrace = "{"
  case rightBrace = "}"
  case comma = ","
  case semicolon = ";"
  case colon = ":"
  case dot = "."
  case ellipsis = "..."
  case question = "?"
  case arrow = "->"
  case fatArrow = "=>"
  case pipe = "|>"

  case plus = "+"
  case plusPlus = "++"
  case minus = "-"
  case star = "*"
  case starStar = "**"
  case slash = "/"
  case slashSlash = "//"
  case percent = "%"
  case at = "@"
  case dotDot = ".."
  case dotDotEqual = "..="
  case equalEqual = "=="
  case notEqual = "!="
  case less = "<"
  case lessEqual = "<="
  case greater = ">"
  case greaterEqual = ">="

  case equal = "="
  case plusEqual = "+="
  case plusPlusEqual = "++="
  case minusEqual = "-="
  case starEqual = "*="
  case slashEqual = "/="

  /// The keywords by their text.
  package static let keywords: [String: TokenKind] = {
    let all: [TokenKind] = [
      .let, .var, .fn, .return, .if, .else, .for, .in, .while, .break, .continue, .import, .try,
      .catch, .throw, .and, .or, .not, .true, .false, .nil, .self,
    ]
    return Dictionary(uniqueKeysWithValues: all.map { ($0.rawValue, $0) })
  }()

  package var isKeyword: Bool { TokenKind.keywords[rawValue] != nil }

  var isOpeningBracket: Bool { self == .leftParen || self == .leftBracket || self == .leftBrace }

  /// Whether an expression can end with this token, so that what follows is infix.
  var endsExpression: Bool {
    switch self {
    case .identifier, .number, .stringEnd, .rightParen, .rightBracket, .rightBrace, .true, .false,
      .nil, .self:
      true
    default: false
    }
  }
}

/// One token.
package struct Token: Sendable {
  package var kind: TokenKind
  /// Whether a line ending stands between the token before and this one.
  package var startsLine = false
  /// Whether white space or a comment stands between the token before and this one.
  package var isSpaced = false
  package var start: UInt32
  package var end: UInt32
  /// For an opening bracket, string or interpolation the index of the token that closes it; -1 if there is none.
  package var partner: Int32 = -1
  /// The value of a number.
  package var number = 0.0
  /// For string text, its value: an index into the texts of the token list.
  package var text: Int32 = -1
}

/// A comment, which is no token.
package struct Comment: Sendable {
  package var start: UInt32
  package var end: UInt32
  /// Whether it begins with `##`.
  package var isDoc: Bool
  /// Whether code stands before it on its line.
  package var isTrailing: Bool
  /// The index of the first token after it.
  package var nextToken: Int
}

/// The tokens of one source file, ending in `endOfFile`, with the comments between them.
package struct TokenList: Sendable {
  package var tokens: [Token] = []
  package var comments: [Comment] = []
  /// The values of string texts.
  package var texts: [String] = []
  /// Whether the text ends inside a `"""` string, which more text could complete.
  package var endsInsideString = false
}
