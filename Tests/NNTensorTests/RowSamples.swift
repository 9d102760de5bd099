// Operands for the samples of the op table.
import NNTensor

/// Repeatable numbers for tests.
struct Numbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9e37_79b9_7f4a_7c15 | 1 }

  /// The next number, at least 0 and less than 1.
  mutating func next() -> Double {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Double(state >> 11) / 9_007_199_254_740_992
  }
}

/// One application of an op that tests can repeat with other elements.
struct RowCase: CustomStringConvertible, Sendable {
  let op: Op
  let sample: Sample
  let number: Int

  var description: String { "\(op.name)#\(number)" }

  /// Every sample of every row.
  static let all: [RowCase] = Ops.all.flatMap { op in
    op.samples.enumerated().map { RowCase(op: op, sample: $0.element, number: $0.offset) }
  }

  /// Rows whose results are drawn.
  var isRandom: Bool { op.isRandom }

  /// The elements' domain of an operand.
  private func domain(_ position: Int) -> Sample.Domain {
    sample.domains[min(position, sample.domains.count - 1)]
  }

  /// Operands of the sample's shapes, floats in the given type; each variant has elements of its own.
  func operands(dtype: DType = .f64, variant: UInt64 = 0) throws -> [Operand] {
    var numbers = Numbers(seed: UInt64(number + 3) + 1000 * variant)
    return try sample.shapes.enumerated().map { position, shape in
      let count = shape.reduce(1, *)
      switch domain(position) {
      case .number(let number): return Operand(number)
      case .any:
        let values = (0..<count).map { _ in Self.clear(&numbers) }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .positive:
        let values = (0..<count).map { _ in 0.2 + 1.8 * numbers.next() }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .unit:
        let values = (0..<count).map { _ in 1.8 * numbers.next() - 0.9 }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .definite:
        return Operand(try Tensor(Self.definite(shape, &numbers), shape: shape, dtype: dtype))
      case .rising:
        let values = (0..<count).map { -1.5 + 0.7 * Double($0) + 0.2 * numbers.next() }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .probability:
        let values = (0..<count).map { _ in 0.1 + 0.8 * numbers.next() }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .above:
        let values = (0..<count).map { _ in 1.2 + 1.8 * numbers.next() }
        return Operand(try Tensor(values, shape: shape, dtype: dtype))
      case .index(let limit):
        let values = (0..<count).map { _ in (numbers.next() * Double(limit)).rounded(.down) }
        return Operand(try Tensor(values, shape: shape, dtype: .i32))
      case .bool:
        let values = (0..<count).map { _ in numbers.next() < 0.5 ? 0.0 : 1 }
        return Operand(try Tensor(values, shape: shape, dtype: .bool))
      }
    }
  }

  /// Symmetric matrices with a diagonal that outweighs the rest.
  private static func definite(_ shape: [Int], _ numbers: inout Numbers) -> [Double] {
    let n = shape.last ?? 1
    var values = (0..<shape.reduce(1, *)).map { _ in 2 * numbers.next() - 1 }
    for place in values.indices {
      let (row, column) = (place / n % n, place % n)
      if row == column { values[place] += Double(n) }
      if row < column { values[place] = values[place + (column - row) * (n - 1)] }
    }
    return values
  }

  /// A number between -2 and 2 that is not near 0 or 1, where many functions bend.
  private static func clear(_ numbers: inout Numbers) -> Double {
    while true {
      let number = 4 * numbers.next() - 2
      if abs(number) > 0.15, abs(abs(number) - 1) > 0.05 { return number }
    }
  }
}

extension Operand {
  /// The elements, or the number.
  var values: [Double] { tensor?.numbers ?? [number] }
}
