// `einsum` against the sum it stands for, over every index of every letter, and `rearrange` against loops.
import NNTensor
import Testing

@Suite struct EinsumTests {
  private let c = TensorContext()

  /// The labels of one side, with so many axes for `...`, which are named by digits from the last one back.
  private func labels(_ part: Substring, rank: Int) -> [Character] {
    guard part.contains(".") else { return part.filter { $0 != " " } }
    let named = part.filter { $0.isLetter }.count
    let further = (0..<rank - named).reversed().map { Character("\($0)") }
    let (before, after) = (
      part.prefix { $0.isLetter }, part.drop { $0 != "." }.filter { $0.isLetter }
    )
    return Array(before) + further + after
  }

  private func reference(_ row: RowCase, _ operands: [Operand], _ resultRank: Int) -> [Double] {
    guard case .string(let equation) = row.sample.attributes[0] else { return [] }
    let sides = equation.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
    let shapes = row.sample.shapes
    let inputs = zip(sides[0].split(separator: ",", omittingEmptySubsequences: false), shapes).map {
      labels($0, rank: $1.count)
    }
    var sizes: [Character: Int] = [:]
    for (names, shape) in zip(inputs, shapes) {
      for (name, size) in zip(names, shape) { sizes[name] = max(sizes[name] ?? 1, size) }
      for (name, size) in zip(names, shape) where size == 0 { sizes[name] = 0 }
    }
    var output: [Character]
    if sides.count > 1 {
      output = labels(sides[1].dropFirst(), rank: resultRank)
    } else {
      let all = inputs.flatMap { $0 }
      let further = Set(all.filter(\.isNumber)).sorted(by: >)
      output =
        further + all.filter { name in name.isLetter && all.count { $0 == name } == 1 }.sorted()
    }
    let names = output + sizes.keys.filter { !output.contains($0) }.sorted()
    var results = [Double](repeating: 0, count: output.reduce(1) { $0 * sizes[$1]! })
    let total = names.reduce(1) { $0 * sizes[$1]! }
    for flat in 0..<total {
      var (rest, index) = (flat, [Character: Int]())
      for name in names.reversed() {
        index[name] = rest % sizes[name]!
        rest /= sizes[name]!
      }
      var term = 1.0
      for (position, labels) in inputs.enumerated() {
        let place = zip(labels, shapes[position]).reduce(0) {
          $0 * $1.1 + ($1.1 == 1 ? 0 : index[$1.0]!)
        }
        term *= operands[position].values[place]
      }
      results[output.reduce(0) { $0 * sizes[$1]! + index[$1]! }] += term
    }
    return results
  }

  @Test(arguments: RowCase.all.filter { $0.op === Ops.einsum }, [DType.f32, .f64])
  func isTheSum(_ row: RowCase, _ dtype: DType) throws {
    let operands = try row.operands(dtype: dtype)
    let result = try #require(try c.apply(Ops.einsum, operands, row.sample.attributes).tensor)
    let expected = reference(row, operands, result.shape.rank)
    #expect(result.count == expected.count)
    for (got, want) in zip(result.numbers, expected) {
      #expect(abs(got - want) <= (dtype == .f64 ? 1e-13 : 1e-5) * max(1, abs(want)), "\(row)")
    }
  }

  @Test func integersStayIntegers() throws {
    let a = Operand(try Tensor([1, 2, 3, 4], shape: [2, 2], dtype: .i32))
    let trace = try c.apply(Ops.einsum, [a], [.string("ii")])
    #expect(trace.tensor?.dtype == .i32 && trace.values == [5])
    let square = try c.apply(Ops.einsum, [a, a], [.string("ij,jk->ik")])
    #expect(square.tensor?.dtype == .i32 && square.values == [7, 10, 15, 22])
  }

  @Test func wrongEquationsAreRefused() throws {
    let a = Operand(try Tensor(filling: [2, 3], with: 1, dtype: .f32))
    for equation in [
      "", "i", "ij->ii", "ij->k", "ij,jk", "i1->i", "ij->i,j", "ij->i->j", "......ij", "(ij)->i",
    ] {
      #expect(throws: TensorError.self, "\(equation)") {
        try c.apply(Ops.einsum, [a], [.string(equation)])
      }
    }
    #expect(throws: TensorError.self) { try c.apply(Ops.einsum, [a, a], [.string("ij,jk->ik")]) }
    #expect(throws: TensorError.self) { try c.apply(Ops.einsum, [a], [.int(1)]) }
  }

  private func rearranged(
    _ shape: [Int], _ pattern: String, _ sizes: [NamedSize] = []
  ) throws -> Tensor {
    let count = shape.reduce(1, *)
    let x = Operand(try Tensor((0..<count).map(Double.init), shape: shape))
    let result = try c.apply(Ops.rearrange, [x], [.string(pattern), .sizes(sizes)])
    return try #require(result.tensor)
  }

  @Test func patches() throws {
    let result = try rearranged(
      [2, 4, 6], "b (h p) (w q) -> b (h w) (p q)", [NamedSize("p", 2), NamedSize("q", 3)])
    #expect(result.shape.array == [2, 4, 6])
    for b in 0..<2 {
      for (h, w) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
        for p in 0..<2 {
          for q in 0..<3 {
            let got = result.number(at: b * 24 + (h * 2 + w) * 6 + p * 3 + q)
            #expect(got == Double(b * 24 + (h * 2 + p) * 6 + w * 3 + q))
          }
        }
      }
    }
  }

  @Test func furtherAxes() throws {
    #expect(try rearranged([2, 3, 4, 5], "a ... b -> b a ...").shape.array == [5, 2, 3, 4])
    #expect(try rearranged([2, 3, 4, 5], "a ... b -> (b ...) a").shape.array == [60, 2])
    #expect(try rearranged([2, 3, 4, 5], "a ... -> a (...)").shape.array == [2, 60])
    #expect(try rearranged([2, 5], "a ... b -> b a ...").shape.array == [5, 2])
    #expect(try rearranged([1, 5], "1 a -> a 1 1").shape.array == [5, 1, 1])
  }

  @Test func wrongPatternsAreRefused() throws {
    for pattern in [
      "", "a b", "a b ->", "a b -> a", "a -> a", "a a -> a", "a b c -> c b a", "(a b -> a b",
      "a) b -> a b", "((a) b) -> a b", "(a b) c -> a b c", "a b -> a b c", "a 3 -> a",
      "a b -> b a ...", "... ... -> ...", "(...) a -> a ...", "a ! -> a",
    ] {
      #expect(throws: TensorError.self, "\(pattern)") { try rearranged([2, 3], pattern) }
    }
    #expect(throws: TensorError.self) {
      try rearranged([2, 4], "a (b c) -> a b c", [NamedSize("b", 3)])
    }
    #expect(throws: TensorError.self) {
      try rearranged(
        [2, 4], "a (b c) -> a b c", [NamedSize("b", 1 << 62), NamedSize("c", 1 << 62)])
    }
    #expect(throws: TensorError.self) { try rearranged([2, 4], "a b -> b a", [NamedSize("z", 3)]) }
  }
}
