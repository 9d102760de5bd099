// What the tests of the math kernels share: element types, calls on arrays, sample numbers, distances in ulps.
import NNKernels

/// A type of elements that kernels know.
protocol KernelElement: Equatable, Sendable, BitwiseCopyable {
  static var kernelType: nnk_type { get }
  static var zero: Self { get }
  /// NaN where the type has it.
  static var invalid: Self { get }
  /// A whole number that every type can hold.
  init(small value: Int)
}
extension KernelElement where Self: BinaryInteger {
  static var invalid: Self { 0 }
  init(small value: Int) { self.init(truncatingIfNeeded: value) }
}
extension UInt8: KernelElement { static var kernelType: nnk_type { NNK_U8 } }
extension Int32: KernelElement { static var kernelType: nnk_type { NNK_I32 } }
extension Int64: KernelElement { static var kernelType: nnk_type { NNK_I64 } }
extension Float: KernelElement {
  static var kernelType: nnk_type { NNK_F32 }
  static var invalid: Self { .nan }
  init(small value: Int) { self.init(value) }
}
extension Double: KernelElement {
  static var kernelType: nnk_type { NNK_F64 }
  static var invalid: Self { .nan }
  init(small value: Int) { self.init(value) }
}

/// The type that exact results are computed in.
#if arch(x86_64)
  typealias Exact = Float80
#else
  typealias Exact = Double
#endif

/// A float type and what tests need to know of it.
protocol KernelFloat: KernelElement, BinaryFloatingPoint {
  /// Its bits, and the float of some bits (of those a 64-bit number has).
  var wideBits: UInt64 { get }
  init(wideBits: UInt64)
  init(rounding value: Exact)
  var exact: Exact { get }
  static var bitCount: UInt64 { get }
}
extension Float: KernelFloat {
  var wideBits: UInt64 { UInt64(bitPattern) }
  init(wideBits: UInt64) { self.init(bitPattern: UInt32(truncatingIfNeeded: wideBits)) }
  init(rounding value: Exact) { self.init(value) }
  var exact: Exact { Exact(self) }
  static var bitCount: UInt64 { 32 }
}
extension Double: KernelFloat {
  var wideBits: UInt64 { bitPattern }
  init(wideBits: UInt64) { self.init(bitPattern: wideBits) }
  init(rounding value: Exact) { self.init(value) }
  var exact: Exact { Exact(self) }
  static var bitCount: UInt64 { 64 }
}

/// How far `value` is from the exact result in ulps of that; NaN must meet NaN, an infinity the same infinity or the
/// overflow that rounds to it, a zero the zero of the same sign.
func ulps<T: KernelFloat>(_ value: T, _ exact: Exact) -> Double {
  if exact.isNaN || value.isNaN { return exact.isNaN && value.isNaN ? 0 : .infinity }
  let rounded = T(rounding: exact)
  if value == rounded {
    return value == 0 && exact == 0 && value.sign != exact.sign ? .infinity : 0
  }
  if value.isInfinite || rounded.isInfinite {
    let finite = value.isInfinite ? rounded : value
    return finite.magnitude == T.greatestFiniteMagnitude ? 1 : .infinity
  }
  return Double((value.exact - exact).magnitude / Exact(rounded.ulp))
}

/// Numbers that break things: zeros, infinities, NaN, the ends of the range, subnormals, halves.
func specialNumbers<T: KernelFloat>(_ type: T.Type) -> [T] {
  let positive: [T] = [
    0, 1, 0.5, 1.5, 2.5, 3, 10, 100, 0.1, 0.625, .infinity, .greatestFiniteMagnitude,
    .leastNormalMagnitude, .leastNonzeroMagnitude, .leastNormalMagnitude.nextDown,
    T(1).nextUp, T(1).nextDown, T.pi, T.pi / 2, T.pi / 4, 1e6, 1e7, 88.5, 89, 103.5, 104, 709.5,
    745, 746,
  ]
  return positive + positive.map { -$0 } + [.nan]
}

/// Floats of every exponent and sign: all bit patterns, `count` of them at equal distances, and the special numbers.
func floatsOfEveryKind<T: KernelFloat>(_ type: T.Type, count: UInt64) -> [T] {
  let most = T.bitCount == 32 ? UInt64(UInt32.max) : UInt64.max
  let step = most / count
  return (0..<count).map { T(wideBits: $0 &* step &+ $0 &* 0x9E37 % step) } + specialNumbers(type)
}

/// `count` numbers in low ... high, the same for the same seed.
func numbers<T: KernelFloat>(
  _ seed: UInt64, count: Int, in range: ClosedRange<Double>, as type: T.Type
) -> [T] {
  numbers(seed, count: count, as: Double.self).map {
    T(range.lowerBound + ($0 + 1) / 2 * (range.upperBound - range.lowerBound))
  }
}

/// `count` small whole numbers, the same for the same seed.
func wholeNumbers<T: KernelElement>(
  _ seed: UInt64, count: Int, in range: ClosedRange<Int>, as type: T.Type
) -> [T] {
  numbers(seed, count: count, as: Double.self).map {
    T(small: range.lowerBound + Int(($0 + 1) / 2 * Double(range.count - 1)))
  }
}

/// y = op(x).
func unary<T: KernelElement>(_ op: nnk_unary_op, _ x: [T]) -> [T] {
  var y = [T](repeating: .zero, count: x.count)
  let done = nnk_unary(op, T.kernelType, x, &y, x.count)
  precondition(done, "the operation exists for the type")
  return y
}

/// y = a op b.
func binary<T: KernelElement>(_ op: nnk_binary_op, _ a: [T], _ b: [T]) -> [T] {
  var y = [T](repeating: .zero, count: a.count)
  let done = nnk_binary(op, T.kernelType, a, b, &y, a.count)
  precondition(done, "the operation exists for the type")
  return y
}

/// y[outer, inner] of x[outer, axis, inner].
func reduce<T: KernelElement, R: KernelElement>(
  _ op: nnk_reduce_op, _ x: [T], _ outer: Int, _ axis: Int, _ inner: Int, as type: R.Type
) -> [R] {
  var y = [R](repeating: .zero, count: outer * inner)
  let done = nnk_reduce(op, T.kernelType, x, &y, outer, axis, inner)
  precondition(done, "the reduction exists for the type")
  return y
}

/// The bits of an array, with one NaN for all NaNs (their signs and payloads are open).
func bits<T: KernelElement>(_ values: [T]) -> [UInt8] {
  values.map { $0 == $0 ? $0 : T.invalid }.withUnsafeBytes { Array($0) }
}

/// Whether `body` gives the same bits on AVX2 and AVX-512 and for 1, 2 and 4 threads (each instruction set with itself).
func sameBitsEverywhere<T: KernelElement>(_ body: () -> [T]) -> Bool {
  var fused: [[UInt8]] = []
  for level in KernelTests.isaLevels {
    let results = [1, 2, 4].map { threads in
      withISA(level) { withThreads(threads) { bits(body()) } }
    }
    guard results.allSatisfy({ $0 == results[0] }) else { return false }
    if level > 0 { fused.append(results[0]) }
  }
  return fused.allSatisfy { $0 == fused.first }
}
