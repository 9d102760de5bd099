// Distances of all vectors of one set from all of another. Kernels take the usual ones, other powers go a few rows at a time, so that
// the differences never stand in memory at once.
import NNKernels

extension Ops {
  static let distanceTables: [Op] = [cdist, distanceTable, distanceTableGrad]

  package static let cdist: Op = .composed(
    "cdist",
    [Parameter("x", .tensor), Parameter("y", .tensor), Parameter("p", .number, .number(2))],
    "The distances of all vectors of `x` (`[..., M, D]`) from all of `y` (`[..., N, D]`), `[..., M, N]`: Euclidean, Manhattan with `p: 1`, the largest difference with `p: inf`. From the differences themselves, so that near vectors lose no digits, in memory for the result only.",
    example: "cdist(points, centers)",
    samples: [
      Sample([2, 3], [4, 3]), Sample([2, 3], [4, 3], with: [.number(1)]),
      Sample([2, 2, 3], [2, 1, 3], with: [.number(.infinity)]), Sample([0, 3], [2, 3]),
      Sample([2, 1, 3], [1, 2, 3], with: [.number(3)]),
    ], shape: DistancesRule()
  ) { call throws(TensorError) in
    let (c, shape) = (call.context, call.result)
    let leading = shape.prefix(shape.rank - 2)
    var sets: [Operand] = []
    for position in 0..<2 {
      let own = call.shape(position)
      let part = own.suffix(from: own.rank - 2)
      let full = try c.apply(
        broadcastTo, [c.floats(call.operands[position])],
        [.ints(leading.array + part.array), .none])
      sets.append(try c.reshaped(full, [leading.count, part[0], part[1]]))
    }
    return try c.reshaped(
      c.apply(distanceTable, sets, [.number(call.number(0, 2))]), shape)
  }

  /// The length of the difference along the last axis.
  static func distance(
    _ c: TensorContext, _ x: Operand, _ y: Operand, _ p: Double
  ) throws(TensorError) -> Operand {
    let difference = try c.sub(c.floats(x), c.floats(y))
    return try c.apply(norm, [difference], [.int(-1), .bool(false), .number(p)])
  }

  /// Sets `[B, M, D]` and `[B, N, D]` give `[B, M, N]`. Argument: p.
  static let distanceTable: Op = Op(
    "distance_table",
    [Parameter("x", .tensor), Parameter("y", .tensor), Parameter("p", .number)],
    summary: "The distances of two sets of vectors.", dtypes: .float, shape: DistancesRule(),
    saves: [.operands, .output], isInternal: true, batch: .merged([0, 1]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let p = call.attribute(0).number ?? 2
      if var sets = nnk_distance_sets(call.dtype, call.tensor(0), call.tensor(1), p) {
        guard nnk_distances(&sets, output.data) else { throw .failed("cdist") }
        return Operand(output)
      }
      for block in DistanceBlocks(call.tensor(0).shape, call.tensor(1).shape) {
        let part = try distances(
          call.context, block.rows(of: call.tensor(0)), block.others(of: call.tensor(1)), p)
        try part.tensor?.copy(to: output, at: block.firstPlace)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      Gradients(
        list: try call.context.applyMany(
          distanceTableGrad, [call.cotangent, call.input(0), call.input(1), call.output],
          call.attributes))
    })

  /// The gradients in both sets, from that in the distances, the sets and the distances.
  static let distanceTableGrad: Op = Op(
    "distance_table_grad",
    [
      Parameter("g", .tensor), Parameter("x", .tensor), Parameter("y", .tensor),
      Parameter("distances", .tensor), Parameter("p", .number),
    ],
    summary: "The gradients of distances in two sets of vectors.", dtypes: .float,
    shape: DistanceGradientsRule(), outputs: 2, saves: [.operands, .operand(2)], isInternal: true,
    batch: .merged([0, 1, 2, 3]),
    forward: .many { call throws(TensorError) in
      let (g, x, y) = (call.tensor(0), call.tensor(1), call.tensor(2))
      let p = call.attribute(0).number ?? 2
      let dx = try call.makeTensor(x.shape)
      let dy = try Tensor(filling: y.shape, with: 0, dtype: call.dtype)
      if p == 1 || p == 2, var sets = nnk_distance_sets(call.dtype, x, y, p) {
        let shares = p == 1 ? g : try call.context.perLength(g, call.tensor(3))
        nnk_distances_grad(&sets, shares.data, dx.data, dy.data)
        return [Operand(dx), Operand(dy)]
      }
      for block in DistanceBlocks(x.shape, y.shape) {
        let parts = try call.context.pullback(
          at: [block.rows(of: x), block.others(of: y)], seeds: [block.places(of: g)]
        ) { c, sets throws(TensorError) in [try distances(c, sets[0], sets[1], p)] }
        try parts[0].tensor?.copy(to: dx, at: block.firstElement)
        let others = dy.count / y.shape[0]
        let sum = Tensor(sharing: dy, offset: block.batch * others, shape: y.shape.suffix(from: 1))
        try call.context.add(Operand(sum), parts[1]).tensor?.copy(
          to: dy, at: block.batch * others)
      }
      return [Operand(dx), Operand(dy)]
    },
    gradient: { call throws(TensorError) in
      let p = call.attribute(0).number ?? 2
      return try call.composedResults { c, inputs throws(TensorError) in
        try c.pullback(at: Array(inputs[1...2]), seeds: [inputs[0]]) {
          c, sets throws(TensorError) in [try distances(c, sets[0], sets[1], p)]
        }
      }
    })

  /// The composition that distances stand for.
  private static func distances(
    _ c: TensorContext, _ x: Operand, _ y: Operand, _ p: Double
  ) throws(TensorError) -> Operand {
    try distance(c, c.apply(unsqueeze, [x], [.int(-2)]), c.apply(unsqueeze, [y], [.int(-3)]), p)
  }
}

extension nnk_distance_sets {
  /// The sets as the kernels take them; nil for a length that is not among theirs.
  fileprivate init?(_ dtype: DType, _ x: Tensor, _ y: Tensor, _ p: Double) {
    let length: nnk_length
    switch p {
    case 1: length = NNK_LENGTH_1
    case 2: length = NNK_LENGTH_2
    case .infinity: length = NNK_LENGTH_LARGEST
    default: return nil
    }
    self.init(
      type: dtype.kernelType, length: length, batch: x.shape[0], rows: x.shape[1],
      columns: y.shape[1], depth: x.shape[2], x: UnsafeRawPointer(x.data),
      y: UnsafeRawPointer(y.data))
  }
}

extension TensorContext {
  /// Gradients in Euclidean lengths divided by these; 0 where the length is.
  fileprivate func perLength(_ g: Tensor, _ lengths: Tensor) throws(TensorError) -> Tensor {
    let isZero = try binary(Ops.equal, Operand(lengths), Operand(0))
    let shares = try select(isZero, Operand(0), div(Operand(g), Operand(lengths)))
    return shares.tensor ?? g
  }
}

/// Parts of a table of distances whose differences fit the nearest caches, in order.
private struct DistanceBlocks: Sequence {
  private let batch: Int
  private let rows: Int
  private let columns: Int
  private let depth: Int
  private let height: Int

  /// Differences in one block.
  private static let size = 1 << 17

  init(_ x: Shape, _ y: Shape) {
    (batch, rows, columns, depth) = (x[0], x[1], y[1], x[2])
    height = Swift.max(1, DistanceBlocks.size / Swift.max(columns * depth, 1))
  }

  func makeIterator() -> AnyIterator<DistanceBlock> {
    var (item, row) = (0, 0)
    return AnyIterator {
      guard item < batch, rows > 0 else { return nil }
      let end = Swift.min(row + height, rows)
      let block = DistanceBlock(
        batch: item, first: row, count: end - row, rows: rows, columns: columns, depth: depth)
      (item, row) = end == rows ? (item + 1, 0) : (item, end)
      return block
    }
  }
}

/// Some rows of one table.
private struct DistanceBlock {
  let batch: Int
  let first: Int
  let count: Int
  let rows: Int
  let columns: Int
  let depth: Int

  /// Where the block begins in the tables, and its vectors in their set.
  var firstPlace: Int { (batch * rows + first) * columns }
  var firstElement: Int { (batch * rows + first) * depth }

  func rows(of x: Tensor) -> Operand {
    Operand(Tensor(sharing: x, offset: firstElement, shape: [count, depth]))
  }

  func others(of y: Tensor) -> Operand {
    Operand(Tensor(sharing: y, offset: batch * columns * depth, shape: [columns, depth]))
  }

  func places(of g: Tensor) -> Operand {
    Operand(Tensor(sharing: g, offset: firstPlace, shape: [count, columns]))
  }
}

extension Tensor {
  /// Writes the elements into another tensor of this type, from one of its elements on.
  fileprivate func copy(to other: Tensor, at offset: Int) throws(TensorError) {
    if nnk_cancelled() { throw .cancelled }
    if count == 0 { return }
    (other.data + offset * dtype.size).copyMemory(from: data, byteCount: byteCount)
  }
}

/// [..., M, D] and [..., N, D] make [..., M, N].
private struct DistancesRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (x, y) = (query.operands[0], query.operands[1])
    guard x.rank >= 2, x.rank == y.rank, x.rank < 8 else {
      throw query.error(
        "two matrices (or batches of them) are needed, not \(x) and \(y)", showing: [0, 1])
    }
    guard x[x.rank - 1].mayEqual(y[y.rank - 1]) else {
      throw query.error(
        "vectors of \(x[x.rank - 1]) and \(y[y.rank - 1]) elements have no distance",
        showing: [0, 1])
    }
    let (leadingX, leadingY) = (x.prefix(x.rank - 2), y.prefix(y.rank - 2))
    guard var shape = Broadcasting.shape(leadingX, leadingY) else {
      throw Broadcasting.error(query.name, x, y)
    }
    shape.append(x[x.rank - 2])
    shape.append(y[y.rank - 2])
    return shape
  }
}

/// The shapes of both sets.
private struct DistanceGradientsRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[1]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    [query.operands[1], query.operands[2]]
  }
}
