// Writes tokens as text, for `--tokens`.

package enum TokenDump {
  /// One token on each line: its place, kind and text.
  package static func dump(_ list: TokenList, of source: SourceFile) -> String {
    var lines: [String] = []
    for token in list.tokens {
      let place = source.location(at: Int(token.start))
      var line = "\(place.line):\(place.column)\t"
      line += token.startsLine ? "| " : "  "
      switch token.kind {
      case .identifier, .number:
        line += "\(token.kind.rawValue) \(source.text(in: Int(token.start)..<Int(token.end)))"
      case .stringText, .formatText:
        let text = token.text >= 0 ? list.texts[Int(token.text)] : ""
        line += "\(token.kind.rawValue) \(quoted(text))"
      default:
        line += token.kind.rawValue
      }
      lines.append(line)
    }
    return lines.joined(separator: "\n")
  }
}

/// A text in quotes with its special characters escaped, as the language writes it.
func quoted(_ text: String) -> String {
  var result = "\""
  for scalar in text.unicodeScalars {
    switch scalar {
    case "\n": result += "\\n"
    case "\t": result += "\\t"
    case "\"": result += "\\\""
    case "\\": result += "\\\\"
    case "{": result += "\\{"
    case _ where scalar.value < 0x20 || scalar.value == 0x7F:
      result += "\\u{\(String(scalar.value, radix: 16))}"
    default: result.unicodeScalars.append(scalar)
    }
  }
  return result + "\""
}
