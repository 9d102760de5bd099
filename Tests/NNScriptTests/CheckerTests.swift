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
    let text = run.foreseen.map {
      ([$0.message, $0.label] + $0.labels.map(\.text) + $0.help).joined(separator: "\n")
    }
    for fragment in found.foreseen {
      #expect(text?.contains(fragment) == true, "\(text ?? "nothing")")
    }
    if let reason = found.unforeseen { #expect(text == nil, "\(reason)") }
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
