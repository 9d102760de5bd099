// Every row's gradient against finite differences in f64, to the second order.
import NNTensor
import Testing

/// A scalar function of float operands, made of one op and fixed weights.
struct Weighted {
  let row: RowCase
  let context: TensorContext
  let operands: [Operand]
  /// Positions of the operands that are differentiated.
  let wrt: [Int]

  init(_ row: RowCase, in context: TensorContext = TensorContext()) throws {
    self.row = row
    self.context = context
    let operands = try row.operands()
    self.operands = operands
    wrt = operands.indices.filter { operands[$0].tensor?.dtype == .f64 }
  }

  /// The weighted sum of the float results.
  func value(_ operands: [Operand]) throws -> Operand {
    var total: Operand?
    for (place, result) in try context.applyMany(row.op, operands, row.sample.attributes)
      .enumerated()
    {
      guard result.isNumber || result.tensor?.dtype == .f64 else { continue }
      let term = try weighted(result, seed: UInt64(place + 17))
      if let sum = total { total = try context.binary(Ops.add, sum, term) } else { total = term }
    }
    return try total ?? Operand(Tensor(0, dtype: .f64))
  }

  func weighted(_ value: Operand, seed: UInt64) throws -> Operand {
    var numbers = Numbers(seed: seed)
    let shape = context.shape(of: value)
    let weights = try Tensor(
      (0..<shape.count).map { _ in numbers.next() + 0.5 }, shape: shape, dtype: .f64)
    return try context.apply(Ops.sum, [context.binary(Ops.mul, value, Operand(weights))])
  }

  /// The gradients of `function` in the differentiated operands.
  func gradients(
    _ operands: [Operand], of function: ([Operand]) throws -> Operand
  ) throws -> [Operand] {
    let tape = context.beginTape()
    var inputs = operands
    for position in wrt { inputs[position] = try context.watch(inputs[position], on: tape) }
    let output = try function(inputs)
    context.end(tape)
    return try context.gradients(of: output, tape: tape, wrt: wrt.map { inputs[$0] })
  }

  /// A weighted sum of all first derivatives, for the second order.
  func slope(_ operands: [Operand]) throws -> Operand {
    let first = try gradients(operands, of: value)
    var total = Operand(try Tensor(0, dtype: .f64))
    for (place, gradient) in first.enumerated() {
      total = try context.binary(Ops.add, total, weighted(gradient, seed: UInt64(place + 51)))
    }
    return total
  }

  /// Compares gradients with central differences.
  func check(_ function: ([Operand]) throws -> Operand, tolerance: Double) throws {
    let gradients = try gradients(operands, of: function)
    let step = 1e-5
    for (place, position) in wrt.enumerated() {
      let elements = operands[position].values
      for index in elements.indices {
        func at(_ change: Double) throws -> Double {
          var moved = elements
          moved[index] += change
          var inputs = operands
          let shape = operands[position].tensor!.shape
          inputs[position] = Operand(try Tensor(moved, shape: shape, dtype: .f64))
          return try function(inputs).values[0]
        }
        let expected = try (at(step) - at(-step)) / (2 * step)
        let got = gradients[place].values[index]
        #expect(
          abs(got - expected) <= tolerance * max(1, abs(expected)),
          "\(row) operand \(position)[\(index)]: \(got) instead of \(expected)")
      }
    }
  }
}

@Suite struct GradientTableTests {
  /// Rows with operands; `stop_gradient` has another gradient than its value by design.
  static let rows = RowCase.all.filter {
    !$0.isRandom && !$0.sample.shapes.isEmpty && $0.op !== Ops.stopGradient
  }

  @Test(arguments: rows) func firstOrder(_ row: RowCase) throws {
    let function = try Weighted(row)
    try function.check(function.value, tolerance: 1e-6)
  }

  @Test(arguments: rows) func secondOrder(_ row: RowCase) throws {
    let function = try Weighted(row)
    try function.check(function.slope, tolerance: 1e-5)
  }

  @Test func everyGradientHasSamples() {
    for op in Ops.all where op.isDifferentiable && !op.isInternal {
      #expect(!op.samples.isEmpty, "\(op.name)")
    }
  }
}
