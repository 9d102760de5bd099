// The element types of tensors and how they promote.
import NNKernels

/// The type of a tensor's elements. The raw order is the promotion order and the kernels' numbering.
public enum DType: UInt8, Sendable, CaseIterable, Comparable, BitwiseCopyable {
  case bool, u8, i32, i64, f32, f64

  /// The name the language knows it by.
  public var name: String {
    switch self {
    case .bool: "bool"
    case .u8: "u8"
    case .i32: "i32"
    case .i64: "i64"
    case .f32: "f32"
    case .f64: "f64"
    }
  }

  /// The type of that name.
  public init?(name: some StringProtocol) {
    guard let found = DType.allCases.first(where: { $0.name == name }) else { return nil }
    self = found
  }

  /// Bytes of one element.
  public var size: Int {
    switch self {
    case .bool, .u8: 1
    case .i32, .f32: 4
    case .i64, .f64: 8
    }
  }

  /// Whether this is f32 or f64, the types that have gradients.
  public var isFloat: Bool { self >= .f32 }
  /// Whether this is u8, i32 or i64.
  public var isInteger: Bool { self > .bool && self < .f32 }

  public static func < (a: DType, b: DType) -> Bool { a.rawValue < b.rawValue }

  /// The kernels' name for it.
  var kernelType: nnk_type { nnk_type(UInt32(rawValue)) }

  /// Whether a number can be held without loss of its whole part; floats hold everything.
  package func holds(_ number: Double) -> Bool {
    switch self {
    case .bool: number == 0 || number == 1
    case .u8: number >= 0 && number <= 255
    case .i32: number >= -2_147_483_648 && number <= 2_147_483_647
    case .i64: number >= -9_223_372_036_854_775_808 && number < 9_223_372_036_854_775_808
    case .f32, .f64: true
    }
  }
}
