// The static checker against runs: what it foresees happens, word for word, and programs that run are let through.
import Foundation
import NNFuzz
import NNScript
import NNSyntax
import Testing

@Suite struct CheckerTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private func interpreter(_ path: String) -> Interpreter {
    var host = Host.system()
    host.write = { (_) throws(HostError) in }
    host.writeError = { _ in }
    return Interpreter(host: host, path: path)
  }

  @Test(arguments: LanguageCase.all()) func foreseesOnlyWhatHappens(_ found: LanguageCase) throws {
    let source = Array(try Data(contentsOf: URL(fileURLWithPath: found.path)))
    let run = CheckedRun(source, name: found.path) { interpreter(found.path) }
    #expect(run.problem(isExact: true) == nil)
    let errors = Self.text(of: run.found.filter(\.isError))
    for fragment in found.foreseen { #expect(errors.contains(fragment), "\(errors)") }
    if let reason = found.unforeseen { #expect(errors.isEmpty, "\(reason): \(errors)") }
    let warnings = Self.text(of: run.found.filter { !$0.isError })
    for fragment in found.warned { #expect(warnings.contains(fragment), "\(warnings)") }
    if let reason = found.silence { #expect(run.found == [], "\(reason)") }
  }

  /// All that diagnostics say, without the source they show.
  private static func text(of found: [Diagnostic]) -> String {
    found.flatMap { [$0.message, $0.label] + $0.labels.map(\.text) + $0.help }
      .joined(separator: "\n")
  }

  @Test func foreseesManyOfTheErrors() throws {
    let foreseen = LanguageCase.all().filter { found in
      guard let source = FileManager.default.contents(atPath: found.path) else { return false }
      let checker = interpreter(found.path)
      defer { checker.tearDown() }
      guard !checker.check(source: Array(source), name: found.path).contains(where: \.isError)
      else { return false }
      checker.checksShapes = true
      return checker.check(source: Array(source), name: found.path).contains(where: \.isError)
    }
    #expect(foreseen.count > 60)
  }

  @Test func knowsTheShapesOfImageDataSets() throws {
    let source = """
      let net = Sequential(Linear(784, 10))
      let (train, test) = mnist()
      let step = value_and_grad(fn(net, x, y) { cross_entropy(net(x), y) })
      for epoch in 1..=10 {
          for (x, y) in progress(batches(train, 128, shuffle: true), "epoch {epoch}") { step(net, x, y) }
      }
      """
    let right = source.replacingOccurrences(of: "Linear(784", with: "Flatten(), Linear(784")
    #expect(
      found(in: source) == [
        "Linear.call: 'x' must be [..., inputs], not f32[?, 28, 28, 1] (inputs is 784)"
      ])
    #expect(found(in: right) == [])
  }

  @Test func findsSeveralErrorsButNoneThatFollow() {
    let source = """
      let x = zeros(32, 100)
      let w = zeros(784, 10)
      let scores = x @ w
      let loss = cross_entropy(scores, zeros(3))
      print(x @ w, w.T @ x.T)
      let net = Sequential(Linear(100, 50), Linear(40, 10))
      fn train(net) {
          for turn in 0..3 { net(x) }
          net(zeros(2, 100))
          zeros(2) + zeros(3)
      }
      train(net)
      print(net(zeros(2, 100)))
      let other = zeros(5, 6)
      if other.rank == 2 { other @ other } else { other.T @ other }
      print(zeros(3) @ zeros(4))
      """
    #expect(
      found(in: source) == [
        "[32, 100] @ [784, 10]: the last axis of the left side is 100, the right side needs 784",
        "Linear.call: 'x' must be [..., inputs], not f32[2, 50] (inputs is 40)",
        "add: shapes [2] and [3] do not fit",
        "[5, 6] @ [5, 6]: the last axis of the left side is 6, the right side needs 5",
        "[3] @ [4]: the last axis of the left side is 3, the right side needs 4",
      ])
  }

  @Test func reportsAFewErrorsOnly() {
    let lines = (1...20).map { "zeros(\($0)) + zeros(\($0 + 100))" }
    #expect(found(in: lines.joined(separator: "\n")).count == 5)
  }

  @Test func saysOfEachFunctionThatIsNotCalledWhatIsWrong() {
    let source = """
      fn first(x: [B, 3]) = x @ zeros(4, 5)
      fn second(x: [B, 3]) {
          let y = x @ zeros(5, 5)
          first(x)
      }
      fn third(x: [B, 4]) = first(x)
      """
    #expect(
      found(in: source) == [
        "[B, 3] @ [4, 5]: the last axis of the left side is 3, the right side needs 4",
        "[B, 3] @ [5, 5]: the last axis of the left side is 3, the right side needs 5",
        "first: 'x' must be [B, 3], not ?[B, 4]",
      ])
  }

  @Test func warnsAtThePromptWhereAFunctionIsDefined() {
    let session = Interpreter(host: Host(), isSession: true)
    defer { session.tearDown() }
    var warnings: [String] = []
    session.onWarning = { warnings.append($0.message) }
    for input in [
      "let w = zeros(4, 5)", "fn f(x: [B, 3]) = x @ zeros(4, 5)", "fn g(x: [B, 3]) = x @ w",
      "model M() { fn call(x: [B]) = f(x) + zeros(2) @ zeros(3) }", "let m = M()",
    ] {
      _ = session.run(source: input, name: "<input>")
    }
    #expect(
      warnings == [
        "[B, 3] @ [4, 5]: the last axis of the left side is 3, the right side needs 4",
        "[2] @ [3]: the last axis of the left side is 2, the right side needs 3",
      ])
  }

  @Test(arguments: ["a = (a, a)", "a = [a, a]", "a = {x: a, y: a}"])
  func endsOnValuesThatHoldEachOtherOverAndOver(_ line: String) {
    let lines = ["var a = [1]"] + Array(repeating: line, count: 60)
    let uses = ["grad(x => sum(x[0]))(a)", "vmap(x => x)(a)", "copy(a)", "sum(a)"]
    #expect(found(in: (lines + uses).joined(separator: "\n")) == [])
  }

  /// What the checker says of a program.
  private func found(in source: String) -> [String] {
    let checker = interpreter("program.nn")
    checker.checksShapes = true
    defer { checker.tearDown() }
    return checker.check(source: Array(source.utf8), name: "program.nn").map(\.message)
  }

  /// Programs that run, which other tests show.
  private static let programs: [String] = ["samples", "Sources/nnbench/programs"].flatMap {
    folder -> [String] in
    let path = root.appendingPathComponent(folder).path
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.filter { $0.hasSuffix(".nn") }.sorted().map { path + "/" + $0 }
  }

  @Test func thereArePrograms() { #expect(Self.programs.count > 30) }

  @Test(arguments: programs) func letsProgramsThrough(_ path: String) throws {
    let source = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
    let checker = interpreter(path)
    checker.checksShapes = true
    defer { checker.tearDown() }
    #expect(checker.check(source: source, name: path).map(\.message) == [])
  }
}

extension Diagnostic {
  fileprivate var isError: Bool { severity == .error }
}
