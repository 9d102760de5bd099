// Looking at every op that runs: for tables of a network's layers and for what finds dead units.

extension TensorContext {
  /// Is shown an op, its operands and its results, all without their handles.
  package typealias Observer = (_ op: Op, _ operands: [Operand], _ results: [Operand]) -> Void

  /// Runs something and shows every op of it to an observer; ops that rules of derivatives run do not count.
  package func observing<Result>(
    _ observer: @escaping Observer, _ body: () throws -> Result
  ) rethrows -> Result {
    let before = (self.observer, debugNaNs, refusesFlaws)
    self.observer = observer
    refusesFlaws = debugNaNs && refusesFlaws
    debugNaNs = true
    defer { (self.observer, debugNaNs, refusesFlaws) = before }
    return try body()
  }
}
