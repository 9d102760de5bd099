// Einstein's summation: contracted pair by pair with matrix products.

extension Ops {
  static let einsums: [Op] = [einsum]

  package static let einsum: Op = .composed(
    "einsum", [Parameter("equation", .string), Parameter("operands", .tensors, takesRest: true)],
    "Products summed over axes: letters name the axes of each operand, equal letters are one axis, letters after `->` stay. `...` stands for further axes; without `->` the letters that are there once stay, in order.",
    example: "einsum(\"bij,bjk->bik\", a, b)",
    samples: [
      Sample([2, 3], [3, 4], with: [.string("ij,jk->ik")]),
      Sample([2, 3], [3, 4], with: [.string("ij,jk->ki")]), Sample([3, 3], with: [.string("ii")]),
      Sample([3, 3], with: [.string("ii->i")]), Sample([2, 3], with: [.string("ij->j")]),
      Sample([2, 3], with: [.string("ba")]), Sample([3], [2], with: [.string("i,j")]),
      Sample([2, 2, 3], [2, 3], with: [.string("bij,bj->bi")]),
      Sample([2, 3], [2, 3], with: [.string("ij,ij->i")]),
      Sample([1, 2, 3], [4, 3, 2], with: [.string("...ij,...jk")]),
      Sample([2, 3], [3], [2], with: [.string("ij,j,i->")]),
      Sample([2, 3], [3, 2], [2, 2], with: [.string("ab,bc,cd->da")]),
      Sample([2, 3, 2, 3], with: [.string("abab->ba")]), Sample([], [2], with: [.string(",i->i")]),
      Sample([0, 3], [3, 2], with: [.string("ij,jk->ik")]),
      Sample([2, 0], [0, 3], with: [.string("ij,jk->ik")]),
    ], dtypes: .promote, shape: EinsumRule()
  ) { call throws(TensorError) in
    let c = call.context
    guard !call.operands.isEmpty else {
      throw TensorError("argument", "einsum: there are no operands after the equation")
    }
    let shapes = call.operands.indices.map { call.shape($0) }
    let (inputs, output) = try EinsumEquation(call.attribute(0)).resolved(ranks: shapes.map(\.rank))
    let common = DTypeRule.promoted(call.operands.map { OperandType($0) })
    var terms: [EinsumTerm] = []
    for (position, labels) in inputs.enumerated() {
      let x = try c.apply(to, [call.operands[position]], [.dtype(common)])
      terms.append(try EinsumTerm(c, x, labels))
    }
    try EinsumTerm.dropStretched(&terms)
    while terms.count > 1 {
      let (i, j) = EinsumTerm.cheapestPair(terms, output)
      let right = terms.remove(at: j)
      let left = terms.remove(at: i)
      let others = terms.flatMap(\.labels) + output
      let isLast = terms.isEmpty
      terms.insert(
        try left.contracted(with: right, keeping: others, as: isLast ? output : nil), at: i)
    }
    let result = try terms[0].summed(keeping: output).arranged(output)
    return try c.apply(to, [c.reshaped(result.value, call.result)], [.dtype(common)])
  }
}

/// A tensor whose axes have labels, each once.
private struct EinsumTerm {
  let context: TensorContext
  private(set) var value: Operand
  private(set) var labels: [Int]
  private(set) var shape: Shape

  private init(_ context: TensorContext, _ value: Operand, labelled labels: [Int]) {
    self.context = context
    self.value = value
    self.labels = labels
    shape = context.shape(of: value)
  }

  /// An operand; of axes with one label the diagonal is taken.
  init(_ context: TensorContext, _ operand: Operand, _ labels: [Int]) throws(TensorError) {
    self.init(context, operand, labelled: labels)
    while let (i, j) = repeated { try takeDiagonal(i, j) }
  }

  /// Two axes with the same label.
  private var repeated: (Int, Int)? {
    for (j, label) in self.labels.enumerated() {
      if let i = labels[..<j].firstIndex(of: label) { return (i, j) }
    }
    return nil
  }

  /// Two axes of size n brought to the front as one of n * n, of which every (n + 1)th element is on the diagonal.
  private mutating func takeDiagonal(_ i: Int, _ j: Int) throws(TensorError) {
    let others = labels.indices.filter { $0 != i && $0 != j }
    let front = try context.apply(Ops.permute, [value], [.ints([i, j] + others)])
    let size = shape[i]
    guard size < 1 << 31 else {
      throw TensorError("shape", "einsum: an axis of \(size) elements has no diagonal")
    }
    let rest = others.map { shape[$0] }
    let flat = try context.reshaped(front, Shape([size * size] + rest))
    value = try context.apply(
      Ops.index, [flat], [.index([.slice(start: nil, stop: nil, step: size + 1)])])
    labels = [labels[i]] + others.map { labels[$0] }
    shape = context.shape(of: value)
  }

  private func size(_ label: Int) -> Int {
    labels.firstIndex(of: label).map { shape[$0] } ?? 1
  }

  // MARK: - One term

  /// Summed over the axes that nothing needs any more.
  func summed(keeping labels: [Int]) throws(TensorError) -> EinsumTerm {
    let gone = self.labels.indices.filter { !labels.contains(self.labels[$0]) }
    if gone.isEmpty { return self }
    let sum = try context.apply(Ops.sum, [value], [.ints(gone), .bool(false)])
    return EinsumTerm(context, sum, labelled: self.labels.filter { labels.contains($0) })
  }

  /// The axes in the order of `order`; labels that are not there are passed over.
  func arranged(_ order: [Int]) throws(TensorError) -> EinsumTerm {
    let places = order.compactMap { labels.firstIndex(of: $0) }
    if places == Array(labels.indices) { return self }
    return EinsumTerm(
      context, try context.apply(Ops.permute, [value], [.ints(places)]),
      labelled: places.map { labels[$0] })
  }

  /// Takes away axes of size 1 that another term stretches: without them the term is broadcast.
  static func dropStretched(_ terms: inout [EinsumTerm]) throws(TensorError) {
    for position in terms.indices {
      let term = terms[position]
      let gone = term.labels.indices.filter { axis in
        term.labels[axis] < 0 && term.shape[axis] == 1
          && terms.contains { $0.size(term.labels[axis]) > 1 || $0.size(term.labels[axis]) == 0 }
      }
      if gone.isEmpty { continue }
      let value = try term.context.apply(Ops.squeeze, [term.value], [.ints(gone)])
      let kept = term.labels.indices.filter { !gone.contains($0) }.map { term.labels[$0] }
      terms[position] = EinsumTerm(term.context, value, labelled: kept)
    }
  }

  // MARK: - Two terms

  /// The pair whose contraction saves the most elements, or adds the fewest; of equal ones the first.
  static func cheapestPair(_ terms: [EinsumTerm], _ output: [Int]) -> (Int, Int) {
    var best = (0, 1)
    var lowest = Double.infinity
    for i in terms.indices {
      for j in terms.indices.dropFirst(i + 1) {
        let others = terms.indices.filter { $0 != i && $0 != j }.flatMap { terms[$0].labels }
        let kept = Set(terms[i].labels + terms[j].labels).intersection(others + output)
        let result = kept.reduce(1.0) {
          $0 * Double(Swift.max(terms[i].size($1), terms[j].size($1)))
        }
        let cost = result - Double(terms[i].shape.count) - Double(terms[j].shape.count)
        if cost < lowest { (lowest, best) = (cost, (i, j)) }
      }
    }
    return best
  }

  /// The product of two terms, summed over the labels that are not kept.
  func contracted(
    with other: EinsumTerm, keeping kept: [Int], as output: [Int]?
  ) throws(TensorError) -> EinsumTerm {
    let a = try summed(keeping: kept + other.labels)
    let b = try other.summed(keeping: kept + a.labels)
    let shared = a.labels.filter { b.labels.contains($0) }
    let batch = shared.filter { kept.contains($0) }
    let inner = shared.filter { !kept.contains($0) }
    let left = a.labels.filter { !shared.contains($0) }
    let right = b.labels.filter { !shared.contains($0) }
    if let output, !right.isEmpty, output == batch + right + left {
      return try b.product(with: a, batch, right, inner, left)
    }
    return try a.product(with: b, batch, left, inner, right)
  }

  /// [batch, left, inner] times [batch, inner, right].
  private func product(
    with other: EinsumTerm, _ batch: [Int], _ left: [Int], _ inner: [Int], _ right: [Int]
  ) throws(TensorError) -> EinsumTerm {
    let labels = batch + left + right
    let result: Operand
    if inner.isEmpty || left.isEmpty && right.isEmpty {
      let x = try arranged(batch + left + inner).value
      let y = try other.arranged(batch + right + inner).value
      let a = try context.reshaped(x, Shape([total(batch), total(left), 1, total(inner)]))
      let b = try context.reshaped(y, Shape([total(batch), 1, other.total(right), total(inner)]))
      let product = try context.mul(a, b)
      result =
        inner.isEmpty
        ? product : try context.apply(Ops.sum, [product], [.int(3), .bool(false)])
    } else {
      let x = try matrix(batch, left, inner, isFirst: true)
      let y = try other.matrix(batch, right, inner, isFirst: false)
      result = try context.apply(Ops.matmul, [x, y])
    }
    let shape = Shape(batch.map(size) + left.map(size) + right.map { other.size($0) })
    return EinsumTerm(context, try context.reshaped(result, shape), labelled: labels)
  }

  private func total(_ labels: [Int]) -> Int { labels.reduce(1) { $0 &* size($1) } }

  /// The term as [batch, outer, inner] (first) or [batch, inner, outer]; where it lies the other way round it is transposed,
  /// which costs a matrix product nothing.
  private func matrix(
    _ batch: [Int], _ outer: [Int], _ inner: [Int], isFirst: Bool
  ) throws(TensorError) -> Operand {
    let (rows, columns) = isFirst ? (outer, inner) : (inner, outer)
    if labels == batch + columns + rows, rows.count > 0, columns.count > 0 {
      let turned = try context.reshaped(
        value, Shape([total(batch), total(columns), total(rows)]))
      return try context.apply(Ops.transpose, [turned])
    }
    return try context.reshaped(
      arranged(batch + rows + columns).value, Shape([total(batch), total(rows), total(columns)]))
  }
}
