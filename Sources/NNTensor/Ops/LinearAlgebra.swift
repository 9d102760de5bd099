// Linear algebra that solves equations: inverses, triangular equations, determinants, Cholesky factors.
import NNKernels

extension Ops {
  static let linearAlgebra: [Op] = [
    inv, solve, solveMatrices, solveTriangular, solveTriangles, det, slogdet, cholesky,
    choleskyLower, qr, eigh, eighPacked, svd, svdPacked,
  ]

  package static let inv: Op = Op(
    "inv", [Parameter("x", .tensor)],
    summary: "The inverse of a matrix, or of each in a batch; by LU with partial pivoting.",
    example: "inv([[2, 0], [0, 4]])",
    samples: [
      Sample([3, 3], from: [.definite]), Sample([2, 2, 2], from: [.definite]), Sample([1, 1]),
      Sample([0, 2, 2]), Sample([0, 0]),
    ], dtypes: .float, shape: SquareRule(), saves: .output, batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let output = try call.makeOutput()
      let code = nnk_inverse(
        call.dtype.kernelType, x.tensor.data, output.data, x.batch, x.rows)
      try x.refuse(code, in: call, "is singular", help: "pinv(x) gives a pseudo-inverse")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      // -Y^T g Y^T.
      let (c, y) = (call.context, call.output)
      let left = try c.matmul(y, call.cotangent, true, false)
      return Gradients(try c.neg(c.matmul(left, y, false, true)))
    })

  package static let solve: Op = Op(
    "solve", [Parameter("a", .tensor), Parameter("b", .tensor)],
    summary:
      "The x of a @ x = b for square a and a vector b, or matrices b; leading axes are a batch.",
    example: "solve([[2, 0], [0, 4]], [1, 1])",
    samples: [
      Sample([3, 3], [3], from: [.definite, .any]),
      Sample([3, 3], [3, 2], from: [.definite, .any]),
      Sample([2, 2, 2], [2, 2, 1], from: [.definite, .any]),
      Sample([2, 2], [3, 2, 2], from: [.definite, .any]),
      Sample([2, 2, 2], [2], from: [.definite, .any]), Sample([0, 0], [0, 2]),
    ], dtypes: .float, shape: SolveRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try solved(c, operands, "solve") { a, b throws(TensorError) in
        try c.apply(solveMatrices, [a, b], [.bool(false)])
      }
    })

  /// a x = b or a^T x = b for matrices with the same leading axes. Argument: transposed.
  static let solveMatrices: Op = Op(
    "solve_matrices",
    [Parameter("a", .tensor), Parameter("b", .tensor), Parameter("transposed", .bool)],
    summary: "The x of a @ x = b, or of a.T @ x = b.",
    samples: [Sample([2, 2], [2, 3], from: [.definite, .any], with: [.bool(true)])],
    dtypes: .float, shape: SolveRule(), saves: [.operand(0), .output], isInternal: true,
    batch: .leading([0, 1]),
    forward: .custom { call throws(TensorError) in
      let (a, b) = (MatrixBatch(call.tensor(0)), MatrixBatch(call.tensor(1)))
      let output = try call.makeOutput()
      let code = nnk_solve(
        call.dtype.kernelType, a.tensor.data, b.tensor.data, output.data, a.batch, a.rows,
        b.columns, call.attribute(0).isTrue)
      try a.refuse(
        code, in: call, "is singular", help: "lstsq(a, b) gives a least squares solution")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, transposed) = (call.context, call.attribute(0).isTrue)
      let slope = try c.apply(
        solveMatrices, [call.input(0), call.cotangent], [.bool(!transposed)])
      guard call.wants(0) else { return Gradients(nil, slope) }
      let product =
        transposed
        ? try c.matmul(call.output, slope, false, true)
        : try c.matmul(slope, call.output, false, true)
      return Gradients(try c.neg(product), slope)
    })

  package static let solveTriangular: Op = Op(
    "solve_triangular",
    [
      Parameter("a", .tensor), Parameter("b", .tensor), Parameter("lower", .bool, .bool(false)),
      Parameter("transposed", .bool, .bool(false)),
      Parameter("unit_diagonal", .bool, .bool(false)),
    ],
    summary:
      "The x of a @ x = b where only one triangle of a is read (or of its transpose, or with ones on the diagonal).",
    example: "solve_triangular([[2, 1], [0, 4]], [1, 1])",
    samples: [
      Sample([3, 3], [3], from: [.definite, .any], with: [.bool(true)]),
      Sample([2, 2, 2], [2, 2, 3], from: [.definite, .any], with: [.bool(false), .bool(true)]),
      Sample([3, 3], [2, 3, 1], with: [.bool(true), .bool(true), .bool(true)]),
      Sample([0, 0], [0, 2]),
    ], dtypes: .float, shape: SolveRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try solved(c, operands, "solve_triangular") { a, b throws(TensorError) in
        try c.apply(solveTriangles, [a, b], attributes)
      }
    })

  /// The same for matrices with the same leading axes. Arguments: lower, transposed, unit_diagonal.
  static let solveTriangles: Op = Op(
    "solve_triangles",
    [
      Parameter("a", .tensor), Parameter("b", .tensor), Parameter("lower", .bool),
      Parameter("transposed", .bool), Parameter("unit_diagonal", .bool),
    ],
    summary: "The x of a @ x = b for triangular a.", dtypes: .float, shape: SolveRule(),
    saves: [.operand(0), .output], isInternal: true, batch: .leading([0, 1]),
    forward: .custom { call throws(TensorError) in
      let (a, b) = (MatrixBatch(call.tensor(0)), MatrixBatch(call.tensor(1)))
      let output = try call.makeOutput()
      let triangle = nnk_triangle(
        lower: call.attribute(0).isTrue, transposed: call.attribute(1).isTrue,
        unit: call.attribute(2).isTrue)
      let code = nnk_solve_triangular(
        call.dtype.kernelType, a.tensor.data, b.tensor.data, output.data, a.batch, a.rows,
        b.columns, triangle)
      try a.refuse(code, in: call, "has a 0 on its diagonal")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let (lower, transposed) = (call.attribute(0).isTrue, call.attribute(1).isTrue)
      let slope = try c.apply(
        solveTriangles, [call.input(0), call.cotangent],
        [.bool(lower), .bool(!transposed), call.attribute(2)])
      guard call.wants(0) else { return Gradients(nil, slope) }
      let product =
        transposed
        ? try c.matmul(call.output, slope, false, true)
        : try c.matmul(slope, call.output, false, true)
      let outermost = call.attribute(2).isTrue ? (lower ? -1 : 1) : 0
      let part = try c.apply(lower ? tril : triu, [product], [.int(outermost)])
      return Gradients(try c.neg(part), slope)
    })

  /// Brings a vector, or leading axes that broadcast, to what the row for equal leading axes takes.
  private static func solved(
    _ c: TensorContext, _ operands: [Operand], _ name: String,
    _ body: (Operand, Operand) throws(TensorError) -> Operand
  ) throws(TensorError) -> Operand {
    let (a, b) = (c.shape(of: operands[0]), c.shape(of: operands[1]))
    let result = try SolveRule()(ShapeQuery(name: name, operands: [a, b]))
    if b.rank == 1 {
      let column = try c.reshaped(operands[1], [b[0], 1])
      let wide = try spread(c, column, [b[0], 1], to: a.prefix(a.rank - 2))
      return try c.apply(reshape, [body(operands[0], wide)], [.ints(result.array)])
    }
    let leading = result.prefix(result.rank - 2)
    if a.rank == 2, b.rank > 2 {
      // One matrix for the whole batch: the batch is just more columns.
      let front = [b.rank - 2] + Array(0..<b.rank - 2) + [b.rank - 1]
      let columns = try c.apply(permute, [operands[1]], [.ints(front)])
      let shape = c.shape(of: columns)
      let flat = try c.apply(
        reshape, [columns], [.ints([shape[0], shape.product(1..<shape.rank)])])
      let x = try c.apply(reshape, [body(operands[0], flat)], [.ints(shape.array)])
      let back = Array(1..<b.rank - 1) + [0, b.rank - 1]
      return try c.apply(permute, [x], [.ints(back)])
    }
    return try body(spread(c, operands[0], a, to: leading), spread(c, operands[1], b, to: leading))
  }

  /// Matrices repeated over leading axes.
  private static func spread(
    _ c: TensorContext, _ value: Operand, _ shape: Shape, to leading: Shape
  ) throws(TensorError) -> Operand {
    let target = Shape(leading.array + shape.suffix(from: shape.rank - 2).array)
    if target == shape { return value }
    return try c.apply(broadcastTo, [value], [.ints(target.array), .none])
  }

  package static let det: Op = Op(
    "det", [Parameter("x", .tensor)],
    summary: "The determinant of a matrix, or of each in a batch.",
    example: "det([[1, 2], [3, 4]])",
    samples: [
      Sample([3, 3]), Sample([2, 2, 2]), Sample([1, 1]), Sample([0, 0]), Sample([0, 3, 3]),
    ],
    dtypes: .float, shape: SquareRule(isReduced: true), saves: [.operand(0), .output],
    batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let output = try call.makeOutput()
      let code = nnk_determinant(
        call.dtype.kernelType, x.tensor.data, output.data, x.batch, x.rows)
      try x.refuse(code, in: call, "has no determinant")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, x, y) = (call.context, call.input(0), call.output)
      let isRegular = y.tensor?.numbers.allSatisfy { $0 != 0 } ?? true
      guard isRegular else {
        let slope = try c.apply(transpose, [adjugate(c, x)])
        return Gradients(try c.mul(c.columns(call.cotangent), slope))
      }
      let inverse = try c.apply(transpose, [c.apply(inv, [x])])
      return Gradients(try c.mul(c.columns(c.mul(call.cotangent, y)), inverse))
    })

  /// The matrix whose product with x is det(x) times the unit matrix, also where x is singular; without a division by
  /// anything but counts (Faddeev and LeVerrier), so it serves small matrices and differentiates everywhere.
  private static func adjugate(_ c: TensorContext, _ x: Operand) throws(TensorError) -> Operand {
    let shape = c.shape(of: x)
    let n = shape[shape.rank - 1]
    let unit = try c.unitMatrix(n, like: x)
    var value = try c.apply(broadcastTo, [unit], [.ints(shape.array), .none])
    for step in 1..<Swift.max(n, 1) {
      let product = try c.matmul(x, value, false, false)
      let diagonal = try c.apply(
        sum, [c.mul(product, unit)], [.ints([-2, -1]), .bool(true)])
      value = try c.sub(product, c.mul(c.mul(diagonal, 1 / Double(step)), unit))
    }
    return n % 2 == 1 ? value : try c.neg(value)
  }

  package static let slogdet: Op = Op(
    "slogdet", [Parameter("x", .tensor)],
    summary:
      "The sign of the determinant and the logarithm of its magnitude (0, -inf if singular).",
    example: "let (sign, log_size) = slogdet([[1, 2], [3, 4]])",
    samples: [
      Sample([3, 3], from: [.definite]), Sample([2, 2, 2], from: [.definite]), Sample([0, 0]),
    ],
    dtypes: .float, shape: SquareRule(isReduced: true, results: 2), outputs: 2,
    saves: .operand(0), batch: .leading([0]),
    forward: .many { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let sign = try call.makeOutput()
      let size = try call.makeOutput()
      let code = nnk_log_determinant(
        call.dtype.kernelType, x.tensor.data, sign.data, size.data, x.batch, x.rows)
      try x.refuse(code, in: call, "has no determinant")
      return [Operand(sign), Operand(size)]
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      guard let g = call.cotangents[1] else { return Gradients(nil) }
      let inverse = try c.apply(transpose, [c.apply(inv, [call.input(0)])])
      return Gradients(try c.mul(c.columns(g), inverse))
    })

  package static let cholesky: Op = Op(
    "cholesky", [Parameter("x", .tensor)],
    summary:
      "The lower triangular L with L @ L.T = x for a positive definite x, of which the symmetric part (x + x.T) / 2 is taken.",
    example: "cholesky([[4, 2], [2, 3]])",
    samples: [
      Sample([3, 3], from: [.definite]), Sample([2, 2, 2], from: [.definite]),
      Sample([1, 1], from: [.positive]), Sample([0, 0]), Sample([0, 2, 2]),
    ], dtypes: .float, shape: SquareRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      _ = try SquareRule()(
        ShapeQuery(name: "cholesky", operands: [c.shape(of: operands[0])]))
      return try c.apply(choleskyLower, [c.symmetric(operands[0])])
    })

  /// The factor of matrices that are symmetric already; the gradient is Murray's (2016), symmetric too.
  static let choleskyLower: Op = Op(
    "cholesky_lower", [Parameter("x", .tensor)],
    summary: "The lower Cholesky factor of symmetric matrices.", dtypes: .float,
    shape: SquareRule(), saves: .output, isInternal: true, batch: .leading([0]),
    forward: .custom { call throws(TensorError) in
      let x = MatrixBatch(call.tensor(0))
      let output = try call.makeOutput()
      let code = nnk_cholesky(call.dtype.kernelType, x.tensor.data, output.data, x.batch, x.rows)
      try x.refuse(
        code, in: call, "is not positive definite",
        help: "x + 1e-6 * eye(n) is, where rounding made it miss")
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, l) = (call.context, call.output)
      let product = try c.matmul(l, call.cotangent, true, false)
      let lower = try c.apply(tril, [product], [.int(0)])
      let strict = try c.apply(tril, [product], [.int(-1)])
      let both = try c.add(lower, c.apply(transpose, [strict]))
      // L^-T P L^-1, once from each side.
      let turned: [Attribute] = [.bool(true), .bool(true), .bool(false)]
      let half = try c.apply(solveTriangles, [l, both], turned)
      let whole = try c.apply(solveTriangles, [l, c.apply(transpose, [half])], turned)
      return Gradients(try c.mul(whole, 0.5))
    })
}
