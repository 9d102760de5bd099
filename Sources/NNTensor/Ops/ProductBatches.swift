// Matrix products of many examples at once.

extension Ops {
  /// Arguments: whether either operand is transposed, as for `matmulFlagged`.
  static func productBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let result = try call.resultShapes()[0]
    let (a, b) = (call.shape(0), call.shape(1))
    let left = call.attribute(0).isTrue && a.rank > 1
    let right = call.attribute(1).isTrue && b.rank > 1
    let c = call.context
    if !call.isBatched(0), a.rank == 2, b.rank == 1 {
      // One matrix and many vectors: the vectors are the rows of a matrix.
      return [try c.product(call.operands[1], call.operands[0], false, !left)]
    }
    if call.isBatched(0), !call.isBatched(1), b.rank <= 2, a.rank == 1 || !left {
      // The examples are just more rows.
      return [try c.product(call.operands[0], call.operands[1], false, right)]
    }
    let leading = Swift.max(a.rank, b.rank, 2) - 2
    let x = try matrix(call, 0, [1] + a.array, leading)
    let y = try matrix(call, 1, b.array + [1], leading)
    return [try call.reshaped(c.product(x, y, left, right), result)]
  }

  /// An operand with so many leading axes behind the batch's; a vector in the shape of a matrix that is given for it.
  private static func matrix(
    _ call: BatchCall, _ position: Int, _ vector: [Int], _ leading: Int
  ) throws(TensorError) -> Operand {
    var shape = call.shape(position)
    if shape.rank == 1 { shape = Shape(vector) }
    let padded = shape.padded(to: leading + 2)
    if call.isBatched(position) { return try call.reshaped(call.operands[position], padded) }
    if leading == 0 { return try call.context.reshaped(call.operands[position], shape) }
    try BatchCall.checkRank(padded)
    return try call.context.reshaped(call.operands[position], padded.padded(to: leading + 3))
  }

  static func denseBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let c = call.context
    if !call.isBatched(1), !call.isBatched(2) {
      return [try c.apply(call.op, call.operands, call.attributes)]
    }
    return try call.composed { c, operands, attributes throws(TensorError) in
      let product = try c.add(c.binary(matmul, operands[0], operands[1]), operands[2])
      guard case .string(let name)? = attributes.first, let activation = named(name) else {
        return [product]
      }
      return [try c.unary(activation, product)]
    }
  }
}

extension TensorContext {
  /// The product of operands that are transposed or not, by the row that fits.
  fileprivate func product(
    _ a: Operand, _ b: Operand, _ isLeftTransposed: Bool, _ isRightTransposed: Bool
  ) throws(TensorError) -> Operand {
    if !isLeftTransposed, !isRightTransposed { return try binary(Ops.matmul, a, b) }
    return try matmul(a, b, isLeftTransposed, isRightTransposed)
  }
}
