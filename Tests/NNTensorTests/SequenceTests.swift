// Norms, recurrent layers, attention, embeddings and dropout against the compositions they stand for.
import NNKernels
import NNTensor
import Testing

/// A function of operands, for comparing a fused row with its parts.
private typealias Function = (TensorContext, [Operand]) throws -> [Operand]

@Suite struct SequenceTests {
  /// Random numbers of a shape between -1 and 1.
  private func random(_ shape: [Int], seed: UInt64, dtype: DType) throws -> Operand {
    var numbers = Numbers(seed: seed)
    let values = (0..<shape.reduce(1, *)).map { _ in 2 * numbers.next() - 1 }
    return Operand(try Tensor(values, shape: shape, dtype: dtype))
  }

  private func operands(_ shapes: [[Int]], _ dtype: DType) throws -> [Operand] {
    try shapes.enumerated().map { try random($1, seed: UInt64($0 + 11), dtype: dtype) }
  }

  /// The results, and the gradients of their weighted sum in all operands that are float tensors.
  private func evaluate(_ inputs: [Operand], _ function: Function) throws -> [[Double]] {
    let c = TensorContext()
    let tape = c.beginTape()
    let watched = try inputs.map {
      $0.tensor?.dtype.isFloat ?? false ? try c.watch($0, on: tape) : $0
    }
    let results = try function(c, watched)
    var total: Operand?
    for (place, result) in results.enumerated() {
      let shape = result.tensor?.shape.array ?? []
      let weights = try random(
        shape, seed: UInt64(place + 91), dtype: result.tensor?.dtype ?? .f32)
      let term = try c.apply(Ops.sum, [c.binary(Ops.mul, result, weights)])
      if let sum = total { total = try c.binary(Ops.add, sum, term) } else { total = term }
    }
    c.end(tape)
    let wrt = watched.filter { c.isTracked($0) || !$0.isNumber }
      .filter { $0.tensor?.dtype.isFloat ?? false }
    let gradients = try c.gradients(of: #require(total), tape: tape, wrt: wrt)
    return (results + gradients).map(\.values)
  }

  private func compare(
    _ inputs: [Operand], _ what: String, dtype: DType, _ fused: Function, _ parts: Function
  ) throws {
    let got = try evaluate(inputs, fused)
    let expected = try evaluate(inputs, parts)
    #expect(got.count == expected.count, "\(what)")
    for (place, (a, b)) in zip(got, expected).enumerated() {
      #expect(a.count == b.count, "\(what) \(place)")
      let largest = b.map { abs($0) }.max() ?? 0
      // Gradients near zero are differences of terms that are not.
      let bound = (dtype == .f64 ? 1e-12 : 4e-6) * max(largest, 0.05)
      for (x, y) in zip(a, b) {
        #expect(abs(x - y) <= bound, "\(what), array \(place): \(x) instead of \(y)")
      }
    }
  }

  @Test(arguments: [DType.f32, .f64]) func rowNorms(_ dtype: DType) throws {
    for (rows, size) in [(3, 5), (70, 33), (2, 5000)] {
      let inputs = try operands([[rows, size], [size], [size]], dtype)
      for count in 1...3 {
        try compare(Array(inputs.prefix(count)), "layer_norm \(size)", dtype: dtype) {
          try [$0.apply(Ops.layerNorm, $1, [.number(1e-3)])]
        } _: {
          try [Ops.rowNormParts($0, $1, epsilon: 1e-3, isCentred: true)]
        }
      }
      try compare(Array(inputs.prefix(2)), "rms_norm \(size)", dtype: dtype) {
        try [$0.apply(Ops.rmsNorm, $1, [.number(1e-3)])]
      } _: {
        try [Ops.rowNormParts($0, $1, epsilon: 1e-3, isCentred: false)]
      }
    }
  }

  @Test(arguments: [DType.f32, .f64]) func channelNorms(_ dtype: DType) throws {
    for (shape, groups) in [([4, 6], 2), ([2, 50, 3], 3), ([2, 9, 9, 70], 7), ([3, 40, 16], 1)] {
      let channels = shape[shape.count - 1]
      let inputs = try operands([shape, [channels], [channels]], dtype)
      try compare(inputs, "group_norm \(shape)", dtype: dtype) {
        try [$0.apply(Ops.groupNorm, $1, [.int(groups), .number(1e-3)])]
      } _: {
        try [Ops.channelNormParts($0, $1, [.number(1e-3), .int(groups), .bool(true)])[0]]
      }
      try compare(inputs, "batch_norm \(shape)", dtype: dtype) {
        try $0.applyMany(Ops.batchNorm, $1, [.number(1e-3)])
      } _: { c, inputs in
        let parts = try Ops.channelNormParts(
          c, inputs, [.number(1e-3), .int(channels), .bool(false)])
        return try [parts[0]]
          + parts.dropFirst().map { try c.apply(Ops.reshape, [$0], [.ints([channels])]) }
      }
    }
  }

  @Test(arguments: [CellKind.plain, .relu, .lstm, .gru], [DType.f32, .f64])
  func recurrences(_ kind: CellKind, _ dtype: DType) throws {
    let gates = kind == .lstm ? 4 : kind == .gru ? 3 : 1
    for (batch, steps, features, units) in [(1, 1, 1, 1), (3, 4, 5, 7), (40, 3, 2, 20)] {
      let state = [batch, units]
      var shapes = [
        [batch, steps, features], [features, gates * units], [units, gates * units],
        [gates * units],
      ]
      shapes += kind == .gru ? [[gates * units], state] : kind == .lstm ? [state, state] : [state]
      let inputs = try operands(shapes, dtype)
      let op = kind == .lstm ? Ops.lstm : kind == .gru ? Ops.gru : Ops.rnn
      let arguments: [Attribute] =
        kind == .relu ? [.string("relu")] : kind == .plain ? [.string("tanh")] : []
      for count in [3, inputs.count] {
        try compare(Array(inputs.prefix(count)), "\(kind)", dtype: dtype) {
          try $0.applyMany(op, $1, arguments)
        } _: { c, inputs in
          var all = [Operand](repeating: Operand(0), count: 7)
          let order = kind == .gru ? [0, 1, 2, 3, 4, 5] : [0, 1, 2, 3, 5, 6]
          for (operand, place) in zip(inputs, order) { all[place] = operand }
          return try Ops.recurrenceParts(c, kind, all)
        }
      }
    }
  }

  @Test(arguments: [DType.f32, .f64]) func attention(_ dtype: DType) throws {
    let cases: [(q: [Int], k: [Int], v: [Int], heads: Int)] = [
      ([2, 3, 4], [2, 3, 4], [2, 3, 4], 1), ([2, 5, 6], [2, 7, 6], [2, 7, 4], 2),
      ([1, 2, 70, 8], [1, 2, 130, 8], [1, 2, 130, 3], 1), ([3, 4], [5, 4], [5, 4], 4),
      ([2, 3, 2, 4, 5], [2, 3, 2, 6, 5], [2, 3, 2, 6, 5], 1),
    ]
    for (q, k, v, heads) in cases {
      let inputs = try operands([q, k, v], dtype)
      let (queries, keys) = (q[q.count - 2], k[k.count - 2])
      let square = try random([queries, keys], seed: 5, dtype: .f64)
      var allowed = square.values.map { $0 > -0.2 ? 1.0 : 0 }
      for place in 0..<keys { allowed[place] = 0 }
      let mask = Operand(try Tensor(allowed, shape: [queries, keys], dtype: .bool))
      let added = try random([queries, keys], seed: 7, dtype: dtype)
      for extra in [[], [mask], [added]] {
        for isCausal in [false, true] {
          let arguments: [Attribute] = [.bool(isCausal), .number(0.7), .int(heads)]
          try compare(inputs, "attention \(q) \(isCausal)", dtype: dtype) {
            try [$0.apply(Ops.attention, $1 + extra, arguments)]
          } _: {
            let plan = AttentionPlan([Shape(q), Shape(k)], arguments)
            return try [Ops.attentionParts($0, $1 + extra, plan)]
          }
        }
      }
    }
  }

  /// A mask that is differentiated gets its gradient too.
  @Test func learnedMask() throws {
    let inputs = try operands([[2, 3, 4], [2, 3, 4], [2, 3, 4], [3, 3]], .f64)
    let arguments: [Attribute] = [.bool(true), .number(0.7), .int(2)]
    try compare(inputs, "learned mask", dtype: .f64) {
      try [$0.apply(Ops.attention, $1, arguments)]
    } _: {
      let plan = AttentionPlan([[2, 3, 4], [2, 3, 4]], arguments)
      return try [Ops.attentionParts($0, $1, plan)]
    }
  }

  @Test(arguments: [DType.f32, .f64]) func embeddings(_ dtype: DType) throws {
    for (rows, size, count) in [(5, 3, 20), (1000, 17, 4000), (3, 64, 0)] {
      let table = try random([rows, size], seed: 3, dtype: dtype)
      var numbers = Numbers(seed: 4)
      let places = (0..<count).map { _ in Int(numbers.next() * Double(rows)) }
      let ids = Operand(try Tensor(places))
      try compare([table], "embedding \(rows)", dtype: dtype) {
        try [$0.apply(Ops.embedding, $1 + [ids])]
      } _: { c, inputs in
        let hot = try c.apply(Ops.oneHot, [ids], [.int(rows), .dtype(dtype)])
        return try [c.binary(Ops.matmul, hot, inputs[0])]
      }
    }
  }

  /// Dropout keeps what `bernoulli` would keep, and the way back drops the same elements.
  @Test(arguments: [DType.f32, .f64]) func dropout(_ dtype: DType) throws {
    let x = try random([7, 333], seed: 1, dtype: dtype)
    func start(_ c: TensorContext) { c.random = RandomState(seed: 9, counter: 5) }
    try compare([x], "dropout", dtype: dtype) { c, inputs in
      start(c)
      return try [c.apply(Ops.dropout, inputs, [.number(0.3)])]
    } _: { c, inputs in
      start(c)
      let kept = try c.apply(
        Ops.bernoulli, [Operand(0.7)], [.ints([7, 333]), .dtype(dtype)])
      return try [c.binary(Ops.mul, inputs[0], c.binary(Ops.mul, kept, Operand(1 / 0.7)))]
    }
  }

  @Test func messages() throws {
    let c = TensorContext()
    func message(_ body: () throws -> Void) -> String? {
      do {
        try body()
        return nil
      } catch { return (error as? TensorError)?.message }
    }
    let x = Operand(try Tensor(filling: [2, 3], with: 1, dtype: .f32))
    let two = Operand(try Tensor(filling: [2], with: 1, dtype: .f32))
    #expect(
      message { _ = try c.apply(Ops.layerNorm, [x, two]) }
        == "layer_norm: parameters of shape [2] for a last axis of 3")
    #expect(
      message { _ = try c.applyMany(Ops.lstm, [x, x, x]) }
        == "lstm: x is [batch, time, features], not [2, 3]")
    #expect(
      message { _ = try c.apply(Ops.attention, [x, two, x]) }
        == "attention: k is [..., length, dim], not [2]")
    #expect(
      message { _ = try c.apply(Ops.embedding, [x, Operand(7)]) }
        == "embedding: id 7 is out of range for 2")
    #expect(
      message { _ = try c.apply(Ops.groupNorm, [x], [.int(2), .none]) }
        == "group_norm: 3 channels do not fall into 2 equal groups")
    #expect(
      message { _ = try c.apply(Ops.dropout, [x], [.number(1)]) }
        == "dropout: the rate is at least 0 and less than 1, not 1")
  }
}
