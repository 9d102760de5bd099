// The shape rules of changes of shape.

/// The sizes given, with -1 solved for.
struct ReshapeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let own = query.operands[0]
    let sizes = query.attribute(0).list ?? []
    guard sizes.count <= 8 else {
      throw query.error("a tensor has at most 8 axes, not \(sizes.count)")
    }
    guard sizes.allSatisfy({ $0 >= -1 }), sizes.count(where: { $0 == -1 }) <= 1 else {
      throw query.error("one size may be -1, the others count elements: \(sizes)")
    }
    let total = own.product(own.indices)
    var known = D(1)
    for size in sizes where size != -1 { known = try query.product(known, D(size)) }
    var result = Dims<D>()
    for size in sizes {
      if size != -1 {
        result.append(D(size))
      } else {
        guard known.known != 0, let quotient = total.divided(by: known) else {
          throw misfit(query, sizes, total)
        }
        result.append(quotient)
      }
    }
    if !sizes.contains(-1), !total.mayEqual(known) { throw misfit(query, sizes, total) }
    return result
  }

  private func misfit<D: Dimension>(
    _ query: ShapeQuery<D>, _ sizes: [Int], _ total: D
  ) -> TensorError {
    query.error("\(query.operands[0]) has \(total) elements, which do not make \(sizes)")
  }
}

/// The first axis stays, the others become one.
struct FlattenRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let own = query.operands[0]
    if own.rank == 0 { return Dims([D(1)]) }
    if own.rank == 1 { return own }
    return Dims([own[0], own.product(1..<own.rank)])
  }
}

/// Axes of size 1 go away.
struct SqueezeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    var axes = shape.indices.filter { shape[$0].known == 1 }
    if query.attribute(0) != .none {
      axes = try Axes.several(query.attribute(0), rank: shape.rank, in: query.name)
      for axis in axes where !shape[axis].mayEqual(D(1)) {
        throw query.error("axis \(axis) has size \(shape[axis]), not 1")
      }
    }
    for axis in axes.reversed() { shape.remove(at: axis) }
    return shape
  }
}

/// A new axis of size 1.
struct UnsqueezeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    guard shape.rank < 8 else { throw query.error("a tensor has at most 8 axes") }
    let axis = try Axes.one(query.attribute(0), rank: shape.rank + 1, in: query.name)
    shape.insert(D(1), at: axis)
    return shape
  }
}

/// Two axes exchanged.
struct TransposeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    guard shape.rank >= 2 else {
      throw query.error(
        "a tensor of rank \(shape.rank) has no two axes to exchange",
        help: shape.rank == 1 ? "x[:, nil] makes a column of it" : nil)
    }
    let (a, b) = try TransposeRule.axes(query.attributes, rank: shape.rank, query.name)
    let first = shape[a]
    shape[a] = shape[b]
    shape[b] = first
    return shape
  }

  /// The axes to exchange.
  static func axes(
    _ attributes: [Attribute], rank: Int, _ name: String
  ) throws(TensorError) -> (Int, Int) {
    let first = attributes.count > 0 ? attributes[0] : .none
    let second = attributes.count > 1 ? attributes[1] : .none
    return (
      try Axes.one(first, rank: rank, standard: -2, in: name),
      try Axes.one(second, rank: rank, standard: -1, in: name)
    )
  }
}

/// The axes in the order given.
struct PermuteRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let own = query.operands[0]
    let order = try PermuteRule.order(query.attribute(0), rank: own.rank, query.name)
    return Dims(order.map { own[$0] })
  }

  /// The order as axes counted from the front, each once.
  static func order(
    _ attribute: Attribute, rank: Int, _ name: String
  ) throws(TensorError) -> [Int] {
    let list = attribute.list ?? []
    let order = try Axes.listed(list, rank: rank, in: name)
    guard order.sorted() == Array(0..<rank) else {
      throw TensorError(
        "argument", "\(name): each of the \(rank) axes must be named once, not \(list)")
    }
    return order
  }
}

/// One axis grows by a factor.
struct RepeatRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let axis = try Axes.one(query.attribute(1), rank: shape.rank, standard: 0, in: query.name)
    shape[axis] = try query.multiplied(shape[axis], query.attribute(0).int ?? 1)
    return shape
  }
}

/// The last axes grow by factors; missing ones come in front.
struct TileRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let times = query.attribute(0).list ?? []
    guard times.count <= 8 else { throw query.error("a tensor has at most 8 axes") }
    while shape.rank < times.count { shape.insert(D(1), at: 0) }
    for (place, count) in times.enumerated() {
      let axis = shape.rank - times.count + place
      shape[axis] = try query.multiplied(shape[axis], count)
    }
    return shape
  }
}

extension ShapeQuery {
  /// A size so many times.
  func multiplied(_ size: D, _ times: Int) throws(TensorError) -> D {
    guard times >= 0 else {
      throw TensorError("argument", "\(name): times cannot be negative: \(times)")
    }
    return try product(size, D(times))
  }

  /// The product of two sizes, refused where it is beyond what can be counted.
  func product(_ a: D, _ b: D) throws(TensorError) -> D {
    if let size = a.known, let times = b.known {
      let (product, overflow) = size.multipliedReportingOverflow(by: times)
      guard !overflow, product < 1 << 48 else {
        throw error("\(size) times \(times) elements are too many")
      }
    }
    return a * b
  }
}

/// The sizes given, by broadcasting; -1 keeps the operand's size.
struct ExpandRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let own = query.operands[0]
    let sizes = query.attribute(0).list ?? []
    guard sizes.count <= 8, sizes.count >= own.rank else {
      throw query.error("\(sizes.count) sizes for a tensor of rank \(own.rank)")
    }
    let added = sizes.count - own.rank
    var result = Dims<D>()
    for (axis, size) in sizes.enumerated() {
      guard size >= 0 || size == -1 && axis >= added else {
        throw query.error(
          "axis \(axis) cannot get the size \(size)",
          help: size == -1 ? "-1 keeps a size, a new axis has none to keep" : nil)
      }
      if size == -1 {
        result.append(own[axis - added])
        continue
      }
      let fits = axis < added || own[axis - added].known == 1 || own[axis - added].mayEqual(D(size))
      guard fits else { throw query.error("shape \(own) does not stretch to \(sizes)") }
      result.append(D(size))
    }
    return result
  }
}

/// One axis becomes several. Arguments: axis, sizes.
struct UnflattenRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let own = query.operands[0]
    let axis = try Axes.one(query.attribute(0), rank: own.rank, in: query.name)
    let sizes = query.attribute(1).list ?? []
    guard own.rank - 1 + sizes.count <= 8 else { throw query.error("a tensor has at most 8 axes") }
    let parts: Dims<D>
    do throws(TensorError) {
      parts = try ReshapeRule()(
        ShapeQuery(name: query.name, operands: [[own[axis]]], attributes: [.ints(sizes)]))
    } catch {
      throw query.error("axis \(axis) of size \(own[axis]) does not split into \(sizes)")
    }
    return Dims(own.array[..<axis] + parts.array + own.array[(axis + 1)...])
  }
}

/// All tensors stretched to the grid they span. Argument: the order of the first two axes.
struct MeshgridRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard query.operands.count <= 8 else { throw query.error("a tensor has at most 8 axes") }
    var sizes: [D] = []
    for (position, shape) in query.operands.enumerated() {
      guard shape.rank <= 1 else {
        throw query.error(
          "vectors span a grid, not a tensor of shape \(shape)", showing: [position])
      }
      sizes.append(shape.rank == 0 ? D(1) : shape[0])
    }
    if try MeshgridRule.isSwapped(query.attribute(0), query.name), sizes.count > 1 {
      sizes.swapAt(0, 1)
    }
    return Dims(sizes)
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    Array(repeating: try self(query), count: query.operands.count)
  }

  /// Whether the first vector runs along the second axis.
  static func isSwapped(_ attribute: Attribute, _ name: String) throws(TensorError) -> Bool {
    switch attribute {
    case .string("xy"), .none: return true
    case .string("ij"): return false
    case .string(let other):
      throw TensorError("argument", "\(name): indexing is \"xy\" or \"ij\", not \"\(other)\"")
    default: throw TensorError("argument", "\(name): indexing is \"xy\" or \"ij\"")
    }
  }
}
