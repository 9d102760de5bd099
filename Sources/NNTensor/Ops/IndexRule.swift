// The shape rules of indexing.

/// The shape of an indexed part. Argument: the items; operands: the tensor, then the index tensors.
struct IndexRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard case .index(let items) = query.attribute(0) else {
      throw TensorError("argument", "an index needs items")
    }
    let own = query.operands[0]
    let walk = try IndexWalk(own, items, query)
    var basic: [D] = []
    var advanced: Dims<D>?
    var place: Int?
    var isScattered = false
    var lastAdvanced = -1
    for (step, item) in walk.steps.enumerated() {
      switch item {
      case .at(let index, let axis): try IndexRule.check(index, own[axis], axis)
      case .slice(let start, let stop, let stride, let axis):
        basic.append(try IndexRule.length(own[axis], start, stop, stride))
      case .newAxis: basic.append(D(1))
      case .integers(let operand, _), .mask(let operand, _):
        let shape: Dims<D>
        if case .mask = item {
          shape = [D.undetermined]
        } else {
          shape = query.operands[operand]
        }
        if let before = advanced {
          guard let both = Broadcasting.shape(before, shape) else {
            throw Broadcasting.error("index", before, shape, operands: (0, operand))
          }
          advanced = both
          if walk.steps[lastAdvanced + 1..<step].contains(where: { $0.makesAxis }) {
            isScattered = true
          }
        } else {
          advanced = shape
          place = basic.count
        }
        lastAdvanced = step
      }
    }
    guard let advanced, let place else { return try IndexRule.checked(basic, query) }
    var result = basic
    result.insert(contentsOf: advanced.array, at: isScattered ? 0 : place)
    return try IndexRule.checked(result, query)
  }

  private static func checked<D: Dimension>(
    _ list: [D], _ query: ShapeQuery<D>
  ) throws(TensorError) -> Dims<D> {
    guard list.count <= 8 else { throw query.error("a tensor has at most 8 axes") }
    return Dims(list)
  }

  /// Refuses an index that is certainly out of range.
  static func check<D: Dimension>(_ index: Int, _ size: D, _ axis: Int) throws(TensorError) {
    guard let known = size.known, index >= known || index < -known else { return }
    let range = known == 0 ? "the axis is empty" : "indices go from \(-known) to \(known - 1)"
    throw TensorError(
      "index", "index \(index) is out of range for axis \(axis) of size \(known)", help: range,
      notes: [(0, "axis \(axis) has size \(known)")])
  }

  /// How many elements a slice takes; it clamps.
  static func length<D: Dimension>(
    _ size: D, _ start: Int?, _ stop: Int?, _ step: Int?
  ) throws(TensorError) -> D {
    if step == 0 { throw TensorError("argument", "the step of a slice cannot be 0") }
    if (start ?? 0) == 0 && stop == nil && (step ?? 1) == 1 { return size }
    guard let known = size.known else {
      if start == nil && stop == nil && step == -1 { return size }
      return .undetermined
    }
    return D(SliceBounds(size: known, start, stop, step).count)
  }
}

/// The elements of a slice of an axis whose size is known.
struct SliceBounds {
  let first: Int
  let step: Int
  let count: Int

  init(size: Int, _ start: Int?, _ stop: Int?, _ step: Int?) {
    let step = step ?? 1
    let low = step > 0 ? 0 : -1
    let high = step > 0 ? size : size - 1
    func clamped(_ bound: Int) -> Int {
      let counted = bound < 0 ? bound.addingReportingOverflow(size).partialValue : bound
      return Swift.min(Swift.max(counted, low), high)
    }
    let first = start.map(clamped) ?? (step > 0 ? 0 : size - 1)
    let end = stop.map(clamped) ?? (step > 0 ? size : -1)
    self.first = first
    self.step = step
    let span = step > 0 ? end - first : first - end
    let stride = step.magnitude > UInt(Int.max) ? Int.max : abs(step)
    count = span <= 0 ? 0 : (span - 1) / stride + 1
  }
}

/// The items of an index with the axes they apply to.
struct IndexWalk {
  /// One item and its axis.
  enum Step {
    case at(Int, axis: Int)
    case slice(Int?, Int?, Int?, axis: Int)
    case newAxis
    case integers(operand: Int, axis: Int)
    case mask(operand: Int, axis: Int)

    /// Whether it stands for an axis of its own in the result.
    var makesAxis: Bool {
      switch self {
      case .slice, .newAxis: true
      default: false
      }
    }
  }

  private(set) var steps: [Step] = []

  init<D: Dimension>(
    _ shape: Dims<D>, _ items: [IndexItem], _ query: ShapeQuery<D>
  ) throws(TensorError) {
    var used = 0
    for item in items {
      switch item {
      case .at, .slice, .integers: used += 1
      case .mask(let operand): used += query.operands[operand].rank
      case .newAxis, .ellipsis: break
      }
    }
    guard used <= shape.rank else {
      throw TensorError(
        "index", "\(used) indices for a tensor of rank \(shape.rank)",
        notes: [(0, shape.description)])
    }
    guard items.count(where: { $0 == .ellipsis }) <= 1 else {
      throw TensorError("index", "an index has at most one ...")
    }
    var axis = 0
    func full(_ count: Int) {
      for _ in 0..<count {
        steps.append(.slice(nil, nil, nil, axis: axis))
        axis += 1
      }
    }
    for item in items {
      switch item {
      case .newAxis: steps.append(.newAxis)
      case .ellipsis: full(shape.rank - used)
      case .at(let index):
        steps.append(.at(index, axis: axis))
        axis += 1
      case .slice(let start, let stop, let step):
        steps.append(.slice(start, stop, step, axis: axis))
        axis += 1
      case .integers(let operand):
        steps.append(.integers(operand: operand, axis: axis))
        axis += 1
      case .mask(let operand):
        try Self.check(mask: query.operands[operand], shape, axis, operand)
        steps.append(.mask(operand: operand, axis: axis))
        axis += query.operands[operand].rank
      }
    }
    full(shape.rank - axis)
  }

  private static func check<D: Dimension>(
    mask: Dims<D>, _ shape: Dims<D>, _ axis: Int, _ operand: Int
  ) throws(TensorError) {
    for own in mask.indices where !mask[own].mayEqual(shape[axis + own]) {
      throw TensorError(
        "shape", "a mask of shape \(mask) does not fit a tensor of shape \(shape)",
        notes: [(0, shape.description), (operand, mask.description)])
    }
  }
}

/// A part is replaced: the value stretches to it, the shape stays. Operands: x, value, index tensors.
package struct IndexUpdateRule: ShapeRule {
  package func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var operands = query.operands
    let value = operands.remove(at: 1)
    let part = try IndexRule()(
      ShapeQuery(name: query.name, operands: operands, attributes: query.attributes))
    try IndexUpdateRule.check(value, part)
    return operands[0]
  }

  /// Refuses a value that does not stretch to the part it replaces.
  package static func check<D: Dimension>(_ value: Dims<D>, _ part: Dims<D>) throws(TensorError) {
    let fits =
      value.rank <= part.rank
      && value.indices.allSatisfy {
        value[$0].known == 1 || value[$0].mayEqual(part[$0 + part.rank - value.rank])
      }
    guard fits else {
      throw TensorError(
        "shape", "a value of shape \(value) does not fit a part of shape \(part)",
        notes: [(1, value.description)])
    }
  }
}

/// An axis replaced by the shape of the indices. Argument: axis.
struct TakeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let axis = try Axes.one(query.attribute(0), rank: shape.rank, standard: 0, in: query.name)
    let indices = query.operands[1]
    guard shape.rank - 1 + indices.rank <= 8 else {
      throw query.error("a tensor has at most 8 axes")
    }
    shape.remove(at: axis)
    for (place, size) in indices.array.enumerated() { shape.insert(size, at: axis + place) }
    return shape
  }
}

/// The shape of the indices, which equals the tensor's but for one axis. Argument: axis.
struct GatherRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (shape, indices) = (query.operands[0], query.operands[1])
    let axis = try Axes.one(query.attribute(0), rank: shape.rank, standard: -1, in: query.name)
    guard indices.rank == shape.rank,
      shape.indices.allSatisfy({ $0 == axis || shape[$0].mayEqual(indices[$0]) })
    else {
      throw query.error(
        "indices of shape \(indices) must equal \(shape) but for axis \(axis)",
        help: indices.rank == 1 ? "take(x, indices, axis: \(axis)) takes whole rows" : nil,
        showing: [0, 1])
    }
    return indices
  }
}

/// The labels' shape and one axis more. Argument: the number of classes.
struct OneHotRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    guard let classes = query.attribute(0).int, classes >= 0 else {
      throw TensorError("argument", "one_hot: n must be a size")
    }
    guard shape.rank < 8 else { throw query.error("a tensor has at most 8 axes") }
    shape.append(D(classes))
    return shape
  }
}
