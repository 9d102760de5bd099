// Putting tensors together and taking them apart: concat, stack, split.
import NNKernels

extension Ops {
  static let joining: [Op] = [concat, stack, split]

  package static let concat: Op = Op(
    "concat", [Parameter("xs", .tensors), Parameter("axis", .axis, .int(0))],
    summary: "Tensors one after the other along an axis.", example: "concat([a, b], axis: 0)",
    samples: [
      Sample([2, 3], [1, 3], with: [.int(0)]), Sample([2, 3], [2, 2], with: [.int(-1)]),
    ],
    dtypes: .common(from: 0), shape: ConcatRule(), tangent: .linear,
    batch: .axes,
    forward: .custom { call throws(TensorError) in
      let axis = try Axes.one(
        call.attribute(0), rank: call.shape.rank, standard: 0, in: "concat")
      let output = try call.makeOutput()
      let outer = call.shape.product(0..<axis)
      let row = call.shape.product(axis..<call.shape.rank)
      var start = 0
      for position in call.operands.indices {
        let part = try call.tensor(position).converted(to: call.dtype)
        let width = part.shape.product(axis..<part.shape.rank)
        copyColumns(part, output, rows: outer, width: width, pitch: row, at: start)
        start += width
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let rank = call.shape(0).rank
      let axis = try Axes.one(call.attribute(0), rank: rank, standard: 0, in: "concat")
      var start = 0
      var parts: [Operand?] = []
      for position in 0..<call.inputCount {
        let size = call.shape(position)[axis]
        parts.append(
          call.wants(position)
            ? try call.context.slice(call.cotangent, axis: axis, start, start + size) : nil)
        start += size
      }
      return Gradients(list: parts)
    })

  /// Copies a dense [rows, width] into columns of a wider matrix.
  private static func copyColumns(
    _ source: Tensor, _ target: Tensor, rows: Int, width: Int, pitch: Int, at start: Int
  ) {
    if source.count == 0 { return }
    let size = source.dtype.size
    Shape([rows, width]).withElements { shape in
      Strides([width, 1]).withElements { from in
        Strides([pitch, 1]).withElements { to in
          _ = nnk_copy_strided(size, 2, shape, source.data, from, target.data + start * size, to)
        }
      }
    }
  }

  package static let stack: Op = Op(
    "stack", [Parameter("xs", .tensors), Parameter("axis", .axis, .int(0))],
    summary: "Tensors of one shape side by side along a new axis.", example: "stack([a, b])",
    samples: [Sample([2, 3], [2, 3], with: [.int(0)]), Sample([2], [2], with: [.int(-1)])],
    dtypes: .common(from: 0), shape: StackRule(), tangent: .linear,
    batch: .axes,
    forward: .custom { call throws(TensorError) in
      let axis = try Axes.one(call.attribute(0), rank: call.shape.rank, standard: 0, in: "stack")
      let output = try call.makeOutput()
      let outer = call.shape.product(0..<axis)
      let width = call.shape.product(axis + 1..<call.shape.rank)
      for position in call.operands.indices {
        copyColumns(
          try call.tensor(position).converted(to: call.dtype), output, rows: outer, width: width,
          pitch: width * call.operands.count, at: position * width)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let rank = call.shape(0).rank + 1
      let axis = try Axes.one(call.attribute(0), rank: rank, standard: 0, in: "stack")
      var parts: [Operand?] = []
      for position in 0..<call.inputCount {
        guard call.wants(position) else {
          parts.append(nil)
          continue
        }
        var items = [IndexItem](repeating: .slice(start: nil, stop: nil, step: nil), count: axis)
        items.append(.at(position))
        parts.append(try call.context.apply(index, [call.cotangent], [.index(items)]))
      }
      return Gradients(list: parts)
    })

  package static let split: Op = Op(
    "split",
    [Parameter("x", .tensor), Parameter("parts", .shape), Parameter("axis", .axis, .int(0))],
    summary: "A list of parts along an axis: so many equal ones, or a list of their sizes.",
    example: "split(x, 2, axis: 0)",
    samples: [
      Sample([4, 3], with: [.ints([2]), .int(0)]),
      Sample([2, 3], with: [.ints([1, 2]), .int(1)]),
    ], shape: SplitRule(), outputs: nil,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let query = ShapeQuery(name: "split", operands: [shape], attributes: attributes)
      let axis = try SplitRule.axis(query)
      var parts: [Operand] = []
      var start = 0
      for size in try SplitRule.sizes(query, axis) {
        parts.append(try c.slice(operands[0], axis: axis, start, start + size))
        start += size
      }
      return parts
    })
}

/// Equal shapes but for one axis, whose sizes add up.
private struct ConcatRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard var shape = query.operands.first else {
      throw TensorError("argument", "\(query.name) of no tensors")
    }
    guard shape.rank > 0 else {
      throw query.error("scalars have no axis to join along", help: "stack joins scalars")
    }
    let axis = try Axes.one(query.attribute(0), rank: shape.rank, standard: 0, in: query.name)
    for position in query.operands.indices.dropFirst() {
      let next = query.operands[position]
      let fits =
        next.rank == shape.rank
        && shape.indices.allSatisfy { $0 == axis || shape[$0].mayEqual(next[$0]) }
      guard fits else {
        throw query.error(
          "shapes \(query.operands[0]) and \(next) may differ in axis \(axis) only",
          showing: [0, position])
      }
      for other in shape.indices {
        shape[other] =
          other == axis ? shape[other] + next[other] : shape[other].unified(with: next[other])
      }
    }
    return shape
  }
}

/// Equal shapes with a new axis.
private struct StackRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard var shape = query.operands.first else {
      throw TensorError("argument", "\(query.name) of no tensors")
    }
    for position in query.operands.indices.dropFirst() {
      let next = query.operands[position]
      guard next.rank == shape.rank, shape.indices.allSatisfy({ shape[$0].mayEqual(next[$0]) })
      else {
        throw query.error(
          "shapes \(query.operands[0]) and \(next) must be equal", showing: [0, position])
      }
      for axis in shape.indices { shape[axis] = shape[axis].unified(with: next[axis]) }
    }
    guard shape.rank < 8 else { throw query.error("a tensor has at most 8 axes") }
    let axis = try Axes.one(query.attribute(0), rank: shape.rank + 1, standard: 0, in: query.name)
    shape.insert(D(query.operands.count), at: axis)
    return shape
  }
}

/// Parts of an axis. Arguments: parts, axis.
private struct SplitRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try all(query).first ?? query.operands[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let axis = try SplitRule.axis(query)
    return try SplitRule.sizes(query, axis).map { size in
      var shape = query.operands[0]
      shape[axis] = size
      return shape
    }
  }

  static func axis<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Int {
    try Axes.one(query.attribute(1), rank: query.operands[0].rank, standard: 0, in: query.name)
  }

  /// The sizes of the parts.
  static func sizes<D: Dimension>(
    _ query: ShapeQuery<D>, _ axis: Int
  ) throws(TensorError) -> [D] {
    let size = query.operands[0][axis]
    let parts = query.attribute(0).list ?? []
    guard parts.allSatisfy({ $0 >= 0 && $0 <= 1 << 20 }) else {
      throw query.error("parts cannot be \(parts)")
    }
    if parts.count == 1, parts[0] > 0 {
      guard let part = size.divided(by: D(parts[0])) else {
        throw query.error("axis \(axis) of size \(size) has no \(parts[0]) equal parts")
      }
      return Array(repeating: part, count: parts[0])
    }
    guard D(parts.reduce(0, +)).mayEqual(size) else {
      throw query.error("parts \(parts) do not add up to axis \(axis) of size \(size)")
    }
    return parts.map { D($0) }
  }
}
