// Runs every script of `language/` and compares what it does with the comments in it.
import Foundation
import NNScript
import NNSyntax
import Testing

/// What a script did.
private struct LanguageRun {
  var output = ""
  var kind: String?
  var errors: [Diagnostic] = []
  var warnings: [Diagnostic] = []
  var status: Int32 = 0
  var leftOver = 0
  var place: NNSyntax.SourceLocation?
  var file: String?
  var problems: [String] = []

  init(_ found: LanguageCase) throws {
    let source = Array(try Data(contentsOf: URL(fileURLWithPath: found.path)))
    let sink = Sink()
    var host = Host.system()
    host.write = { (text) throws(HostError) in sink.text += text }
    host.writeError = { _ in }
    let interpreter = Interpreter(host: host, path: found.path)
    take(interpreter.run(source: source, name: found.path))
    warnings = interpreter.diagnostics.filter { $0.severity == .warning }
    if let span = errors.first?.span, let source = interpreter.sources.file(of: span) {
      place = source.location(at: Int(span.start))
      file = source.name
    }
    leftOver = interpreter.tearDown()
    output = sink.text
    let checked = Interpreter(host: host, path: found.path)
    problems = checked.verify(source: source, name: found.path)
    checked.tearDown()
  }

  private mutating func take(_ outcome: Interpreter.Outcome) {
    switch outcome {
    case .finished: break
    case .refused(let found):
      errors = found.filter { $0.severity == .error }
      status = 2
    case .failed(let error, let kind):
      errors = [error]
      self.kind = kind
      status = 1
    case .cancelled: status = 130
    case .exited(let given): status = given
    }
  }

  /// All that the errors say, without the source they show.
  var errorText: String { errors.map(Self.text).joined(separator: "\n") }
  var helpText: String { errors.flatMap(\.help).joined(separator: "\n") }
  var warningText: String { warnings.map(Self.text).joined(separator: "\n") }

  private static func text(_ found: Diagnostic) -> String {
    ([found.message, found.label] + found.labels.map(\.text)).joined(separator: "\n")
  }
}

/// Collects what a script prints.
private final class Sink {
  var text = ""
}

@Suite struct LanguageTests {
  @Test func thereAreManyCases() {
    #expect(LanguageCase.all().count > 600)
  }

  @Test(arguments: LanguageCase.all()) func behavesAsItSays(_ found: LanguageCase) throws {
    let run = try LanguageRun(found)
    var lines = run.output.components(separatedBy: "\n")
    if lines.last == "" { lines.removeLast() }
    #expect(lines == found.output, "errors: \(run.errorText)")
    #expect(run.problems == [], "the verifier found fault with the bytecode")
    #expect(run.leftOver == 0, "values are left over when the engine ends")
    #expect((run.status == 0) == (!found.fails && found.status ?? 0 == 0), "\(run.errorText)")
    #expect(found.fails == !run.errorText.isEmpty || found.status != nil)
    for fragment in found.errors where !fragment.isEmpty {
      #expect(run.errorText.contains(fragment))
    }
    for fragment in found.helps { #expect(run.helpText.contains(fragment)) }
    for fragment in found.warnings { #expect(run.warningText.contains(fragment)) }
    if let status = found.status { #expect(run.status == status) }
    if let kind = found.kind, run.status == 1 { #expect(run.kind == kind) }
    if let file = found.file { #expect(run.file?.hasSuffix(file) == true) }
    if let place = found.place {
      let here = run.place.map { place.contains(":") ? "\($0.line):\($0.column)" : "\($0.line)" }
      #expect(here == place)
    }
  }
}
