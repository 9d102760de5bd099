// Checks how diagnostics look where a golden file cannot hold the text: bytes, line endings, colours, long lines.
import NNSyntax
import Testing

@Suite struct RendererTests {
  private func rendered(_ bytes: [UInt8]) -> String {
    let sources = SourceMap()
    let file = sources.add(name: "test.nn", bytes: bytes)
    return DiagnosticRenderer(sources: sources).render(Parser.parse(file).diagnostics)
  }

  private func render(
    _ text: String, _ diagnostic: Diagnostic, colors: Bool = false, width: Int = 100
  ) -> String {
    let sources = SourceMap()
    sources.add(name: "test.nn", text: text)
    return DiagnosticRenderer(sources: sources, colors: colors, width: width).render(diagnostic)
  }

  private func span(_ start: Int, _ end: Int) -> Span {
    Span(file: 0, start: UInt32(start), end: UInt32(end))
  }

  @Test func invalidUTF8IsReportedOnceForARunOfBytes() {
    let found = rendered(Array("let s = a ".utf8) + [0xFF, 0xFE] + Array(" b".utf8))
    #expect(
      found == """
        error: the text is not valid UTF-8 here
         --> test.nn:1:11
          |
        1 | let s = a \u{FFFD}\u{FFFD} b
          |           ^^ byte 0xff
          |
        help: save the file with the encoding UTF-8
        """)
  }

  @Test func invalidUTF8InStringsAndCommentsIsReported() {
    for prefix in ["\"", "# "] {
      let found = rendered(Array(prefix.utf8) + [0xC3, 0x28] + Array("\"\n".utf8))
      #expect(found.hasPrefix("error: the text is not valid UTF-8 here"))
    }
  }

  @Test func lineEndingsOfWindowsAreNotShown() {
    let found = rendered(Array("let x = 1 2\r\nlet y = 2\r\n".utf8))
    #expect(found.contains("1 | let x = 1 2\n"))
    #expect(!found.contains("\r"))
  }

  @Test func controlCharactersAreReplaced() {
    let found = rendered(Array("let x = \u{1B}[31m\n".utf8))
    #expect(found.hasPrefix("error: unexpected control character 0x1b"))
    #expect(!found.contains("\u{1B}"))
  }

  @Test func invisibleCharactersAreNamed() {
    let found = rendered(Array("let x\u{A0}= 3\n".utf8))
    #expect(found.hasPrefix("error: unexpected invisible character U+00A0\n --> test.nn:1:6\n"))
  }

  @Test func severalLabelsHangBelowTheLine() {
    let found = render(
      "let h = x @ w",
      Diagnostic(
        "cannot multiply", at: span(10, 11), label: "here",
        labels: [
          DiagnosticLabel(span: span(8, 9), text: "[32, 784]"),
          DiagnosticLabel(span: span(12, 13), text: "[128, 10]"),
        ], help: ["transpose one", "or\nboth"], notes: ["called from f"]))
    #expect(
      found == """
        error: cannot multiply
         --> test.nn:1:11
          |
        1 | let h = x @ w
          |         - ^ - [128, 10]
          |         | |
          |         | here
          |         [32, 784]
          |
        help: transpose one
        help: or
              both
        note: called from f
        """)
  }

  @Test func spansOverLinesMarkTheFirstAndTheLast() {
    let found = render(
      "let a = [\n  1,\n  2,\n  3\n]\n", Diagnostic("a list", at: span(8, 25), label: "here"))
    #expect(
      found == """
        error: a list
         --> test.nn:1:9
          |
        1 | let a = [
          |         ^
        ...
        5 | ]
          | ^ here
        """)
  }

  @Test func longLinesAreClippedAroundTheMark() {
    let text = String(repeating: "a + ", count: 100) + "bad" + String(repeating: " + c", count: 100)
    let found = render(text, Diagnostic("unknown name", at: span(400, 403)), width: 40)
    let lines = found.split(separator: "\n")
    #expect(lines.allSatisfy { $0.count <= 44 })
    #expect(lines[3].contains("…"))
    let column = lines[3].range(of: "bad")?.lowerBound
    let caret = lines[4].firstIndex(of: "^")
    #expect(column != nil)
    #expect(
      column.map { lines[3].distance(from: lines[3].startIndex, to: $0) }
        == caret.map { lines[4].distance(from: lines[4].startIndex, to: $0) })
  }

  @Test func colorsAreOnlyThereWhenAsked() {
    let diagnostic = Diagnostic("message", at: span(0, 1), help: ["help"])
    #expect(!render("x", diagnostic).contains("\u{1B}"))
    let colored = render("x", diagnostic, colors: true)
    #expect(colored.hasPrefix("\u{1B}[1;31merror\u{1B}[0m\u{1B}[1m: message\u{1B}[0m\n"))
  }

  @Test func placesOutsideTheTextAreAccepted() {
    for end in [0, 1, 5, 1000] {
      #expect(render("", Diagnostic("m", at: span(end, end))).contains("test.nn:1:1"))
      #expect(!render("a\nb", Diagnostic("m", at: span(end, end + 9))).isEmpty)
    }
    #expect(render("x", Diagnostic("m", at: nil)) == "error: m")
    let elsewhere = Span(file: 9, start: 0, end: 1)
    #expect(render("x", Diagnostic("m", at: elsewhere)) == "error: m")
  }

  @Test func labelsInOtherFilesHaveAPlaceOfTheirOwn() {
    let sources = SourceMap()
    sources.add(name: "a.nn", text: "import \"b.nn\"")
    sources.add(name: "b.nn", text: "let x = 1")
    let diagnostic = Diagnostic(
      "m", at: span(7, 13),
      labels: [DiagnosticLabel(span: Span(file: 1, start: 4, end: 5), text: "declared here")])
    #expect(
      DiagnosticRenderer(sources: sources).render(diagnostic) == """
        error: m
         --> a.nn:1:8
          |
        1 | import "b.nn"
          |        ^^^^^^
         ::: b.nn:1:5
          |
        1 | let x = 1
          |     - declared here
        """)
  }

  @Test func columnsCountCharacters() {
    let file = SourceFile(name: "test.nn", text: "a\nθé👩‍👧x\r\n")
    #expect(file.location(at: 0) == SourceLocation(line: 1, column: 1))
    #expect(file.location(at: 2 + 2 + 2 + 11) == SourceLocation(line: 2, column: 4))
    #expect(file.location(at: 10_000) == SourceLocation(line: 3, column: 1))
  }
}
