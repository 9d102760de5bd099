// Everything a script can reach outside itself, as a struct of closures, so that an embedding program can lend out as much as it likes.

/// Why something outside the script could not be done.
public struct HostError: Error, Sendable {
  /// What sort of failure this is, for those who must treat one apart.
  public enum Kind: Sendable {
    /// The file, folder, address or stream itself made trouble.
    case failed
    /// The embedding program does not lend this to scripts.
    case denied
    /// Whoever read the output has gone away.
    case closedPipe
    /// The run was cancelled while it waited here.
    case cancelled
  }

  public let kind: Kind
  /// One line without a final full stop, such as `cannot read "a.txt": no such file`.
  public let message: String
  /// A probable fix, where one is known.
  public let help: String?

  public init(_ message: String, kind: Kind = .failed, help: String? = nil) {
    self.kind = kind
    self.message = message
    self.help = help
  }
}

/// One of the three standard streams.
public enum StandardStream: Int32, Sendable {
  case input, output, error
}

/// The world as a script sees it.
///
/// `Host()` lends nothing: output is dropped, no file exists, everything else is an error. Assign the closures a script
/// is to have, or start from `Host.system()`, which lends all that the process may do.
public struct Host {
  /// Writes text to the standard output.
  public var write: (_ text: String) throws(HostError) -> Void = { _ throws(HostError) in }
  /// Shows what `write` keeps back; it does so by itself at every line end.
  public var flush: () throws(HostError) -> Void = { () throws(HostError) in }
  /// Writes text to the standard error: diagnostics, progress bars.
  public var writeError: (_ text: String) -> Void = { _ in }
  /// The next line of the standard input without its line end, nil at its end.
  public var readLine: () throws(HostError) -> String? = { () throws(HostError) in nil }
  /// All that is left of the standard input.
  public var readInput: () throws(HostError) -> [UInt8] = { () throws(HostError) in [] }

  /// All bytes of a file.
  public var readFile: (_ path: String) throws(HostError) -> [UInt8] = { path throws(HostError) in
    throw Host.denied("read \"\(path)\"")
  }
  /// Replaces a file's bytes at once: whoever reads it sees all of the old or all of the new.
  public var writeFile: (_ path: String, _ bytes: [UInt8]) throws(HostError) -> Void = {
    path, _ throws(HostError) in throw Host.denied("write \"\(path)\"")
  }
  /// The names in a folder, sorted.
  public var listFolder: (_ path: String) throws(HostError) -> [String] = {
    path throws(HostError) in
    throw Host.denied("list \"\(path)\"")
  }
  /// Makes a folder and those above it; nothing happens when it is there.
  public var makeFolder: (_ path: String) throws(HostError) -> Void = { path throws(HostError) in
    throw Host.denied("make the folder \"\(path)\"")
  }
  /// What stands at a path, nil when nothing does.
  public var entry: (_ path: String) -> Entry? = { _ in nil }
  /// The bytes behind a URL, at most `most`. The callback gets how many have come so far.
  public var fetch:
    (_ url: String, _ most: Int, _ progress: (Int) -> Void) throws(HostError) -> [UInt8] = {
      url, _, _ throws(HostError) in throw Host.denied("fetch \(url)")
    }

  /// The value of an environment variable.
  public var environment: (_ name: String) -> String? = { _ in nil }
  /// Seconds on a clock that never goes backwards, from a start of no meaning.
  public var seconds: () -> Double = { 0 }
  /// Whether a standard stream is a terminal.
  public var isTerminal: (_ stream: StandardStream) -> Bool = { _ in false }
  /// Columns of the terminal.
  public var terminalWidth: () -> Int = { 80 }
  /// The user's folder for files that can be fetched or computed again, nil when there is none.
  public var cacheFolder: () -> String? = { nil }
  /// The user's folder for what a program keeps between runs, nil when there is none.
  public var stateFolder: () -> String? = { nil }
  /// Bytes of memory this process may hope for, nil when unknown.
  public var memorySize: () -> Int? = { nil }

  /// What a path leads to.
  public enum Entry: Sendable {
    case file, folder, other
  }

  public init() {}

  /// Whether anything stands at a path.
  public func exists(_ path: String) -> Bool { entry(path) != nil }

  private static func denied(_ action: String) -> HostError {
    HostError("cannot \(action): this program gives scripts no access to it", kind: .denied)
  }
}
