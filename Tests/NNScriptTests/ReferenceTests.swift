// Runs every example of the language reference and compares what it prints with the `# →` comments in it.
import Foundation
import NNScript
import Testing

@Suite struct ReferenceTests {
  /// The blocks of code in the reference.
  private static let examples: [String] = {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    let file = tests.appending(
      path: "../../Sources/NNScript/NNScript.docc/LanguageReference.md")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return text.components(separatedBy: "```nn\n").dropFirst().map {
      $0.components(separatedBy: "```")[0]
    }
  }()

  @Test func theReferenceHasExamples() { #expect(Self.examples.count > 15) }

  @Test(arguments: examples) func printsWhatItSays(example: String) throws {
    let expected = example.components(separatedBy: "\n").compactMap { line in
      line.range(of: "# →").map { line[$0.upperBound...].dropFirst() }
    }
    var output = ""
    var options = Engine.Options()
    options.output = { output += $0 }
    try Engine(options).evaluate(example)
    #expect(output == expected.map { $0 + "\n" }.joined())
  }
}
