// The one door: every tensor operation goes through a context, which holds the active traces and the options.
import NNKernels

/// The tensor side of one engine. Not safe to use from two threads at once.
package final class TensorContext {
  /// The active traces, outermost first; read by every op, and by no access that lasts longer than a statement.
  @exclusivity(unchecked) private(set) var traces: [Trace] = []
  @exclusivity(unchecked) private var lastSerial: UInt32 = 0
  /// Only batched calls outside of this depth still have to make batches of what is drawn.
  private var drawingDepth = Int.max
  /// What every op looks at, kept where reading it needs no exclusivity check.
  private let hot = UnsafeMutablePointer<Hot>.allocate(capacity: 1)
  private let pool = TapePool()
  /// How many operations one differentiated call may record; never more than a handle can count.
  package var recordLimit = Handle.highestIndex
  /// What is shown every op while `observing`.
  var observer: Observer?
  /// Whether inspected results may be refused; not while they are inspected for an observer alone.
  var refusesFlaws = true
  /// The generator's state.
  package var random = RandomState()

  /// See `TensorContext.hot`.
  private struct Hot {
    var debugNaNs = false
    var position: UInt32 = 0
    /// The serial of the innermost trace if that is a tape, else 0.
    var tapeSerial: UInt32 = 0
    var tape: Unmanaged<Tape>?
    var isInBatch = false
  }

  package init() { hot.initialize(to: Hot()) }
  deinit { hot.deallocate() }

  /// Whether every result is searched for NaN, so that the op which made the first one is named.
  @inline(__always) package var debugNaNs: Bool {
    get { hot.pointee.debugNaNs }
    set { hot.pointee.debugNaNs = newValue }
  }

  /// Where the source of the op that is about to run is; tapes remember it for errors in the backward pass.
  @inline(__always) package var position: UInt32 {
    get { hot.pointee.position }
    set { hot.pointee.position = newValue }
  }

  // MARK: - Traces

  /// Starts recording.
  package func beginTape() -> Tape {
    let tape = Tape(serial: nextSerial(), pool: pool, limit: recordLimit, isInBatch: isInBatch)
    begin(tape)
    return tape
  }

  /// Makes a trace the innermost one.
  func begin(_ trace: Trace) {
    traces.append(trace)
    noteInnermost()
  }

  /// Stops recording on a tape (and on traces begun inside it). Its values become plain; its entries stay as long as it does.
  package func end(_ trace: Trace) {
    trace.isActive = false
    while let last = traces.last, !last.isActive { traces.removeLast() }
    noteInnermost()
  }

  private func noteInnermost() {
    let tape = traces.last as? Tape
    hot.pointee.tape = tape.map { Unmanaged.passUnretained($0) }
    hot.pointee.tapeSerial = tape?.serial ?? 0
    hot.pointee.isInBatch = traces.contains { $0 is BatchTrace && $0.isActive }
  }

  /// The innermost trace, if that is a tape.
  @inline(__always) var innermostTape: Tape? { hot.pointee.tape?.takeUnretainedValue() }

  /// The same value, as one that a tape tracks.
  package func watch(_ operand: Operand, on tape: Tape) throws(TensorError) -> Operand {
    var result = operand
    result.handle = try tape.addLeaf(operand)
    return result
  }

  func nextSerial() -> UInt32 {
    lastSerial = lastSerial == .max ? 1 : lastSerial + 1
    return lastSerial
  }

  /// The active trace that a handle belongs to.
  @inline(__always) func trace(of handle: Handle) -> Trace? {
    if handle.isNone { return nil }
    return activeTrace(handle.serial)
  }

  private func activeTrace(_ serial: UInt32) -> Trace? {
    for trace in traces.reversed() where trace.serial == serial && trace.isActive { return trace }
    return nil
  }

  /// The innermost active trace that one of the operands belongs to.
  func innermostTrace(_ operands: [Operand]) -> Trace? {
    guard operands.contains(where: { !$0.handle.isNone }) else { return nil }
    for trace in traces.reversed()
    where trace.isActive && operands.contains(where: { trace.tracks($0) }) {
      return trace
    }
    return nil
  }

  /// The trace an op goes to: the innermost active one that an operand belongs to. What is drawn inside a batched call is a batch.
  private func trace(for op: Op, _ operands: [Operand]) -> Trace? {
    guard op.isRandom else { return innermostTrace(operands) }
    for (place, trace) in traces.enumerated().reversed() where trace.isActive {
      if place < drawingDepth && trace is BatchTrace { return trace }
      if operands.contains(where: { trace.tracks($0) }) { return trace }
    }
    return nil
  }

  /// Runs the draws of a batched call one level down.
  func drawing<Result>(
    inside trace: BatchTrace, _ body: () throws(TensorError) -> Result
  ) throws(TensorError) -> Result {
    let outer = drawingDepth
    drawingDepth = traces.firstIndex { $0 === trace } ?? 0
    defer { drawingDepth = outer }
    return try body()
  }

  /// The innermost active trace that one of two handles belongs to.
  func innermostTrace(_ a: Handle, _ b: Handle) -> Trace? {
    for trace in traces.reversed() where trace.isActive {
      if !a.isNone && a.serial == trace.serial || !b.isNone && b.serial == trace.serial {
        return trace
      }
    }
    return nil
  }

  /// Whether an active trace tracks the value.
  package func isTracked(_ operand: Operand) -> Bool { trace(of: operand.handle) != nil }

  /// Whether a batched call is running.
  @inline(__always) package var isInBatch: Bool { hot.pointee.isInBatch }

  /// Whether the value is one of a batch to the code that sees it.
  package func isBatched(_ operand: Operand) -> Bool { batchDepth(of: operand) > 0 }

  /// The shape of a value as code inside the active traces sees it.
  package func shape(of operand: Operand) -> Shape {
    // Only in a batched call has a value another shape than its tensor.
    guard isInBatch, let trace = trace(of: operand.handle) else { return operand.plainShape }
    return trace.shape(of: operand, in: self)
  }

  // MARK: - Applying ops

  /// Applies an op with one result.
  ///
  /// Operands that nobody else holds may be written over, so give up (move) those you no longer need.
  package func apply(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute] = []
  ) throws(TensorError) -> Operand {
    try op.checkArity(operands.count)
    if case .composed(let body) = op.forward { return try body(self, operands, attributes) }
    if op.hasManyResults { return try applyMany(op, operands, attributes)[0] }
    if let trace = trace(for: op, operands) {
      if let tape = trace as? Tape { return try tape.applyOne(op, operands, attributes, in: self) }
      return try trace.apply(op, operands, attributes, in: self)[0]
    }
    return try runOne(op, operands, attributes)
  }

  /// Applies an op and gives the list of its results.
  package func applyMany(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute] = []
  ) throws(TensorError) -> [Operand] {
    try op.checkArity(operands.count)
    switch op.forward {
    case .composed(let body): return [try body(self, operands, attributes)]
    case .composedMany(let body): return try body(self, operands, attributes)
    default: break
    }
    if let trace = trace(for: op, operands) {
      return try trace.apply(op, operands, attributes, in: self)
    }
    return try run(op, operands, attributes)
  }

  /// Applies an op of one operand.
  @inline(__always)
  package func unary(_ op: Op, _ x: consuming Operand) throws(TensorError) -> Operand {
    let reference = OperandRef(moving: &x)
    return try withExtendedLifetime(x) { () throws(TensorError) -> Operand in
      try unary(op, reference)
    }
  }

  /// Applies an op of two operands.
  @inline(__always)
  package func binary(
    _ op: Op, _ a: consuming Operand, _ b: consuming Operand
  ) throws(TensorError) -> Operand {
    let first = OperandRef(moving: &a)
    let second = OperandRef(moving: &b)
    return try withExtendedLifetime(a) { () throws(TensorError) -> Operand in
      try withExtendedLifetime(b) { () throws(TensorError) -> Operand in
        try binary(op, first, second)
      }
    }
  }

  /// Applies an op of one borrowed operand.
  package func unary(_ op: Op, _ x: OperandRef) throws(TensorError) -> Operand {
    if x.isUntracked { return try runUnary(op, x) }
    let hot = hot.pointee
    if x.handle.serial == hot.tapeSerial, op.isElementwise, let tape = hot.tape {
      return try tape.takeUnretainedValue().unary(op, x, in: self)
    }
    return try trackedUnary(op, x)
  }

  /// Applies an op of two borrowed operands.
  package func binary(
    _ op: Op, _ a: OperandRef, _ b: OperandRef
  ) throws(TensorError) -> Operand {
    if a.handle.bits | b.handle.bits == 0 { return try runBinary(op, a, b) }
    let hot = hot.pointee
    let isOnTape = a.handle.serial == hot.tapeSerial || b.handle.serial == hot.tapeSerial
    if isOnTape, op.isElementwise, let tape = hot.tape {
      return try tape.takeUnretainedValue().binary(op, a, b, in: self)
    }
    return try trackedBinary(op, a, b)
  }

  @inline(never)
  private func trackedUnary(_ op: Op, _ x: OperandRef) throws(TensorError) -> Operand {
    guard let trace = trace(of: x.handle) else {
      var plain = x
      plain.handle = .none
      return try runUnary(op, plain)
    }
    guard let tape = trace as? Tape, op.isElementwise else {
      return try apply(op, [x.owned])
    }
    return try tape.unary(op, x, in: self)
  }

  @inline(never)
  private func trackedBinary(
    _ op: Op, _ a: OperandRef, _ b: OperandRef
  ) throws(TensorError) -> Operand {
    guard let trace = innermostTrace(a.handle, b.handle) else {
      var (plainA, plainB) = (a, b)
      plainA.handle = .none
      plainB.handle = .none
      return try runBinary(op, plainA, plainB)
    }
    guard let tape = trace as? Tape, op.isElementwise else {
      return try apply(op, [a.owned, b.owned])
    }
    return try tape.binary(op, a, b, in: self)
  }
}

/// The state of the counter-based generator: a key and a place in its stream.
package struct RandomState: Equatable, Sendable {
  package var seed: UInt64 = 0
  package var counter: UInt64 = 0

  package init(seed: UInt64 = 0, counter: UInt64 = 0) {
    self.seed = seed
    self.counter = counter
  }
}
