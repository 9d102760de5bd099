// Sorting, running totals, counting and elements by index against plain loops.
import NNTensor
import Testing

@Suite struct OrderTests {
  private let c = TensorContext()

  /// Numbers with many ties, both zeros and a NaN now and then.
  private func mixed(_ count: Int, seed: UInt64) -> [Double] {
    var numbers = Numbers(seed: seed)
    return (0..<count).map { _ in
      switch Int(numbers.next() * 8) {
      case 0: .nan
      case 1: -0.0
      case 2: 0
      case 3, 4: (numbers.next() * 5).rounded() - 2
      default: numbers.next() * 200 - 100
      }
    }
  }

  private func order(_ x: [Double], falls: Bool) -> [Int] {
    x.indices.sorted { i, j in
      let (a, b) = (x[i], x[j])
      if a.isNaN || b.isNaN { return a.isNaN == b.isNaN ? i < j : b.isNaN }
      return a == b ? i < j : (a < b) != falls
    }
  }

  @Test(arguments: [1, 5, 24, 25, 200, 300, 3000, 70_000, 140_001], [DType.f32, .f64])
  func sortedRows(_ size: Int, _ dtype: DType) throws {
    let rows = size < 10_000 ? 3 : 1
    let x = try Tensor(mixed(size * rows, seed: UInt64(size)), shape: [rows, size], dtype: dtype)
    let elements = x.numbers
    for falls in [false, true] {
      let places = try c.apply(Ops.argsort, [Operand(x)], [.int(-1), .bool(falls)]).values
      let k = min(size, 7)
      let top = try c.applyMany(
        Ops.topk, [Operand(x)], [.int(k), .int(1), .bool(falls)])[1].values
      for row in 0..<rows {
        let keys = Array(elements[row * size..<(row + 1) * size])
        let expected = order(keys, falls: falls).map(Double.init)
        #expect(Array(places[row * size..<(row + 1) * size]) == expected)
        #expect(Array(top[row * k..<(row + 1) * k]) == Array(expected.prefix(k)))
      }
    }
  }

  @Test(arguments: [DType.bool, .u8, .i32, .i64]) func sortedIntegers(_ dtype: DType) throws {
    var numbers = Numbers(seed: 4)
    let isSigned = dtype == .i32 || dtype == .i64
    let values = (0..<1000).map { _ in
      (numbers.next() * (dtype == .bool ? 2 : 200)).rounded(.down) - (isSigned ? 100 : 0)
    }
    let x = Operand(try Tensor(values, shape: [1000], dtype: dtype))
    for falls in [false, true] {
      let places = try c.apply(Ops.argsort, [x], [.int(0), .bool(falls)]).values.map { Int($0) }
      #expect(places == order(values, falls: falls))
    }
    let exact = [Int.max, Int.min, Int.max - 1, 0]
    let big = Operand(try Tensor(exact, dtype: .i64))
    #expect(try c.apply(Ops.argsort, [big]).values == [1, 3, 2, 0])
    #expect(try c.apply(Ops.unique, [big]).tensor?.integer(at: 2) == Int.max - 1)
  }

  @Test(arguments: [1, 7, 8, 9, 100, 65_536, 65_537, 200_001], [false, true])
  func runningTotals(_ size: Int, _ isReversed: Bool) throws {
    var numbers = Numbers(seed: 8)
    let values = (0..<size).map { _ in numbers.next() + 0.5 }
    for dtype in [DType.f32, .f64, .i64] {
      let own = dtype == .i64 ? values.map { ($0 * 10).rounded() } : values
      let x = Operand(try Tensor(own, shape: [size], dtype: dtype))
      let elements = x.values
      let sums = try c.apply(Ops.cumsum, [x], [.int(0), .bool(isReversed)]).values
      var total = 0.0
      for step in 0..<size {
        let place = isReversed ? size - 1 - step : step
        total += elements[place]
        guard abs(sums[place] - total) > (dtype == .f32 ? 1e-6 : 1e-12) * total else { continue }
        Issue.record("\(dtype) \(size) at \(place): \(sums[place]) instead of \(total)")
        break
      }
    }
  }

  @Test func runningProductsOfColumns() throws {
    let x = try Tensor([2, 1, 0, 3, 5, -1], shape: [3, 2], dtype: .f64)
    #expect(
      try c.apply(Ops.cumprod, [Operand(x)], [.int(0)]).values == [2, 1, 0, 3, 0, -3])
    #expect(
      try c.apply(Ops.cumsum, [Operand(x)], [.int(0), .bool(true)]).values == [7, 3, 5, 2, 5, -1])
  }

  @Test(arguments: [0, 1, 2], [DType.i32, .i64, .u8])
  func elementsAlongAnAxis(_ axis: Int, _ type: DType) throws {
    let shape = [3, 4, 5]
    var picked = shape
    picked[axis] = 2
    var numbers = Numbers(seed: 12)
    let count = picked.reduce(1, *)
    let places = (0..<count).map { _ in Int(numbers.next() * Double(shape[axis])) }
    let x = try Tensor((0..<60).map(Double.init), shape: shape, dtype: .f32)
    let indices = Operand(try Tensor(places.map(Double.init), shape: picked, dtype: type))
    let values = try Tensor((0..<count).map { Double(100 + $0) }, shape: picked, dtype: .f32)
    let inner = shape[(axis + 1)...].reduce(1, *)
    let gathered = try c.apply(Ops.gather, [Operand(x), indices], [.int(axis)]).values
    let operands = [Operand(x), indices, Operand(values)]
    let written = try c.apply(Ops.scatter, operands, [.int(axis)]).values
    let added = try c.apply(Ops.scatterAdd, operands, [.int(axis)]).values
    var (expectedWrites, expectedSums) = (x.numbers, x.numbers)
    for flat in 0..<count {
      let outer = flat / (2 * inner)
      let place = (outer * shape[axis] + places[flat]) * inner + flat % inner
      #expect(gathered[flat] == Double(place))
      expectedWrites[place] = Double(100 + flat)
      expectedSums[place] += Double(100 + flat)
    }
    #expect(written == expectedWrites)
    #expect(added == expectedSums)
  }

  @Test func badIndicesAreRefused() throws {
    let x = Operand(try Tensor(filling: [2, 3], with: 1, dtype: .f32))
    for place in [3, -4] {
      let indices = Operand(try Tensor([Double(place), 0], shape: [2, 1], dtype: .i32))
      for op in [Ops.scatter, Ops.scatterAdd] {
        #expect(throws: TensorError.self) { try c.apply(op, [x, indices, x], [.int(1)]) }
        #expect(throws: TensorError.self) { try c.apply(op, [x, indices, Operand(1)], [.int(1)]) }
      }
      #expect(throws: TensorError.self) { try c.apply(Ops.gather, [x, indices], [.int(1)]) }
    }
  }

  /// Of two values for one place only the one that stayed has a gradient.
  @Test func gradientsOfOverwrittenValuesAreZero() throws {
    let x = Operand(try Tensor(filling: [3], with: 1, dtype: .f64))
    let indices = Operand(try Tensor([1, 1, 0]))
    let values = Operand(try Tensor([5, 6, 7], shape: [3], dtype: .f64))
    let tape = c.beginTape()
    let watched = try c.watch(values, on: tape)
    let result = try c.apply(Ops.scatter, [x, indices, watched], [.none])
    let loss = try c.apply(Ops.sum, [c.unary(Ops.square, result)])
    c.end(tape)
    #expect(try c.gradients(of: loss, tape: tape, wrt: [watched])[0].values == [0, 12, 14])
  }

  @Test func histogramsCountEveryElementOnce() throws {
    let values: [Double] = [0, 0.1, 0.25, 0.5, 0.99, 1, 1.5, -1, .nan]
    let x = Operand(try Tensor(values, shape: [9], dtype: .f64))
    let results = try c.applyMany(Ops.histogram, [x], [.int(4), .number(0), .number(1)])
    #expect(results[0].values == [2, 1, 1, 2])
    #expect(results[1].values == [0, 0.25, 0.5, 0.75, 1])
    #expect(throws: TensorError.self) { try c.applyMany(Ops.histogram, [x]) }
  }

  @Test func quantilesLieOnStraightLines() throws {
    let x = Operand(try Tensor([4, 1, 3, 2, .nan, 1], shape: [2, 3], dtype: .f64))
    let q = Operand(try Tensor([0, 0.25, 1], shape: [3], dtype: .f64))
    let result = try c.apply(Ops.quantile, [x, q], [.int(1)])
    #expect(result.tensor?.shape.array == [3, 2])
    #expect(result.values.enumerated().allSatisfy { $0.offset % 2 == 0 || $0.element.isNaN })
    #expect([0, 2, 4].map { result.values[$0] } == [1, 2, 4])
    #expect(throws: TensorError.self) { try c.apply(Ops.quantile, [x, Operand(25)], [.none]) }
  }
}
