// One matrix product of the tests: its operands, running it, and what it should give.
import NNKernels
import Testing

/// `count` numbers in -1...1 that depend on the seed only.
func numbers<T: BinaryFloatingPoint>(_ seed: UInt64, count: Int, as type: T.Type) -> [T] {
  var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return T(Double(Int64(bitPattern: state) >> 40) / Double(1 << 23))
  }
}

/// The transpose of a dense matrix.
func transposed<T>(_ matrix: [T], rows: Int, columns: Int) -> [T] {
  (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
}

/// A product with its operands; C has a gap of untouched columns after each row.
struct GemmCase<T: BinaryFloatingPoint & SIMDScalar & Sendable>: Sendable {
  static var gap: Int { 3 }
  var rows, columns, depth: Int
  var batch = 1
  var transposedA = false
  var transposedB = false
  var accumulate = false
  var bias = false
  var relu = false
  /// An activation instead of relu, for comparing with its own kernel.
  var activation = Int32(NNK_NO_ACTIVATION)
  var sharedB = false
  var a: [T]
  var b: [T]

  init(_ rows: Int, _ columns: Int, _ depth: Int) {
    (self.rows, self.columns, self.depth) = (rows, columns, depth)
    a = numbers(3, count: 3 * rows * depth + 1, as: T.self)
    b = numbers(5, count: 3 * columns * depth + 1, as: T.self)
  }

  /// The same product in another element type.
  init<U>(_ other: GemmCase<U>) {
    (rows, columns, depth, batch) = (other.rows, other.columns, other.depth, other.batch)
    (transposedA, transposedB, sharedB) = (other.transposedA, other.transposedB, other.sharedB)
    (accumulate, bias, relu) = (other.accumulate, other.bias, other.relu)
    a = other.a.map { T($0) }
    b = other.b.map { T($0) }
    growOperands()
  }

  var name: String { "\(batch) x \(rows)x\(depth)\(transposedA ? "T" : "") @ \(depth)x\(columns)" }
  var rowWidth: Int { columns + Self.gap }
  var initialC: [T] { numbers(7, count: batch * rows * rowWidth, as: T.self) }
  var biasValues: [T] { numbers(9, count: columns, as: T.self) }

  /// Makes the operands long enough for the batch.
  mutating func growOperands() {
    if a.count < batch * rows * depth { a = numbers(3, count: batch * rows * depth, as: T.self) }
    if b.count < batch * depth * columns {
      b = numbers(5, count: batch * depth * columns, as: T.self)
    }
  }

  /// C after the product, gaps included.
  func run() -> [T] {
    var full = self
    full.growOperands()
    var c = initialC
    let bias = biasValues
    c.withUnsafeMutableBytes { c in
      full.a.withUnsafeBytes { a in
        full.b.withUnsafeBytes { b in
          bias.withUnsafeBytes { bias in
            guard let out = c.baseAddress else { return }
            var gemm = nnk_gemm(
              rows: rows, columns: columns, depth: depth, a: a.baseAddress!,
              a_row: transposedA ? 1 : depth,
              a_column: transposedA ? rows : 1, b: b.baseAddress!, b_row: transposedB ? 1 : columns,
              b_column: transposedB ? depth : 1, c: out, c_row: rowWidth, batch: batch,
              a_batch: rows * depth,
              b_batch: sharedB ? 0 : depth * columns, c_batch: rows * rowWidth,
              bias: self.bias ? bias.baseAddress : nil, accumulate: accumulate,
              activation: relu ? Int32(NNK_RELU.rawValue) : activation)
            if T.self == Float.self { nnk_gemm_f32(&gemm) } else { nnk_gemm_f64(&gemm) }
          }
        }
      }
    }
    return c
  }

  /// The exact element (to f64), and the sum of the magnitudes of its terms.
  func exact(_ t: Int, _ i: Int, _ j: Int, initialC: [T], bias biasValues: [T]) -> (
    value: Double, scale: Double
  ) {
    var sum = 0.0
    var scale = 1.0
    for p in 0..<depth {
      let x = Double(a[t * rows * depth + (transposedA ? p * rows + i : i * depth + p)])
      let y = Double(
        b[(sharedB ? 0 : t * depth * columns) + (transposedB ? j * depth + p : p * columns + j)])
      sum += x * y
      scale += abs(x * y)
    }
    if accumulate { sum += Double(initialC[t * rows * rowWidth + i * rowWidth + j]) }
    if bias { sum += Double(biasValues[j]) }
    return (relu && sum <= 0 ? 0 : sum, scale)
  }
}

/// Expects every element of the product within rounding error, and the gaps untouched.
func expectClose<T>(_ original: GemmCase<T>, sourceLocation: SourceLocation = #_sourceLocation) {
  var item = original
  item.growOperands()
  let result = item.run()
  let (before, bias) = (item.initialC, item.biasValues)
  let epsilon = Double(T.ulpOfOne)
  var wrong = 0
  for t in 0..<item.batch {
    for i in 0..<item.rows {
      let start = (t * item.rows + i) * item.rowWidth
      for j in 0..<item.columns {
        let (value, scale) = item.exact(t, i, j, initialC: before, bias: bias)
        if !(abs(Double(result[start + j]) - value) <= 6 * epsilon * (scale + 1)) { wrong += 1 }
      }
      let end = start + item.columns..<start + item.rowWidth
      if result[end] != before[end] { wrong += 1 }
    }
  }
  #expect(wrong == 0, "\(item.name) \(T.self)", sourceLocation: sourceLocation)
}

/// Expects an integer product to be right modulo the word size, with accumulation, bias and relu.
func expectExact<T: FixedWidthInteger>(
  _ type: T.Type, _ rows: Int, _ columns: Int, _ depth: Int, _ transposedB: Bool,
  _ product: (UnsafePointer<nnk_gemm>) -> Void
) {
  let values = numbers(13, count: rows * depth + depth * columns + columns, as: Double.self)
    .map { T(truncatingIfNeeded: Int64($0 * 9e18)) }
  let a = Array(values[..<(rows * depth)])
  let b = Array(values[(rows * depth)...].prefix(depth * columns))
  let bias = Array(values.suffix(columns))
  var c = Array(repeating: T(3), count: rows * columns)
  a.withUnsafeBufferPointer { a in
    b.withUnsafeBufferPointer { b in
      bias.withUnsafeBufferPointer { bias in
        c.withUnsafeMutableBufferPointer { c in
          var gemm = nnk_gemm(
            rows: rows, columns: columns, depth: depth, a: a.baseAddress!, a_row: depth,
            a_column: 1,
            b: b.baseAddress!, b_row: transposedB ? 1 : columns, b_column: transposedB ? depth : 1,
            c: c.baseAddress!, c_row: columns, batch: 1, a_batch: 0, b_batch: 0, c_batch: 0,
            bias: bias.baseAddress!,
            accumulate: true, activation: Int32(NNK_RELU.rawValue))
          product(&gemm)
        }
      }
    }
  }
  var wrong = 0
  for i in 0..<rows {
    for j in 0..<columns {
      var sum = T(3) &+ bias[j]
      for p in 0..<depth {
        sum &+= a[i * depth + p] &* (transposedB ? b[j * depth + p] : b[p * columns + j])
      }
      if c[i * columns + j] != max(sum, 0) { wrong += 1 }
    }
  }
  #expect(wrong == 0, "\(type) \(rows)x\(depth)x\(columns)")
}
