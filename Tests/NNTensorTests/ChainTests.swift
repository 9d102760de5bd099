// Elementwise ops on many elements wait for a reader: same bits, same sharing, and no memory written twice.
import NNTensor
import Testing

@Suite struct ChainTests {
  let c = TensorContext()
  /// Over the size from which results are put off, and no multiple of any block.
  private static let count = 150_001

  private func large(_ seed: UInt64, _ dtype: DType = .f32) throws -> Tensor {
    var numbers = Numbers(seed: seed)
    let values = (0..<Self.count).map { _ in 4 * numbers.next() - 2 }
    return try Tensor(values, shape: [Self.count], dtype: dtype)
  }

  /// A part that is too small to be put off.
  private func part(_ x: Tensor, _ range: Range<Int>) throws -> Operand {
    try c.apply(
      Ops.index, [Operand(x)],
      [.index([.slice(start: range.lowerBound, stop: range.upperBound, step: nil)])])
  }

  /// Runs a function at once on the whole tensors and piece by piece, and compares the bytes.
  private func compare(
    _ tensors: [Tensor], _ body: ([Operand]) throws -> Operand
  ) throws {
    let whole = try body(tensors.map { Operand($0) })
    var pieces: [UInt8] = []
    var start = 0
    while start < Self.count {
      let stop = min(start + 40_000, Self.count)
      let piece = try body(tensors.map { try part($0, start..<stop) })
      pieces += Array(piece.tensor!.bytes)
      start = stop
    }
    // The outcome alone: a list of differences of so many bytes would take minutes.
    let isSame = Array(whole.tensor!.bytes) == pieces
    #expect(isSame)
  }

  /// Compares each element with a function of the operand's, in f32.
  private func expect(_ result: Operand, _ x: Tensor, _ function: (Float) -> Float) {
    let isSame = zip(result.values, x.numbers).allSatisfy { Float($0) == function(Float($1)) }
    #expect(isSame)
  }

  @Test(arguments: [DType.f32, .f64]) func chainsGiveTheBitsOfSinglePasses(_ dtype: DType) throws {
    let (x, y) = (try large(1, dtype), try large(2, dtype))
    try compare([x, y]) { v in
      let scaled = try c.binary(Ops.add, c.binary(Ops.mul, v[0], Operand(1.5)), v[1])
      return try c.binary(Ops.sub, Operand(2), c.unary(Ops.gelu, scaled))
    }
    try compare([x, y]) { v in
      let left = try c.unary(Ops.exp, c.binary(Ops.mul, v[0], v[0]))
      let right = try c.unary(Ops.tanh, c.binary(Ops.sub, v[1], v[0]))
      return try c.binary(Ops.div, left, c.binary(Ops.add, c.unary(Ops.square, right), Operand(1)))
    }
  }

  @Test func deepAndLongExpressionsWork() throws {
    let x = try large(3)
    func tower(_ v: Operand, _ levels: Int) throws -> Operand {
      if levels == 0 { return try c.unary(Ops.neg, v) }
      return try c.binary(
        Ops.add, c.unary(Ops.tanh, tower(v, levels - 1)), c.binary(Ops.mul, tower(v, levels - 1), v)
      )
    }
    try compare([x]) { v in try tower(v[0], 5) }
    try compare([x]) { v in
      var y = try c.unary(Ops.neg, v[0])
      for step in 0..<100 { y = try c.binary(Ops.add, y, Operand(Double(step) / 7)) }
      return y
    }
    // The right operand is the deep one.
    try compare([x]) { v in
      var y = try c.unary(Ops.neg, v[0])
      for _ in 0..<20 { y = try c.binary(Ops.sub, v[0], c.unary(Ops.tanh, y)) }
      return y
    }
  }

  @Test func valuesThatAreHeldStay() throws {
    let x = try large(4)
    let doubled = try c.binary(Ops.add, Operand(x), Operand(x))
    let negated = try c.unary(Ops.neg, doubled)
    let product = try c.binary(Ops.mul, doubled, negated)
    expect(product, x) { (2 * $0) * (-2 * $0) }
    expect(doubled, x) { 2 * $0 }
    expect(negated, x) { -2 * $0 }
  }

  @Test func givenUpOperandsLendTheirMemory() throws {
    let x = Operand(try large(5))
    let address = x.tensor!.data
    let y = try c.unary(Ops.neg, consume x)
    let z = try c.binary(Ops.mul, consume y, Operand(3))
    let result = try c.unary(Ops.relu, consume z)
    let isReused = result.tensor!.data == address
    #expect(isReused)
    expect(result, try large(5)) { max(0, -$0 * 3) }
  }

  @Test func viewsOfWaitingResultsAndInPlaceUseWork() throws {
    let x = try large(6)
    let sum = try c.binary(Ops.add, Operand(x), Operand(1))
    let view = try c.apply(Ops.reshape, [sum], [.ints([1, Self.count])])
    let moved = try c.unary(Ops.neg, sum)
    expect(view, x) { $0 + 1 }
    expect(moved, x) { -($0 + 1) }
  }

  @Test func gradientsAreTheSame() throws {
    let x = try large(7, .f64)
    let gradient = try c.derivative(at: Operand(x)) { v in
      let y = try c.unary(Ops.tanh, c.binary(Ops.mul, v, v))
      return try c.apply(Ops.sum, [c.binary(Ops.mul, y, v)])
    }
    let small = try part(x, 0..<1000)
    let reference = try c.derivative(at: small) { v in
      let y = try c.unary(Ops.tanh, c.binary(Ops.mul, v, v))
      return try c.apply(Ops.sum, [c.binary(Ops.mul, y, v)])
    }
    let isSame = Array(gradient.values.prefix(1000)) == reference.values
    #expect(isSame)
  }

  @Test func debugNaNsFindsTheOp() throws {
    let x = try large(8)
    c.debugNaNs = true
    let negative = try c.unary(Ops.neg, c.unary(Ops.abs, Operand(x)))
    let error = #expect(throws: TensorError.self) { _ = try c.unary(Ops.log, negative) }
    #expect(error?.message.contains("log") == true)
  }
}
