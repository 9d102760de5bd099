// Every row on a batch of examples against a loop over them, alone and under derivatives.
import NNTensor
import Testing

/// A row whose operands at some positions differ between examples.
private struct BatchCase {
  let row: RowCase
  let context = TensorContext()
  /// The operands of each example.
  let examples: [[Operand]]
  let batched: [Int]

  init(_ row: RowCase, batched: [Int], count: Int = 3) throws {
    self.row = row
    self.batched = batched
    let first = try row.operands()
    examples = try (0..<count).map { example in
      let other = try row.operands(variant: UInt64(example))
      return first.indices.map { batched.contains($0) ? other[$0] : first[$0] }
    }
  }

  /// The subsets of the operands that can be batched.
  static func subsets(_ row: RowCase) throws -> [[Int]] {
    var tensors = try row.operands().enumerated().filter { !$0.element.isNumber }.map(\.offset)
    // Its tables are made of the labels; it says so and takes a batch itself.
    if row.op.name == "ctc" { tensors = [0] }
    return (1..<(1 << tensors.count)).map { bits in
      tensors.indices.filter { bits >> $0 & 1 == 1 }.map { tensors[$0] }
    }
  }

  /// All examples' operands at one position, along a new first axis.
  func stacked(_ position: Int) throws -> Operand {
    try context.apply(Ops.stack, examples.map { $0[position] }, [.int(0)])
  }

  /// What `function` gives for the batch, in each of `levels` nested batches of equal parts.
  func run(
    _ function: ([Operand]) throws -> [Operand]
  ) throws -> [Operand] {
    let trace = context.beginBatch(size: examples.count)
    defer { context.end(trace) }
    var inputs = examples[0]
    for position in batched { inputs[position] = try trace.add(stacked(position)) }
    return try function(inputs).map { try trace.stacked($0, in: context) }
  }

  /// The same by a loop.
  func loop(_ function: ([Operand]) throws -> [Operand]) throws -> [[Operand]] {
    try examples.map(function)
  }

  /// Compares the results of the batch with those of the loop.
  func check(
    _ what: String, tolerance: Double, _ function: ([Operand]) throws -> [Operand]
  ) throws {
    let results = try run(function)
    let expected = try loop(function)
    for (place, result) in results.enumerated() {
      let values = expected.flatMap { $0[place].values }
      let one = expected[0][place].tensor?.shape.array ?? []
      #expect(
        result.tensor?.shape.array == [examples.count] + one, "\(row) \(what) of \(batched)")
      for (got, wanted) in zip(result.values, values) {
        #expect(
          got == wanted || got.isNaN && wanted.isNaN
            || abs(got - wanted) <= tolerance * max(1, abs(wanted)),
          "\(row) \(what) of \(batched): \(got) instead of \(wanted)")
      }
    }
  }
}

@Suite struct BatchTableTests {
  static let rows = RowCase.all.filter {
    !$0.isRandom && !$0.sample.shapes.isEmpty && !countingRows.contains($0.op.name)
  }
  /// Rows that look at the elements themselves, and refuse a batch.
  static let countingRows: Set = [
    "argwhere", "bincount", "histogram", "nonzero", "unique", "unique_counts", "unique_inverse",
  ]
  static let differentiable = GradientTableTests.rows.filter { !countingRows.contains($0.op.name) }

  @Test(arguments: rows) func equalsALoop(_ row: RowCase) throws {
    for batched in try BatchCase.subsets(row) {
      let batch = try BatchCase(row, batched: batched)
      try batch.check("values", tolerance: 1e-13) {
        try batch.context.applyMany(row.op, $0, row.sample.attributes)
      }
    }
  }

  /// The gradient of each example.
  @Test(arguments: differentiable) func gradientsInsideEqualALoop(_ row: RowCase) throws {
    for batched in try BatchCase.subsets(row) {
      let batch = try BatchCase(row, batched: batched)
      let f = try Weighted(row, in: batch.context)
      guard !f.wrt.isEmpty else { return }
      try batch.check("gradients", tolerance: 1e-12) { try f.gradients($0, of: f.value) }
    }
  }

  /// The tangent of each example, and the gradient of a gradient.
  @Test(arguments: differentiable) func higherDerivativesEqualALoop(_ row: RowCase) throws {
    for batched in try BatchCase.subsets(row) {
      let batch = try BatchCase(row, batched: batched, count: 2)
      let f = try Weighted(row, in: batch.context)
      guard !f.wrt.isEmpty else { return }
      let v = try f.direction(seed: 41)
      try batch.check("tangents", tolerance: 1e-12) {
        try f.tangents($0, along: v) { [try f.value($0)] }
      }
      try batch.check("second gradients", tolerance: 1e-11) {
        try f.gradients($0, of: f.slope)
      }
    }
  }

  /// The gradient of the sum over a batch, in what all examples share and in what they do not.
  @Test(arguments: differentiable) func gradientsOutsideEqualALoop(_ row: RowCase) throws {
    for batched in try BatchCase.subsets(row) {
      let batch = try BatchCase(row, batched: batched)
      let c = batch.context
      let f = try Weighted(row, in: c)
      guard !f.wrt.isEmpty else { return }
      let tape = c.beginTape()
      var stacks = batch.examples[0]
      for position in stacks.indices where batched.contains(position) {
        stacks[position] = try batch.stacked(position)
      }
      for position in f.wrt { stacks[position] = try c.watch(stacks[position], on: tape) }
      let trace = c.beginBatch(size: batch.examples.count)
      var inputs = stacks
      for position in batched { inputs[position] = try trace.add(stacks[position]) }
      let values = try trace.stacked(f.value(inputs), in: c)
      c.end(trace)
      let total = try c.apply(Ops.sum, [values])
      c.end(tape)
      let gradients = try c.gradients(of: total, tape: tape, wrt: f.wrt.map { stacks[$0] })
      let each = try batch.loop { try f.gradients($0, of: f.value) }
      for (place, position) in f.wrt.enumerated() {
        let parts = each.map { $0[place].values }
        let wanted =
          batched.contains(position)
          ? parts.flatMap { $0 }
          : parts[0].indices.map { index in parts.reduce(0) { $0 + $1[index] } }
        for (got, want) in zip(gradients[place].values, wanted) {
          #expect(
            abs(got - want) <= 1e-11 * max(1, abs(want)),
            "\(row) of \(batched), operand \(position): \(got) instead of \(want)")
        }
      }
    }
  }

  /// Two batches, one in the other, with each operand in either or both.
  @Test(arguments: rows) func nestedBatches(_ row: RowCase) throws {
    let c = TensorContext()
    let first = try row.operands()
    guard first.allSatisfy({ ($0.tensor?.shape.rank ?? 0) < 6 }) else { return }
    for (place, inner) in try BatchCase.subsets(row).enumerated() {
      let outer = try BatchCase.subsets(row).reversed()[place]
      func example(_ i: Int, _ j: Int) throws -> [Operand] {
        try first.indices.map { position in
          let (a, b) = (outer.contains(position) ? i : 0, inner.contains(position) ? j : 0)
          return try row.operands(variant: UInt64(3 * a + b))[position]
        }
      }
      let outside = c.beginBatch(size: 2)
      var inputs = try example(0, 0)
      for position in first.indices where outer.contains(position) {
        let stacks = try (0..<2).map { i in
          guard inner.contains(position) else { return try example(i, 0)[position] }
          return try c.apply(Ops.stack, (0..<2).map { try example(i, $0)[position] }, [.int(0)])
        }
        inputs[position] = try outside.add(c.apply(Ops.stack, stacks, [.int(0)]))
      }
      for position in first.indices where inner.contains(position) && !outer.contains(position) {
        inputs[position] = try c.apply(
          Ops.stack, (0..<2).map { try example(0, $0)[position] }, [.int(0)])
      }
      let inside = c.beginBatch(size: 2)
      for position in inner { inputs[position] = try inside.add(inputs[position]) }
      let results = try c.applyMany(row.op, inputs, row.sample.attributes).map {
        try outside.stacked(inside.stacked($0, in: c), in: c)
      }
      c.end(inside)
      c.end(outside)
      var expected: [[Double]] = results.map { _ in [] }
      for i in 0..<2 {
        for j in 0..<2 {
          let part = try c.applyMany(row.op, try example(i, j), row.sample.attributes)
          for (place, value) in part.enumerated() { expected[place] += value.values }
        }
      }
      for (result, wanted) in zip(results, expected) {
        #expect(result.values.count == wanted.count, "\(row)")
        for (got, want) in zip(result.values, wanted) {
          #expect(
            got == want || abs(got - want) <= 1e-12 * max(1, abs(want)),
            "\(row) of \(outer) outside and \(inner) inside: \(got) instead of \(want)")
        }
      }
    }
  }

  @Test(arguments: countingRows.sorted()) func countingRowsRefuseABatch(_ name: String) throws {
    let op = try #require(Ops.named(name))
    let c = TensorContext()
    let trace = c.beginBatch(size: 2)
    defer { c.end(trace) }
    let x = try trace.add(Operand(Tensor(filling: [2, 3], with: 1, dtype: .i32)))
    let error = #expect(throws: TensorError.self) { _ = try c.applyMany(op, [x], []) }
    #expect(error?.message.contains("vmap") == true)
  }

  /// A batch of no examples has the results' shapes.
  @Test(arguments: rows) func noExamples(_ row: RowCase) throws {
    let c = TensorContext()
    let one = try row.operands()
    guard let position = one.firstIndex(where: { !$0.isNumber }), let tensor = one[position].tensor
    else { return }
    let trace = c.beginBatch(size: 0)
    defer { c.end(trace) }
    var shape = tensor.shape
    shape.insert(0, at: 0)
    var inputs = one
    inputs[position] = try trace.add(Operand(Tensor(shape: shape, dtype: tensor.dtype)))
    let results = try c.applyMany(row.op, inputs, row.sample.attributes)
    let examples = try c.applyMany(row.op, one, row.sample.attributes)
    for (result, example) in zip(results, examples) {
      let wanted = [0] + (example.tensor?.shape.array ?? [])
      #expect(try trace.stacked(result, in: c).tensor?.shape.array == wanted, "\(row)")
    }
  }
}

@Suite struct BatchTests {
  let c = TensorContext()

  /// Every example draws its own numbers, and the same program the same ones.
  @Test(arguments: [Ops.rand, Ops.randn, Ops.randint, Ops.bernoulli, Ops.permutation])
  func drawsDiffer(_ op: Op) throws {
    let attributes: [Attribute] =
      switch op.name {
      case "randint": [.int(0), .int(1_000_000), .ints([5])]
      case "bernoulli": [.ints([64])]
      case "permutation": [.int(50)]
      default: [.ints([5])]
      }
    func draw() throws -> [Double] {
      c.random = RandomState(seed: 5)
      let outer = c.beginBatch(size: 2)
      let inner = c.beginBatch(size: 3)
      let drawn = try c.apply(op, op.name == "bernoulli" ? [Operand(0.5)] : [], attributes)
      let all = try outer.stacked(inner.stacked(drawn, in: c), in: c)
      c.end(inner)
      c.end(outer)
      #expect(all.tensor?.shape.prefix(2) == [2, 3])
      return all.values
    }
    let values = try draw()
    let width = values.count / 6
    let parts = Set((0..<6).map { Array(values[$0 * width..<($0 + 1) * width]) })
    #expect(parts.count == 6)
    #expect(try draw() == values)
  }

  /// Each example drops other elements, the ones that a loop drops, and its gradient the same.
  @Test func dropoutsDifferAndFollowALoop() throws {
    let ones = Operand(try Tensor(filling: [3, 200], with: 1, dtype: .f32))
    func dropped(_ x: Operand) throws -> [Operand] {
      let tape = c.beginTape()
      defer { c.end(tape) }
      let watched = try c.watch(x, on: tape)
      let y = try c.apply(Ops.dropout, [watched], [.number(0.5)])
      let total = try c.apply(Ops.sum, [y])
      c.end(tape)
      return [tape.lowered(y)] + (try c.gradients(of: total, tape: tape, wrt: [watched]))
    }
    c.random = RandomState(seed: 5)
    let trace = c.beginBatch(size: 3)
    let batch = try dropped(trace.add(ones)).map { try trace.stacked($0, in: c).values }
    c.end(trace)
    c.random = RandomState(seed: 5)
    let row = Operand(try Tensor(filling: [200], with: 1, dtype: .f32))
    let rows = try (0..<3).map { _ in try dropped(row)[0].values }
    #expect(batch[0] == rows.flatMap { $0 } && batch[0] == batch[1])
    #expect(Set(rows).count == 3)
  }

  /// Draws by one row of scores, and by a row for each example.
  @Test(arguments: [false, true]) func drawnClassesDiffer(_ isBatched: Bool) throws {
    let scores = Operand(try Tensor(filling: isBatched ? [3, 4] : [4], with: 0, dtype: .f32))
    let trace = c.beginBatch(size: 3)
    defer { c.end(trace) }
    let rows = isBatched ? try trace.add(scores) : scores
    for (op, attributes) in [(Ops.categorical, [Attribute.int(40)]), (Ops.bernoulli, [])] {
      let wide = op === Ops.bernoulli
      let p = wide ? try c.apply(Ops.full, [Operand(0.5)], [.ints([40])]) : rows
      let drawn = try trace.stacked(c.apply(op, [p], attributes), in: c)
      #expect(drawn.tensor?.shape == [3, 40])
      let parts = Set((0..<3).map { Array(drawn.values[$0 * 40..<($0 + 1) * 40]) })
      #expect(parts.count == 3)
    }
  }

  @Test func errorsSpeakOfOneExample() throws {
    let trace = c.beginBatch(size: 4)
    defer { c.end(trace) }
    let x = try trace.add(Operand(Tensor(filling: [4, 2], with: 1, dtype: .f32)))
    let y = Operand(try Tensor(filling: [3], with: 1, dtype: .f32))
    #expect { try c.binary(Ops.add, x, y) } throws: {
      ($0 as? TensorError)?.message.contains("[2] and [3]") == true
    }
    #expect { try c.apply(Ops.sum, [x], [.int(1)]) } throws: {
      ($0 as? TensorError)?.message.contains("no axis 1 in rank 1") == true
    }
    #expect(c.shape(of: x) == [2] && c.isBatched(x) && !c.isBatched(y))
  }

  @Test func ranksAreBounded() throws {
    let trace = c.beginBatch(size: 1)
    defer { c.end(trace) }
    let deep = Operand(try Tensor(filling: Shape(rank: 8, repeating: 1), with: 1, dtype: .f32))
    let x = try trace.add(deep)
    #expect(throws: TensorError.self) { try c.apply(Ops.unsqueeze, [x], [.int(0)]) }
    let number = try trace.add(Operand(Tensor([1], shape: [1])))
    #expect(throws: TensorError.self) { try c.binary(Ops.add, number, deep) }
  }
}
