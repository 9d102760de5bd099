// Does what the arguments say: runs a program, prints one of its stages, or opens the prompt.

import CReadline
import NNScript

/// One run of the command.
struct Launcher {
  let command: NNScriptCommand

  /// Share of the machine's memory that a script may take.
  private static let memoryShare = 0.8

  /// Runs it on the script's thread; returns the exit status.
  func run() -> Int32 {
    var status: Int32 = 0
    ScriptThread.run { status = runHere() }
    return status
  }

  private func runHere() -> Int32 {
    let cancellation = Cancellation()
    let context = Unmanaged.passRetained(cancellation).toOpaque()
    nnrl_watch_interrupts(
      { Unmanaged<Cancellation>.fromOpaque($0!)._withUnsafeGuaranteedRef { $0.request() } }, context
    )
    let host = Host.system(isCancelled: { cancellation.isRequested })
    do throws(HostError) {
      let program = try program(host)
      let session = Session(host: host, interpreter: interpreter(host, cancellation, program))
      let status =
        if let program { runOrShow(program, session, host) } else {
          prompt(host, session, cancellation)
        }
      try host.flush()
      return status
    } catch {
      if error.kind == .closedPipe { return ExitStatus.closedPipe }
      Session(host: host, interpreter: Interpreter(host: host)).show(error)
      return error.kind == .cancelled ? ExitStatus.cancelled : ExitStatus.badUsage
    }
  }

  /// A program's text and what to call it.
  private struct Program {
    let text: [UInt8]
    let name: String
    /// Its file, to which the paths of its imports are relative.
    var path: String?
    let arguments: [String]
  }

  /// The program that the arguments mean; nil for the prompt.
  private func program(_ host: Host) throws(HostError) -> Program? {
    let arguments = command.arguments
    if let code = command.inlineCode {
      let all = (command.file.map { [$0] } ?? []) + arguments
      return Program(text: Array(code.utf8), name: "<code>", arguments: all)
    }
    guard let file = command.file else { return nil }
    if file == "-" {
      return Program(text: try host.readInput(), name: "<stdin>", arguments: arguments)
    }
    let text = try host.readFile(file)
    if text.prefix(1024).contains(0) {
      throw HostError(
        "\"\(file)\" is not a program: it is not text",
        help: "a program is a text file with the encoding UTF-8")
    }
    return Program(text: text, name: file, path: file, arguments: arguments)
  }

  private func interpreter(
    _ host: Host, _ cancellation: Cancellation, _ program: Program?
  ) -> Interpreter {
    let interpreter = Interpreter(
      host: host, cancellation: cancellation, path: program?.path,
      arguments: program?.arguments ?? command.arguments, isSession: program == nil)
    interpreter.checksShapes = program != nil
    interpreter.setSeed(command.seed)
    interpreter.setThreads(command.threads)
    if let memory = host.memorySize() {
      interpreter.limitMemory(to: Int(Double(memory) * Self.memoryShare))
    }
    return interpreter
  }

  private func runOrShow(_ program: Program, _ session: Session, _ host: Host) -> Int32 {
    if let stage = command.stage { return show(stage, of: program, session, host) }
    switch session.run(program.text, name: program.name) {
    case .value: return 0
    case .failure(let status), .exit(let status): return status
    }
  }

  /// Prints a stage of the program instead of running it.
  private func show(_ stage: Session.Stage, of program: Program, _ session: Session, _ host: Host)
    -> Int32
  {
    guard let text = session.text(of: stage, program.text, name: program.name) else {
      return ExitStatus.refused
    }
    do throws(HostError) {
      try host.write(text)
      return 0
    } catch {
      return ExitStatus.closedPipe
    }
  }

  private func prompt(_ host: Host, _ session: Session, _ cancellation: Cancellation) -> Int32 {
    let repl = Repl(host: host, session: session) {
      cancellation.reset()
      nnrl_clear_interrupt()
    }
    return repl.run(banner: "nnscript \(nnscriptVersion). ?name describes a name, Ctrl-D leaves.")
  }
}

/// What the exit statuses of the command mean.
enum ExitStatus {
  static let failed: Int32 = 1
  static let refused: Int32 = 2
  static let badUsage: Int32 = 2
  static let cancelled: Int32 = 130
  /// What a shell reports for a program that wrote to a closed pipe.
  static let closedPipe: Int32 = 141
}
