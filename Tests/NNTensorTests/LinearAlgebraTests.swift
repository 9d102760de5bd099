// Linear algebra and Fourier transforms at sizes that tables of samples do not reach, and on matrices that are hard.
import NNKernels
import NNTensor
import Testing

/// Residuals of factorizations, computed with plain loops in f64.
private struct Matrix {
  var rows: Int
  var columns: Int
  var values: [Double]

  init(_ rows: Int, _ columns: Int, _ value: (Int, Int) -> Double) {
    self.rows = rows
    self.columns = columns
    values = (0..<rows * columns).map { value($0 / columns, $0 % columns) }
  }

  init(_ operand: Operand) {
    let shape = operand.tensor!.shape
    rows = shape.rank > 1 ? shape[0] : 1
    columns = shape[shape.rank - 1]
    values = operand.values
  }

  static func random(_ rows: Int, _ columns: Int) -> Matrix {
    var numbers = Numbers(seed: UInt64(rows * 1000 + columns))
    return Matrix(rows, columns) { _, _ in 2 * numbers.next() - 1 }
  }

  subscript(row: Int, column: Int) -> Double { values[row * columns + column] }

  var transposed: Matrix { Matrix(columns, rows) { self[$1, $0] } }

  func operand(_ dtype: DType = .f64) throws -> Operand {
    Operand(try Tensor(values, shape: [rows, columns], dtype: dtype))
  }

  static func * (a: Matrix, b: Matrix) -> Matrix {
    Matrix(a.rows, b.columns) { i, j in (0..<a.columns).reduce(0) { $0 + a[i, $1] * b[$1, j] } }
  }

  /// Columns times numbers.
  func scaled(by numbers: Matrix) -> Matrix {
    Matrix(rows, columns) { self[$0, $1] * numbers.values[$1] }
  }

  /// The largest distance from another matrix, or from the unit matrix.
  func distance(from other: Matrix? = nil) -> Double {
    let other = other ?? Matrix(rows, columns) { $0 == $1 ? 1 : 0 }
    return zip(values, other.values).map { abs($0 - $1) }.max() ?? 0
  }
}

@Suite struct LinearAlgebraTests {
  private let c = TensorContext()

  @Test(arguments: [1, 2, 7, 33, 97, 120, 210]) func equations(_ n: Int) throws {
    let (a, b) = (Matrix.random(n, n), Matrix.random(n, 5))
    let inverse = Matrix(try c.apply(Ops.inv, [a.operand()]))
    #expect((inverse * a).distance() < 1e-10)
    let x = Matrix(try c.apply(Ops.solve, [a.operand(), b.operand()]))
    #expect((a * x).distance(from: b) < 1e-10)
    let square = a * a.transposed
    let spread = Matrix(n, n) { square[$0, $1] + ($0 == $1 ? 1 : 0) }
    let l = Matrix(try c.apply(Ops.cholesky, [spread.operand()]))
    #expect((l * l.transposed).distance(from: spread) < 1e-12 * Double(n))
  }

  @Test(arguments: [[1, 1], [5, 3], [3, 5], [60, 60], [110, 40], [40, 110]])
  func factorizations(_ shape: [Int]) throws {
    let a = Matrix.random(shape[0], shape[1])
    let qr = try c.applyMany(Ops.qr, [a.operand()]).map { Matrix($0) }
    #expect((qr[0] * qr[1]).distance(from: a) < 1e-13)
    #expect((qr[0].transposed * qr[0]).distance() < 1e-13)
    let svd = try c.applyMany(Ops.svd, [a.operand()]).map { Matrix($0) }
    #expect((svd[0].scaled(by: svd[1]) * svd[2]).distance(from: a) < 1e-12)
    #expect((svd[0].transposed * svd[0]).distance() < 1e-12)
    #expect((svd[2] * svd[2].transposed).distance() < 1e-12)
    #expect(zip(svd[1].values, svd[1].values.dropFirst()).allSatisfy { $0 >= $1 })
    let square = a * a.transposed
    let eigh = try c.applyMany(Ops.eigh, [square.operand()]).map { Matrix($0) }
    #expect((eigh[1].scaled(by: eigh[0]) * eigh[1].transposed).distance(from: square) < 1e-11)
    #expect((eigh[1].transposed * eigh[1]).distance() < 1e-12)
    #expect(zip(eigh[0].values, eigh[0].values.dropFirst()).allSatisfy { $0 <= $1 })
  }

  /// Matrices without full rank, with sizes at the ends of the range of numbers, or with equal singular values.
  private static let hard: [String: Matrix] = [
    "zeros": Matrix(4, 4) { _, _ in 0 }, "unit": Matrix(5, 5) { $0 == $1 ? 1 : 0 },
    "ones": Matrix(6, 6) { _, _ in 1 },
    "rank one": Matrix(6, 6) { Double(($0 + 1) * ($1 + 1)) },
    "huge": Matrix(3, 3) { 1e307 / Double($0 + $1 + 1) },
    "tiny": Matrix(3, 3) { 1e-307 / Double($0 + $1 + 1) },
    "graded": Matrix(8, 8) { $0 == $1 ? 1 / Double(1 << (6 * $0)) : 0 },
    "Hilbert": Matrix(12, 12) { 1 / Double($0 + $1 + 1) },
  ]

  @Test(arguments: hard.keys.sorted()) func hardMatrices(_ name: String) throws {
    let a = try #require(Self.hard[name])
    let size = a.values.map(abs).max()!
    let svd = try c.applyMany(Ops.svd, [a.operand()]).map { Matrix($0) }
    #expect((svd[0].scaled(by: svd[1]) * svd[2]).distance(from: a) <= 1e-14 * size)
    #expect((svd[0].transposed * svd[0]).distance() < 1e-14)
    #expect((svd[2] * svd[2].transposed).distance() < 1e-14)
    let eigh = try c.applyMany(Ops.eigh, [a.operand()]).map { Matrix($0) }
    #expect(
      (eigh[1].scaled(by: eigh[0]) * eigh[1].transposed).distance(from: a) <= 1e-14 * size)
    #expect((eigh[1].transposed * eigh[1]).distance() < 1e-14)
  }

  @Test func notANumberGivesNotANumber() throws {
    var a = Matrix.random(6, 6)
    for value in [Double.nan, .infinity] {
      a.values[8] = value
      for op in [Ops.svd, Ops.eigh, Ops.qr] {
        for result in try c.applyMany(op, [a.operand()]) {
          #expect(result.values.contains { $0.isNaN }, "\(op.name)")
        }
      }
      #expect(try c.apply(Ops.inv, [a.operand()]).values.contains { $0.isNaN })
    }
  }

  @Test func aRaisedFlagStopsLongWork() throws {
    let flag = try #require(nnk_flag_create())
    nnk_flag_set(flag, true)
    let a = try Matrix.random(300, 300).operand()
    nnk_set_cancel_flag(flag)
    defer {
      nnk_set_cancel_flag(nil)
      nnk_flag_destroy(flag)
    }
    for op in [Ops.svd, Ops.eigh, Ops.qr, Ops.inv] {
      let error = #expect(throws: TensorError.self) { try c.applyMany(op, [a]) }
      #expect(error?.kind == "cancelled", "\(op.name)")
    }
  }

  @Test(arguments: [1, 2, 3, 30, 31, 37, 64, 97, 100, 128, 210, 509])
  func transformsOfAnyLength(_ n: Int) throws {
    let x = Matrix.random(n, 2)
    let y = Matrix(try c.apply(Ops.fft, [x.operand()]))
    let back = Matrix(try c.apply(Ops.ifft, [y.operand()]))
    #expect(back.distance(from: x) < 1e-14)
    // The transform of a turning pointer is one peak.
    let turn = try c.apply(Ops.ifft, [Matrix(n, 2) { $0 == n / 3 && $1 == 0 ? 1 : 0 }.operand()])
    let peak = Matrix(try c.apply(Ops.fft, [turn]))
    #expect(peak.distance(from: Matrix(n, 2) { $0 == n / 3 && $1 == 0 ? 1 : 0 }) < 1e-14)
  }
}

@Suite(.serialized) struct LinearAlgebraBitsTests {
  /// The bytes of results of one matrix that is large enough to be worked on in blocks, and of a batch.
  private func bytes() throws -> [[UInt8]] {
    let c = TensorContext()
    var all: [[UInt8]] = []
    for shape in [[130, 130], [40, 12, 12]] {
      var numbers = Numbers(seed: 3)
      let values = (0..<shape.reduce(1, *)).map { _ in 2 * numbers.next() - 1 }
      let x = Operand(try Tensor(values, shape: shape, dtype: .f64))
      let definite = try c.binary(Ops.matmul, c.apply(Ops.transpose, [x]), x)
      for op in [Ops.inv, Ops.det, Ops.slogdet, Ops.qr, Ops.eigh, Ops.svd, Ops.rfft] {
        all += try c.applyMany(op, [x]).map { Array($0.tensor!.bytes) }
      }
      all.append(Array(try c.apply(Ops.cholesky, [definite]).tensor!.bytes))
      all.append(Array(try c.apply(Ops.solve, [x, definite]).tensor!.bytes))
    }
    // Large enough for the rows below a block to be spread.
    let large = Matrix.random(400, 400)
    let definite = Matrix(400, 400) { large[$0, $1] + large[$1, $0] + ($0 == $1 ? 400 : 0) }
    all.append(Array(try c.apply(Ops.cholesky, [definite.operand()]).tensor!.bytes))
    return all
  }

  @Test func threadsAndInstructionSetsDoNotMatter() throws {
    let threads = nnk_threads()
    defer {
      nnk_set_threads(threads)
      _ = nnk_select_isa(Int32(NNK_ISA_BEST))
    }
    nnk_set_threads(1)
    let one = try bytes()
    nnk_set_threads(4)
    #expect(try bytes() == one)
    guard nnk_select_isa(Int32(NNK_ISA_AVX2)) == NNK_ISA_AVX2 else { return }
    #expect(try bytes() == one)
  }
}
