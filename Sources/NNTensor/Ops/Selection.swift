// The elements an index selects, for reading, writing and adding.
import NNKernels

/// Where the elements of a part lie in a dense tensor.
struct Selection {
  /// The shape of the part.
  let shape: Shape
  private let source: Shape
  /// The element all places count from.
  private var offset = 0
  /// The part's axes in order; the index tensors together are one entry.
  private var axes: [Axis] = []
  /// The summed offsets the index tensors name; nil without any.
  private var advanced: [Int]?
  /// The index tensor, where it names whole rows of the tensor.
  private var rows: Tensor?

  /// One axis of the part, or the group of those that index tensors make.
  private enum Axis {
    case basic(size: Int, stride: Int)
    case advanced
  }

  /// Checks the items against a shape. The tensor for item operand k is `operands[k - 1 + first]`.
  init(
    _ source: Shape, _ attribute: Attribute, _ operands: [Operand], from first: Int
  ) throws(TensorError) {
    guard case .index(let items) = attribute else {
      throw TensorError("argument", "an index needs items")
    }
    let tensors = try Selection.tensors(operands, from: first)
    let query = ShapeQuery(
      name: "index", operands: [source] + tensors.map { $0.shape }, attributes: [attribute])
    self.source = source
    shape = try IndexRule()(query)
    let walk = try IndexWalk(source, items, query)
    if case .integers? = walk.steps.first, tensors.count == 1, Selection.takesRows(walk) {
      rows = tensors[0].dtype == .u8 ? try tensors[0].converted(to: .i32) : tensors[0]
      return
    }
    try arrange(walk, tensors)
  }

  private static func tensors(
    _ operands: [Operand], from first: Int
  ) throws(TensorError) -> [Tensor] {
    var tensors: [Tensor] = []
    for operand in operands.dropFirst(first) {
      guard let tensor = operand.tensor else {
        throw TensorError("type", "an index tensor is needed, not a number")
      }
      tensors.append(try tensor.integersOnly("index"))
    }
    return tensors
  }

  /// Whether all axes after the first are taken whole.
  private static func takesRows(_ walk: IndexWalk) -> Bool {
    walk.steps.dropFirst().allSatisfy {
      if case .slice(nil, nil, nil, _) = $0 { true } else { false }
    }
  }

  private mutating func arrange(_ walk: IndexWalk, _ tensors: [Tensor]) throws(TensorError) {
    let strides = source.strides
    var group: [(tensor: Tensor, size: Int, stride: Int, axis: Int)] = []
    var breaks = false
    for step in walk.steps {
      switch step {
      case .at(let index, let axis):
        offset += (index < 0 ? index + source[axis] : index) * strides[axis]
      case .slice(let start, let stop, let stride, let axis):
        let bounds = SliceBounds(size: source[axis], start, stop, stride)
        if bounds.count > 0 { offset += bounds.first * strides[axis] }
        axes.append(
          .basic(size: bounds.count, stride: bounds.count > 1 ? bounds.step * strides[axis] : 0))
        if !group.isEmpty { breaks = true }
      case .newAxis:
        axes.append(.basic(size: 1, stride: 0))
        if !group.isEmpty { breaks = true }
      case .integers(let operand, let axis):
        if group.isEmpty { axes.append(.advanced) }
        if breaks { moveGroupToFront() }
        group.append((tensors[operand - 1], source[axis], strides[axis], axis))
      case .mask: preconditionFailure("masks were replaced before")
      }
    }
    if !group.isEmpty { advanced = try Selection.offsets(group) }
  }

  /// Index tensors with axes between them put their axes first.
  private mutating func moveGroupToFront() {
    axes.removeAll { if case .advanced = $0 { true } else { false } }
    axes.insert(.advanced, at: 0)
  }

  /// The offset each place of the broadcast index tensors names.
  private static func offsets(
    _ group: [(tensor: Tensor, size: Int, stride: Int, axis: Int)]
  ) throws(TensorError) -> [Int] {
    var shape = Shape()
    for entry in group { shape = Broadcasting.shape(shape, entry.tensor.shape) ?? shape }
    var offsets = [Int](repeating: 0, count: shape.count)
    for entry in group {
      let indices = try entry.tensor.stretched(to: shape)
      for place in offsets.indices {
        let index = indices.integer(at: place)
        try IndexRule.check(index, entry.size, entry.axis)
        offsets[place] += (index < 0 ? index + entry.size : index) * entry.stride
      }
    }
    return offsets
  }

  // MARK: - Strided parts

  /// The strides of a part without index tensors.
  private var strides: Strides {
    Strides(axes.map { if case .basic(_, let stride) = $0 { stride } else { 0 } })
  }

  /// Whether the part lies in the tensor in one piece.
  private var isDense: Bool {
    let dense = shape.strides
    let own = strides
    return shape.indices.allSatisfy { shape[$0] <= 1 || own[$0] == dense[$0] }
  }

  // MARK: - Rows

  /// Row numbers for a part with index tensors, and how many elements a row has.
  private func places() throws(TensorError) -> (rows: Tensor, width: Int) {
    if let rows { return (rows, source.product(1..<source.rank)) }
    var width = 1
    var leading = axes[...]
    while case .basic(let size, let stride)? = leading.last, size <= 1 || stride == width,
      offset % Swift.max(width * size, 1) == 0, dividesAll(width * size, leading.dropLast())
    {
      width *= size
      leading.removeLast()
    }
    var places = [offset]
    for axis in leading {
      switch axis {
      case .basic(let size, let stride):
        places = places.flatMap { place in (0..<size).map { place + $0 * stride } }
      case .advanced:
        let offsets = advanced ?? []
        places = places.flatMap { place in offsets.map { place + $0 } }
      }
    }
    return (try Tensor(places.map { width == 0 ? 0 : $0 / width }, dtype: .i64), width)
  }

  /// Whether all distances of the remaining axes are whole rows.
  private func dividesAll(_ width: Int, _ axes: ArraySlice<Axis>) -> Bool {
    if width <= 1 { return true }
    return axes.allSatisfy {
      switch $0 {
      case .basic(_, let stride): stride % width == 0
      case .advanced: (advanced ?? []).allSatisfy { $0 % width == 0 }
      }
    }
  }

  private var isStrided: Bool { rows == nil && advanced == nil }

  // MARK: - Use

  /// The part as a tensor; one piece shares the storage.
  func read(_ tensor: Tensor) throws(TensorError) -> Tensor {
    if isStrided {
      if isDense { return Tensor(sharing: tensor, offset: offset, shape: shape) }
      return try tensor.strided(shape, strides, offset: offset)
    }
    let result = try Tensor(shape: shape, dtype: tensor.dtype)
    if result.count == 0 { return result }
    let (rows, width) = try places()
    let bad = nnk_gather_rows(
      tensor.data, tensor.count / width, width * tensor.dtype.size, rows.dtype.kernelType,
      rows.data, rows.count, result.data)
    try refuse(bad, rows)
    return result
  }

  private func refuse(_ bad: Int, _ rows: Tensor) throws(TensorError) {
    if bad >= 0 { try IndexRule.check(rows.integer(at: bad), source[0], 0) }
  }

  /// A value to write: in the tensor's type, and of a shape that stretches to the part.
  func value(_ operand: Operand, dtype: DType) throws(TensorError) -> Tensor {
    guard let tensor = operand.tensor else {
      let number = operand.number
      let isWhole = number == number.rounded(.towardZero)
      guard dtype.isFloat || dtype.holds(number) && isWhole else {
        throw TensorError(
          "argument", "\(numberText(number)) does not fit in a tensor of \(dtype.name)",
          notes: [(1, numberText(number))])
      }
      return try Tensor(number, dtype: dtype)
    }
    try IndexUpdateRule.check(tensor.shape, shape)
    return try tensor.converted(to: dtype)
  }

  /// Writes a value, stretched to the part, into a tensor that nobody else holds.
  func write(_ value: Tensor, to tensor: Tensor) throws(TensorError) {
    if shape.count == 0 { return }
    if isStrided {
      // A value that is a view of the same tensor must not change while it is read.
      let source = BroadcastLayout.strides(of: value.shape, in: shape)
      copy(value.data, source, to: tensor, strides)
      return
    }
    let (rows, width) = try places()
    let full = try value.stretched(to: shape)
    let bad = nnk_scatter_rows(
      full.data, 1, width * tensor.dtype.size, rows.dtype.kernelType, rows.data, rows.count,
      tensor.data, tensor.count / width)
    try refuse(bad, rows)
  }

  private func copy(
    _ data: UnsafeMutableRawPointer, _ from: Strides, to tensor: Tensor, _ to: Strides
  ) {
    let size = tensor.dtype.size
    shape.withElements { shape in
      from.withElements { from in
        to.withElements { to in
          _ = nnk_copy_strided(
            size, Int32(self.shape.rank), shape, data, from, tensor.data + offset * size, to)
        }
      }
    }
  }

  /// Adds values of the part's shape to a tensor of zeros.
  func add(_ values: Tensor, to tensor: Tensor) throws(TensorError) {
    if shape.count == 0 { return }
    if isStrided {
      copy(values.data, values.shape.strides, to: tensor, strides)
      return
    }
    let (rows, width) = try places()
    let bad = nnk_scatter_add_rows(
      tensor.dtype.kernelType, values.data, width, rows.dtype.kernelType, rows.data, rows.count,
      tensor.data, tensor.count / width)
    try refuse(bad, rows)
  }
}

/// Masks as index tensors.
enum MaskPlaces {
  /// Operands and items with each mask replaced by the places where it is true, one index tensor for each of its axes.
  static func replacing(
    _ c: TensorContext, _ operands: [Operand], _ items: [IndexItem]
  ) throws(TensorError) -> ([Operand], [IndexItem]) {
    // Shapes are checked while the masks are still there.
    _ = try IndexWalk(
      c.shape(of: operands[0]), items,
      ShapeQuery(name: "index", operands: operands.map { c.shape(of: $0) }))
    var newOperands = [operands[0]]
    var newItems: [IndexItem] = []
    for item in items {
      switch item {
      case .mask(let operand):
        guard let mask = operands[operand].tensor else { continue }
        guard !c.isBatched(operands[operand]) else {
          throw TensorError(
            "shape", "inside vmap a batched mask would give parts of different sizes",
            help: "where(mask, x, 0) keeps the shape")
        }
        for places in try places(mask) {
          newOperands.append(Operand(places))
          newItems.append(.integers(operand: newOperands.count - 1))
        }
      case .integers(let operand):
        newOperands.append(operands[operand])
        newItems.append(.integers(operand: newOperands.count - 1))
      default: newItems.append(item)
      }
    }
    return (newOperands, newItems)
  }

  /// For each axis of a mask, the index of each true element.
  private static func places(_ mask: Tensor) throws(TensorError) -> [Tensor] {
    let flat = try mask.truePlaces()
    let strides = mask.shape.strides
    var result: [Tensor] = []
    for axis in mask.shape.indices {
      result.append(try flat.coordinates(stride: strides[axis], size: mask.shape[axis]))
    }
    return result
  }

  /// For `x[mask]`: the shape of `x` with the mask's axes as one, and the places along that; nil for other indices.
  static func rows(
    _ c: TensorContext, _ operands: [Operand], _ items: [IndexItem]
  ) throws(TensorError) -> (shape: Shape, places: Operand)? {
    guard items.count == 1, case .mask(let operand) = items[0],
      let mask = operands[operand].tensor, mask.shape.rank > 1, !c.isBatched(operands[operand])
    else { return nil }
    let shape = c.shape(of: operands[0])
    _ = try IndexWalk(
      shape, items, ShapeQuery(name: "index", operands: operands.map { c.shape(of: $0) }))
    let merged = Shape([mask.count] + shape.array.dropFirst(mask.shape.rank))
    return (merged, Operand(try mask.truePlaces()))
  }
}

extension Tensor {
  /// The row-major places (i64) of the elements of a bool tensor that are true.
  func truePlaces() throws(TensorError) -> Tensor {
    let truth = data.assumingMemoryBound(to: UInt8.self)
    let result = try Tensor(shape: [nnk_count_true(truth, count)], dtype: .i64)
    nnk_true_places(truth, count, result.data.assumingMemoryBound(to: Int64.self))
    return result
  }

  /// Where row-major places (i64) are along an axis of a stride and a size (i32).
  func coordinates(stride: Int, size: Int) throws(TensorError) -> Tensor {
    let result = try Tensor(shape: shape, dtype: .i32)
    writeCoordinates(stride: stride, size: size, to: result, column: 0, of: 1)
    return result
  }

  /// The same, into a column of a matrix with so many.
  func writeCoordinates(
    stride: Int, size: Int, to result: Tensor, column: Int, of columns: Int
  ) {
    nnk_coordinates(
      data.assumingMemoryBound(to: Int64.self), count, stride, Swift.max(size, 1),
      result.data.assumingMemoryBound(to: Int32.self) + column, columns)
  }
}
