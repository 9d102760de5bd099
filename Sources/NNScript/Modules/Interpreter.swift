// Runs programs: from text over diagnostics to a value.
import NNSyntax

/// One engine's front: checks and runs texts one after the other, as a file or as the inputs of a session.
package final class Interpreter {
  /// What became of a text.
  package enum Outcome {
    /// It ran to its end; the text of its last expression's value as a session shows it, nil where there is none.
    case finished(value: String?)
    /// It was not run, because of the errors among these.
    case refused([Diagnostic])
    /// An error that nothing caught; `kind` is what a script would see as `e.kind`.
    case failed(Diagnostic, kind: String)
    /// It was cancelled from outside; the diagnostic says where it was.
    case cancelled(Diagnostic)
    /// It called `exit(status)`.
    case exited(status: Int32)
  }

  let vm: VM
  let module: Module
  private let globals = GlobalTable()
  /// Whether names may be declared again by later texts.
  private let isSession: Bool
  private var isTornDown = false
  /// What was found in the text that was run last, warnings included.
  package private(set) var diagnostics: [Diagnostic] = []
  /// Told of every warning: those of a text before it runs, and those that arise while it does.
  package var onWarning: ((Diagnostic) -> Void)?
  /// Whether texts go through the static checker before they run, which refuses those that are certain to fail.
  package var checksShapes = false
  /// Whether the bytecode of every text is checked before it runs, for tests of the compiler.
  package var verifiesBytecode = false
  /// What was wrong with the bytecode of the text that was run last.
  package private(set) var bytecodeProblems: [String] = []

  /// An engine for one program, or for the inputs of a session. Imports are relative to the folder of `path`.
  package init(
    host: Host, cancellation: Cancellation = Cancellation(), path: String? = nil,
    arguments: [String] = [], isSession: Bool = false
  ) {
    vm = VM(host: host, interrupts: Interrupts(cancellation: cancellation))
    vm.arguments = arguments
    module = vm.modules.makeModule(name: "main", path: path)
    self.isSession = isSession
    vm.onWarning = { [unowned self] warning in
      diagnostics.append(warning)
      onWarning?(warning)
    }
  }

  deinit { tearDown() }

  /// Where spans of diagnostics point.
  package var sources: SourceMap { vm.modules.sources }
  /// Asks a running text to stop; any thread may.
  package var cancellation: Cancellation { vm.interrupts.cancellation }

  /// Stops texts after so many calls and loop turns.
  package var instructionLimit: Int? {
    get { vm.interrupts.instructionsLeft }
    set { vm.interrupts.instructionsLeft = newValue }
  }

  /// Stops texts that hold more bytes of values and tensors than this.
  package var memoryLimit: Int? {
    get { vm.interrupts.memoryLimit }
    set { vm.interrupts.memoryLimit = newValue }
  }

  /// Stops texts at this time of the host's clock.
  package var deadline: Double? {
    get { vm.interrupts.deadline }
    set { vm.interrupts.deadline = newValue }
  }

  /// How many values live on the heap.
  package var liveObjects: Int { vm.heap.liveCount }

  /// Parses, checks, compiles and runs a text.
  package func run(source text: [UInt8], name: String) -> Outcome {
    do {
      guard let value = try evaluate(source: text, name: name) else { return .refused(diagnostics) }
      defer { release(value) }
      return .finished(value: value.isNil ? nil : try ValueText.described(value, in: vm))
    } catch {
      return outcome(of: vm.scriptError(error))
    }
  }

  package func run(source text: String, name: String) -> Outcome {
    run(source: Array(text.utf8), name: name)
  }

  /// The value of a text's last expression, owned; nil if there are errors, which are then among `diagnostics`.
  func evaluate(source text: [UInt8], name: String) throws -> Slot? {
    guard let code = compile(source: text, name: name) else { return nil }
    for warning in diagnostics { onWarning?(warning) }
    return try vm.cancellable { try vm.run(code) }
  }

  /// The value of a top-level variable, borrowed; nil if there is none.
  func value(of name: String) -> Slot? { module.value(name) }

  /// The names that the texts have defined so far.
  var publicNames: [String] { module.publicNames }

  /// Parses and checks a text; gives everything found.
  package func check(source text: [UInt8], name: String) -> [Diagnostic] {
    _ = compile(source: text, name: name)
    return diagnostics
  }

  /// What can be said of a text before it runs, errors in its shapes that are certain to happen included. Nothing of it is kept: it
  /// declares no names.
  package func foresee(source text: [UInt8], name: String) -> [Diagnostic] {
    let parsed = Parser.parse(sources.add(name: name, bytes: text))
    var found = parsed.diagnostics
    if parsed.hasErrors { return found }
    found += Resolver.resolve(
      parsed.program, globals: globals.copy(),
      environment: vm.modules.environment(of: module, vm: vm), isSession: isSession)
    if found.contains(where: { $0.severity == .error }) { return found }
    return found
      + Checker.check(
        parsed.program, vm: vm, module: module, text: String(decoding: text, as: UTF8.self))
  }

  /// The bytecode of a text as `--code` shows it; nil if there are errors, which are then among `diagnostics`.
  package func disassemble(source text: [UInt8], name: String) -> String? {
    compile(source: text, name: name).map { Disassembler.text(of: $0, sources: sources) }
  }

  /// What is wrong with the bytecode of a text, for tests of the compiler.
  package func verify(source text: [UInt8], name: String) -> [String] {
    compile(source: text, name: name).map { Verifier.problems(in: $0) } ?? []
  }

  /// The code of a text; nil if there are errors.
  func compile(source text: [UInt8], name: String) -> Code? {
    let source = sources.add(name: name, bytes: text)
    let parsed = Parser.parse(source)
    diagnostics = parsed.diagnostics
    if parsed.hasErrors { return nil }
    diagnostics += Resolver.resolve(
      parsed.program, globals: globals, environment: vm.modules.environment(of: module, vm: vm),
      isSession: isSession)
    if diagnostics.contains(where: { $0.severity == .error }) { return nil }
    vm.modules.declareGlobals(of: globals, in: module)
    let context = CompileContext(heap: vm.heap, module: module)
    let code = FunctionCompiler.compile(program: parsed.program, name: "main", context: context)
    diagnostics += context.diagnostics
    guard context.diagnostics.isEmpty else { return nil }
    if checksShapes {
      diagnostics += Checker.check(
        parsed.program, vm: vm, module: module, text: String(decoding: text, as: UTF8.self))
      if diagnostics.contains(where: { $0.severity == .error }) { return nil }
    } else if isSession, onWarning != nil {
      diagnostics += Checker.checkDefinitions(
        parsed.program, vm: vm, module: module, text: String(decoding: text, as: UTF8.self))
    }
    bytecodeProblems = verifiesBytecode ? Verifier.problems(in: code) : []
    return bytecodeProblems.isEmpty ? code : nil
  }

  /// Ends the engine; gives how many values were left over, which should be none.
  @discardableResult package func tearDown() -> Int {
    if isTornDown { return 0 }
    isTornDown = true
    return vm.tearDown()
  }

  private func outcome(of error: ScriptError) -> Outcome {
    switch error.kind {
    case .exit: .exited(status: error.status)
    case .cancelled: .cancelled(vm.diagnostic(of: error))
    default: .failed(vm.diagnostic(of: error), kind: error.kind.rawValue)
    }
  }
}

extension VM {
  /// An error as the diagnostic that is shown for it, with the calls that were running.
  func diagnostic(of error: ScriptError) -> Diagnostic {
    let error = outsideLibrary(error)
    var labels = error.labels.map { DiagnosticLabel(span: $0.span, text: $0.text) }
    var label = ""
    if let index = labels.firstIndex(where: { $0.span == error.span }) {
      label = labels.remove(at: index).text
    }
    let calls = error.trace.dropFirst().map { "called by \(describe($0))" }
    return Diagnostic(
      error.message, at: error.span, label: label, labels: labels, help: error.help,
      notes: Self.shortened(calls, omitted: error.omittedCalls))
  }

  /// An error that happened inside the library, at the call of the user's own code that led there.
  func outsideLibrary(_ error: ScriptError) -> ScriptError {
    guard let span = error.span, modules.isLibrary(span),
      let call = error.trace.first(where: { !modules.isLibrary($0.span) })
    else { return error }
    var moved = error
    let hasLabel = error.labels.contains { span.start <= $0.span.start && $0.span.end <= span.end }
    if !hasLabel { moved.labels.append((span, "here")) }
    moved.span = call.span
    return moved
  }

  /// A long stack without its middle.
  private static func shortened(_ calls: [String], omitted: Int) -> [String] {
    if calls.count <= 20 { return calls }
    let left = calls.count - 20 + omitted
    return calls.prefix(10) + ["... \(left) more calls ..."] + calls.suffix(10)
  }
}
