// The prompt: reads statements, runs them in one session, shows the value of expressions.

import NNScript

/// A session at the terminal, or a plain loop over piped lines.
struct Repl {
  let host: Host
  let session: Session
  /// Takes back a Ctrl-C, so that the next entry runs.
  let forgetInterrupt: () -> Void

  private static let prompt = ">>> "
  private static let continuation = "... "

  /// Runs until the input ends or a script exits; returns the exit status.
  func run(banner: String) -> Int32 {
    guard host.isTerminal(.input), host.isTerminal(.output) else { return runPlainly() }
    show(banner + "\n")
    let editor = LineEditor(historyFile: historyFile()) { line, word in
      let place = CompletionPlace(line: line, word: word)
      return session.interpreter.completions(of: place.prefix, owner: place.owner)
    }
    while true {
      switch readEntry({ editor.readLine(prompt: $0) }) {
      case .interrupted: forgetInterrupt()
      case .end:
        show("\n")
        return 0
      case .line(let entry):
        editor.remember(entry)
        if case .exit(let status) = handle(entry) { return status }
      }
    }
  }

  /// Without a terminal there is no prompt, and the status tells whether an entry failed.
  private func runPlainly() -> Int32 {
    var status: Int32 = 0
    while case .line(let entry) = readEntry({ _ in nextPipedLine() }) {
      switch handle(entry) {
      case .none: break
      case .failure: status = 1
      case .exit(let status): return status
      }
    }
    return status
  }

  private func nextPipedLine() -> LineEditor.Outcome {
    guard let line = try? host.readLine() else { return .end }
    return .line(line)
  }

  /// Lines until they make something whole; an empty line ends what would otherwise go on.
  private func readEntry(_ read: (String) -> LineEditor.Outcome) -> LineEditor.Outcome {
    var entry = ""
    while true {
      switch read(entry.isEmpty ? Self.prompt : Self.continuation) {
      case .line(let line):
        entry += entry.isEmpty ? line : "\n" + line
        // A doc comment belongs to what the next line declares.
        let goesOn = line.hasPrefix("##") || session.isIncomplete(entry)
        if line.isEmpty || !goesOn { return .line(entry) }
      case .end: return entry.isEmpty ? .end : .line(entry)
      case .interrupted: return .interrupted
      }
    }
  }

  /// Runs an entry and shows its value, or answers a question about a name; returns the status if it ends the session.
  private func handle(_ entry: String) -> Ending {
    let text = entry.drop { $0 == " " || $0 == "\t" }
    if text.isEmpty { return .none }
    if text.first == "?" {
      let name = text.dropFirst().filter { $0 != " " && $0 != "(" && $0 != ")" }
      show((name.isEmpty ? Self.help : session.interpreter.description(of: name)) + "\n")
      return .none
    }
    defer { forgetInterrupt() }
    switch session.run(Array(entry.utf8), name: "<input>") {
    case .value(let value):
      if let value { show(value + "\n") }
      return .none
    case .failure: return .failure
    case .exit(let status): return .exit(status)
    }
  }

  /// What an entry means for the session.
  private enum Ending {
    case none, failure
    case exit(Int32)
  }

  private func show(_ text: String) {
    try? host.write(text)
    try? host.flush()
  }

  /// The history's file, in a folder made for it.
  private func historyFile() -> String? {
    guard let folder = host.stateFolder() else { return nil }
    try? host.makeFolder(folder)
    return folder + "/history"
  }

  private static let help = """
    ?name shows what a name is; Tab completes names and members.
    Ctrl-C stops what runs or clears the line; Ctrl-D leaves.
    """
}
