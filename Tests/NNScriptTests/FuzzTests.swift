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
      if asksForGigabytes(input) { continue }
      guard let problem = Fuzzer.problem(with: input) else { continue }
      Issue.record("\(problem) in\n\(String(decoding: input.text, as: UTF8.self))")
      return
    }
  }

  /// Whether an input has a large number in it: such are for `nnbench fuzz`, which limits the memory of its process.
  private func asksForGigabytes(_ input: Fuzzer.Input) -> Bool {
    let text = String(decoding: input.text, as: UTF8.self)
    return ["00000", "1e", "1474", "49672", "7199", "mnist"].contains { text.contains($0) }
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
