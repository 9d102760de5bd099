// Results that must not depend on the instruction set or on the number of threads.
import NNKernels
import NNTensor
import Testing

@Suite(.serialized) struct SameBitsTests {
  /// The bytes of every result of every float row, gradients included.
  private func bytes(_ scale: Int) throws -> [[UInt8]] {
    var all: [[UInt8]] = []
    let c = TensorContext()
    for row in RowCase.all where !row.op.isInternal && !row.sample.shapes.isEmpty {
      for operand in try c.applyMany(row.op, try row.operands(dtype: .f32), row.sample.attributes) {
        if let tensor = operand.tensor { all.append(Array(tensor.bytes)) }
      }
    }
    all += try largeResults(c, scale)
    return all
  }

  /// Operands large enough to be cut for threads.
  private func largeResults(_ c: TensorContext, _ scale: Int) throws -> [[UInt8]] {
    var numbers = Numbers(seed: 5)
    let values = (0..<scale * scale).map { _ in 2 * numbers.next() - 1 }
    let x = Operand(try Tensor(values, shape: [scale, scale], dtype: .f32))
    let results = try [
      c.binary(Ops.matmul, x, x), c.unary(Ops.tanh, x), c.apply(Ops.sum, [x]),
      c.apply(Ops.sum, [x], [.int(0)]), c.apply(Ops.softmax, [x], [.int(-1)]),
      c.apply(Ops.variance, [x], [.int(1)]), c.binary(Ops.add, x, c.apply(Ops.sum, [x], [.int(0)])),
      c.apply(Ops.randn, [], [.ints([scale, scale]), .dtype(.f32)]),
      c.apply(Ops.cdist, [x, x]), c.apply(Ops.cdist, [x, x], [.number(.infinity)]),
      c.derivative(at: x) { try c.apply(Ops.mean, [c.apply(Ops.cdist, [$0, x])]) },
      c.derivative(at: x) { try c.apply(Ops.mean, [c.apply(Ops.cdist, [x, $0], [.number(1)])]) },
      c.derivative(at: x) {
        try c.apply(Ops.mean, [c.unary(Ops.gelu, c.binary(Ops.matmul, $0, $0))])
      },
    ]
    return (results + (try sequences(c, x, scale))).compactMap { $0.tensor.map { Array($0.bytes) } }
  }

  /// Layers over sequences, and their gradients.
  private func sequences(
    _ c: TensorContext, _ x: Operand, _ scale: Int
  ) throws -> [Operand] {
    let (steps, units) = (5, scale / 10)
    let inputs = try c.apply(Ops.reshape, [x], [.ints([scale / steps, steps, scale])])
    let ids = Operand(try Tensor((0..<scale * 9).map { $0 * 7 % scale }))
    func part(_ rows: Int, _ columns: Int) throws -> Operand {
      let start = try c.apply(Ops.reshape, [x], [.ints([-1])])
      let flat = try c.apply(
        Ops.index, [start], [.index([.slice(start: 0, stop: rows * columns, step: nil)])])
      return try c.apply(Ops.reshape, [flat], [.ints([rows, columns])])
    }
    let weight = try part(scale, 4 * units)
    let recurrent = try part(units, 4 * units)
    return try [
      c.derivative(at: x) { try c.apply(Ops.mean, [c.apply(Ops.layerNorm, [$0], [.none])]) },
      c.derivative(at: x) {
        let y = try c.applyMany(Ops.batchNorm, [$0], [.none])[0]
        return try c.apply(Ops.mean, [c.unary(Ops.exp, y)])
      },
      c.derivative(at: recurrent) {
        let all = try c.applyMany(Ops.lstm, [inputs, weight, $0])
        return try c.apply(Ops.mean, [c.binary(Ops.mul, all[0], all[0])])
      },
      c.derivative(at: x) {
        let y = try c.apply(Ops.attention, [$0, $0, $0], [.bool(true), .none, .int(1)])
        return try c.apply(Ops.mean, [c.binary(Ops.mul, y, y)])
      },
      c.derivative(at: x) {
        let rows = try c.apply(Ops.embedding, [$0, ids])
        return try c.apply(Ops.mean, [c.binary(Ops.mul, rows, rows)])
      },
      c.apply(Ops.dropout, [x], [.number(0.4)]),
    ]
  }

  @Test func threadsDoNotMatter() throws {
    let threads = nnk_threads()
    defer { nnk_set_threads(threads) }
    nnk_set_threads(1)
    let one = try bytes(300)
    nnk_set_threads(4)
    #expect(try bytes(300) == one)
  }

  @Test func avx2EqualsAVX512() throws {
    defer { _ = nnk_select_isa(Int32(NNK_ISA_BEST)) }
    guard nnk_select_isa(Int32(NNK_ISA_AVX512)) == NNK_ISA_AVX512 else { return }
    let wide = try bytes(150)
    #expect(nnk_select_isa(Int32(NNK_ISA_AVX2)) == NNK_ISA_AVX2)
    #expect(try bytes(150) == wide)
  }

  @Test func portableIsNear() throws {
    defer { _ = nnk_select_isa(Int32(NNK_ISA_BEST)) }
    let c = TensorContext()
    for row in RowCase.all where !row.op.isInternal && !row.sample.shapes.isEmpty {
      let operands = try row.operands(dtype: .f32)
      _ = nnk_select_isa(Int32(NNK_ISA_BEST))
      c.random = RandomState(seed: 1)
      let best = try c.applyMany(row.op, operands, row.sample.attributes)
      _ = nnk_select_isa(Int32(NNK_ISA_PORTABLE))
      c.random = RandomState(seed: 1)
      let portable = try c.applyMany(row.op, operands, row.sample.attributes)
      // Sums may cancel, so the bound goes by the largest result.
      let largest = best.flatMap(\.values).filter(\.isFinite).map(abs).max() ?? 1
      for (a, b) in zip(best.flatMap(\.values), portable.flatMap(\.values)) {
        #expect(a == b || abs(a - b) <= 16 * Double(Float(max(largest, 1)).ulp), "\(row)")
      }
    }
  }
}
