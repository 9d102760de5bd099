// Values between points.

extension Ops {
  static let interpolation: [Op] = [interp]

  package static let interp: Op = .composed(
    "interp", [Parameter("x", .tensor), Parameter("xp", .tensor), Parameter("fp", .tensor)],
    "The values at `x` of the straight lines through points: `xp` rise, `fp` are their values; beyond the ends the outermost value.",
    example: "interp(2.5, [1, 2, 3], [3, 2, 0])",
    samples: [
      Sample([2, 3], [4], [4], from: [.any, .rising, .any]),
      Sample([], [3], [3], from: [.any, .rising, .any]),
      Sample([0], [2], [2], from: [.any, .rising]),
      Sample([2], [1], [1], from: [.any, .rising]),
    ], shape: InterpolationRule()
  ) { call throws(TensorError) in
    let c = call.context
    let x = call.operands[0].isNumber ? call.operands[0] : try c.floats(call.operands[0])
    let (xp, fp) = (try c.floats(call.operands[1]), try c.floats(call.operands[2]))
    let last = call.shape(1)[0] - 1
    if last == 0 {
      let only = try c.reshaped(fp, Shape())
      return try c.apply(broadcastTo, [only], [.ints(call.result.array), .none])
    }
    let places = try c.apply(searchsorted, [xp, x], [.string("right")])
    let right = try c.apply(clip, [places], [.number(1), .number(Double(last))])
    let left = try c.sub(right, Operand(1))
    func points(_ p: Operand, _ at: Operand) throws(TensorError) -> Operand {
      try c.apply(take, [p, at], [.int(0)])
    }
    let (x0, y0) = (try points(xp, left), try points(fp, left))
    let (x1, y1) = (try points(xp, right), try points(fp, right))
    let slope = try c.div(c.sub(y1, y0), c.sub(x1, x0))
    let line = try c.add(y0, c.mul(c.sub(x, x0), slope))
    // The lines end at the outermost points.
    let below = try c.binary(less, x, points(xp, Operand(Tensor(0, dtype: .i32))))
    let above = try c.binary(greater, x, points(xp, Operand(Tensor(Double(last), dtype: .i32))))
    let first = try points(fp, Operand(Tensor(0, dtype: .i32)))
    let end = try points(fp, Operand(Tensor(Double(last), dtype: .i32)))
    return try c.select(below, first, c.select(above, end, line))
  }
}

/// The shape of x; points are two vectors of one length. Operands: x, xp, fp.
private struct InterpolationRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (xp, fp) = (query.operands[1], query.operands[2])
    guard xp.rank == 1, fp.rank == 1, xp[0].mayEqual(fp[0]) else {
      throw query.error(
        "xp and fp are vectors of one length, not \(xp) and \(fp)", showing: [1, 2])
    }
    guard xp[0].known != 0 else { throw query.error("there are no points", showing: [1]) }
    return query.operands[0]
  }
}
