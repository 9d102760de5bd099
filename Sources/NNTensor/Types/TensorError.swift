// The one error of the tensor layer.

/// Why an op refused its operands; the language adds where in the source that was.
package struct TensorError: Error, Sendable {
  /// One of "shape", "type", "index", "argument", "limit", "cancelled".
  package var kind: String
  /// What was found and what was expected.
  package var message: String
  /// A probable fix.
  package var help: String?
  /// Texts to show under operands, such as `[32, 784]`.
  package var notes: [(operand: Int, text: String)]
  /// The context's `position` when the op was recorded whose gradient failed; nil if the op that runs now failed.
  package var position: UInt32?
  /// The error of a script that a gradient rule ran, to be thrown on as it is.
  package var cause: (any Error)?

  package init(
    _ kind: String, _ message: String, help: String? = nil,
    notes: [(operand: Int, text: String)] = []
  ) {
    self.kind = kind
    self.message = message
    self.help = help
    self.notes = notes
  }

  /// Another error on its way through the tensor layer.
  package init(carrying cause: any Error, _ kind: String, _ message: String) {
    self.init(kind, message)
    self.cause = cause
  }

  /// The thread's cancel flag is raised: kernels stopped early, so there is no result.
  static var cancelled: TensorError { TensorError("cancelled", "cancelled") }

  /// Tensor memory is out, or over the limit that was set.
  static func outOfMemory(_ shape: Shape, _ dtype: DType) -> TensorError {
    TensorError("limit", "no memory for a tensor \(dtype.name)\(shape)")
  }
}
