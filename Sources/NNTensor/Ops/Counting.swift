// Distinct elements, places of true ones, places in sorted ones, counts.
import NNKernels

extension Ops {
  static let counting: [Op] = [
    unique, uniqueCounts, uniqueInverse, argwhere, nonzero, searchsorted, bincount, histogram,
  ]

  package static let unique: Op = Op(
    "unique", [Parameter("x", .tensor)],
    summary: "The distinct elements in rising order; NaN counts as one.",
    example: "unique([3, 1, 3])", samples: [Sample([2, 3]), Sample([0])], shape: DistinctRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try DistinctGroups(c, operands[0]).values(c)
    })

  package static let uniqueCounts: Op = Op(
    "unique_counts", [Parameter("x", .tensor)],
    summary: "The distinct elements in rising order, and how often each is there (i32).",
    example: "let (values, counts) = unique_counts(x)", samples: [Sample([2, 3]), Sample([0])],
    shape: DistinctRule(second: .asValues), outputs: 2,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      let groups = try DistinctGroups(c, operands[0])
      return [try groups.values(c), try groups.counts(c)]
    })

  package static let uniqueInverse: Op = Op(
    "unique_inverse", [Parameter("x", .tensor)],
    summary:
      "The distinct elements in rising order, and in the shape of `x` each element's place among them (i32).",
    example: "let (values, places) = unique_inverse(x)", samples: [Sample([2, 3]), Sample([0])],
    shape: DistinctRule(second: .asOperand), outputs: 2,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      let groups = try DistinctGroups(c, operands[0])
      let places = try c.reshaped(groups.places(c), c.shape(of: operands[0]))
      return [try groups.values(c), places]
    })

  package static let argwhere: Op = Op(
    "argwhere", [Parameter("x", .tensor)],
    summary: "The index of each element that is true (not 0), one row for each: `i32[N, rank]`.",
    example: "argwhere([[0, 1], [1, 1]])", samples: [Sample([2, 3], from: [.bool]), Sample([0])],
    dtypes: .fixed(.i32), shape: PlacesRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      let (places, shape) = try truePlaces(c, operands[0])
      let strides = shape.strides
      let result = try Tensor(shape: [places.count, shape.rank], dtype: .i32)
      for axis in shape.indices {
        places.writeCoordinates(
          stride: strides[axis], size: shape[axis], to: result, column: axis, of: shape.rank)
      }
      return Operand(result)
    })

  package static let nonzero: Op = Op(
    "nonzero", [Parameter("x", .tensor)],
    summary:
      "A list with, for each axis, the indices (i32) of the elements that are true (not 0); of a vector one tensor in a list.",
    example: "let [rows, columns] = nonzero([[0, 1], [1, 1]])",
    samples: [Sample([2, 3], from: [.bool]), Sample([4])], dtypes: .fixed(.i32),
    shape: PlacesRule(isSplit: true), outputs: nil,
    forward: .composedMany { c, operands, _ throws(TensorError) in
      let (places, shape) = try truePlaces(c, operands[0])
      let strides = shape.strides
      var results: [Operand] = []
      for axis in shape.indices {
        results.append(
          Operand(try places.coordinates(stride: strides[axis], size: shape[axis])))
      }
      return results
    })

  /// The row-major places (i64) of the elements that are not 0, and the tensor's shape.
  private static func truePlaces(
    _ c: TensorContext, _ x: Operand
  ) throws(TensorError) -> (places: Tensor, shape: Shape) {
    try c.refuseBatch(x, "nonzero and argwhere")
    guard let tensor = x.tensor else {
      throw TensorError("type", "a number has no places", help: "x != 0 asks whether it is 0")
    }
    return (try tensor.converted(to: .bool).truePlaces(), tensor.shape)
  }

  package static let searchsorted: Op = Op(
    "searchsorted",
    [
      Parameter("sorted", .tensor), Parameter("values", .tensor),
      Parameter("side", .string, .string("left")),
    ],
    summary:
      "For each value the place (i32) where it would be inserted into a rising vector: before equal ones (\"left\") or after them (\"right\").",
    example: "searchsorted([1, 3, 5], [0, 3, 9])",
    samples: [
      Sample([4], [2, 3]), Sample([4], [], with: [.string("right")]), Sample([0], [2]),
    ], dtypes: .fixed(.i32), shape: SearchRule(), batch: .leading([1]),
    forward: .custom { call throws(TensorError) in
      let common = DTypeRule.promoted(call.operands.map { OperandType($0) })
      let sorted = try call.tensor(0).converted(to: common)
      let values = try call.tensor(1).converted(to: common)
      let output = try call.makeOutput()
      nnk_searchsorted(
        common.kernelType, sorted.data, sorted.count, values.data,
        output.data.assumingMemoryBound(to: Int32.self), values.count,
        call.attribute(0) == .string("right"))
      return Operand(output)
    })

  package static let bincount: Op = Op(
    "bincount",
    [Parameter("x", .tensor, wantsIntegers: true), Parameter("length", .int, Attribute.none)],
    summary:
      "How often each whole number from 0 on is in `x` (i32), up to the largest or to `length - 1`.",
    example: "bincount([0, 2, 2], 4)",
    samples: [Sample([5], from: [.index(below: 3)], with: [.int(4)])], dtypes: .fixed(.i32),
    shape: CountsRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try c.refuseBatch(operands[0], "bincount")
      guard let numbers = try operands[0].tensor?.integersOnly("bincount") else {
        throw TensorError("type", "bincount: an integer tensor is needed, not a number")
      }
      let flat = Operand(Tensor(sharing: numbers, shape: [numbers.count]))
      let largest = numbers.count == 0 ? -1.0 : try c.apply(max, [flat]).values[0]
      guard largest < 0x1p31 else {
        throw TensorError("limit", "bincount: \(numberText(largest)) is too large to count up to")
      }
      let length = attributes.first?.int ?? Swift.max(Int(largest) + 1, 0)
      guard length >= 0 else { throw TensorError("argument", "bincount: length is negative") }
      let bad = nnk_check_indices(
        numbers.dtype.kernelType, numbers.data, numbers.count, 0, Int64(length))
      guard bad < 0 else {
        let number = numbers.integer(at: bad)
        throw TensorError(
          "index", "bincount: \(number) is not among the numbers from 0 to \(length - 1)",
          help: number < 0 ? "only numbers from 0 on are counted" : nil)
      }
      let zeros = Operand(try Tensor(filling: [length], with: 0, dtype: .i32))
      return try c.apply(scatterAdd, [zeros, flat, Operand(Tensor(1, dtype: .i32))])
    })

  package static let histogram: Op = Op(
    "histogram",
    [
      Parameter("x", .tensor), Parameter("bins", .int, .int(10)),
      Parameter("low", .number, Attribute.none), Parameter("high", .number, Attribute.none),
    ],
    summary:
      "How many elements lie in each of equal bins from `low` to `high` (by default the smallest and largest), and the bins' edges; the last bin has its upper edge.",
    example: "let (counts, edges) = histogram(x, 20)",
    samples: [
      Sample([2, 5], with: [.int(4), .number(-2), .number(2)]), Sample([0], with: [.int(2)]),
    ],
    shape: HistogramRule(), outputs: 2,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      try c.refuseBatch(operands[0], "histogram")
      let x = try c.floats(operands[0].plain)
      guard let tensor = x.tensor else {
        throw TensorError("type", "histogram: a tensor is needed, not a number")
      }
      let bins = try HistogramRule.bins(attributes)
      let (low, high) = try range(c, x, attributes)
      let width = (high - low) / Double(bins)
      let edges = try Tensor(
        (0...bins).map { $0 == bins ? high : low + Double($0) * width }, shape: [bins + 1],
        dtype: tensor.dtype)
      let counts = try Tensor(shape: [bins], dtype: .i32)
      let isDone = nnk_histogram(
        tensor.dtype.kernelType, tensor.data, tensor.count, edges.data, bins,
        counts.data.assumingMemoryBound(to: Int32.self))
      guard isDone else { throw .outOfMemory([bins], .i32) }
      return [Operand(counts), Operand(edges)]
    })

  /// Where a histogram begins and ends.
  private static func range(
    _ c: TensorContext, _ x: Operand, _ attributes: [Attribute]
  ) throws(TensorError) -> (Double, Double) {
    func bound(_ position: Int, _ op: Op, _ standard: Double) throws(TensorError) -> Double {
      if position < attributes.count, let number = attributes[position].number { return number }
      return x.plainShape.count == 0 ? standard : try c.apply(op, [x]).values[0]
    }
    let (low, high) = try (bound(1, min, 0), bound(2, max, 1))
    guard low <= high, low.isFinite, high.isFinite else {
      throw TensorError(
        "argument", "histogram: a range from \(numberText(low)) to \(numberText(high)) has no bins",
        help: "low: and high: choose it")
    }
    return low == high ? (low - 0.5, high + 0.5) : (low, high)
  }
}

/// The elements of a tensor in rising order, with the ranks at which a new one begins.
private struct DistinctGroups {
  /// Where each element of the order is in the tensor (i32), and the order itself.
  let places: Operand
  let sorted: Operand
  /// For each rank after the first whether its element differs from the one before.
  let isNew: Operand
  let count: Int

  init(_ c: TensorContext, _ x: Operand) throws(TensorError) {
    try c.refuseBatch(x, "unique")
    guard let tensor = x.tensor else {
      throw TensorError("type", "unique: a tensor is needed, not a number")
    }
    count = tensor.count
    let flat = try c.reshaped(x, [count])
    places = try c.apply(Ops.argsort, [Operand(tensor).flattened])
    sorted = try c.apply(Ops.take, [flat, places], [.int(0)])
    let plain = sorted.plain
    let last = Swift.max(count, 1)
    let before = try c.slice(plain, axis: 0, 0, Swift.min(last - 1, count))
    let after = try c.slice(plain, axis: 0, Swift.min(1, count), count)
    let differs = try c.binary(Ops.notEqual, before, after)
    guard tensor.dtype.isFloat else {
      isNew = differs
      return
    }
    // All NaN are one.
    let isNumber = try c.binary(Ops.equal, before, before)
    isNew = try c.binary(Ops.logicalAnd, differs, isNumber)
  }

  /// The ranks at which a new element begins (i64).
  private func firsts(_ c: TensorContext) throws(TensorError) -> Operand {
    if count == 0 { return Operand(try Tensor(shape: [0], dtype: .i64)) }
    let first = Operand(try Tensor(filling: [1], with: 0, dtype: .i64))
    guard let flags = isNew.tensor else { return first }
    let further = try c.binary(Ops.add, Operand(flags.truePlaces()), Operand(1))
    return try c.apply(Ops.concat, [first, further], [.int(0)])
  }

  /// The distinct elements.
  func values(_ c: TensorContext) throws(TensorError) -> Operand {
    try c.apply(Ops.take, [sorted, firsts(c)], [.int(0)])
  }

  /// How often each is there (i32).
  func counts(_ c: TensorContext) throws(TensorError) -> Operand {
    let firsts = try firsts(c)
    guard let groups = firsts.tensor?.count, groups > 0 else {
      return Operand(try Tensor(shape: [0], dtype: .i32))
    }
    let end = Operand(try Tensor(filling: [1], with: Double(count), dtype: .i64))
    let ends = try c.apply(
      Ops.concat, [c.slice(firsts, axis: 0, 1, groups), end], [.int(0)])
    return try c.sub(ends, firsts).asI32()
  }

  /// For each element of the tensor its place among the distinct ones (i32).
  func places(_ c: TensorContext) throws(TensorError) -> Operand {
    let result = Operand(try Tensor(filling: [count], with: 0, dtype: .i32))
    if count < 2 { return result }
    let ranks = try c.apply(Ops.cumsum, [isNew.asI32()], [.int(0)])
    let later = try c.slice(places, axis: 0, 1, count)
    return try c.apply(Ops.scatter, [result, later, ranks.asI32()])
  }
}

extension TensorContext {
  /// Refuses what differs between the examples of a `vmap` where an op looks at the elements themselves.
  fileprivate func refuseBatch(_ x: Operand, _ name: String) throws(TensorError) {
    guard isBatched(x) else { return }
    throw TensorError(
      "type",
      "\(name): inside vmap the elements, and with them the result's size, differ by example",
      help: "take it outside of vmap, one example after the other")
  }
}

extension Operand {
  /// A plain tensor in i32.
  fileprivate func asI32() throws(TensorError) -> Operand {
    guard let tensor else { return self }
    return Operand(try tensor.converted(to: .i32))
  }

  /// A plain tensor as a vector.
  fileprivate var flattened: Operand {
    tensor.map { Operand(Tensor(sharing: $0, shape: [$0.count])) } ?? plain
  }
}

/// A vector of unknown length, perhaps with another result.
private struct DistinctRule: ShapeRule {
  enum Second { case none, asValues, asOperand }
  var second = Second.none

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    [D.undetermined]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let values = try self(query)
    switch second {
    case .none: return [values]
    case .asValues: return [values, values]
    case .asOperand: return [values, query.operands[0]]
    }
  }
}

/// Rows of unknown number, one column for each axis; or the columns apart.
private struct PlacesRule: ShapeRule {
  var isSplit = false

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    isSplit ? [D.undetermined] : [D.undetermined, D(query.operands[0].rank)]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    Array(repeating: try self(query), count: isSplit ? query.operands[0].rank : 1)
  }
}

/// The values' shape. Operands: the sorted vector, the values; argument: the side.
private struct SearchRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard query.operands[0].rank == 1 else {
      throw query.error("a sorted vector is needed, not a tensor of shape \(query.operands[0])")
    }
    switch query.attribute(0) {
    case .none, .string("left"), .string("right"): return query.operands[1]
    case .string(let side):
      throw TensorError(
        "argument", "searchsorted: side is \"left\" or \"right\", not \"\(side)\"")
    default: throw TensorError("argument", "searchsorted: side is \"left\" or \"right\"")
    }
  }
}

/// A vector of the length given, else of unknown length.
private struct CountsRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard let length = query.attribute(0).int else { return [D.undetermined] }
    guard length >= 0 else { throw TensorError("argument", "bincount: length is negative") }
    return [D(length)]
  }
}

/// Counts and edges. Argument: the number of bins.
private struct HistogramRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    [D(try HistogramRule.bins(query.attributes))]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let bins = try HistogramRule.bins(query.attributes)
    return [[D(bins)], [D(bins + 1)]]
  }

  static func bins(_ attributes: [Attribute]) throws(TensorError) -> Int {
    let bins = attributes.first?.int ?? 10
    guard bins > 0, bins <= 1 << 24 else {
      throw TensorError("argument", "histogram: there must be at least one bin, not \(bins)")
    }
    return bins
  }
}
