// Recurrent networks over whole sequences: plain, LSTM and GRU layers in one row each.
import NNKernels

extension Ops {
  static let recurrences: [Op] = [rnn, lstm, gru, recurrence, recurrenceGrad]

  private static let inputs = [
    Parameter("x", .tensor), Parameter("weight", .tensor), Parameter("recurrent", .tensor),
    Parameter("bias", .tensor, .number(0)),
  ]
  private static let state = Parameter("h", .tensor, .number(0))
  private static let lengths = Parameter("lengths", .tensor, Attribute.none, wantsIntegers: true)
  /// What the summaries say of it.
  private static let lengthsText =
    " With lengths `int[B]` each sequence ends at its own: the states behind are 0, the last ones are those at the length."

  package static let rnn: Op = Op(
    "rnn", inputs + [state, Parameter("activation", .string, .string("tanh")), lengths],
    summary:
      "A recurrent layer over `x` `[B, T, F]`: `h = tanh(x[:, t] @ weight + h @ recurrent + bias)` (or relu) for each step; all states `[B, T, H]` and the last `[B, H]`. weight is `[F, H]`, recurrent `[H, H]`."
      + lengthsText,
    example: "rnn(x, weight, recurrent, bias)[1]",
    samples: [
      Sample([2, 3, 2], [2, 2], [2, 2], [2], [2, 2], from: [.unit], with: [.string("tanh")]),
      Sample([2, 2, 3], [3, 2], [2, 2], from: [.unit], with: [.string("tanh")]),
      Sample(
        [3, 3, 2], [2, 2], [2, 2], [2], [3, 2], [3],
        from: [.unit, .unit, .unit, .unit, .unit, .index(below: 4)], with: [.string("relu")]),
    ], dtypes: .float, shape: RecurrenceRule(kind: .plain), outputs: 2,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      let kind: CellKind
      switch attributes.first {
      case .string("tanh"), .none?, nil: kind = .plain
      case .string("relu"): kind = .relu
      default:
        throw TensorError("argument", "rnn: the activation is \"tanh\" or \"relu\"")
      }
      return try sequence(c, kind, operands, order: [0, 1, 2, 3, 5])
    })

  package static let lstm: Op = Op(
    "lstm", inputs + [state, Parameter("c", .tensor, .number(0)), lengths],
    summary:
      "A long short-term memory layer over `x` `[B, T, F]` (Hochreiter and Schmidhuber 1997, with forget gates): all states `[B, T, H]`, the last state and the last cell `[B, H]`. weight is `[F, 4 * H]`, recurrent `[H, 4 * H]`, their gates in the order input, forget, cell, output."
      + lengthsText,
    example: "lstm(x, weight, recurrent, bias)[1]",
    samples: [
      Sample(
        [2, 3, 2], [2, 8], [2, 8], [8], [2, 2], [2, 2], from: [.unit]),
      Sample([1, 2, 3], [3, 4], [1, 4], from: [.unit]),
      Sample(
        [3, 3, 2], [2, 8], [2, 8], [8], [3, 2], [3, 2], [3],
        from: [.unit, .unit, .unit, .unit, .unit, .unit, .index(below: 4)]),
    ], dtypes: .float, shape: RecurrenceRule(kind: .lstm), outputs: 3,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      try sequence(c, .lstm, operands, order: [0, 1, 2, 3, 5, 6])
    })

  package static let gru: Op = Op(
    "gru", inputs + [Parameter("recurrent_bias", .tensor, .number(0)), state, lengths],
    summary:
      "A gated recurrent layer over `x` `[B, T, F]` (Cho et al. 2014, reset after the product as in PyTorch and Keras): all states `[B, T, H]` and the last `[B, H]`. weight is `[F, 3 * H]`, recurrent `[H, 3 * H]`, their gates in the order reset, update, new."
      + lengthsText,
    example: "gru(x, weight, recurrent, bias)[1]",
    samples: [
      Sample([2, 3, 2], [2, 6], [2, 6], [6], [6], [2, 2], from: [.unit]),
      Sample([1, 2, 3], [3, 3], [1, 3], from: [.unit]),
      Sample(
        [3, 3, 2], [2, 6], [2, 6], [6], [6], [3, 2], [3],
        from: [.unit, .unit, .unit, .unit, .unit, .unit, .index(below: 4)]),
    ], dtypes: .float, shape: RecurrenceRule(kind: .gru), outputs: 2,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      try sequence(c, .gru, operands, order: [0, 1, 2, 3, 4, 5])
    })

  /// Applies the fused row; `order` says which of its operands each given one is. What is left out is the number 0.
  private static func sequence(
    _ c: TensorContext, _ kind: CellKind, _ operands: [Operand], order: [Int]
  ) throws(TensorError) -> [Operand] {
    _ = try RecurrenceRule(kind: kind).all(
      ShapeQuery(name: kind.name, operands: operands.map { c.shape(of: $0) }))
    var all = [Operand](repeating: Operand(0), count: 7)
    for (operand, place) in zip(operands, order) { all[place] = operand }
    if operands.count > order.count {
      return try paddedSequence(c, kind, all, lengths: operands[order.count])
    }
    let results = try c.applyMany(recurrence, all, [.int(kind.rawValue)])
    return Array(results.prefix(kind == .lstm ? 3 : 2))
  }

  /// x, weight, recurrent, bias, recurrent bias, h and c (the last four may be the number 0) give all states, the last state, for
  /// LSTM the last cell, then the gates and cells of all steps that the gradient needs. Argument: the kind.
  static let recurrence: Op = Op(
    "recurrence", RecurrenceOperands.parameters + [Parameter("kind", .int)],
    summary: "A recurrent layer over a sequence.", dtypes: .float,
    shape: RecurrenceResultsRule(), outputs: nil,
    saves: [.output, .further, Saved(rawValue: 0x7f)], takesNumbers: true, isInternal: true,
    batch: .custom { call throws(TensorError) in try recurrenceBatch(call) },
    forward: .many { call throws(TensorError) in
      let kind = CellKind(call.attribute(0))
      let operands = try RecurrenceOperands(call, kind)
      var results: [Tensor] = []
      for shape in operands.resultShapes { results.append(try call.makeTensor(shape)) }
      let gates = kind == .lstm ? results[3] : kind == .gru ? results[2] : nil
      let done = withExtendedLifetime(operands) {
        var sequence = operands.kernelSequence
        return nnk_recurrence_forward(
          &sequence, results[0].data, results[1].data, kind == .lstm ? results[2].data : nil,
          gates.pointer, kind == .lstm ? results[4].data : nil)
      }
      guard done else { throw .failed(kind.name) }
      return results.map { Operand($0) }
    },
    gradient: { call throws(TensorError) in
      let kind = CellKind(call.attribute(0))
      var operands = (0..<7).map { call.input($0) }
      operands.append(call.result(0))
      operands.append(kind == .lstm ? call.result(3) : kind == .gru ? call.result(2) : Operand(0))
      operands.append(kind == .lstm ? call.result(4) : Operand(0))
      operands.append(call.cotangents[0] ?? Operand(0))
      operands.append(call.cotangents[1] ?? Operand(0))
      operands.append(kind == .lstm ? call.cotangents[2] ?? Operand(0) : Operand(0))
      let wants = (0..<7).map { call.wants($0) ? 1 : 0 }
      return Gradients(
        list: try call.context.applyMany(
          recurrenceGrad, operands, [.int(kind.rawValue), .ints(wants)]))
    })

  /// The operands of `recurrence`, then its states, gates and cells, then the gradients in its first three results (those that
  /// do not exist are the number 0) give the gradients in its operands that are wanted. Arguments: the kind, which are wanted.
  static let recurrenceGrad: Op = Op(
    "recurrence_grad",
    RecurrenceOperands.parameters
      + ["y", "gates", "cells", "dy", "dh", "dc"].map { Parameter($0, .tensor) }
      + [Parameter("kind", .int), Parameter("wants", .shape)],
    summary: "The gradients of a recurrent layer.", dtypes: .float,
    shape: RecurrenceGradRule(), outputs: 7, saves: Saved(rawValue: 0x1c7f), takesNumbers: true,
    isInternal: true, batch: .custom { call throws(TensorError) in try recurrenceGradBatch(call) },
    forward: .many { call throws(TensorError) in
      let kind = CellKind(call.attribute(0))
      let operands = try RecurrenceOperands(call, kind)
      let wants = call.attribute(1).list ?? []
      var results: [Tensor?] = []
      for (place, shape) in operands.shapes.enumerated() {
        results.append(try call.makeTensor(shape, if: wants[place] == 1))
      }
      var given = nnk_recurrence_cotangents(
        y: call.tensor(7).data, gates: call.operands[8].tensor.pointer,
        cells: call.operands[9].tensor.pointer, dy: call.operands[10].tensor.pointer,
        dh: call.operands[11].tensor.pointer, dc: call.operands[12].tensor.pointer)
      var wanted = nnk_recurrence_gradients(
        dx: results[0].pointer, dweight: results[1].pointer, drecurrent: results[2].pointer,
        dbias: results[3].pointer, drecurrent_bias: results[4].pointer, dh0: results[5].pointer,
        dc0: results[6].pointer)
      let done = withExtendedLifetime(operands) {
        var sequence = operands.kernelSequence
        return nnk_recurrence_backward(&sequence, &given, &wanted)
      }
      guard done else { throw .failed(kind.name) }
      return results.map { $0.result }
    },
    gradient: { call throws(TensorError) in
      let kind = CellKind(call.attribute(0))
      return try call.composedResults { c, inputs throws(TensorError) in
        let seeds = inputs[10...12].map { $0.isNumber ? nil : $0 }
        return try c.pullback(at: Array(inputs[0..<7]), seeds: seeds) {
          c, inputs throws(TensorError) in
          try recurrenceParts(c, kind, inputs)
        }
      }
    })

  /// The composition that recurrent layers stand for: all states, the last state and for LSTM the last cell.
  package static func recurrenceParts(
    _ c: TensorContext, _ kind: CellKind, _ inputs: [Operand]
  ) throws(TensorError) -> [Operand] {
    let shape = c.shape(of: inputs[0])
    let units = c.shape(of: inputs[2])[0]
    let dtype = inputs[0].tensor?.dtype ?? .f32
    let start = Operand(try Tensor(filling: [shape[0], units], with: 0, dtype: dtype))
    var h = try c.add(start, inputs[5])
    var cell = try c.add(start, inputs[6])
    var states: [Operand] = []
    for step in 0..<shape[1] {
      let x = try c.apply(
        indexItems, [inputs[0]], [.index([.slice(start: nil, stop: nil, step: nil), .at(step)])])
      let own = try c.add(c.binary(matmul, x, inputs[1]), inputs[3])
      let recurrent = try c.add(c.binary(matmul, h, inputs[2]), inputs[4])
      (h, cell) = try cellParts(c, kind, own, recurrent, h, cell, units)
      states.append(h)
    }
    let all = try c.apply(stack, states, [.int(1)])
    return kind == .lstm ? [all, h, cell] : [all, h]
  }

  /// One step of a cell from the sums of the input and of the state.
  private static func cellParts(
    _ c: TensorContext, _ kind: CellKind, _ own: Operand, _ recurrent: Operand, _ h: Operand,
    _ cell: Operand, _ units: Int
  ) throws(TensorError) -> (Operand, Operand) {
    func gate(_ sums: Operand, _ place: Int) throws(TensorError) -> Operand {
      try c.slice(sums, axis: 1, place * units, (place + 1) * units)
    }
    switch kind {
    case .plain: return (try c.unary(tanh, c.add(own, recurrent)), cell)
    case .relu: return (try c.unary(relu, c.add(own, recurrent)), cell)
    case .lstm:
      let sums = try c.add(own, recurrent)
      let kept = try c.mul(c.unary(sigmoid, gate(sums, 1)), cell)
      let added = try c.mul(c.unary(sigmoid, gate(sums, 0)), c.unary(tanh, gate(sums, 2)))
      let now = try c.add(kept, added)
      return (try c.mul(c.unary(sigmoid, gate(sums, 3)), c.unary(tanh, now)), now)
    case .gru:
      let reset = try c.unary(sigmoid, c.add(gate(own, 0), gate(recurrent, 0)))
      let update = try c.unary(sigmoid, c.add(gate(own, 1), gate(recurrent, 1)))
      let fresh = try c.unary(tanh, c.add(gate(own, 2), c.mul(reset, gate(recurrent, 2))))
      return (try c.add(c.mul(c.sub(1, update), fresh), c.mul(update, h)), cell)
    }
  }
}

/// The kinds of recurrent cells, numbered as in the kernels.
package enum CellKind: Int, Sendable {
  case plain, relu, lstm, gru

  init(_ attribute: Attribute) { self = CellKind(rawValue: attribute.int ?? 0) ?? .plain }

  /// The name of the row that scripts know.
  var name: String {
    switch self {
    case .plain, .relu: "rnn"
    case .lstm: "lstm"
    case .gru: "gru"
    }
  }

  /// How many gates lie side by side in the weights.
  var gates: Int { self == .lstm ? 4 : self == .gru ? 3 : 1 }

  var kernelKind: nnk_cell_kind {
    switch self {
    case .plain: NNK_RNN
    case .relu: NNK_RELU_RNN
    case .lstm: NNK_LSTM
    case .gru: NNK_GRU
    }
  }
}

/// The operands of one application of a recurrent layer, those left out being nil.
private struct RecurrenceOperands {
  static let parameters = ["x", "weight", "recurrent", "bias", "recurrent_bias", "h", "c"].map {
    Parameter($0, .tensor)
  }

  let kind: CellKind
  let dtype: DType
  let x: Tensor
  let weight: Tensor
  let recurrent: Tensor
  let bias: Tensor?
  let recurrentBias: Tensor?
  let h: Tensor?
  let c: Tensor?

  init(_ call: ForwardCall, _ kind: CellKind) throws(TensorError) {
    self.kind = kind
    dtype = call.dtype
    (x, weight, recurrent) = (call.tensor(0), call.tensor(1), call.tensor(2))
    let (batch, units) = (x.shape[0], recurrent.shape[0])
    bias = try Self.filled(call, 3, [kind.gates * units])
    recurrentBias = try Self.filled(call, 4, [kind.gates * units])
    h = try Self.filled(call, 5, [batch, units])
    c = try Self.filled(call, 6, [batch, units])
  }

  /// An operand in its full shape; nil for the number 0.
  private static func filled(
    _ call: ForwardCall, _ position: Int, _ shape: Shape
  ) throws(TensorError) -> Tensor? {
    let operand = call.operands[position]
    if let tensor = operand.tensor, tensor.shape == shape { return tensor }
    let number = operand.tensor?.number(at: 0) ?? operand.number
    return number == 0 ? nil : try Tensor(filling: shape, with: number, dtype: call.dtype)
  }

  /// The shapes of the operands.
  var shapes: [Shape] {
    let units = recurrent.shape[0]
    let sums: Shape = [kind.gates * units]
    let state: Shape = [x.shape[0], units]
    return [x.shape, weight.shape, recurrent.shape, sums, sums, state, state]
  }

  /// The shapes of the results.
  var resultShapes: [Shape] {
    let (batch, steps, units) = (x.shape[0], x.shape[1], recurrent.shape[0])
    let results: [Shape] = [[batch, steps, units], [batch, units]]
    switch kind {
    case .plain, .relu: return results
    case .gru: return results + [[steps, batch, 4 * units]]
    case .lstm:
      return results + [[batch, units], [steps, batch, 4 * units], [steps, batch, units]]
    }
  }

  /// The sequence as the kernels take it.
  var kernelSequence: nnk_recurrence {
    nnk_recurrence(
      kind: kind.kernelKind, type: dtype.kernelType, batch: x.shape[0], steps: x.shape[1],
      inputs: x.shape[2], units: recurrent.shape[0], x: x.data, weight: weight.data,
      recurrent: recurrent.data, bias: bias.pointer, recurrent_bias: recurrentBias.pointer,
      h0: h.pointer, c0: c.pointer)
  }
}

/// All states and the last one (LSTM: and the last cell).
private struct RecurrenceRule: ShapeRule {
  let kind: CellKind

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (x, recurrent) = (query.operands[0], query.operands[2])
    guard x.rank == 3 else {
      throw query.error(
        "x is [batch, time, features], not \(x)",
        help: x.rank == 2 ? "x[nil] is a batch of one sequence" : nil)
    }
    if x[1].known == 0 { throw query.error("x of shape \(x) has no steps") }
    guard recurrent.rank == 2 else {
      throw query.error("the recurrent weight is a matrix, not \(recurrent)", showing: [2])
    }
    let units = recurrent[0]
    let columns = units * D(kind.gates)
    try check(query, 2, [units, columns], "the recurrent weight [H, \(gates)H]")
    try check(query, 1, [x[2], columns], "the weight for x \(x) and H = \(units)")
    let vectors = kind == .gru ? 2 : 1
    let states = kind == .lstm ? 2 : 1
    for position in 3..<Swift.max(3, query.operands.count) {
      if position < 3 + vectors {
        try check(query, position, [columns], "a bias for H = \(units)", orNumber: true)
      } else if position == 3 + vectors + states {
        try check(query, position, [x[0]], "lengths for x \(x)", orNumber: true)
      } else {
        try check(query, position, [x[0], units], "a state for x \(x)", orNumber: true)
      }
    }
    return [x[0], x[1], units]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let states = try self(query)
    let last: Dims<D> = [states[0], states[2]]
    return kind == .lstm ? [states, last, last] : [states, last]
  }

  private var gates: String { kind.gates == 1 ? "" : "\(kind.gates) * " }

  private func check<D: Dimension>(
    _ query: ShapeQuery<D>, _ position: Int, _ wanted: Dims<D>, _ what: String,
    orNumber: Bool = false
  ) throws(TensorError) {
    let own = query.operands[position]
    if orNumber, own.rank == 0 { return }
    if own.rank == wanted.rank, own.indices.allSatisfy({ own[$0].mayEqual(wanted[$0]) }) { return }
    throw query.error(
      "\(what) must have shape \(wanted), not \(own)", showing: [0, position])
  }
}

/// The states; what the gradient needs comes behind.
private struct RecurrenceResultsRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    [query.operands[0][0], query.operands[0][1], query.operands[2][0]]
  }
}

/// The shapes of the operands.
private struct RecurrenceGradRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[0]
  }
}
