// Every row in forward mode against reverse mode in f64, to the second order.
import NNKernels
import NNTensor
import Testing

extension Weighted {
  /// A direction to move the differentiated operands in.
  func direction(seed: UInt64) throws -> [Operand] {
    var numbers = Numbers(seed: seed)
    return try wrt.map { position in
      let shape = operands[position].tensor!.shape
      let values = (0..<shape.count).map { _ in 2 * numbers.next() - 1 }
      return Operand(try Tensor(values, shape: shape, dtype: .f64))
    }
  }

  /// How the results of `function` change along a direction; zero where they do not.
  func tangents(
    _ operands: [Operand], along direction: [Operand],
    of function: ([Operand]) throws -> [Operand]
  ) throws -> [Operand] {
    let trace = context.beginJVP()
    defer { context.end(trace) }
    var inputs = operands
    for (position, tangent) in zip(wrt, direction) {
      inputs[position] = try context.watch(inputs[position], tangent: tangent, on: trace)
    }
    let outputs = try function(inputs)
    return try outputs.map { try trace.tangent(of: $0) ?? context.zeros(like: trace.lowered($0)) }
  }

  /// The sum of the elementwise products of two lists of values.
  func dot(_ a: [Operand], _ b: [Operand]) throws -> Operand {
    var total = Operand(0)
    for (x, y) in zip(a, b) {
      total = try context.binary(
        Ops.add, total, context.apply(Ops.sum, [context.binary(Ops.mul, x, y)]))
    }
    return total
  }

  func expectEqual(_ a: Operand, _ b: Operand, _ what: String, tolerance: Double) {
    let (x, y) = (a.values[0], b.values[0])
    #expect(
      abs(x - y) <= tolerance * max(1, abs(x), abs(y)) || x.isNaN && y.isNaN,
      "\(row) \(what): \(x) and \(y)")
  }
}

@Suite struct ForwardTableTests {
  static let rows = GradientTableTests.rows

  /// w . (J v) = (J^T w) . v
  @Test(arguments: rows) func forwardEqualsReverse(_ row: RowCase) throws {
    let function = try Weighted(row)
    guard !function.wrt.isEmpty else { return }
    let direction = try function.direction(seed: 23)
    let forward = try function.tangents(function.operands, along: direction) {
      [try function.value($0)]
    }
    let reverse = try function.gradients(function.operands, of: function.value)
    function.expectEqual(
      forward[0], try function.dot(reverse, direction), "forward and reverse", tolerance: 1e-11)
  }

  /// Forward over reverse, reverse over forward and reverse over reverse give the same H v.
  @Test(arguments: rows) func secondDerivativesAgree(_ row: RowCase) throws {
    let f = try Weighted(row)
    guard !f.wrt.isEmpty else { return }
    let (u, v) = (try f.direction(seed: 29), try f.direction(seed: 31))
    let forwardReverse = try f.tangents(f.operands, along: v) {
      try f.gradients($0, of: f.value)
    }
    let reverseForward = try f.gradients(f.operands) { inputs in
      try f.tangents(inputs, along: v) { [try f.value($0)] }[0]
    }
    let reverseReverse = try f.gradients(f.operands) { inputs in
      try f.dot(f.gradients(inputs, of: f.value), v)
    }
    let forwardForward = try f.tangents(f.operands, along: u) { inputs in
      try f.tangents(inputs, along: v) { [try f.value($0)] }
    }
    let expected = try f.dot(reverseReverse, u)
    f.expectEqual(try f.dot(forwardReverse, u), expected, "forward over reverse", tolerance: 1e-10)
    f.expectEqual(try f.dot(reverseForward, u), expected, "reverse over forward", tolerance: 1e-10)
    f.expectEqual(forwardForward[0], expected, "forward over forward", tolerance: 1e-10)
  }

  /// Tangents of numbers are numbers; what is no float has none.
  @Test func numbersAndIntegers() throws {
    let c = TensorContext()
    let trace = c.beginJVP()
    defer { c.end(trace) }
    let x = try c.watch(Operand(3), tangent: Operand(1), on: trace)
    let y = try c.binary(Ops.pow, x, Operand(3))
    #expect(y.isNumber && trace.tangent(of: y)?.number == 27)
    let whole = try c.apply(Ops.to, [c.apply(Ops.full, [x], [.ints([2])])], [.dtype(.i32)])
    #expect(!c.isTracked(whole) && trace.tangent(of: whole) == nil)
  }

  /// Tangents die with the values they belong to.
  @Test func tangentsOfDeadValuesAreDropped() throws {
    let c = TensorContext()
    let trace = c.beginJVP()
    defer { c.end(trace) }
    let start = try Tensor(filling: Shape([1000]), with: 1, dtype: .f32)
    let tangent = Operand(try Tensor(filling: Shape([1000]), with: 1, dtype: .f32))
    var x = try c.watch(Operand(start), tangent: tangent, on: trace)
    let before = nnk_memory_info().blocks
    for _ in 0..<20_000 { x = try c.unary(Ops.sin, x) }
    #expect(nnk_memory_info().blocks < before + 5_000)
    #expect(trace.tangent(of: x)?.tensor?.count == 1000)
  }
}
