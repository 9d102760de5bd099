// Storage: results may take an operand's block only where nobody can see it.
import NNKernels
import NNTensor
import Testing

@Suite struct SharingTests {
  let c = TensorContext()

  func matrix() throws -> Tensor { try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]) }

  @Test func aMovedOperandIsReused() throws {
    var operand = Operand(try matrix())
    let address = operand.tensor!.data
    operand = try c.binary(Ops.mul, operand, Operand(2))
    var x = try c.binary(Ops.mul, Operand(try matrix()), Operand(2))
    let before = x.tensor!.data
    let y = try c.unary(Ops.neg, consume x)
    #expect(y.tensor!.data == before)
    x = operand
    #expect(x.values == [2, 4, 6, 8, 10, 12])
    _ = address
  }

  @Test func theWiderOfTwoMovedOperandsIsReused() throws {
    let row = Operand(try Tensor([10, 20, 30], shape: [3]))
    let wide = Operand(try matrix())
    let address = wide.tensor!.data
    let result = try c.binary(Ops.sub, row, consume wide)
    #expect(result.tensor!.data == address)
    #expect(result.values == [9, 18, 27, 6, 15, 24])
    #expect(row.values == [10, 20, 30])
    let scalar = Operand(try Tensor(2))
    #expect(try c.binary(Ops.sub, result, scalar).values == [7, 16, 25, 4, 13, 22])
  }

  @Test func heldOperandsKeepTheirElements() throws {
    let x = try matrix()
    let view = try c.apply(Ops.reshape, [Operand(x)], [.ints([6])])
    for op in [Ops.neg, Ops.relu, Ops.exp] { _ = try c.unary(op, Operand(x)) }
    _ = try c.binary(Ops.add, Operand(x), Operand(x))
    _ = try c.unary(Ops.neg, Operand(view.tensor!))
    #expect(x.numbers == [1, 2, 3, 4, 5, 6])
    #expect(view.values == x.numbers)
  }

  @Test func aViewSurvivesItsBaseBeingMoved() throws {
    var base: Operand? = Operand(try matrix())
    let row = try c.apply(Ops.index, [base!], [.index([.at(1)])])
    let moved = try c.unary(Ops.neg, base.take()!)
    #expect(row.values == [4, 5, 6])
    #expect(moved.values == [-1, -2, -3, -4, -5, -6])
  }

  @Test func savedValuesAreNotOverwritten() throws {
    let gradient = try c.derivative(at: Operand(try matrix())) { x in
      var y = try c.binary(Ops.mul, x, x)
      y = try c.unary(Ops.exp, c.binary(Ops.mul, y, Operand(0.1)))
      y = try c.binary(Ops.mul, y, Operand(3))
      y = try c.unary(Ops.neg, y)
      return try c.apply(Ops.sum, [y])
    }
    for (x, slope) in zip([1.0, 2, 3, 4, 5, 6], gradient.values) {
      let exact = -0.6 * x * Self.exponential(0.1 * x * x)
      #expect(abs(slope - exact) < 1e-5 * abs(exact))
    }
  }

  private static func exponential(_ x: Double) -> Double {
    var (sum, term) = (1.0, 1.0)
    for n in 1..<60 {
      term *= x / Double(n)
      sum += term
    }
    return sum
  }

  @Test func assignmentWritesInPlaceOnlyWhenAlone() throws {
    var alone = Operand(try matrix())
    let address = alone.tensor!.data
    alone = try c.replace(&alone, Operand(9), [], [.at(0), .at(-1)])
    #expect(alone.tensor!.data == address && alone.values == [1, 2, 9, 4, 5, 6])
    let other = alone.tensor!
    alone = try c.replace(&alone, Operand(0), [], [.at(0)])
    #expect(alone.values == [0, 0, 0, 4, 5, 6])
    #expect(other.numbers == [1, 2, 9, 4, 5, 6])
  }

  @Test func assignmentFromAViewOfItself() throws {
    var x = Operand(try Tensor([1, 2, 3, 4, 5], shape: [5]))
    let part = try c.apply(Ops.index, [x], [.index([.slice(start: 0, stop: 4, step: nil)])])
    x = try c.replace(&x, part, [], [.slice(start: 1, stop: nil, step: nil)])
    #expect(x.values == [1, 1, 2, 3, 4])
    #expect(part.values == [1, 2, 3, 4])
  }

  @Test func aFailedAssignmentLeavesTheOperand() throws {
    var x = Operand(try matrix())
    #expect(throws: TensorError.self) { try c.replace(&x, Operand(1), [], [.at(2)]) }
    #expect(throws: TensorError.self) {
      try c.replace(&x, Operand(try matrix()), [], [.at(0)])
    }
    #expect(x.values == [1, 2, 3, 4, 5, 6])
  }

  @Test func transposesAreCopiedOnlyWhenRead() throws {
    let x = Operand(try matrix())
    let transposed = try c.apply(Ops.transpose, [x])
    let product = try c.binary(Ops.matmul, x, transposed)
    #expect(product.values == [14, 32, 32, 77])
    #expect(transposed.values == [1, 4, 2, 5, 3, 6])
    let back = try c.apply(Ops.transpose, [transposed])
    #expect(back.values == x.values)
  }

  @Test func optimizersStepInPlace() throws {
    var p = try Tensor([1, 2], shape: [2])
    var v: Tensor?
    let address = p.data
    let g = try Tensor([0.5, 1], shape: [2])
    try c.sgdStep(&p, gradient: g, velocity: &v, lr: 0.1, momentum: 0.9)
    try c.sgdStep(&p, gradient: g, velocity: &v, lr: 0.1, momentum: 0.9)
    #expect(p.data == address)
    #expect(zip(p.numbers, [0.855, 1.71]).allSatisfy { abs($0 - $1) < 1e-6 })
    let kept = p
    var (m, s) = (try Tensor([0, 0], shape: [2]), try Tensor([0, 0], shape: [2]))
    try c.adamStep(&p, gradient: g, m: &m, v: &s, step: 1, lr: 0.1)
    #expect(kept.numbers != p.numbers)
    #expect(zip(p.numbers, [0.755, 1.61]).allSatisfy { abs($0 - $1) < 1e-5 })
  }
}
