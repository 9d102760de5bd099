// The error of a running script: kind, message and help, with the place and the stack of calls added as it travels outwards.
import NNSyntax
import NNTensor

/// A run-time error. Natives and the virtual machine throw it; `catch` makes an error value of it, and uncaught it becomes a `Diagnostic`.
struct ScriptError: Error, Sendable {
  /// What scripts see as `e.kind`; the last three are not catchable.
  enum Kind: String, Sendable {
    case error, type, shape, index, key, name, argument, recursion, io, assert, limit
    case cancelled, exit
  }

  /// Text to show under an operand or argument of the failing instruction, such as the shape it had.
  struct Note: Sendable {
    let operand: Int
    let text: String
  }

  /// One script call that was running.
  struct Call: Sendable {
    let function: String
    let span: Span
  }

  var kind: Kind
  var message: String
  var help: [String]
  var notes: [Note]
  /// Where it happened; the virtual machine fills it in.
  var span: Span?
  /// Texts at places in the source, made from `notes` where the instruction is known.
  var labels: [(span: Span, text: String)] = []
  /// The calls that were running, innermost first; of very many, those in the middle are left out.
  private(set) var trace: [Call] = []
  /// How many calls are left out before the last ones of `trace`.
  private(set) var omittedCalls = 0
  /// Where the tensor op stands that an error of the backward pass is about; see `Code.positionBase`.
  var position: UInt32?
  /// The status of `exit(status)`.
  var status: Int32 = 0
  /// Passes through `try`: cancellation, exit, and the limits of the engine (not those a script can run into by itself).
  var isCatchable = true

  /// As many calls are kept, so that an error from deep recursion can be passed on at little cost.
  private static let mostCalls = 128

  /// Adds the call around those of the trace.
  mutating func add(_ call: Call) {
    if trace.count == Self.mostCalls {
      trace.remove(at: Self.mostCalls / 2)
      omittedCalls += 1
    }
    trace.append(call)
  }

  mutating func forgetCalls() {
    trace = []
    omittedCalls = 0
  }

  init(_ kind: Kind, _ message: String, help: String? = nil, notes: [Note] = []) {
    self.kind = kind
    self.message = message
    self.help = help.map { [$0] } ?? []
    self.notes = notes
  }

  init(_ error: TensorError) {
    if error.kind == Kind.cancelled.rawValue {
      self = .cancelled
      return
    }
    if let cause = error.cause as? ScriptError {
      self = cause
      return
    }
    self.init(
      Kind(rawValue: error.kind) ?? .error, error.message, help: error.help,
      notes: error.notes.map { Note(operand: $0.operand, text: $0.text) })
    position = error.position
  }

  /// The whole engine must stop: cancelled from outside.
  static var cancelled: ScriptError {
    var error = ScriptError(.cancelled, "cancelled")
    error.isCatchable = false
    return error
  }

  /// `exit(status)` was called.
  static func exit(_ status: Int32) -> ScriptError {
    var error = ScriptError(.exit, "exit")
    error.status = status
    error.isCatchable = false
    return error
  }

  /// A limit the host set on instructions, time or memory was reached.
  static func limit(_ message: String) -> ScriptError {
    var error = ScriptError(.limit, message)
    error.isCatchable = false
    return error
  }
}
