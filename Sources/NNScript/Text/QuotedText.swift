// Writes strings and dict keys so that they read back as literals.

/// String literals as the language writes them.
package enum QuotedText {
  /// A string in quotes with escapes; reading the result gives the string again.
  package static func quoted(_ text: String) -> String {
    var result = "\""
    result.reserveCapacity(text.utf8.count + 2)
    for scalar in text.unicodeScalars { append(scalar, to: &result) }
    result.append("\"")
    return result
  }

  private static func append(_ scalar: Unicode.Scalar, to result: inout String) {
    switch scalar {
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "{": result += "\\{"
    case _ where isControl(scalar): result += "\\u{" + String(scalar.value, radix: 16) + "}"
    default: result.unicodeScalars.append(scalar)
    }
  }

  /// Control characters, including the line and paragraph separators that would break a line.
  private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0xfeff: true
    default: false
    }
  }

  /// A dict key as it stands in a literal: bare where it is a name, quoted otherwise.
  package static func key(_ text: String) -> String {
    isName(text) ? text : quoted(text)
  }

  /// Whether the text is an identifier: letters, digits and `_`, not beginning with a digit.
  package static func isName(_ text: String) -> Bool {
    guard let first = text.unicodeScalars.first, !isDigit(first) else { return false }
    return text.unicodeScalars.allSatisfy {
      $0 == "_" || isDigit($0) || ($0.properties.isAlphabetic && $0.properties.isXIDContinue)
    }
  }

  private static func isDigit(_ scalar: Unicode.Scalar) -> Bool {
    ("0"..."9").contains(scalar)
  }
}
