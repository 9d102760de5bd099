// The error that a Swift host catches.

/// Why a script could not be read or did not finish.
public struct ScriptFailure: Error, CustomStringConvertible {
  /// A place in a script; lines and columns count from 1, columns in characters.
  public struct Location: Equatable, Sendable {
    public let file: String
    public let line: Int
    public let column: Int
  }

  /// One script call that was running.
  public struct Call: Equatable, Sendable {
    public let function: String
    public let location: Location?
  }

  /// What went wrong, as scripts see it in `e.kind`: `error type shape index key name argument recursion io assert limit`; `syntax` for a program that does not
  /// parse or resolve, `cancelled` and `exit` for a run that was ended.
  public let kind: String
  /// One line.
  public let message: String
  /// Probable fixes.
  public let help: [String]
  /// Where it happened, if that is known.
  public let location: Location?
  /// The calls that were running, innermost first.
  public let stack: [Call]
  /// The status given to `exit(status)`.
  public let exitStatus: Int32
  /// The whole report with the source line and carets, as the command prints it (without colour).
  public let description: String
}
