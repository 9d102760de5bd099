// Compares tokens, trees and whole rendered diagnostics with the golden files.
import NNSyntax
import Testing

@Suite struct GoldenTests {
  @Test func errorsAreRenderedAsExpected() throws {
    try Golden.check("errors.txt") { text in
      let sources = SourceMap()
      let file = sources.add(name: "test.nn", text: text)
      return DiagnosticRenderer(sources: sources).render(Parser.parse(file).diagnostics)
    }
  }

  @Test func treesAreAsExpected() throws {
    try Golden.check("trees.txt") { text in
      let parsed = Parser.parse(SourceFile(name: "test.nn", text: text))
      #expect(parsed.diagnostics.isEmpty, "\(text)\n\(parsed.diagnostics)")
      return TreeDump.dump(parsed.program)
    }
  }

  @Test func tokensAreAsExpected() throws {
    try Golden.check("tokens.txt") { text in
      let file = SourceFile(name: "test.nn", text: text)
      return TokenDump.dump(Parser.parse(file).tokens, of: file)
    }
  }
}
