// Feeds the lexer, parser, dumps and renderer with random, broken and generated programs: none may trap or hang.
import Foundation
import NNFuzz
import NNSyntax
import Testing

@Suite struct FuzzTests {
  /// How many inputs of each kind: some for a test, `NNSYNTAX_FUZZ=1000000` for a long run.
  static let count = ProcessInfo.processInfo.environment["NNSYNTAX_FUZZ"].flatMap(Int.init) ?? 3_000

  /// Parses a text and checks what must hold for every text.
  private func check(_ bytes: [UInt8]) {
    let sources = SourceMap()
    let file = sources.add(name: "fuzz.nn", bytes: bytes)
    let parsed = Parser.parse(file)
    #expect(parsed.tokens.tokens.last?.kind == .endOfFile)
    var end: UInt32 = 0
    for token in parsed.tokens.tokens {
      #expect(token.start <= token.end && Int(token.end) <= bytes.count)
      if token.kind != .stringText && token.kind != .stringEnd {
        #expect(token.start >= min(end, token.start))
      }
      end = token.end
    }
    for diagnostic in parsed.diagnostics {
      if let span = diagnostic.span { #expect(Int(span.end) <= bytes.count) }
    }
    _ = TreeDump.dump(parsed.program)
    _ = DiagnosticRenderer(sources: sources).render(Array(parsed.diagnostics.prefix(2)))
  }

  private static let words: [String] = [
    "let ", "var ", "fn ", "return ", "if ", "else ", "for ", "in ", "while ", "break", "continue",
    "model ", "param ", "state ", "import ", "as ", "try ", "catch ", "throw ", "and ", "or ",
    "not ", "true", "nil", "self", "x", "y", "f", "θ", "0", "1.5", "0x1f", "1e9", "\"", "\"\"\"",
    "'", "\\", "\\u{3b8}", "{", "}", "(", ")", "[", "]", ",", ";", ":", ".", "..", "...", "..=",
    "=>", "->", "|>", "+", "++", "-", "*", "**", "/", "//", "%", "@", "=", "==", "!=", "<", "<=",
    "+=", "!", "&&", "?", "\n", "\n", "\n  ", "\r\n", " ", "\t", "# c\n", "## d\n", "def ", "elif ",
    "lambda ", "_", "é", "👩‍👧", "\u{A0}", "“", "”", "−", "\0",
  ]

  @Test func randomBytesAreSurvived() {
    var random = FuzzRandom(seed: 1)
    for _ in 0..<Self.count {
      let length = Int.random(in: 0...200, using: &random)
      check((0..<length).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test func randomWordsAreSurvived() {
    var random = FuzzRandom(seed: 2)
    for _ in 0..<Self.count {
      let length = Int.random(in: 0...80, using: &random)
      var text = ""
      for _ in 0..<length { text += Self.words.randomElement(using: &random) ?? "" }
      check(Array(text.utf8))
    }
  }

  @Test func brokenProgramsAreSurvived() {
    var random = FuzzRandom(seed: 3)
    let programs = (Golden.cases("trees.txt") + Golden.cases("errors.txt")).map {
      Array($0.source.utf8)
    }
    #expect(!programs.isEmpty)
    for _ in 0..<Self.count {
      var program = programs.randomElement(using: &random) ?? []
      for _ in 0..<Int.random(in: 1...4, using: &random) { mutate(&program, &random) }
      check(program)
    }
  }

  private func mutate(_ program: inout [UInt8], _ random: inout FuzzRandom) {
    let place = Int.random(in: 0...program.count, using: &random)
    let end = min(program.count, place + Int.random(in: 0...12, using: &random))
    switch Int.random(in: 0..<4, using: &random) {
    case 0: program.removeSubrange(place..<end)
    case 1:
      program.insert(
        contentsOf: Array((Self.words.randomElement(using: &random) ?? "").utf8), at: place)
    case 2:
      program.insert(
        contentsOf: Array(program[place..<end]),
        at: Int.random(in: 0...program.count, using: &random))
    default: if place < program.count { program[place] = UInt8.random(in: 0...255, using: &random) }
    }
  }

  @Test func generatedProgramsParse() {
    for seed in 0..<Self.count {
      var generator = SyntaxGenerator(seed: UInt64(seed))
      let text = generator.program()
      let parsed = Parser.parse(SourceFile(name: "generated.nn", text: text))
      #expect(
        parsed.diagnostics.isEmpty, "seed \(seed)\n\(text)\n\(parsed.diagnostics.map(\.message))")
      if !parsed.diagnostics.isEmpty { return }
    }
  }
}
