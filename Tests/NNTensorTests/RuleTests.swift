// The rules of the language as the door applies them: broadcasting, dtypes, indexing, and what it refuses.
import NNTensor
import Testing

@Suite struct RuleTests {
  let c = TensorContext()

  func filled(_ shape: [Int], _ dtype: DType = .f32, with number: Double = 1) throws -> Operand {
    Operand(try Tensor(filling: Shape(shape), with: number, dtype: dtype))
  }

  // MARK: - Broadcasting

  @Test(arguments: [
    ([2, 3], [2, 3], [2, 3]), ([2, 3], [3], [2, 3]), ([3], [2, 3], [2, 3]), ([], [2, 3], [2, 3]),
    ([2, 1], [1, 3], [2, 3]), ([4, 2, 3], [1, 3], [4, 2, 3]), ([0, 3], [3], [0, 3]),
    ([4, 1, 3], [1, 2, 1], [4, 2, 3]),
  ])
  func shapesThatFit(_ a: [Int], _ b: [Int], _ result: [Int]) throws {
    #expect(try c.binary(Ops.add, filled(a), filled(b)).tensor?.shape.array == result)
  }

  @Test(arguments: [
    ([2, 3], [2, 4]), ([5, 1], [5]), ([5], [5, 1]), ([2, 3], [2]), ([3, 1, 4], [2, 4]),
  ])
  func shapesThatDoNotFit(_ a: [Int], _ b: [Int]) throws {
    let error = try #require(
      throws: TensorError.self, performing: { try c.binary(Ops.sub, filled(a), filled(b)) })
    #expect(
      error.kind == "shape" && error.message.contains("\(a)") && error.message.contains("\(b)"))
    #expect(error.notes.map(\.text) == ["\(a)", "\(b)"])
  }

  @Test func aStretchOfTheHigherRankIsOfferedInBothWays() throws {
    let error = try #require(
      throws: TensorError.self, performing: { try c.binary(Ops.sub, filled([5, 1]), filled([5])) })
    #expect(error.help?.contains("y[nil, :]") == true && error.help?.contains("x[:, 0]") == true)
  }

  @Test(arguments: [
    ([32, 784], [128, 784], "y.T"), ([784, 32], [784, 10], "x.T"),
    ([8, 28, 28], [784, 10], "flatten(x)"),
  ])
  func productsThatDoNotFitAreHelped(_ a: [Int], _ b: [Int], _ help: String) throws {
    let error = try #require(
      throws: TensorError.self, performing: { try c.binary(Ops.matmul, filled(a), filled(b)) })
    #expect(error.help?.contains(help) == true, "\(error)")
  }

  // MARK: - Types

  @Test(arguments: [
    (DType.bool, DType.bool, DType.i32), (.u8, .i32, .i32), (.i64, .f32, .f32), (.f32, .f64, .f64),
    (.bool, .f32, .f32), (.u8, .u8, .u8),
  ])
  func tensorsPromote(_ a: DType, _ b: DType, _ result: DType) throws {
    #expect(try c.binary(Ops.add, filled([2], a), filled([2], b)).tensor?.dtype == result)
    #expect(try c.binary(Ops.mul, filled([2], b), filled([2], a)).tensor?.dtype == result)
  }

  @Test(arguments: [
    (DType.i32, 2.0, DType.i32), (.i32, 2.5, .f32), (.u8, 7, .u8), (.bool, 1, .f32),
    (.f64, 0.5, .f64),
    (.f32, 1e300, .f32),
  ])
  func numbersAreWeak(_ dtype: DType, _ number: Double, _ result: DType) throws {
    #expect(try c.binary(Ops.add, filled([2], dtype), Operand(number)).tensor?.dtype == result)
  }

  @Test func fractionsOfIntegersAreFloats() throws {
    #expect(try c.binary(Ops.div, filled([2], .i32), Operand(2)).tensor?.dtype == .f32)
    #expect(try c.apply(Ops.mean, [filled([2], .u8)]).tensor?.dtype == .f32)
    #expect(try c.unary(Ops.exp, filled([2], .i64)).tensor?.dtype == .f32)
    #expect(try c.apply(Ops.sum, [filled([3], .bool)]).values == [3])
    #expect(try c.apply(Ops.sum, [filled([3], .bool)]).tensor?.dtype == .i64)
    #expect(try c.binary(Ops.pow, filled([2], .i32, with: 2), Operand(-1)).values == [0.5, 0.5])
  }

  @Test func whatDoesNotFitIsRefused() throws {
    #expect(throws: TensorError.self) { try c.binary(Ops.add, filled([2], .u8), Operand(300)) }
    #expect(throws: TensorError.self) { try c.binary(Ops.floorDiv, filled([2], .i32), Operand(0)) }
    #expect(throws: TensorError.self) {
      try c.binary(Ops.mod, filled([2], .i32), filled([2], .i32, with: 0))
    }
    #expect(try c.binary(Ops.less, filled([1], .u8), Operand(300)).values == [1])
    #expect(try c.binary(Ops.equal, filled([1], .i32), Operand(0.5)).values == [0])
  }

  // MARK: - Indexing

  private func indexed(_ items: [IndexItem], _ tensors: Operand...) throws -> Operand {
    let x = Operand(try Tensor((0..<12).map(Double.init), shape: [3, 4]))
    return try c.apply(Ops.index, [x] + tensors, [.index(items)])
  }

  @Test func basicIndices() throws {
    let all = IndexItem.slice(start: nil, stop: nil, step: nil)
    #expect(try indexed([.at(-1)]).values == [8, 9, 10, 11])
    #expect(try indexed([all, .at(1)]).values == [1, 5, 9])
    #expect(try indexed([.ellipsis, .at(-1)]).values == [3, 7, 11])
    #expect(try indexed([.at(1), .at(2)]).tensor?.shape == Shape())
    #expect(try indexed([.newAxis, .at(0)]).tensor?.shape.array == [1, 4])
    #expect(
      try indexed([all, .slice(start: nil, stop: nil, step: -2)]).values == [3, 1, 7, 5, 11, 9])
    #expect(
      try indexed([.slice(start: 1, stop: 99, step: nil), .slice(start: -3, stop: -1, step: nil)])
        .values == [5, 6, 9, 10])
    #expect(try indexed([.slice(start: 2, stop: 1, step: nil)]).tensor?.shape.array == [0, 4])
  }

  @Test func tensorsAsIndices() throws {
    let all = IndexItem.slice(start: nil, stop: nil, step: nil)
    let picks = Operand(try Tensor([2, 0, -1]))
    #expect(
      try indexed([.integers(operand: 1)], picks).values == [
        8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11,
      ])
    #expect(
      try indexed([all, .integers(operand: 1)], picks).values == [2, 0, 3, 6, 4, 7, 10, 8, 11])
    let columns = Operand(try Tensor([1, 2, 3]))
    #expect(
      try indexed([.integers(operand: 1), .integers(operand: 2)], picks, columns).values == [
        9, 2, 11,
      ])
    #expect(
      try indexed([.integers(operand: 1), .slice(start: 1, stop: 3, step: nil)], picks).values == [
        9, 10, 1, 2, 9, 10,
      ])
    let mask = Operand(try Tensor([1, 0, 1], shape: [3], dtype: .bool))
    #expect(try indexed([.mask(operand: 1), .at(0)], mask).values == [0, 8])
    let none = Operand(try Tensor([0, 0, 0], shape: [3], dtype: .bool))
    #expect(try indexed([.mask(operand: 1)], none).tensor?.shape.array == [0, 4])
  }

  @Test func badIndicesAreRefused() throws {
    for items: [IndexItem] in [[.at(3)], [.at(-4)], [.at(0), .at(0), .at(0)]] {
      let error = try #require(throws: TensorError.self, performing: { try indexed(items) })
      #expect(error.kind == "index")
    }
    #expect(throws: TensorError.self) {
      try indexed([.slice(start: nil, stop: nil, step: 0)])
    }
    for place in [3, -4] {
      let picks = Operand(try Tensor([0, place]))
      #expect(throws: TensorError.self) { try indexed([.integers(operand: 1)], picks) }
      let pastColumns = Operand(try Tensor([0, place < 0 ? -5 : 4]))
      #expect(throws: TensorError.self) {
        try indexed([.at(0), .integers(operand: 1)], pastColumns)
      }
    }
    #expect(throws: TensorError.self) { try indexed([.integers(operand: 1)], filled([2], .f32)) }
    #expect(throws: TensorError.self) { try indexed([.mask(operand: 1)], filled([4], .bool)) }
  }

  @Test func assignments() throws {
    func replaced(_ items: [IndexItem], _ value: Operand, _ tensors: Operand...) throws -> [Double]
    {
      var x = try filled([2, 3], .f32, with: 0)
      return try c.replace(&x, value, tensors, items).values
    }
    let all = IndexItem.slice(start: nil, stop: nil, step: nil)
    let row = Operand(try Tensor([1, 2, 3], shape: [3]))
    #expect(try replaced([.at(1)], row) == [0, 0, 0, 1, 2, 3])
    #expect(
      try replaced([all, .slice(start: nil, stop: nil, step: -1)], row) == [3, 2, 1, 3, 2, 1])
    #expect(
      try replaced([all, .integers(operand: 1)], Operand(7), Operand(try Tensor([2, 0]))) == [
        7, 0, 7, 7, 0, 7,
      ])
    let mask = Operand(try Tensor([0, 1, 0, 1, 0, 0], shape: [2, 3], dtype: .bool))
    #expect(try replaced([.mask(operand: 1)], Operand(5), mask) == [0, 5, 0, 5, 0, 0])
    #expect(throws: TensorError.self) { try replaced([.at(0)], filled([2, 3])) }
    var whole = try filled([2], .i32, with: 0)
    #expect(throws: TensorError.self) { try c.replace(&whole, Operand(0.5), [], [.at(0)]) }
    #expect(try c.replace(&whole, Operand(3), [], [.at(0)]).tensor?.dtype == .i32)
  }

  // MARK: - Everything else that users can get wrong

  /// No row may do worse than throw, whatever shapes and types it is given.
  @Test func oddOperandsNeverTrap() throws {
    let shapes = [[], [0], [1], [3], [2, 3], [0, 3], [2, 0], [2, 1, 3]]
    // Gradient rules call the internal rows with operands they made.
    let open = RowCase.all.filter {
      !$0.op.isInternal || $0.op === Ops.index || $0.op === Ops.indexUpdate
    }
    for row in open where !row.sample.shapes.isEmpty {
      for shape in shapes {
        for dtype in DType.allCases {
          let odd = try filled(shape, dtype)
          var operands = try row.operands(dtype: .f32)
          for position in operands.indices {
            let kept = operands[position]
            for value in [odd, Operand(2), Operand(.nan)] {
              operands[position] = value
              _ = try? c.applyMany(row.op, operands, row.sample.attributes)
              _ = try? c.applyMany(row.op, operands)
            }
            operands[position] = kept
          }
          _ = try? c.applyMany(
            row.op, [Operand](repeating: odd, count: operands.count), row.sample.attributes)
          _ = try? c.applyMany(row.op, [])
        }
      }
    }
  }

  @Test func hugeShapesAreRefused() throws {
    let huge = [1 << 20, 1 << 20, 1 << 20]
    #expect(throws: TensorError.self) { try c.apply(Ops.zeros, [], [.ints(huge)]) }
    #expect(throws: TensorError.self) { try c.apply(Ops.broadcastTo, [Operand(1)], [.ints(huge)]) }
    #expect(throws: TensorError.self) { try c.apply(Ops.zeros, [], [.ints([-1])]) }
    #expect(throws: TensorError.self) {
      try c.apply(Ops.zeros, [], [.ints([Int](repeating: 1, count: 9))])
    }
    #expect(throws: TensorError.self) { try c.apply(Ops.arange, [], [.number(1e18)]) }
  }
}
