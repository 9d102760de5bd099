// What a differentiated or batched call does to the ops inside it.

/// One active transformation: a tape that records, later also forward derivatives and batching.
///
/// An op goes to the innermost trace that tracks one of its operands. The trace takes the operands' handles on the levels
/// below (`lowered`), applies the op there, and notes what it needs. So values are always plain tensors with a handle, and
/// traces nest to any depth.
package class Trace {
  /// Which trace of all there ever were; part of the handles of its values.
  final let serial: UInt32
  /// Whether ops still go to it.
  @exclusivity(unchecked) package internal(set) final var isActive = true

  init(serial: UInt32) { self.serial = serial }

  /// Applies an op one level down and notes it. `operands` contains one that is tracked here.
  func apply(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute], in context: TensorContext
  ) throws(TensorError) -> [Operand] {
    preconditionFailure("every kind of trace applies ops in its own way")
  }

  /// A value as the level below sees it.
  package func lowered(_ operand: Operand) -> Operand {
    preconditionFailure("every kind of trace keeps its values in its own way")
  }

  /// The shape a value has inside this trace.
  func shape(of operand: Operand, in context: TensorContext) -> Shape {
    context.shape(of: lowered(operand))
  }

  /// Whether a handle belongs to this trace.
  @inline(__always) package final func tracks(_ handle: Handle) -> Bool {
    handle.serial == serial && !handle.isNone
  }

  /// Whether a value belongs to this trace.
  @inline(__always) final func tracks(_ operand: borrowing Operand) -> Bool {
    tracks(operand.handle)
  }
}
