// Draws the operands of reference cases exactly as `reference/reference.py` does.
import Foundation
import NNTensor

/// Sebastiano Vigna's splitmix64, seeded by the FNV-1a hash of a text.
struct ReferenceStream {
  private var state: UInt64 = 0xcbf2_9ce4_8422_2325

  init(_ text: String) {
    for byte in text.utf8 { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }

  /// The next number, at least 0 and less than 1.
  mutating func next() -> Double {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return Double((z ^ z >> 31) >> 11) / 9_007_199_254_740_992
  }

  /// So many numbers from `low` to `high`.
  mutating func numbers(_ count: Int, _ low: Double, _ high: Double) -> [Double] {
    (0..<count).map { _ in low + (high - low) * next() }
  }
}

/// One operand as a case describes it: `f-2:2[2,3]`, `i0:4[3]`, `b[2]`, `number=0.5`.
struct ReferenceInput: Sendable {
  private enum Kind: Sendable {
    case number(Double)
    case floats(String)
    case integers(DType)
    case bools
  }

  private var kind: Kind
  private var bounds = (low: 0.0, high: 1.0)
  private(set) var shape: [Int] = []

  init(_ text: Substring) {
    if text.hasPrefix("number=") {
      kind = .number(Double(text.dropFirst(7))!)
      return
    }
    let parts = text.dropLast().split(separator: "[", omittingEmptySubsequences: false)
    shape = parts[1].split(separator: ",").map { Int($0)! }
    let name = parts[0].prefix { $0.isLetter }
    let limits = parts[0].dropFirst(name.count).split(separator: ":").map { Double($0)! }
    if limits.count == 2 { bounds = (limits[0], limits[1]) }
    switch name {
    case "b": kind = .bools
    case "i": kind = .integers(.i32)
    case "u": kind = .integers(.u8)
    default: kind = .floats(String(name))
    }
  }

  /// Whether it has a gradient.
  var isFloatTensor: Bool { if case .floats = kind { true } else { false } }

  /// The operand, floats in the given type.
  func operand(_ stream: inout ReferenceStream, _ dtype: DType) throws -> Operand {
    if case .number(let number) = kind { return Operand(number) }
    let values = stream.numbers(shape.reduce(1, *), bounds.low, bounds.high)
    switch kind {
    case .number(let number): return Operand(number)
    case .bools:
      let middle = (bounds.low + bounds.high) / 2
      return Operand(try Tensor(values.map { $0 < middle ? 1 : 0 }, shape: shape, dtype: .bool))
    case .integers(let type):
      return Operand(try Tensor(values.map { $0.rounded(.down) }, shape: shape, dtype: type))
    case .floats(let name):
      let numbers = Self.matrices(name, values, shape).map { Double(Float($0)) }
      return Operand(try Tensor(numbers, shape: shape, dtype: dtype))
    }
  }

  /// Uniform numbers as matrices of a kind.
  private static func matrices(_ kind: String, _ values: [Double], _ shape: [Int]) -> [Double] {
    if kind == "f" || values.isEmpty { return values }
    if kind == "rise" { return values.sorted() }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    return values.indices.map { place in
      let (row, column) = (place / columns % rows, place % columns)
      let start = place - row * columns - column
      let mirrored = rows == columns ? (values[place] + values[start + column * rows + row]) / 2 : 0
      let isDiagonal = row == column
      switch kind {
      case "sym": return mirrored
      case "spd": return mirrored + (isDiagonal ? Double(rows) : 0)
      case "well":
        let isPivot = rows - 1 - row == column
        return values[place] + (isPivot ? Double(rows + columns) / 2 : 0)
      default:
        return (column <= row ? values[place] : 0) + (isDiagonal ? Double(rows) : 0)
      }
    }
  }
}
