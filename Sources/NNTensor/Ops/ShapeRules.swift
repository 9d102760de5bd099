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
    for size in sizes where size != -1 { known = known * D(size) }
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
    shape[axis] = shape[axis] * D(query.attribute(0).int ?? 1)
    return shape
  }

  /// A size times a factor, where that is a size.
  static func grown(_ size: Int, _ times: Int, in op: String) throws(TensorError) -> Int {
    let (product, overflow) = size.multipliedReportingOverflow(by: times)
    if overflow { throw TensorError("argument", "\(op): \(times) times is too often") }
    return product
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
      shape[axis] = shape[axis] * D(count)
    }
    return shape
  }
}
