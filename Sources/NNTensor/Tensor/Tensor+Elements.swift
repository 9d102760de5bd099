// Making tensors from Swift values and reading their elements back.
import NNKernels

extension Tensor {
  /// A tensor of rank 0.
  package convenience init(_ number: Double, dtype: DType = .f32) throws(TensorError) {
    try self.init(filling: Shape(), with: number, dtype: dtype)
  }

  /// A tensor whose elements are all one number.
  package convenience init(
    filling shape: Shape, with number: Double, dtype: DType
  ) throws(TensorError) {
    try self.init(shape: shape, dtype: dtype)
    for index in 0..<min(count, 1) { set(number, at: index) }
    if count > 1 { _ = nnk_fill(dtype.kernelType, number, data, count) }
  }

  /// A tensor with the given numbers in row-major order, as many as the shape holds.
  package convenience init(
    _ numbers: [Double], shape: [Int], dtype: DType = .f32
  ) throws(TensorError) {
    try self.init(numbers, shape: Tensor.checked(shape), dtype: dtype)
  }

  /// A tensor with the given numbers in row-major order, as many as the shape holds.
  package convenience init(
    _ numbers: [Double], shape: Shape, dtype: DType = .f32
  ) throws(TensorError) {
    try self.init(shape: shape, dtype: dtype)
    guard numbers.count == count else {
      throw TensorError("shape", "\(numbers.count) numbers do not fill \(shape)")
    }
    for (index, number) in numbers.enumerated() { set(number, at: index) }
  }

  /// A tensor of rank 1.
  package convenience init(_ integers: [Int], dtype: DType = .i32) throws(TensorError) {
    try self.init(shape: [integers.count], dtype: dtype)
    for (index, integer) in integers.enumerated() { set(integer: integer, at: index) }
  }

  /// A tensor with a copy of the given bytes, as many as its elements take.
  package convenience init(
    copying bytes: UnsafeRawBufferPointer, shape: Shape, dtype: DType
  ) throws(TensorError) {
    try self.init(shape: shape, dtype: dtype)
    guard bytes.count == byteCount else {
      throw TensorError("shape", "\(bytes.count) bytes do not fill \(dtype.name)\(shape)")
    }
    if let source = bytes.baseAddress { data.copyMemory(from: source, byteCount: bytes.count) }
  }

  /// A list of sizes as a shape, refused where it cannot be one.
  package static func checked(_ sizes: [Int]) throws(TensorError) -> Shape {
    guard sizes.count <= 8 else {
      throw TensorError("shape", "a tensor has at most 8 axes, not \(sizes.count)")
    }
    if let negative = sizes.first(where: { $0 < 0 }) {
      throw TensorError("shape", "a size cannot be negative: \(negative)")
    }
    return Shape(sizes)
  }

  /// The elements' bytes.
  package var bytes: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: data, count: byteCount)
  }

  /// All elements as numbers, in row-major order.
  package var numbers: [Double] { (0..<count).map { number(at: $0) } }

  /// The element at a row-major position, as a number.
  package func number(at index: Int) -> Double {
    precondition(index >= 0 && index < count)
    switch dtype {
    case .bool: return data.load(fromByteOffset: index, as: UInt8.self) != 0 ? 1 : 0
    case .u8: return Double(data.load(fromByteOffset: index, as: UInt8.self))
    case .i32: return Double(data.load(fromByteOffset: index * 4, as: Int32.self))
    case .i64: return Double(data.load(fromByteOffset: index * 8, as: Int64.self))
    case .f32: return Double(data.load(fromByteOffset: index * 4, as: Float.self))
    case .f64: return data.load(fromByteOffset: index * 8, as: Double.self)
    }
  }

  /// The element at a row-major position as an integer, exact for every integer type; floats are truncated.
  package func integer(at index: Int) -> Int {
    precondition(index >= 0 && index < count)
    switch dtype {
    case .i64: return Int(data.load(fromByteOffset: index * 8, as: Int64.self))
    case .f32, .f64:
      let number = number(at: index)
      if number.isNaN { return 0 }
      return Int(exactly: number.rounded(.towardZero)) ?? (number < 0 ? Int.min : Int.max)
    default: return Int(number(at: index))
    }
  }

  /// Writes one element; only for who made the tensor. Integers truncate and saturate.
  func set(_ number: Double, at index: Int) {
    switch dtype {
    case .bool: data.storeBytes(of: number != 0 ? 1 : 0, toByteOffset: index, as: UInt8.self)
    case .u8: data.storeBytes(of: UInt8(saturating: number), toByteOffset: index, as: UInt8.self)
    case .i32:
      data.storeBytes(of: Int32(saturating: number), toByteOffset: index * 4, as: Int32.self)
    case .i64:
      data.storeBytes(of: Int64(saturating: number), toByteOffset: index * 8, as: Int64.self)
    case .f32: data.storeBytes(of: Float(number), toByteOffset: index * 4, as: Float.self)
    case .f64: data.storeBytes(of: number, toByteOffset: index * 8, as: Double.self)
    }
  }

  /// Writes one element exactly; only for who made the tensor. Narrow integers wrap.
  func set(integer: Int, at index: Int) {
    switch dtype {
    case .i64: data.storeBytes(of: Int64(integer), toByteOffset: index * 8, as: Int64.self)
    case .i32:
      data.storeBytes(
        of: Int32(truncatingIfNeeded: integer), toByteOffset: index * 4, as: Int32.self)
    default: set(Double(integer), at: index)
    }
  }
}

extension FixedWidthInteger {
  /// The whole part of a number, the nearest value there is; NaN gives 0.
  init(saturating number: Double) {
    if number.isNaN {
      self = 0
    } else {
      let whole = number.rounded(.towardZero)
      self = Self(exactly: whole) ?? (whole < 0 ? .min : .max)
    }
  }
}
