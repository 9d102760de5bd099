// The door and the tape, by small examples.
import NNTensor
import Testing

@Suite struct DoorTests {
  let context = TensorContext()

  func vector(_ numbers: Double..., dtype: DType = .f32) throws -> Operand {
    Operand(try Tensor(numbers, shape: [numbers.count], dtype: dtype))
  }

  @Test func addsTensorsAndNumbers() throws {
    let sum = try context.binary(Ops.add, try vector(1, 2), try vector(3, 4))
    #expect(sum.tensor?.numbers == [4, 6])
    let scaled = try context.binary(Ops.mul, sum, Operand(0.5))
    #expect(scaled.tensor?.numbers == [2, 3])
    let number = try context.binary(Ops.pow, Operand(2), Operand(10))
    #expect(number.isNumber && number.number == 1024)
  }

  @Test func broadcastsByTheRule() throws {
    let matrix = Operand(try Tensor([1, 2, 3, 4, 5, 6], shape: [2, 3]))
    let sum = try context.binary(Ops.add, matrix, try vector(10, 20, 30))
    #expect(sum.tensor?.numbers == [11, 22, 33, 14, 25, 36])
    let column = Operand(try Tensor([1, 2], shape: [2, 1]))
    #expect(try context.binary(Ops.add, matrix, column).tensor?.numbers == [2, 3, 4, 6, 7, 8])
    #expect(throws: TensorError.self) { try context.binary(Ops.sub, column, try vector(1, 2)) }
  }

  @Test func differentiatesToSecondOrder() throws {
    // f(x) = sum(x^3) in the first order, then the sum of its gradient.
    let outer = context.beginTape()
    let x0 = try context.watch(try vector(1, 2, 3, dtype: .f64), on: outer)
    let inner = context.beginTape()
    let x = try context.watch(x0, on: inner)
    let cube = try context.binary(Ops.pow, x, Operand(3))
    context.end(inner)
    let first = try context.gradients(of: cube, tape: inner, wrt: [x])[0]
    #expect(first.tensor?.numbers == [3, 12, 27])
    context.end(outer)
    let second = try context.gradients(of: first, tape: outer, wrt: [x0])[0]
    #expect(second.tensor?.numbers == [6, 12, 18])
  }

  @Test func gradientsOfNumbersAreNumbers() throws {
    let tape = context.beginTape()
    let scale = try context.watch(Operand(2), on: tape)
    let product = try context.binary(Ops.mul, try vector(1, 2, 3), scale)
    context.end(tape)
    let gradient = try context.gradients(of: product, tape: tape, wrt: [scale])[0]
    #expect(gradient.isNumber && gradient.number == 6)
  }

  @Test func whereSendsNothingIntoTheBranchNotTaken() throws {
    let tape = context.beginTape()
    let x = try context.watch(try vector(0, 4), on: tape)
    let root = try context.unary(Ops.sqrt, x)
    let inverse = try context.binary(Ops.div, Operand(1), root)
    let mask = try context.binary(Ops.greater, x, Operand(0))
    let safe = try context.apply(Ops.where, [mask, inverse, Operand(0)])
    context.end(tape)
    let gradient = try context.gradients(of: safe, tape: tape, wrt: [x])[0]
    #expect(gradient.tensor?.numbers == [0, -0.0625])
  }
}
