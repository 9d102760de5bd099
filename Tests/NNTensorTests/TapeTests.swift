// The tape: nesting, freeing, long chains, ended traces, gradients at awkward points.
import NNKernels
import NNTensor
import Testing

extension TensorContext {
  /// The derivative of a function of one operand at a point.
  func derivative(
    at point: Operand, of function: (Operand) throws -> Operand
  ) throws -> Operand {
    let tape = beginTape()
    defer { end(tape) }
    let x = try watch(point, on: tape)
    let output = try function(x)
    end(tape)
    return try gradients(of: output, tape: tape, wrt: [x])[0]
  }
}

@Suite(.serialized) struct TapeTests {
  let c = TensorContext()

  func vector(_ numbers: Double...) throws -> Operand {
    Operand(try Tensor(numbers, shape: [numbers.count], dtype: .f64))
  }

  @Test func fifthDerivativeOfANumber() throws {
    // d^5/dx^5 x^6 = 720 x.
    func derivative(_ order: Int, _ x: Operand) throws -> Operand {
      if order == 0 { return try c.binary(Ops.pow, x, Operand(6)) }
      return try c.derivative(at: x) { try derivative(order - 1, $0) }
    }
    let result = try derivative(5, Operand(2))
    #expect(result.isNumber && result.number == 1440)
  }

  @Test func innerDerivativesSeeOuterVariables() throws {
    // d/dx (x * d/dy (x + y) at y = 1) = 1: the levels are not confused.
    let result = try c.derivative(at: Operand(3)) { x in
      let inner = try c.derivative(at: Operand(1)) { y in try c.binary(Ops.add, x, y) }
      return try c.binary(Ops.mul, x, inner)
    }
    #expect(result.number == 1)
  }

  @Test func endedTracesArePlainValues() throws {
    let tape = c.beginTape()
    let x = try c.watch(try vector(1, 2), on: tape)
    let kept = try c.binary(Ops.mul, x, x)
    c.end(tape)
    #expect(!c.isTracked(kept))
    let sum = try c.binary(Ops.add, kept, Operand(1))
    #expect(sum.handle.isNone && sum.values == [2, 5])
    let later = try c.derivative(at: try vector(3, 4)) { try c.binary(Ops.mul, $0, kept) }
    #expect(later.values == [1, 4])
  }

  @Test func whatDoesNotReachGetsZeros() throws {
    let tape = c.beginTape()
    let x = try c.watch(try vector(1, 2), on: tape)
    let number = try c.watch(Operand(5), on: tape)
    let y = try c.binary(Ops.mul, x, Operand(2))
    c.end(tape)
    let gradients = try c.gradients(of: y, tape: tape, wrt: [x, number])
    #expect(gradients[0].values == [2, 2])
    #expect(gradients[1].isNumber && gradients[1].number == 0)
    let constant = try c.gradients(of: try vector(1), tape: tape, wrt: [x])
    #expect(constant[0].values == [0, 0])
  }

  @Test func keptEntriesServeAgain() throws {
    let tape = c.beginTape()
    let x = try c.watch(try vector(1, 2), on: tape)
    let y = try c.binary(Ops.mul, x, x)
    c.end(tape)
    for scale in [1.0, 3] {
      let seed = Operand(try Tensor([scale, scale], shape: [2], dtype: .f64))
      let gradient = try c.gradients(of: y, seed: seed, tape: tape, wrt: [x], keepsEntries: true)
      #expect(gradient[0].values == [2 * scale, 4 * scale])
    }
  }

  @Test func aLongChainNeedsNoStack() throws {
    let length = 100_000
    let gradient = try c.derivative(at: Operand(try Tensor([1, 2], shape: [2]))) { x in
      var y = x
      for _ in 0..<length { y = try c.binary(Ops.add, y, Operand(1)) }
      return try c.apply(Ops.sum, [y])
    }
    #expect(gradient.values == [1, 1])
  }

  @Test func backwardFreesWhatWasSaved() throws {
    // The lists of an ended tape are kept for the next one.
    _ = try c.derivative(at: Operand(1)) { x in try c.unary(Ops.neg, x) }
    let before = nnk_memory_info().blocks
    try recordAndWalkBack()
    #expect(nnk_memory_info().blocks == before)
  }

  private func recordAndWalkBack() throws {
    let start = nnk_memory_info().blocks
    let tape = c.beginTape()
    let x = try c.watch(Operand(try Tensor(filling: Shape([64]), with: 1, dtype: .f32)), on: tape)
    var y = x
    for _ in 0..<100 { y = try c.unary(Ops.tanh, y) }
    #expect(nnk_memory_info().blocks >= start + 100)
    c.end(tape)
    _ = try c.gradients(of: y, tape: tape, wrt: [x])
    #expect(nnk_memory_info().blocks <= start + 3)
  }

  @Test func aFullTapeIsAnError() throws {
    #expect(c.recordLimit == 0xff_ffff)
    c.recordLimit = 1000
    let tape = c.beginTape()
    var x = try c.watch(Operand(1), on: tape)
    var failure: TensorError?
    do throws(TensorError) {
      for _ in 0..<1010 { x = try c.unary(Ops.neg, x) }
    } catch { failure = error }
    #expect(failure?.kind == "limit" && failure?.help != nil)
    c.end(tape)
    #expect(tape.count == 1000)
  }

  @Test func errorsLeaveTheTapeAsItWas() throws {
    let gradient = try c.derivative(at: try vector(1, 2)) { x in
      let y = try c.binary(Ops.mul, x, x)
      #expect(throws: TensorError.self) { try c.binary(Ops.mul, y, try vector(1, 2, 3)) }
      #expect(throws: TensorError.self) { try c.apply(Ops.reshape, [y], [.ints([3])]) }
      return try c.binary(Ops.mul, y, Operand(2))
    }
    #expect(gradient.values == [4, 8])
  }

  @Test func awkwardPointsHaveFiniteGradients() throws {
    let zero = try vector(0)
    for op in [Ops.sqrt, Ops.abs, Ops.relu, Ops.norm] {
      #expect(try c.derivative(at: zero) { try c.apply(op, [$0]) }.values == [0], "\(op.name)")
    }
    for exponent in [0, 0.5, 1, 2] {
      let slope = try c.derivative(at: zero) { try c.binary(Ops.pow, $0, Operand(exponent)) }
      #expect(slope.values == [exponent == 1 ? 1 : 0], "\(exponent)")
    }
    let inExponent = try c.derivative(at: Operand(2)) { try c.binary(Ops.pow, zero, $0) }
    #expect(inExponent.number == 0)
    let ties = try c.derivative(at: try vector(3, 1, 3)) { try c.apply(Ops.max, [$0]) }
    #expect(ties.values == [0.5, 0, 0.5])
    let pair = try c.derivative(at: zero) { try c.binary(Ops.maximum, $0, Operand(0)) }
    #expect(pair.values == [0.5])
    let product = try c.derivative(at: try vector(0, 2, 3)) { try c.apply(Ops.prod, [$0]) }
    #expect(product.values == [6, 0, 0])
  }

  /// `where` keeps the gradient of every elementwise op out of the branch that was not taken, to the second order.
  @Test func whereSendsNothingIntoTheBranchNotTaken() throws {
    let bad = [0, -1, .infinity, -.infinity, Double.nan, 1000]
    let ops = Ops.all.filter {
      $0.parameters.count == 1 && $0.isDifferentiable && !$0.isInternal && $0 !== Ops.item
        && $0 !== Ops.to
        && (try? $0.checkShapes([[SymbolicDim(bad.count)]], attributes: [])) != nil
    }
    let x = Operand(try Tensor(bad, shape: [bad.count], dtype: .f64))
    let never = Operand(try Tensor(filling: x.tensor!.shape, with: 0, dtype: .bool))
    for op in ops {
      func guarded(_ x: Operand) throws -> Operand {
        let y = try c.apply(op, [x])
        let mask =
          y.tensor!.shape == x.tensor!.shape
          ? never : Operand(try Tensor(filling: y.tensor!.shape, with: 0, dtype: .bool))
        return try c.apply(Ops.where, [mask, y, Operand(1)])
      }
      #expect(try c.derivative(at: x, of: guarded).values.allSatisfy { $0 == 0 }, "\(op.name)")
      let second = try c.derivative(at: x) { try c.derivative(at: $0, of: guarded) }
      #expect(second.values.allSatisfy { $0 == 0 }, "\(op.name)")
    }
  }

  @Test func debugNaNsNamesTheOp() throws {
    c.debugNaNs = true
    #expect { try c.unary(Ops.log, try vector(2, -1)) } throws: {
      ($0 as? TensorError)?.message == "debug_nans: log made a NaN at [1] (x = -1)"
    }
    #expect { try c.binary(Ops.div, Operand(1), try vector(2, 0)) } throws: {
      ($0 as? TensorError)?.message == "debug_nans: div made inf at [1] (x = 1, y = 0)"
    }
    #expect { try c.binary(Ops.matmul, try vector(1e200), try vector(1e200)) } throws: {
      ($0 as? TensorError)?.notes.map(\.text) == [
        "f64[1] from 1e+200 to 1e+200", "f64[1] from 1e+200 to 1e+200",
      ]
    }
    // What came in infinite or was asked for is nobody's fault.
    let masked = try c.apply(Ops.maskedFill, [try vector(1), try vector(1), Operand(-.infinity)])
    #expect(try c.unary(Ops.exp, masked).values == [0])
    // The slope of pow at 0 is infinite inside its rule and 0 outside.
    let slope = try c.derivative(at: try vector(0)) { try c.binary(Ops.pow, $0, Operand(0.5)) }
    #expect(slope.values == [0])
    #expect {
      _ = try c.derivative(at: try vector(1e-200)) { x in
        try c.unary(Ops.log, c.binary(Ops.mul, x, x))
      }
    } throws: {
      ($0 as? TensorError)?.message.contains("debug_nans: log made -inf at [0] (x = 0)") == true
    }
    #expect {
      _ = try c.derivative(at: try vector(.leastNonzeroMagnitude)) { try c.unary(Ops.log, $0) }
    } throws: { ($0 as? TensorError)?.message == "debug_nans: the gradient of log has inf at [0]" }
    #expect {
      let trace = c.beginJVP()
      defer { c.end(trace) }
      let x = try c.watch(try vector(.leastNonzeroMagnitude), tangent: try vector(1), on: trace)
      _ = try c.unary(Ops.log, x)
    } throws: { ($0 as? TensorError)?.message == "debug_nans: the tangent of log has inf at [0]" }
    c.position = 7
    #expect {
      _ = try c.derivative(at: try vector(1)) { x in
        try c.binary(Ops.mul, c.binary(Ops.sub, x, x), Operand(.infinity))
      }
    } throws: { ($0 as? TensorError)?.message.contains("mul") == true }
  }
}
