// Diagonals and triangles of matrices.
import NNKernels

extension Ops {
  static let triangles: [Op] = [tril, triu, diag, trace]

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
        for row in 0..<rows {
          for column in 0..<columns {
            let isKept = keepsLower ? column - row <= k : column - row >= k
            mask.set(isKept ? 1 : 0, at: row * columns + column)
          }
        }
        return try c.select(Operand(mask), operands[0], Operand(0))
      })
  }

  package static let diag: Op = Op(
    "diag", [Parameter("x", .tensor)],
    summary: "The diagonal of a matrix, or the matrix with a vector on its diagonal.",
    example: "diag([1, 2, 3])", samples: [Sample([3]), Sample([3, 2])], shape: DiagonalRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let result = try DiagonalRule()(ShapeQuery(name: "diag", operands: [shape]))
      let places = try Tensor(Array(0..<(shape.rank == 1 ? shape[0] : result[0])), dtype: .i32)
      let items: Attribute = .index([.integers(operand: 1), .integers(operand: 2)])
      let tensors = [Operand(places), Operand(places)]
      if shape.rank == 1 {
        return try c.apply(indexAdd, [operands[0]] + tensors, [items, .ints(result.array)])
      }
      return try c.apply(indexItems, [operands[0]] + tensors, [items])
    })

  package static let trace: Op = Op(
    "trace", [Parameter("x", .tensor)], summary: "The sum of the diagonal of a matrix.",
    example: "trace(eye(3))", samples: [Sample([3, 3])], dtypes: .sum, shape: ScalarShape(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try c.apply(sum, [c.apply(diag, operands)])
    })
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

/// A vector becomes a matrix, a matrix a vector.
private struct DiagonalRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let shape = query.operands[0]
    switch shape.rank {
    case 1: return [shape[0], shape[0]]
    case 2:
      if let rows = shape[0].known, let columns = shape[1].known {
        return [D(Swift.min(rows, columns))]
      }
      return [shape[0] == shape[1] ? shape[0] : .undetermined]
    default: throw query.error("a vector or matrix is needed, not a tensor of rank \(shape.rank)")
    }
  }
}
