// Borders around tensors.

extension Ops {
  static let padding: [Op] = [pad]

  package static let pad: Op = .composed(
    "pad",
    [
      Parameter("x", .tensor), Parameter("widths", .pairs), Parameter("value", .number, .number(0)),
      Parameter("mode", .string, .string("constant")),
    ],
    "A border around `x`: `widths` are before and after for each axis, or one for all. `mode` is \"constant\" (of `value`), \"edge\" (the outermost elements again), \"reflect\" (mirrored at them) or \"wrap\".",
    example: "pad(x, [[1, 1], [2, 2]])",
    samples: [
      Sample([2, 3], with: [.ints([1, 0, 0, 2])]), Sample([3], with: [.ints([2]), .number(1)]),
      Sample([2, 4], with: [.ints([0, 0, 3, 2]), .number(0), .string("reflect")]),
      Sample([2, 3], with: [.ints([1, 2, 0, 0]), .number(0), .string("edge")]),
      Sample([3], with: [.ints([2, 4]), .number(0), .string("wrap")]),
      Sample([0, 2], with: [.ints([1, 0, 0, 0])]), Sample([], with: [.ints([])]),
    ], dtypes: .same, shape: PadRule()
  ) { call throws(TensorError) in
    let shape = call.shape(0)
    let widths = PadRule.widths(call.attribute(0), rank: shape.rank)
    let mode = try PadMode(call.attribute(2))
    guard mode != .constant else { return try bordered(call, widths) }
    var value = call.operands[0]
    for axis in shape.indices where widths[2 * axis] + widths[2 * axis + 1] > 0 {
      let size = shape[axis]
      let places = (-widths[2 * axis]..<size + widths[2 * axis + 1]).map { mode.place($0, size) }
      let indices = Operand(try Tensor(places, dtype: .i32))
      value = try call.context.apply(take, [value, indices], [.int(axis)])
    }
    return value
  }

  /// `x` written into a tensor that is filled with the value.
  private static func bordered(
    _ call: ComposedCall, _ widths: [Int]
  ) throws(TensorError) -> Operand {
    let (shape, dtype) = (call.shape(0), call.operands[0].tensor?.dtype ?? .f32)
    let base = try Tensor(filling: call.result, with: call.number(1, 0), dtype: dtype)
    let items = shape.indices.map {
      IndexItem.slice(start: widths[2 * $0], stop: widths[2 * $0] + shape[$0], step: nil)
    }
    return try call.context.apply(
      indexUpdate, [Operand(base), call.operands[0]], [.index(items)])
  }
}

/// Where the elements of a border come from.
private enum PadMode: String {
  case constant, edge, reflect, wrap

  init(_ attribute: Attribute) throws(TensorError) {
    guard case .string(let name) = attribute else {
      self = .constant
      return
    }
    guard let mode = PadMode(rawValue: name) else {
      throw TensorError(
        "argument", "pad: there is no mode \"\(name)\"",
        help: "modes are \"constant\", \"edge\", \"reflect\" and \"wrap\"")
    }
    self = mode
  }

  /// The place within an axis that a place in or beside it shows.
  func place(_ index: Int, _ size: Int) -> Int {
    switch self {
    case .constant: return index
    case .edge: return min(max(index, 0), size - 1)
    case .wrap: return (index % size + size) % size
    case .reflect:
      let period = max(2 * (size - 1), 1)
      let turn = (index % period + period) % period
      return min(turn, period - turn)
    }
  }
}

/// Every axis grows by its two widths. Arguments: the widths, the value, the mode.
private struct PadRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    let widths = PadRule.widths(query.attribute(0), rank: shape.rank)
    let mode = try PadMode(query.attribute(2))
    guard widths.count == 2 * shape.rank, widths.allSatisfy({ $0 >= 0 && $0 < 1 << 40 }) else {
      throw query.error(
        "widths must be one size, or two for each of the \(shape.rank) axes, not \(widths)",
        help: shape.rank == 2 ? "pad(x, [[top, bottom], [left, right]])" : nil)
    }
    for axis in shape.indices {
      let widest = max(widths[2 * axis], widths[2 * axis + 1])
      if let size = shape[axis].known, widest > 0 {
        if mode != .constant, size == 0 {
          throw query.error("axis \(axis) is empty: there is nothing to repeat")
        }
        if mode == .reflect, widest >= size {
          throw query.error(
            "a reflection of \(widest) needs more than \(size) elements in axis \(axis)")
        }
      }
      shape[axis] = shape[axis] + D(widths[2 * axis]) + D(widths[2 * axis + 1])
    }
    return shape
  }

  /// Two widths for each axis; one stands for all.
  static func widths(_ attribute: Attribute, rank: Int) -> [Int] {
    let list = attribute.list ?? []
    return list.count == 1 && rank > 0 ? Array(repeating: list[0], count: 2 * rank) : list
  }
}
