// What rows of linear algebra share: batches of matrices, their shape rules, and errors that name one of the batch.
import NNKernels

/// A tensor as matrices one after the other.
struct MatrixBatch {
  let tensor: Tensor
  let leading: Shape
  let batch: Int
  let rows: Int
  let columns: Int

  /// The tensor has at least two axes.
  init(_ tensor: Tensor) {
    self.tensor = tensor
    let rank = tensor.shape.rank
    leading = tensor.shape.prefix(rank - 2)
    batch = leading.count
    rows = tensor.shape[rank - 2]
    columns = tensor.shape[rank - 1]
  }

  /// An error where a kernel found a matrix without a result, or no memory.
  func refuse(
    _ code: Int, in call: ForwardCall, _ problem: String, help: String? = nil
  ) throws(TensorError) {
    if code == NNK_LINALG_NO_MEMORY { throw .outOfMemory(tensor.shape, .f64) }
    guard code >= 0 else { return }
    var name = call.op.name
    if call.op.isInternal { name = Self.publicNames[name] ?? name }
    throw TensorError(
      "argument", "\(name): \(which(code)) \(problem)", help: help,
      notes: [(0, tensor.shape.description)])
  }

  /// What scripts call the rows that do a public row's work.
  private static let publicNames = [
    "solve_matrices": "solve", "solve_triangles": "solve_triangular", "cholesky_lower": "cholesky",
    "eigh_packed": "eigh", "svd_packed": "svd",
  ]

  /// How a message names one of the matrices.
  private func which(_ item: Int) -> String {
    if leading.rank == 0 { return "the matrix" }
    var (rest, places) = (item, [Int]())
    for axis in leading.indices.reversed() {
      places.insert(rest % leading[axis], at: 0)
      rest /= leading[axis]
    }
    return "matrix \(places) of the batch"
  }
}

/// Square matrices: kept, or with their two axes gone.
struct SquareRule: ShapeRule {
  var isReduced = false
  var results = 1

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = query.operands[0]
    let rank = shape.rank
    guard rank >= 2 else {
      throw query.error("a square matrix is needed, not a tensor of rank \(rank)")
    }
    guard shape[rank - 2].mayEqual(shape[rank - 1]) else {
      throw query.error("a square matrix is needed, not \(shape.suffix(from: rank - 2))")
    }
    if isReduced { return shape.prefix(rank - 2) }
    var result = shape
    let size = shape[rank - 2].unified(with: shape[rank - 1])
    result[rank - 2] = size
    result[rank - 1] = size
    return result
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    [Dims<D>](repeating: try self(query), count: results)
  }
}

/// Equations a x = b: a is square, b a vector of its size or matrices with so many rows.
struct SolveRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let a = try SquareRule()(query)
    let b = query.operands[1]
    let size = a[a.rank - 1]
    guard b.rank > 0 else { throw query.error("b must be a vector or matrices", showing: [1]) }
    let rows = b[b.rank == 1 ? 0 : b.rank - 2]
    guard rows.mayEqual(size) else {
      let isVectors = b.rank > 1 && b[b.rank - 1].mayEqual(size)
      throw query.error(
        "a is \(size) by \(size), so b needs \(size) rows, not \(rows)",
        help: isVectors ? "a batch of vectors is b[..., nil]" : nil, showing: [0, 1])
    }
    var result = a.prefix(a.rank - 2)
    if b.rank == 1 {
      result.append(size)
      return result
    }
    let leading = b.prefix(b.rank - 2)
    guard let common = Broadcasting.shape(result, leading) else {
      throw Broadcasting.error("\(query.name) (leading axes)", result, leading)
    }
    result = common
    result.append(size)
    result.append(b[b.rank - 1])
    return result
  }
}

extension TensorContext {
  /// The symmetric part of matrices.
  func symmetric(_ x: Operand) throws(TensorError) -> Operand {
    try mul(add(x, apply(Ops.transpose, [x])), 0.5)
  }

  /// One number for each matrix of a batch, as matrices of one element.
  func columns(_ value: Operand) throws(TensorError) -> Operand {
    try reshaped(value, Shape(shape(of: value).array + [1, 1]))
  }

  /// The unit matrix of n rows in a value's type, with axes of size 1 in front up to its rank.
  func unitMatrix(_ n: Int, like value: Operand) throws(TensorError) -> Operand {
    let dtype = value.tensor?.dtype ?? .f32
    let unit = try apply(Ops.eye, [], [.int(n), .none, .dtype(dtype)])
    var shape = Shape(rank: shape(of: value).rank, repeating: 1)
    shape[shape.rank - 1] = n
    shape[shape.rank - 2] = n
    return try reshaped(unit, shape)
  }

  /// Rows and columns of matrices.
  func block(
    _ value: Operand, rows: Range<Int>, columns: Range<Int>
  ) throws(TensorError) -> Operand {
    let items: [IndexItem] = [
      .ellipsis, .slice(start: rows.lowerBound, stop: rows.upperBound, step: nil),
      .slice(start: columns.lowerBound, stop: columns.upperBound, step: nil),
    ]
    return try apply(Ops.index, [value], [.index(items)])
  }

  /// One row of matrices, as vectors.
  func row(_ value: Operand, _ place: Int) throws(TensorError) -> Operand {
    try apply(
      Ops.index, [value],
      [.index([.ellipsis, .at(place), .slice(start: nil, stop: nil, step: nil)])])
  }
}
