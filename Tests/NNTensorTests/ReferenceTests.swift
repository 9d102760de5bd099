// Every row's values and gradients against PyTorch's in f64, over at least 40 random cases.
import NNTensor
import Testing

/// How far results may be from the reference, in parts of the array's largest magnitude.
private struct Tolerance {
  var f32 = 2e-6
  var f64 = 1e-9
  /// Why a row is given more.
  var reason = ""

  static let standard = Tolerance()
  static let byRow: [String: Tolerance] = [:]

  func bound(_ dtype: DType?) -> Double { dtype == .f32 ? f32 : f64 }
}

@Suite struct ReferenceTests {
  /// Rows of the language without reference vectors, and why.
  static let exceptions: [String: String] = [
    "rand": "drawn; RandomTests checks its distribution and known vectors of its generator",
    "randn": "drawn, as rand", "randint": "drawn, as rand", "bernoulli": "drawn, as rand",
    "categorical": "drawn, as rand",
    "permutation": "drawn, as rand", "dropout": "drawn, as rand",
  ]

  /// Rows that scripts reach through indexing instead of by name, and have reference vectors too.
  static let byIndexing = ["index", "index_update"]

  static let rows = ReferenceCase.byRow.keys.sorted()

  @Test(arguments: rows) func valuesAndGradients(_ name: String) throws {
    let op = try #require(Ops.all.first { $0.name == name }, "no row has this name")
    let tolerance = Tolerance.byRow[name] ?? .standard
    for reference in ReferenceCase.byRow[name] ?? [] {
      for dtype in [DType.f32, .f64] { try check(reference, op, dtype, tolerance) }
    }
  }

  @Test func everyPublicRowHasEnoughCases() {
    for op in Ops.all where !op.isInternal {
      let count = ReferenceCase.byRow[op.name]?.count ?? 0
      if Self.exceptions[op.name] != nil {
        #expect(count == 0, "\(op.name) is no exception any more")
      } else {
        #expect(
          count >= 40,
          "\(op.name) has \(count) reference cases: add its row to reference/*.py, or an exception with the reason"
        )
      }
    }
    for name in Self.byIndexing { #expect((ReferenceCase.byRow[name]?.count ?? 0) >= 40) }
  }

  @Test func everyDifferentiableRowHasGradients() {
    for op in Ops.all where op.isDifferentiable {
      guard let cases = ReferenceCase.byRow[op.name] else { continue }
      #expect(cases.contains { $0.gradients != nil }, "\(op.name)")
    }
  }

  private func check(
    _ reference: ReferenceCase, _ op: Op, _ dtype: DType, _ tolerance: Tolerance
  ) throws {
    let context = TensorContext()
    var stream = ReferenceStream("\(reference.name)#\(reference.number)")
    var operands = try reference.inputs.map { try $0.operand(&stream, dtype) }
    let tape = context.beginTape()
    if reference.gradients != nil {
      for (place, input) in reference.inputs.enumerated() where input.isFloatTensor {
        operands[place] = try context.watch(operands[place], on: tape)
      }
    }
    let results = try context.applyMany(op, operands, reference.attributes(dtype))
    #expect(results.count == reference.results.count, "\(reference)")
    for (result, expected) in zip(results, reference.results) {
      compare(result, expected, tolerance, "\(reference) \(dtype)")
    }
    guard let gradients = reference.gradients else { return context.end(tape) }
    let total = try weighted(results, &stream, dtype, context)
    context.end(tape)
    let wrt = operands.indices.filter { reference.inputs[$0].isFloatTensor }
    let found = try context.gradients(of: total, tape: tape, wrt: wrt.map { operands[$0] })
    for (place, gradient) in zip(wrt, found) {
      guard let expected = gradients[place] else { continue }
      compare(gradient, expected, tolerance, "\(reference) \(dtype), gradient \(place)")
    }
  }

  /// The sum of all float results times random weights, whose gradient is the reference's.
  private func weighted(
    _ results: [Operand], _ stream: inout ReferenceStream, _ dtype: DType, _ context: TensorContext
  ) throws -> Operand {
    var total = Operand(0)
    for result in results where result.tensor?.dtype.isFloat ?? true {
      let shape = result.tensor?.shape ?? Shape()
      let weights = stream.numbers(shape.count, -1, 1).map { Double(Float($0)) }
      let weight =
        result.isNumber
        ? Operand(weights[0]) : Operand(try Tensor(weights, shape: shape, dtype: dtype))
      let product = try context.binary(Ops.mul, result, weight)
      let term = result.isNumber ? product : try context.apply(Ops.sum, [product])
      total = try context.binary(Ops.add, total, term)
    }
    return total
  }

  private func compare(
    _ got: Operand, _ expected: ReferenceArray, _ tolerance: Tolerance, _ what: String
  ) {
    #expect(got.tensor?.shape.array ?? [] == expected.shape, "\(what)")
    let values = got.values
    guard values.count == expected.values.count else { return }
    let largest = expected.values.filter(\.isFinite).map(abs).max() ?? 0
    let bound = tolerance.bound(got.tensor?.dtype) * (largest > 0 ? largest : 1)
    for (place, (g, e)) in zip(values, expected.values).enumerated() {
      let isNear = g == e || g.isNaN && e.isNaN || abs(g - e) <= bound
      #expect(isNear, "\(what)[\(place)]: \(g) instead of \(e), allowed is \(bound)")
      if !isNear { return }
    }
  }
}
