// The shape rules of pooling: where windows lie on images, and what comes out.

/// How a pooling op's windows lie on its images. Arguments: window, stride, padding, and dilation unless there is none.
struct PoolingPlace {
  let window: WindowArguments
  let size: (Int, Int)
  private let isSame: Bool

  /// Reads the arguments of an op over `axes` axes and checks the images.
  init<D: Dimension>(
    _ query: ShapeQuery<D>, axes: Int, hasDilation: Bool = true
  ) throws(TensorError) {
    let image = query.operands[0]
    guard image.rank == axes + 2 else {
      let sizes = axes == 2 ? "height, width" : "length"
      throw query.error(
        "images are [batch, \(sizes), channels], not \(image)",
        help: image.rank == axes + 1
          ? "x[nil] makes a batch of one, x[..., nil] images of one channel" : nil)
    }
    let name = query.name
    let size = try WindowArguments.pair(query.attribute(0), "window", axes: axes, in: name)
    var window = try WindowArguments(
      stride: query.attribute(1), dilation: hasDilation ? query.attribute(3) : .none, window: size,
      axes: axes, in: name)
    let padding = try Padding(query.attribute(2), axes: axes, in: name)
    let (height, width) = PoolingPlace.sizes(image)
    window.pad(padding, window: (D(size.0), D(size.1)), image: (height, width))
    for (axis, count) in [(window.y, size.0), (window.x, size.1)] {
      guard Swift.max(axis.before, axis.after) < axis.reach(count) else {
        throw query.error(
          "padding must be less than the window, which reaches over \(axis.reach(count)) pixels")
      }
    }
    self.window = window
    self.size = size
    isSame = padding == .same
  }

  /// Height and width; a sequence has height 1.
  private static func sizes<D: Dimension>(_ image: Dims<D>) -> (D, D) {
    (image.rank == 4 ? image[1] : D(1), image[image.rank - 2])
  }

  /// The shape of the result.
  func shape<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var result = query.operands[0]
    let (height, width) = PoolingPlace.sizes(result)
    if result.rank == 4 { result[1] = try places(query, window.y, size.0, height) }
    result[result.rank - 2] = try places(query, window.x, size.1, width)
    return result
  }

  private func places<D: Dimension>(
    _ query: ShapeQuery<D>, _ axis: WindowAxis, _ size: Int, _ length: D
  ) throws(TensorError) -> D {
    if isSame { return axis.samePlaces(on: length) }
    if let places = axis.places(D(size), on: length) { return places }
    throw query.tooLarge(window: D(axis.reach(size)), image: length, axis)
  }
}

/// Pooling over the spatial axes. Arguments: window, stride, padding, perhaps dilation.
struct PoolingRule: ShapeRule {
  var axes = 2
  var hasDilation = true

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    try PoolingPlace(query, axes: axes, hasDilation: hasDilation).shape(query)
  }
}

/// Pooling with fixed arguments: the list of `WindowArguments` and the window's size. Winners have the result's shape.
struct FixedPoolingRule: ShapeRule {
  var withWinners = false

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let image = query.operands[0]
    let window = WindowArguments(query.attribute(0).list ?? [])
    let size = query.attribute(1).list ?? [1, 1]
    return [
      image[0], window.y.places(D(size[0]), on: image[1]) ?? D(0),
      window.x.places(D(size[1]), on: image[2]) ?? D(0), image[3],
    ]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let shape = try self(query)
    return withWinners ? [shape, shape] : [shape]
  }
}

/// The images that pooling came from. The third argument: height and width.
struct PoolingInputRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let g = query.operands[0]
    let size = query.attribute(2).list ?? [0, 0]
    return [g[0], D(size[0]), D(size[1]), g[3]]
  }
}
