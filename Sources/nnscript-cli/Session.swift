// An interpreter with a face: it shows diagnostics on the error stream and turns ends into exit statuses.

import NNScript
import NNSyntax

/// One engine set up as the command line says.
struct Session {
  /// How a text ended.
  enum Ending {
    /// It ran; the value of its last expression as `repr` gives it, nil for none.
    case value(String?)
    /// It was refused, failed or was cancelled; this status says which.
    case failure(Int32)
    /// The script ended the process with this status.
    case exit(Int32)
  }

  /// A stage between text and run whose result can be printed.
  enum Stage {
    case tokens, tree, code
    /// Nothing but what is wrong.
    case check
  }

  let interpreter: Interpreter
  private let host: Host
  private let renderer: DiagnosticRenderer

  init(host: Host, interpreter: Interpreter) {
    self.host = host
    self.interpreter = interpreter
    let usesColors = host.isTerminal(.error) && (host.environment("NO_COLOR") ?? "").isEmpty
    renderer = DiagnosticRenderer(
      sources: interpreter.sources, colors: usesColors, width: max(60, host.terminalWidth()))
    interpreter.onWarning = { [host, renderer] warning in
      host.writeError(renderer.render(warning) + "\n")
    }
  }

  /// Checks and runs a text.
  func run(_ text: [UInt8], name: String) -> Ending {
    let outcome = interpreter.run(source: text, name: name)
    switch outcome {
    case .finished(let value): return .value(value)
    case .refused(let diagnostics):
      show(diagnostics)
      return .failure(ExitStatus.refused)
    case .failed(let diagnostic, _):
      show([diagnostic])
      return .failure(ExitStatus.failed)
    case .cancelled(let diagnostic):
      show([diagnostic])
      return .failure(ExitStatus.cancelled)
    case .exited(let status): return .exit(status)
    }
  }

  /// What a stage makes of a text; nil if that has errors, which are then shown.
  func text(of stage: Stage, _ text: [UInt8], name: String) -> String? {
    switch stage {
    case .tokens:
      let source = interpreter.sources.add(name: name, bytes: text)
      let (tokens, diagnostics) = Lexer.tokenize(source)
      return checked(diagnostics, TokenDump.dump(tokens, of: source))
    case .tree:
      let parsed = Parser.parse(interpreter.sources.add(name: name, bytes: text))
      return checked(parsed.diagnostics, TreeDump.dump(parsed.program))
    case .code:
      let listing = interpreter.disassemble(source: text, name: name)
      return checked(interpreter.diagnostics, listing ?? "")
    case .check: return checked(interpreter.foresee(source: text, name: name), "")
    }
  }

  private func checked(_ diagnostics: [Diagnostic], _ text: String) -> String? {
    show(diagnostics)
    if diagnostics.contains(where: { $0.severity == .error }) { return nil }
    return text.isEmpty || text.hasSuffix("\n") ? text : text + "\n"
  }

  /// Whether a text is right so far but ends too early, such as inside an open block.
  func isIncomplete(_ text: String) -> Bool {
    Parser.parse(SourceFile(name: "", text: text)).isIncomplete
  }

  /// Shows an error that has no place in a program.
  func show(_ error: HostError) {
    show([Diagnostic(error.message, at: nil, help: error.help.map { [$0] } ?? [])])
  }

  private func show(_ diagnostics: [Diagnostic]) {
    if !diagnostics.isEmpty { host.writeError(renderer.render(diagnostics) + "\n") }
  }
}
