// Feeds compiler and virtual machine with random, broken and generated programs: none may trap, hang, leak or make wrong bytecode.
import Foundation
import NNFuzz
import Testing

@Suite struct FuzzTests {
  /// How many inputs of each kind: some for a test, `NNSCRIPT_FUZZ=100000` for a long run.
  private static let count =
    ProcessInfo.processInfo.environment["NNSCRIPT_FUZZ"].flatMap(Int.init) ?? 400

  @Test(arguments: Fuzzer.Kind.allCases) func inputsAreSurvived(_ kind: Fuzzer.Kind) {
    let corpus = LanguageCase.all().compactMap { FileManager.default.contents(atPath: $0.path) }
    let fuzzer = Fuzzer(seed: 1, corpus: corpus.map { Array($0) }, kinds: [kind])
    for index in 0..<Self.count {
      let input = fuzzer.input(index)
      guard let problem = Fuzzer.problem(with: input) else { continue }
      Issue.record("\(problem) in\n\(String(decoding: input.text, as: UTF8.self))")
      return
    }
  }

  @Test func inputsAreRepeatable() {
    let first = Fuzzer(seed: 7, corpus: [])
    let second = Fuzzer(seed: 7, corpus: [])
    for index in 0..<60 { #expect(first.input(index).text == second.input(index).text) }
  }

  @Test func generatedScriptsMostlyRun() {
    let fuzzer = Fuzzer(seed: 3, corpus: [], kinds: [.script])
    let accepted = (0..<200).filter { Fuzzer.isAccepted(fuzzer.input($0)) }
    #expect(accepted.count > 150)
  }
}
