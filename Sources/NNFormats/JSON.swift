// A JSON value and its text form.

/// A value of JSON (RFC 8259). Objects keep the order of their members, and repeated keys.
package indirect enum JSON: Equatable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSON])
  case object([Member])

  /// One `key: value` of an object.
  package struct Member: Equatable {
    package let key: String
    package let value: JSON

    package init(_ key: String, _ value: JSON) {
      self.key = key
      self.value = value
    }
  }

  /// Levels of arrays and objects inside each other, at most, both when reading and when writing.
  package static let deepest = 512

  /// The value as JSON text.
  ///
  /// - Parameter indent: spaces per level; nil gives one line.
  /// - Throws: a number that is not finite has no JSON form.
  package func text(indent: Int? = nil) throws(JSONError) -> String {
    var writer = Writer(indent: indent)
    try writer.write(self)
    return writer.text
  }

  /// A number as JSON: the shortest digits that read back to it, whole ones without a fraction.
  static func text(of number: Double) throws(JSONError) -> String {
    guard number.isFinite else { throw JSONError("\(number) has no JSON form") }
    if number == number.rounded(), abs(number) < 0x1p53 {
      return number.sign == .minus && number == 0 ? "-0" : String(Int(number))
    }
    return number.description
  }

  /// A string as JSON: quoted, with `"`, `\` and control characters escaped.
  static func text(of string: String) -> String {
    var result = "\""
    for scalar in string.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{8}": result += "\\b"
      case "\u{C}": result += "\\f"
      case ..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}

/// Why text is not JSON, or a value cannot be written as JSON.
package struct JSONError: Error, Equatable {
  package let problem: String
  /// Where in the text, counted from 1; nil when writing.
  package let line: Int?
  package let column: Int?

  init(_ problem: String, line: Int? = nil, column: Int? = nil) {
    self.problem = problem
    self.line = line
    self.column = column
  }

  /// The problem with its place, such as `line 1, column 8: expected a value, found "]"`.
  package var message: String {
    guard let line, let column else { return problem }
    return "line \(line), column \(column): \(problem)"
  }
}

/// Builds the text of a value.
private struct Writer {
  let indent: Int?
  var text = ""
  private var depth = 0

  init(indent: Int?) { self.indent = indent }

  mutating func write(_ value: JSON) throws(JSONError) {
    switch value {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .number(let value): text += try JSON.text(of: value)
    case .string(let value): text += JSON.text(of: value)
    case .array(let items):
      try list("[", items, "]") { (writer, item) throws(JSONError) in try writer.write(item) }
    case .object(let members):
      try list("{", members, "}") { (writer, member) throws(JSONError) in
        writer.text += JSON.text(of: member.key) + (writer.indent == nil ? ":" : ": ")
        try writer.write(member.value)
      }
    }
  }

  private mutating func list<Item>(
    _ open: String, _ items: [Item], _ close: String,
    _ body: (inout Writer, Item) throws(JSONError) -> Void
  ) throws(JSONError) {
    guard depth < JSON.deepest else {
      throw JSONError("more than \(JSON.deepest) levels inside each other")
    }
    text += open
    depth += 1
    for (index, item) in items.enumerated() {
      if index > 0 { text += "," }
      newLine()
      try body(&self, item)
    }
    depth -= 1
    if !items.isEmpty { newLine() }
    text += close
  }

  private mutating func newLine() {
    guard let indent else { return }
    text += "\n" + String(repeating: " ", count: indent * depth)
  }
}
