// The element types of safetensors files and how each becomes one of ours.

import NNTensor

/// An element type as safetensors names it.
enum StoredType: String, CaseIterable {
  case bool = "BOOL"
  case u8 = "U8"
  case i32 = "I32"
  case i64 = "I64"
  case f16 = "F16"
  case bf16 = "BF16"
  case f32 = "F32"
  case f64 = "F64"

  /// The stored form of one of our types.
  init(_ dtype: DType) {
    switch dtype {
    case .bool: self = .bool
    case .u8: self = .u8
    case .i32: self = .i32
    case .i64: self = .i64
    case .f32: self = .f32
    case .f64: self = .f64
    }
  }

  /// The type that it has as a tensor.
  var dtype: DType {
    switch self {
    case .bool: .bool
    case .u8: .u8
    case .i32: .i32
    case .i64: .i64
    case .f16, .bf16, .f32: .f32
    case .f64: .f64
    }
  }

  /// Bytes per element in the file.
  var size: Int {
    switch self {
    case .bool, .u8: 1
    case .f16, .bf16: 2
    case .i32, .f32: 4
    case .i64, .f64: 8
    }
  }

  /// Copies or converts all elements; false when there is a bool other than 0 and 1.
  func read(_ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer) -> Bool {
    switch self {
    case .f16: widen(source, into: target, Self.bitsOfHalf)
    case .bf16: widen(source, into: target) { UInt32($0) << 16 }
    case .bool where source.contains { $0 > 1 }: return false
    default:
      UnsafeMutableRawBufferPointer(start: target, count: source.count).copyMemory(from: source)
    }
    return true
  }

  private func widen(
    _ source: UnsafeRawBufferPointer, into target: UnsafeMutableRawPointer,
    _ bits: (UInt16) -> UInt32
  ) {
    let floats = target.assumingMemoryBound(to: UInt32.self)
    for index in 0..<source.count / 2 {
      let half = source.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
      floats[index] = bits(UInt16(littleEndian: half))
    }
  }

  /// The bits of the f32 that equals an IEEE 754 half, exactly; NaNs keep their payload.
  static func bitsOfHalf(_ half: UInt16) -> UInt32 {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 0x1F
    let fraction = UInt32(half & 0x3FF)
    switch exponent {
    case 0x1F: return sign | 0x7F80_0000 | fraction << 13
    case 0: return sign | (Float(fraction) * 0x1p-24).bitPattern
    default: return sign | (exponent + 112) << 23 | fraction << 13
    }
  }
}
