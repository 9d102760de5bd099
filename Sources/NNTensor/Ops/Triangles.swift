// Diagonals and triangles of matrices, and products of vectors and matrices that are made of others.
import NNKernels

extension Ops {
  static let triangles: [Op] = [tril, triu, diag, trace, cross, kron]

  package static let tril: Op = triangle("tril", "below", keepsLower: true)
  package static let triu: Op = triangle("triu", "above", keepsLower: false)

  private static func triangle(_ name: String, _ side: String, keepsLower: Bool) -> Op {
    Op(
      name, [Parameter("x", .tensor), Parameter("k", .int, .int(0))],
      summary: "The matrices with zeros but on and \(side) diagonal `k`.",
      example: "\(name)(ones(3, 3))",
      samples: [Sample([3, 3]), Sample([2, 2, 3], with: [.int(1)])],
      shape: MatrixRule(),
      forward: .composed { c, operands, attributes throws(TensorError) in
        let shape = c.shape(of: operands[0])
        _ = try MatrixRule()(ShapeQuery(name: name, operands: [shape]))
        let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
        let k = attributes.first?.int ?? 0
        let mask = try Tensor(shape: [rows, columns], dtype: .bool)
        let bytes = mask.data.assumingMemoryBound(to: UInt8.self)
        // Rows without columns may be very many.
        for row in 0..<(columns == 0 ? 0 : rows) {
          // The first column that belongs to the upper side.
          let (first, overflow) = row.addingReportingOverflow(keepsLower && k < .max ? k + 1 : k)
          let cut = overflow ? columns : Swift.min(Swift.max(first, 0), columns)
          let line = bytes + row * columns
          line.update(repeating: keepsLower ? 1 : 0, count: cut)
          (line + cut).update(repeating: keepsLower ? 0 : 1, count: columns - cut)
        }
        return try c.select(Operand(mask), operands[0], Operand(0))
      })
  }

  package static let diag: Op = .composed(
    "diag", [Parameter("x", .tensor), Parameter("k", .int, .int(0))],
    "Diagonal `k` of a matrix, or the matrix with a vector on it; positive ones lie above the main one.",
    example: "diag([1, 2, 3])",
    samples: [
      Sample([3]), Sample([3, 2]), Sample([2], with: [.int(-1)]), Sample([2, 4], with: [.int(1)]),
      Sample([0]),
    ], dtypes: .same, shape: DiagonalRule()
  ) { call throws(TensorError) in
    let (c, shape) = (call.context, call.shape(0))
    let k = call.attribute(0).int ?? 0
    let count = shape.rank == 1 ? shape[0] : call.result[0]
    let rows = try Tensor((0..<count).map { $0 + Swift.max(-k, 0) }, dtype: .i32)
    let columns = try Tensor((0..<count).map { $0 + Swift.max(k, 0) }, dtype: .i32)
    let items: Attribute = .index([.integers(operand: 1), .integers(operand: 2)])
    let operands = [call.operands[0], Operand(rows), Operand(columns)]
    if shape.rank == 1 {
      return try c.apply(indexAdd, operands, [items, .ints(call.result.array)])
    }
    return try c.apply(indexItems, operands, [items])
  }

  package static let trace: Op = Op(
    "trace", [Parameter("x", .tensor)], summary: "The sum of the diagonal of a matrix.",
    example: "trace(eye(3))", samples: [Sample([3, 3])], dtypes: .sum, shape: ScalarShape(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try c.apply(sum, [c.apply(diag, operands)])
    })

  package static let cross: Op = .composed(
    "cross",
    [Parameter("x", .tensor), Parameter("y", .tensor), Parameter("axis", .axis, .int(-1))],
    "The cross product of vectors of 3 elements along an axis.",
    example: "cross([1, 0, 0], [0, 1, 0])",
    samples: [Sample([3], [3]), Sample([2, 3], [3]), Sample([3, 0], [3, 0], with: [.int(0)])],
    dtypes: .promote, shape: CrossRule()
  ) { call throws(TensorError) in
    let c = call.context
    var turned: [[Operand]] = []
    for position in 0..<2 {
      let axis = try Axes.one(
        call.attribute(0), rank: call.shape(position).rank, standard: -1, in: "cross")
      let x = call.operands[position]
      turned.append([
        try c.apply(roll, [x], [.int(-1), .int(axis)]),
        try c.apply(roll, [x], [.int(-2), .int(axis)]),
      ])
    }
    return try c.sub(c.mul(turned[0][0], turned[1][1]), c.mul(turned[0][1], turned[1][0]))
  }

  package static let kron: Op = .composed(
    "kron", [Parameter("x", .tensor), Parameter("y", .tensor)],
    "The Kronecker product: each element of `x` times the whole of `y`, in blocks.",
    example: "kron(eye(2), [[1, 2], [3, 4]])",
    samples: [Sample([2, 3], [2, 2]), Sample([3], [2]), Sample([2], [2, 2]), Sample([0], [2])],
    dtypes: .promote, shape: KroneckerRule()
  ) { call throws(TensorError) in
    let c = call.context
    func spread(_ position: Int, isOuter: Bool) throws(TensorError) -> Operand {
      var sizes = Array(repeating: 1, count: call.result.rank - call.shape(position).rank)
      sizes += call.shape(position).array
      let apart = sizes.flatMap { isOuter ? [$0, 1] : [1, $0] }
      return try c.apply(reshape, [call.operands[position]], [.ints(apart)])
    }
    let product = try c.mul(spread(0, isOuter: true), spread(1, isOuter: false))
    return try c.reshaped(product, call.result)
  }
}

/// At least two axes, kept.
private struct MatrixRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard query.operands[0].rank >= 2 else {
      throw query.error("a matrix is needed, not a tensor of rank \(query.operands[0].rank)")
    }
    return query.operands[0]
  }
}

/// A vector becomes a matrix, a matrix a vector. Argument: which diagonal.
private struct DiagonalRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = query.operands[0]
    let k = query.attribute(0).int ?? 0
    guard k > -(1 << 24), k < 1 << 24 else { throw query.error("there is no diagonal \(k)") }
    switch shape.rank {
    case 1:
      let size = shape[0] + D(abs(k))
      return [size, size]
    case 2:
      if let rows = shape[0].known, let columns = shape[1].known {
        return [D(Swift.max(Swift.min(rows - Swift.max(-k, 0), columns - Swift.max(k, 0)), 0))]
      }
      return [shape[0] == shape[1] && k == 0 ? shape[0] : .undetermined]
    default: throw query.error("a vector or matrix is needed, not a tensor of rank \(shape.rank)")
    }
  }
}

/// The last axes of both have size 3, and the shapes broadcast. Argument: the axis.
private struct CrossRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = try BroadcastRule()(query)
    for (position, own) in query.operands.enumerated() {
      let axis = try Axes.one(query.attribute(0), rank: own.rank, standard: -1, in: query.name)
      guard own[axis].mayEqual(D(3)) else {
        throw query.error(
          "vectors have 3 elements, axis \(axis) has \(own[axis])", showing: [position])
      }
    }
    return shape
  }
}

/// Sizes multiply axis by axis; missing axes come in front.
private struct KroneckerRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var (a, b) = (query.operands[0], query.operands[1])
    guard a.rank <= 4, b.rank <= 4 else { throw query.error("at most 4 axes", showing: [0, 1]) }
    while a.rank < b.rank { a.insert(D(1), at: 0) }
    while b.rank < a.rank { b.insert(D(1), at: 0) }
    var result = Dims<D>()
    for axis in a.indices { result.append(try query.product(a[axis], b[axis])) }
    return result
  }
}
