// Recurrent layers over sequences of different lengths, padded to one.

extension Ops {
  /// What a recurrent layer gives where each sequence has a length: states of 0 behind it, and the last state that of the length.
  ///
  /// A padded step reads zeros, and one feature more that is 1 there and 0 elsewhere, whose weights close the gates for good: LSTM
  /// keeps its cell and GRU its state, exactly and with derivatives of 0; relu makes 0, so that nothing grows on the padding.
  static func paddedSequence(
    _ c: TensorContext, _ kind: CellKind, _ operands: [Operand], lengths: Operand
  ) throws(TensorError) -> [Operand] {
    let padding = try SequencePadding(c, kind, x: operands[0], lengths: lengths)
    var inputs = operands
    inputs[0] = try c.select(padding.isReal, c.floats(operands[0]), Operand(0))
    if let closing = try padding.closingWeights(units: c.shape(of: operands[2])[0], operands[1]) {
      inputs[0] = try c.apply(concat, [inputs[0], padding.markers], [.int(2)])
      inputs[1] = try c.apply(concat, [operands[1], closing], [.int(0)])
    }
    let results = try c.applyMany(recurrence, inputs, [.int(kind.rawValue)])
    let states = try c.select(padding.isReal, results[0], Operand(0))
    switch kind {
    case .gru: return [states, results[1]]
    case .lstm: return [states, try padding.last(states, start: operands[5]), results[2]]
    case .plain, .relu: return [states, try padding.last(states, start: operands[5])]
    }
  }
}

/// Which steps of a batch of sequences are padding.
private struct SequencePadding {
  let context: TensorContext
  let kind: CellKind
  /// int[B]
  let lengths: Operand
  /// bool[B, T, 1]
  let isReal: Operand
  /// 1 for each padded step, `[B, T, 1]`.
  let markers: Operand

  init(
    _ c: TensorContext, _ kind: CellKind, x: Operand, lengths given: Operand
  ) throws(TensorError) {
    let shape = c.shape(of: x)
    let (batch, steps) = (shape[0], shape[1])
    context = c
    self.kind = kind
    var lengths = given
    if given.isNumber { lengths = Operand(try Tensor(given.number, dtype: .i32)) }
    try Self.check(lengths, given.isNumber ? given.number : nil, steps: steps, in: kind.name)
    lengths = try c.apply(Ops.broadcastTo, [lengths], [.ints([batch]), .dtype(.i32)])
    self.lengths = lengths
    let places = try Tensor((0..<steps).map { $0 }, dtype: .i32)
    isReal = try c.binary(
      Ops.less, Operand(Tensor(sharing: places, shape: [1, steps, 1])),
      c.reshaped(lengths, [batch, 1, 1]))
    let dtype = x.tensor.map { $0.dtype.isFloat ? $0.dtype : .f32 } ?? .f32
    markers = try c.sub(1, c.apply(Ops.to, [isReal], [.dtype(dtype)]))
  }

  private static func check(
    _ lengths: Operand, _ number: Double?, steps: Int, in name: String
  ) throws(TensorError) {
    guard let tensor = lengths.tensor else { return }
    guard tensor.dtype.isInteger, number.map({ $0 == $0.rounded() }) ?? true else {
      throw TensorError(
        "type", "\(name): lengths are whole numbers, not \(tensor.dtype.name)",
        help: "to(lengths, \"i32\") makes integers")
    }
    for place in 0..<tensor.count {
      let length = tensor.integer(at: place)
      guard length >= 0, length <= steps else {
        throw TensorError(
          "argument", "\(name): a length is from 0 to \(steps) steps, not \(length)")
      }
    }
  }

  /// The row of weights for the markers; nil where the state does no harm behind a sequence.
  func closingWeights(units: Int, _ weight: Operand) throws(TensorError) -> Operand? {
    // So far from 0 that sigmoid is 0 or 1 and flat, whatever the other sums are.
    let far = 1e9
    let gates: [Double]
    switch kind {
    case .plain: return nil
    case .relu: gates = [-far]
    case .lstm: gates = [-far, far, 0, 0]
    case .gru: gates = [0, far, 0]
    }
    let row = gates.flatMap { [Double](repeating: $0, count: units) }
    let dtype = weight.tensor.map { $0.dtype.isFloat ? $0.dtype : .f32 } ?? .f32
    return Operand(try Tensor(row, shape: [1, row.count], dtype: dtype))
  }

  /// The state at each row's length, `[B, H]`; of a row without steps the start.
  func last(_ states: Operand, start: Operand) throws(TensorError) -> Operand {
    let c = context
    let batch = c.shape(of: states)[0]
    let rows = Operand(try Tensor((0..<batch).map { $0 }, dtype: .i32))
    let ends = try c.binary(Ops.maximum, c.sub(lengths, Operand(1)), Operand(0))
    let picked = try c.apply(
      Ops.indexItems, [states, rows, ends],
      [.index([.integers(operand: 1), .integers(operand: 2)])])
    let hasSteps = try c.binary(Ops.greater, lengths, Operand(0))
    return try c.select(c.reshaped(hasSteps, [batch, 1]), picked, start)
  }
}
