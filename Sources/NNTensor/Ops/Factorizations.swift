// Orthogonal factorizations: QR, eigenvectors of symmetric matrices, singular values.
import NNKernels

extension Ops {
  package static let qr: Op = Op(
    "qr", [Parameter("x", .tensor)],
    summary:
      "q with orthonormal columns and upper triangular r with q @ r = x; no number on r's diagonal is negative.",
    example: "let (q, r) = qr([[1, 2], [3, 4]])",
    samples: [
      Sample([3, 3]), Sample([4, 2]), Sample([2, 3]), Sample([2, 3, 2]), Sample([1, 1]),
      Sample([0, 2]), Sample([0, 2, 2]),
    ], dtypes: .float, shape: QRRule(), outputs: 2, saves: [.operand(0), .output],
    batch: .leading([0]),
    forward: .many { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let k = Swift.min(x.rows, x.columns)
      let q = try call.makeOutput()
      let r = try Tensor(shape: Shape(x.leading.array + [k, x.columns]), dtype: call.dtype)
      let code = nnk_qr(
        call.dtype.kernelType, x.tensor.data, q.data, r.data, x.batch, x.rows, x.columns)
      try x.refuse(code, in: call, "has no factors")
      return [Operand(q), Operand(r)]
    },
    gradient: { call throws(TensorError) in try qrRule(call) })

  /// With M = R gR^T - gQ^T Q, the gradient is (gQ + Q (tril(M) + tril(M, -1)^T)) R^-T; columns beyond the square part
  /// are q @ (their part of r).
  private static func qrRule(_ call: GradientCall) throws(TensorError) -> Gradients {
    let (c, x, q) = (call.context, call.input(0), call.output)
    let shape = call.shape(0)
    let (m, n) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let k = Swift.min(m, n)
    let r = try c.matmul(q, c.block(x, rows: 0..<m, columns: 0..<k), true, false)
    var gQ = call.cotangents[0]
    var gR = call.cotangents[1]
    var rest: Operand?
    if let g = gR, n > m {
      let right = try c.block(g, rows: 0..<k, columns: k..<n)
      rest = try c.matmul(q, right, false, false)
      let moved = try c.matmul(c.block(x, rows: 0..<m, columns: k..<n), right, false, true)
      if let old = gQ { gQ = try c.add(old, moved) } else { gQ = moved }
      gR = try c.block(g, rows: 0..<k, columns: 0..<k)
    }
    var middle = try gR.map { g throws(TensorError) in try c.matmul(r, g, false, true) }
    if let g = gQ {
      let product = try c.neg(c.matmul(g, q, true, false))
      if let old = middle { middle = try c.add(old, product) } else { middle = product }
    }
    guard let middle else { return Gradients(nil) }
    let strict = try c.apply(tril, [middle], [.int(-1)])
    let both = try c.add(c.apply(tril, [middle], [.int(0)]), c.apply(transpose, [strict]))
    var sum = try c.matmul(q, both, false, false)
    if let g = gQ { sum = try c.add(sum, g) }
    let solved = try c.apply(
      solveTriangles, [r, c.apply(transpose, [sum])], [.bool(false), .bool(false), .bool(false)])
    let square = try c.apply(transpose, [solved])
    guard n > m else { return Gradients(square) }
    if rest == nil {
      rest = try c.zeros(like: c.block(x, rows: 0..<m, columns: k..<n))
    }
    return Gradients(try c.apply(concat, [square, rest!], [.int(-1)]))
  }

  package static let eigh: Op = Op(
    "eigh", [Parameter("x", .tensor)],
    summary:
      "The rising eigenvalues w and, as columns of v, the eigenvectors of the symmetric part (x + x.T) / 2; the largest element of each is positive.",
    example: "let (w, v) = eigh([[2, 1], [1, 2]])",
    samples: [
      Sample([3, 3]), Sample([2, 2, 2]), Sample([1, 1]), Sample([0, 2, 2]),
    ],
    dtypes: .float, shape: EighRule(), outputs: 2,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try EighRule()(ShapeQuery(name: "eigh", operands: [shape]))
      let n = shape[shape.rank - 1]
      let packed = try c.apply(eighPacked, [c.symmetric(operands[0])])
      return [try c.row(packed, n), try c.block(packed, rows: 0..<n, columns: 0..<n)]
    })

  /// Eigenvectors of symmetric matrices as columns, and below them a row of the eigenvalues.
  static let eighPacked: Op = Op(
    "eigh_packed", [Parameter("x", .tensor)],
    summary: "The eigenvectors and eigenvalues of symmetric matrices.", dtypes: .float,
    shape: PackedRule(isSymmetric: true), saves: .output, isInternal: true, batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let output = try call.makeOutput()
      let code = nnk_eigh(call.dtype.kernelType, x.tensor.data, output.data, x.batch, x.rows)
      try x.refuse(code, in: call, "has eigenvalues that were not found")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      // V (diag(gw) + F * (V^T gV)) V^T with F[i, j] = 1 / (w[j] - w[i]), 0 where they are equal.
      let (c, y) = (call.context, call.output)
      let n = call.shape(0)[call.shape(0).rank - 1]
      let v = try c.block(y, rows: 0..<n, columns: 0..<n)
      let gV = try c.block(call.cotangent, rows: 0..<n, columns: 0..<n)
      let gaps = try c.reciprocalGaps(c.row(y, n), n) { $0 }
      let turned = try c.mul(gaps, c.matmul(v, gV, true, false))
      let middle = try c.add(turned, c.diagonal(c.row(call.cotangent, n), n))
      return Gradients(
        try c.symmetric(c.matmul(c.matmul(v, middle, false, false), v, false, true)))
    })

  package static let svd: Op = Op(
    "svd", [Parameter("x", .tensor)],
    summary:
      "u, s and vt with u @ diag(s) @ vt = x: k = min(m, n) singular values, falling, and their vectors; the largest element of each column of u is positive.",
    example: "let (u, s, vt) = svd([[1, 2], [3, 4]])",
    samples: [
      Sample([3, 3]), Sample([4, 2]), Sample([2, 3]), Sample([2, 2, 2]), Sample([1, 1]),
      Sample([0, 2]), Sample([0, 2, 2]),
    ], dtypes: .float, shape: SVDRule(), outputs: 3,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      let shape = c.shape(of: operands[0])
      _ = try SVDRule()(ShapeQuery(name: "svd", operands: [shape]))
      let (m, n) = (shape[shape.rank - 2], shape[shape.rank - 1])
      let k = Swift.min(m, n)
      let packed = try c.apply(svdPacked, operands)
      let v = try c.block(packed, rows: m..<m + n, columns: 0..<k)
      return [
        try c.block(packed, rows: 0..<m, columns: 0..<k), try c.row(packed, m + n),
        try c.apply(transpose, [v]),
      ]
    })

  /// u[m, k], below it v[n, k], below it the row s.
  static let svdPacked: Op = Op(
    "svd_packed", [Parameter("x", .tensor)],
    summary: "The singular vectors and values of matrices.", dtypes: .float,
    shape: PackedRule(isSymmetric: false), saves: .output, isInternal: true,
    batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let output = try call.makeOutput()
      let code = nnk_svd(
        call.dtype.kernelType, x.tensor.data, output.data, x.batch, x.rows, x.columns)
      try x.refuse(code, in: call, "has singular values that were not found")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in try svdRule(call) })

  /// With F[i, j] = 1 / (s[j]^2 - s[i]^2), 0 where they are equal, and skew(A) = A - A^T, the gradient is
  /// U ((F * skew(U^T gU)) S + S (F * skew(V^T gV)) + diag(gs)) V^T, and for what is outside of the spaces that U and V
  /// span (1 - U U^T) gU S^-1 V^T + U S^-1 gV^T (1 - V V^T).
  private static func svdRule(_ call: GradientCall) throws(TensorError) -> Gradients {
    let (c, y, g) = (call.context, call.output, call.cotangent)
    let shape = call.shape(0)
    let (m, n) = (shape[shape.rank - 2], shape[shape.rank - 1])
    let k = Swift.min(m, n)
    let u = try c.block(y, rows: 0..<m, columns: 0..<k)
    let v = try c.block(y, rows: m..<m + n, columns: 0..<k)
    let gU = try c.block(g, rows: 0..<m, columns: 0..<k)
    let gV = try c.block(g, rows: m..<m + n, columns: 0..<k)
    let values = try c.row(y, m + n)
    let across = try c.apply(unsqueeze, [values], [.int(-2)])
    let down = try c.apply(unsqueeze, [values], [.int(-1)])
    let gaps = try c.reciprocalGaps(values, k) { x throws(TensorError) in try c.unary(square, x) }
    func turned(_ vectors: Operand, _ slope: Operand) throws(TensorError) -> Operand {
      let product = try c.matmul(vectors, slope, true, false)
      return try c.mul(gaps, c.sub(product, c.apply(transpose, [product])))
    }
    let left = try c.mul(turned(u, gU), across)
    let right = try c.mul(down, turned(v, gV))
    let middle = try c.add(c.add(left, right), c.diagonal(c.row(g, m + n), k))
    var total = try c.matmul(c.matmul(u, middle, false, false), v, false, true)
    /// slope S^-1 without what lies in the space of the vectors.
    func outside(_ vectors: Operand, _ slope: Operand) throws(TensorError) -> Operand {
      let scaled = try c.mul(slope, c.apply(safeReciprocal, [across]))
      let inside = try c.matmul(vectors, c.matmul(vectors, scaled, true, false), false, false)
      return try c.sub(scaled, inside)
    }
    if m > k { total = try c.add(total, c.matmul(outside(u, gU), v, false, true)) }
    if n > k { total = try c.add(total, c.matmul(u, outside(v, gV), false, true)) }
    return Gradients(total)
  }
}

extension TensorContext {
  /// For vectors w of n numbers, 1 / (f(w[j]) - f(w[i])) as matrices, 0 where w[i] and w[j] are equal up to rounding.
  fileprivate func reciprocalGaps(
    _ values: Operand, _ n: Int, _ function: (Operand) throws(TensorError) -> Operand
  ) throws(TensorError) -> Operand {
    let across = try apply(Ops.unsqueeze, [values], [.int(-2)])
    let down = try apply(Ops.unsqueeze, [values], [.int(-1)])
    let size = try apply(Ops.sum, [unary(Ops.abs, across)], [.int(-1), .bool(true)])
    let rounding = values.tensor?.dtype == .f64 ? 0x1p-50 : 0x1p-22
    let isApart = try binary(
      Ops.greater, unary(Ops.abs, sub(across, down)), mul(size, rounding))
    let gap = try sub(function(across), function(down))
    let safe = try select(isApart, gap, Operand(1))
    return try select(isApart, div(Operand(1), safe), Operand(0))
  }

  /// Diagonal matrices of vectors of n numbers.
  fileprivate func diagonal(_ vectors: Operand, _ n: Int) throws(TensorError) -> Operand {
    let columns = try apply(Ops.unsqueeze, [vectors], [.int(-1)])
    return try mul(columns, unitMatrix(n, like: columns))
  }
}

/// [m, n] to [m, k] and [k, n] with k = min(m, n).
private struct QRRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try all(query)[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let (leading, m, n, k) = try query.matrices()
    return [leading.with(m, k), leading.with(k, n)]
  }
}

/// [m, n] to [m, k], [k] and [k, n] with k = min(m, n).
private struct SVDRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try all(query)[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let (leading, m, n, k) = try query.matrices()
    return [leading.with(m, k), leading.with(k), leading.with(k, n)]
  }
}

/// [n, n] to [n] and [n, n].
private struct EighRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try all(query)[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let square = try SquareRule()(query)
    return [square.prefix(square.rank - 1), square]
  }
}

/// Vectors as columns with their values as a row below.
private struct PackedRule: ShapeRule {
  let isSymmetric: Bool

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (leading, m, n, k) = try query.matrices()
    return leading.with(isSymmetric ? n + D(1) : m + n + D(1), k)
  }
}

extension ShapeQuery {
  /// Leading axes, the two sizes of the matrices, and the smaller of these.
  fileprivate func matrices() throws(TensorError) -> (Dims<D>, m: D, n: D, k: D) {
    let shape = operands[0]
    let rank = shape.rank
    guard rank >= 2 else {
      throw error("a matrix is needed, not a tensor of rank \(rank)")
    }
    let (m, n) = (shape[rank - 2], shape[rank - 1])
    if let rows = m.known, let columns = n.known {
      return (shape.prefix(rank - 2), m, n, D(Swift.min(rows, columns)))
    }
    return (shape.prefix(rank - 2), m, n, m == n ? m : .undetermined)
  }
}

extension Dims {
  /// The shape with further axes.
  fileprivate func with(_ sizes: D...) -> Dims {
    var result = self
    for size in sizes { result.append(size) }
    return result
  }
}
