// JSON text to values and back, and every way in which it can be malformed.
import NNFormats
import Testing

struct JSONTests {
  @Test func readsEveryKindOfValue() throws {
    let text = #" {"a": [1, -2.5e3, true, false, null], "b": {"c": "d"}, "": []} "#
    let value = try JSON.parse(text)
    let expected = JSON.object([
      .init("a", .array([.number(1), .number(-2500), .bool(true), .bool(false), .null])),
      .init("b", .object([.init("c", .string("d"))])),
      .init("", .array([])),
    ])
    #expect(value == expected)
  }

  @Test(arguments: [
    (#""\n\t\r\b\f\"\\\/""#, "\n\t\r\u{8}\u{C}\"\\/"),
    (#""\u03b8 θ \uD83D\uDE00""#, "θ θ 😀"),
    (#""""#, ""),
  ])
  func readsStrings(text: String, string: String) throws {
    #expect(try JSON.parse(text) == .string(string))
  }

  @Test(arguments: [
    ("", "line 1, column 1: expected a value, found the end of the text"),
    ("[1, 2", #"line 1, column 6: expected "," or "]", found the end of the text"#),
    ("[1,]", "line 1, column 4: expected a value, found ']'"),
    ("[1 2]", #"line 1, column 4: expected "," or "]", found '2'"#),
    ("{\"a\" 1}", "line 1, column 6: expected \":\", found '1'"),
    ("{a: 1}", "line 1, column 2: expected a key in double quotes, found 'a'"),
    ("{\"a\": 1,}", "line 1, column 9: expected a key in double quotes, found '}'"),
    ("{\n  \"θ\": tru\n}", "line 2, column 8: expected a value, found 't'"),
    ("nul", "line 1, column 1: expected a value, found 'n'"),
    ("01", "line 1, column 2: expected the end of the text, found '1'"),
    ("1.", "line 1, column 3: expected a digit, found the end of the text"),
    ("-", "line 1, column 2: expected a digit, found the end of the text"),
    ("1e", "line 1, column 3: expected a digit, found the end of the text"),
    ("+1", "line 1, column 1: expected a value, found '+'"),
    ("1e999", "line 1, column 1: the number is too large"),
    ("\"abc", "line 1, column 1: the string is not closed"),
    ("\"a\\", "line 1, column 3: the string is not closed"),
    ("\"a\nb\"", "line 1, column 3: a control character in a string must be written as an escape"),
    ("\"\\x\"", "line 1, column 2: an unknown escape"),
    ("\"\\u12\"", "line 1, column 2: \\u takes four digits"),
    ("\"\\u12x4\"", "line 1, column 2: \\u takes four hexadecimal digits"),
    ("\"\\ud83d\"", "line 1, column 2: half of a surrogate pair"),
    ("\"\\ud83d\\u0041\"", "line 1, column 2: half of a surrogate pair"),
    ("\"\\ude00\"", "line 1, column 2: half of a surrogate pair"),
    ("1 2", "line 1, column 3: expected the end of the text, found '2'"),
    ("θ", "line 1, column 1: expected a value, found 'θ'"),
    ("NaN", "line 1, column 1: expected a value, found 'N'"),
  ])
  func refuses(text: String, message: String) {
    let error = #expect(throws: JSONError.self) { try JSON.parse(text) }
    #expect(error?.message == message)
  }

  @Test func refusesBytesThatAreNotUTF8() {
    let error = #expect(throws: JSONError.self) { try JSON.parse([0x22, 0xFF, 0x22]) }
    #expect(error?.message == "line 1, column 1: the string is not UTF-8")
  }

  @Test func depthIsLimited() throws {
    func nested(_ levels: Int) -> String {
      String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
    }
    _ = try JSON.parse(nested(JSON.deepest))
    #expect(throws: JSONError.self) { try JSON.parse(nested(JSON.deepest + 1)) }
    #expect(throws: JSONError.self) { try JSON.parse(String(repeating: "[", count: 1_000_000)) }
    var value = JSON.null
    for _ in 0...JSON.deepest { value = .array([value]) }
    let deep = value
    #expect(throws: JSONError.self) { try deep.text() }
  }

  @Test func writes() throws {
    let value = JSON.object([
      .init("a", .array([.number(1), .number(0.1), .number(1e300), .number(-0.0)])),
      .init("b\n\u{1}", .object([])), .init("c", .array([])), .init("d", .bool(true)),
    ])
    let line = #"{"a":[1,0.1,1e+300,-0],"b\n\u0001":{},"c":[],"d":true}"#
    #expect(try value.text() == line)
    let lines = """
      {
        "a": [
          1
        ],
        "b": null
      }
      """
    let small = JSON.object([.init("a", .array([.number(1)])), .init("b", .null)])
    #expect(try small.text(indent: 2) == lines)
  }

  @Test(arguments: [Double.nan, .infinity, -.infinity])
  func refusesToWriteWhatHasNoForm(number: Double) {
    #expect(throws: JSONError.self) { try JSON.number(number).text() }
  }

  @Test func randomValuesSurviveARoundTrip() throws {
    var random = Seeded(seed: 1)
    for _ in 0..<500 {
      let value = Self.randomValue(depth: 4, &random)
      #expect(try JSON.parse(value.text()) == value)
      #expect(try JSON.parse(value.text(indent: 2)) == value)
    }
  }

  @Test func damagedTextNeverTraps() throws {
    var random = Seeded(seed: 2)
    for _ in 0..<3000 {
      var bytes = Array(try Self.randomValue(depth: 3, &random).text().utf8)
      random.damage(&bytes)
      if let value = try? JSON.parse(bytes) { _ = try value.text() }
    }
  }

  private static func randomValue(depth: Int, _ random: inout Seeded) -> JSON {
    switch Int.random(in: 0..<(depth > 0 ? 6 : 4), using: &random) {
    case 0: return [JSON.null, .bool(true), .bool(false)].randomElement(using: &random)!
    case 1: return .number(Double(Int.random(in: -1000...1000, using: &random)))
    case 2: return .number(Double.random(in: -1e9...1e9, using: &random))
    case 3: return .string(randomString(&random))
    case 4: return .array(items(&random) { randomValue(depth: depth - 1, &$0) })
    default:
      return .object(
        items(&random) { .init(randomString(&$0), randomValue(depth: depth - 1, &$0)) })
    }
  }

  private static func items<Item>(_ random: inout Seeded, _ body: (inout Seeded) -> Item) -> [Item]
  {
    (0..<Int.random(in: 0...4, using: &random)).map { _ in body(&random) }
  }

  private static func randomString(_ random: inout Seeded) -> String {
    let scalars: [Unicode.Scalar] = ["a", "\"", "\\", "\n", "\u{0}", "θ", "😀", "\u{7F}", " ", "/"]
    var string = ""
    for _ in 0..<Int.random(in: 0...6, using: &random) {
      string.unicodeScalars.append(scalars.randomElement(using: &random)!)
    }
    return string
  }
}
