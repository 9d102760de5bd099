// Lets the user edit lines at a prompt, with history and completion.

import CReadline

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Readline as one value; there is one terminal, so there is one of these at a time.
struct LineEditor {
  /// How the editing of a line ended.
  enum Outcome {
    case line(String)
    case interrupted
    case end
  }

  /// Words that could stand where the one between two byte offsets of a line stands.
  typealias Completer = (_ line: String, _ word: Range<Int>) -> [String]

  private static let mostHistory = 5000
  private let historyFile: String?

  /// - Parameter historyFile: where lines are kept between runs; nil for nowhere.
  init(historyFile: String?, completer: @escaping Completer) {
    self.historyFile = historyFile
    CompleterBox.current = completer
    nnrl_set_completer { line, start, end in
      guard let line, let completer = CompleterBox.current else { return }
      for word in completer(String(cString: line), Int(start)..<Int(end)) {
        nnrl_add_candidate(word)
      }
    }
    if let historyFile { nnrl_load_history(historyFile, Int32(Self.mostHistory)) }
  }

  func readLine(prompt: String) -> Outcome {
    var line: UnsafeMutablePointer<CChar>?
    switch nnrl_read_line(prompt, &line) {
    case NNRL_LINE:
      guard let line else { return .end }
      defer { free(line) }
      return .line(String(cString: line))
    case NNRL_INTERRUPTED: return .interrupted
    default: return .end
    }
  }

  /// Adds an entry, which may have several lines, and keeps the history at once so that a crash loses nothing.
  func remember(_ entry: String) {
    nnrl_add_history(entry)
    if let historyFile { _ = nnrl_save_history(historyFile) }
  }
}

/// Where the C callback finds the completer. Only the script's thread touches it.
private enum CompleterBox {
  nonisolated(unsafe) static var current: LineEditor.Completer?
}
