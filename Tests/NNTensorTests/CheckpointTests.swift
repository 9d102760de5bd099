// Checkpoints: what they keep, and that what they compute again is the same.
import NNKernels
import NNTensor
import Testing

@Suite(.serialized) struct CheckpointTests {
  let c = TensorContext()

  private func matrix(_ rows: Int, _ columns: Int, seed: UInt64) throws -> Operand {
    var numbers = Numbers(seed: seed)
    let values = (0..<rows * columns).map { _ in 2 * numbers.next() - 1 }
    return Operand(try Tensor(values, shape: [rows, columns], dtype: .f32))
  }

  /// One layer of many ops: what a checkpoint around it leaves out.
  private func layer(_ x: Operand, _ w: Operand) throws -> Operand {
    let h = try c.unary(Ops.gelu, c.binary(Ops.matmul, x, w))
    let s = try c.binary(Ops.add, c.unary(Ops.sin, h), c.unary(Ops.tanh, h))
    return try c.binary(Ops.mul, s, c.unary(Ops.sigmoid, h))
  }

  /// The gradient of a stack of layers, and the most bytes of tensors that were alive meanwhile, without those before.
  private func train(
    _ x: Operand, _ w: Operand, layers: Int, isFolded: Bool
  ) throws -> (gradient: [Double], peak: Int) {
    let before = nnk_memory_info().live
    nnk_reset_peak()
    let gradient = try c.derivative(at: w) { w in
      var h = x
      for _ in 0..<layers {
        let input = h
        h = isFolded ? try c.checkpointed { try layer(input, w) } : try layer(input, w)
      }
      return try c.apply(Ops.sum, [h])
    }
    return (gradient.values, Int(nnk_memory_info().peak) - Int(before))
  }

  @Test func peakMemoryIsMuchLower() throws {
    let x = try matrix(256, 64, seed: 1)
    let w = try matrix(64, 64, seed: 2)
    let bytes = 256 * 64 * 4
    let plain = try train(x, w, layers: 16, isFolded: false)
    let folded = try train(x, w, layers: 16, isFolded: true)
    #expect(plain.gradient == folded.gradient)
    // Seven values a layer, against one a layer and one layer's seven with their gradients.
    #expect(plain.peak > 16 * 6 * bytes)
    #expect(folded.peak < (16 + 16) * bytes)
  }

  /// Every differentiable row inside a checkpoint has the same gradients to the bit, to the second order.
  @Test(arguments: GradientTableTests.rows) func everyRow(_ row: RowCase) throws {
    let f = try Weighted(row)
    func folded(_ operands: [Operand]) throws -> Operand {
      try f.context.checkpointed { try f.value(operands) }
    }
    func twice(_ operands: [Operand]) throws -> Operand {
      try f.context.checkpointed {
        let inner = try f.context.checkpointed { try f.value(operands) }
        return try f.context.binary(Ops.mul, inner, f.value(operands))
      }
    }
    func square(_ operands: [Operand]) throws -> Operand {
      try f.context.binary(Ops.mul, f.value(operands), f.value(operands))
    }
    let bits = { (values: [Operand]) in values.flatMap { $0.values.map(\.bitPattern) } }
    #expect(
      try bits(f.gradients(f.operands, of: f.value)) == bits(f.gradients(f.operands, of: folded)),
      "\(row)")
    #expect(
      try bits(f.gradients(f.operands, of: square)) == bits(f.gradients(f.operands, of: twice)),
      "\(row)")
    func slope(_ of: @escaping ([Operand]) throws -> Operand) -> ([Operand]) throws -> Operand {
      { operands in
        let first = try f.gradients(operands, of: of)
        var total = Operand(try Tensor(0, dtype: .f64))
        for gradient in first {
          total = try f.context.binary(Ops.add, total, f.weighted(gradient, seed: 3))
        }
        return total
      }
    }
    let plain = try f.gradients(f.operands, of: slope(f.value))
    let again = try f.gradients(f.operands, of: slope(folded))
    for (a, b) in zip(plain.flatMap(\.values), again.flatMap(\.values)) {
      #expect(a == b || abs(a - b) <= 1e-12 * max(1, abs(a)), "\(row)")
    }
  }

  @Test func theSameNumbersAreDrawnAgain() throws {
    let x = try matrix(8, 8, seed: 3)
    func gradient(_ isFolded: Bool) throws -> [Double] {
      c.random = RandomState(seed: 9)
      func f(_ x: Operand) throws -> Operand {
        let noise = try c.apply(Ops.randn, [], [.ints([8, 8])])
        let y = try c.binary(Ops.mul, c.unary(Ops.exp, c.binary(Ops.mul, x, noise)), noise)
        return try c.apply(Ops.sum, [y])
      }
      let result = try c.derivative(at: x) { x in
        isFolded ? try c.checkpointed { try f(x) } : try f(x)
      }
      return result.values + [Double(c.random.counter)]
    }
    #expect(try gradient(true) == gradient(false))
  }

  /// Pullbacks that are used again compute again and leave nothing behind.
  @Test func keptTapesFoldAgain() throws {
    let tape = c.beginTape()
    let x = try c.watch(try matrix(64, 64, seed: 4), on: tape)
    let y = try c.checkpointed { try layer(layer(x, x), x) }
    let output = try c.apply(Ops.sum, [y])
    c.end(tape)
    let blocks = nnk_memory_info().blocks
    var first: [Double] = []
    for _ in 0..<3 {
      let gradient = try c.gradients(of: output, tape: tape, wrt: [x], keepsEntries: true)
      if first.isEmpty { first = gradient[0].values }
      #expect(gradient[0].values == first)
    }
    #expect(nnk_memory_info().blocks == blocks)
  }
}
