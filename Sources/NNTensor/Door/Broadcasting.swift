// The broadcasting rule: how operands of different shapes line up.

/// The shape that two shapes are stretched to.
///
/// A scalar fits everything. Shapes of equal rank stretch axes of size 1. Where the ranks differ, the lower one lines up with
/// the trailing axes, and only it may stretch.
struct Broadcasting<D: Dimension> {
  /// The stretched shape; nil if the two do not fit.
  static func shape(_ a: Dims<D>, _ b: Dims<D>) -> Dims<D>? {
    if a.rank == 0 { return b }
    if b.rank == 0 { return a }
    if a.rank < b.rank { return stretch(a, to: b) }
    if b.rank < a.rank { return stretch(b, to: a) }
    var result = a
    for axis in a.indices {
      guard mayStretch(a[axis]) || mayStretch(b[axis]) || a[axis].mayEqual(b[axis]) else {
        return nil
      }
      result[axis] = a[axis].stretched(against: b[axis])
    }
    return result
  }

  /// Whether a size may be 1.
  private static func mayStretch(_ size: D) -> Bool { size.mayEqual(D(1)) }

  /// A shape of lower rank against the trailing axes of another.
  static func stretch(_ lower: Dims<D>, to higher: Dims<D>) -> Dims<D>? {
    let offset = higher.rank - lower.rank
    var result = higher
    for axis in lower.indices where lower[axis].known != 1 {
      guard mayStretch(lower[axis]) || lower[axis].mayEqual(higher[axis + offset]) else {
        return nil
      }
      result[axis + offset] = higher[axis + offset].unified(with: lower[axis])
    }
    return result
  }

  /// What to say about two operands of an op that do not fit.
  static func error(
    _ name: String, _ a: Dims<D>, _ b: Dims<D>, operands: (Int, Int) = (0, 1)
  ) -> TensorError {
    TensorError(
      "shape", "\(name): shapes \(a) and \(b) do not fit", help: help(a, b),
      notes: [(operands.0, a.description), (operands.1, b.description)])
  }

  private static func help(_ a: Dims<D>, _ b: Dims<D>) -> String {
    if a.rank == b.rank {
      for axis in a.indices
      where a[axis].known != 1 && b[axis].known != 1 && !a[axis].mayEqual(b[axis]) {
        return "axis \(axis) is \(a[axis]) and \(b[axis]); only axes of size 1 stretch"
      }
    }
    let (lower, higher) = a.rank < b.rank ? (a, b) : (b, a)
    let (low, high) = a.rank < b.rank ? ("x", "y") : ("y", "x")
    let names = a.rank < b.rank ? "with x \(a) and y \(b)" : "with x \(a) and y \(b)"
    let offset = higher.rank - lower.rank
    let fitsStretched = lower.indices.allSatisfy {
      let size = higher[$0 + offset]
      return lower[$0].known == 1 || size.known == 1 || lower[$0].mayEqual(size)
    }
    if fitsStretched { return stretchHelp(lower, higher, low: low, high: high, names: names) }
    if lower.rank == 1, let axis = higher.indices.first(where: { higher[$0] == lower[0] }) {
      let items = higher.indices.dropFirst(axis).map { $0 == axis ? ":" : "nil" }
      return "\(names): \(low)[\(items.joined(separator: ", "))] lines up with axis \(axis)"
    }
    return "the lower rank lines up with the trailing axes, and only it stretches"
  }

  /// The higher rank would have to stretch: NumPy does, here the program says what it means.
  private static func stretchHelp(
    _ lower: Dims<D>, _ higher: Dims<D>, low: String, high: String, names: String
  ) -> String {
    let offset = higher.rank - lower.rank
    let added = Array(repeating: "nil", count: offset) + Array(repeating: ":", count: lower.rank)
    let dropped = higher.indices.map { axis in
      axis >= offset && higher[axis].known == 1 && lower[axis - offset].known != 1 ? "0" : ":"
    }
    return
      "\(names): \(low)[\(added.joined(separator: ", "))] stretches both as NumPy does, "
      + "\(high)[\(dropped.joined(separator: ", "))] drops the axis of size 1"
  }
}

/// The shape rule of elementwise ops: all operands broadcast together.
struct BroadcastRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var result = query.operands.first ?? Dims()
    var widest = 0
    for position in query.operands.indices.dropFirst() {
      let next = query.operands[position]
      guard let shape = Broadcasting.shape(result, next) else {
        throw Broadcasting.error(query.name, result, next, operands: (widest, position))
      }
      if next.rank >= result.rank && next == shape { widest = position }
      result = shape
    }
    return result
  }
}

/// Strides of operands within a broadcast result, with axes merged where that changes nothing.
struct BroadcastLayout {
  /// The result's axes after merging, outermost first.
  private(set) var shape = Shape()
  /// Each operand's stride along them; 0 repeats.
  private(set) var strides: [Strides]

  init(_ result: Shape, _ operands: [Shape]) {
    let full = operands.map { BroadcastLayout.strides(of: $0, in: result) }
    strides = Array(repeating: Strides(), count: operands.count)
    for axis in result.indices where result[axis] != 1 {
      let last = shape.rank - 1
      let merges =
        last >= 0
        && operands.indices.allSatisfy { strides[$0][last] == full[$0][axis] * result[axis] }
      if merges {
        shape[last] *= result[axis]
      } else {
        shape.append(result[axis])
      }
      for operand in operands.indices {
        if merges {
          strides[operand][last] = full[operand][axis]
        } else {
          strides[operand].append(full[operand][axis])
        }
      }
    }
  }

  /// The strides of a dense operand along the axes of a result it is stretched to.
  static func strides(of operand: Shape, in result: Shape) -> Strides {
    let own = operand.strides
    var strides = Strides(rank: result.rank, repeating: 0)
    let offset = result.rank - operand.rank
    for axis in operand.indices where operand[axis] != 1 { strides[axis + offset] = own[axis] }
    return strides
  }
}
