// The shape rules of convolutions.

/// Images [batch, height, width, channels] and weights [kh, kw, channels / groups, outputs], perhaps a bias [outputs].
/// Arguments: stride, padding, dilation, groups. With one axis: [batch, length, channels] and [k, channels / groups, outputs].
struct ConvolutionRule: ShapeRule {
  var axes = 2

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (image, weight) = (query.operands[0], query.operands[1])
    try checkRanks(query)
    let groups = query.attribute(3).int ?? 1
    try query.checkChannels(groups)
    var window = try WindowArguments(
      stride: query.attribute(0), dilation: query.attribute(2), axes: axes, in: query.name)
    let padding = try Padding(query.attribute(1), axes: axes, in: query.name)
    let (rows, columns) = (weight.rank == 4 ? weight[0] : D(1), weight[weight.rank - 3])
    try query.checkWindow([rows, columns])
    let (height, width) = (image.rank == 4 ? image[1] : D(1), image[image.rank - 2])
    window.pad(padding, window: (rows, columns), image: (height, width))
    var result: Dims<D> = [image[0]]
    for (axis, size, length) in [(window.y, rows, height), (window.x, columns, width)].suffix(axes)
    {
      if padding == .same {
        result.append(axis.samePlaces(on: length))
      } else if let places = axis.places(size, on: length) {
        result.append(places)
      } else {
        throw query.tooLarge(window: axis.reach(size), image: length, axis)
      }
    }
    result.append(weight[weight.rank - 1])
    return result
  }

  private func checkRanks<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) {
    let (image, weight) = (query.operands[0], query.operands[1])
    let sizes = axes == 2 ? "height, width" : "length"
    guard image.rank == axes + 2 else {
      let isSingle = image.rank == axes + 1
      throw query.error(
        "images are [batch, \(sizes), channels], not \(image)",
        help: isSingle
          ? "x[nil] makes a batch of one, x[..., nil] images of one channel" : nil)
    }
    guard weight.rank == axes + 2 else {
      let window = axes == 2 ? "kh, kw" : "k"
      throw query.error(
        "weights are [\(window), channels / groups, outputs], not \(weight)", showing: [1])
    }
  }
}

extension ShapeQuery {
  /// Channels, groups and the bias of a convolution fit each other.
  func checkChannels(_ groups: Int) throws(TensorError) {
    let (image, weight) = (operands[0], operands[1])
    guard groups >= 1, groups <= WindowArguments.limit else {
      throw error("groups are at least 1, not \(groups)", showing: [])
    }
    let channels = image[image.rank - 1]
    let needed = weight[weight.rank - 2] * D(groups)
    guard channels.mayEqual(needed) else {
      let inGroups = groups == 1 ? "" : " (\(weight[weight.rank - 2]) in each of \(groups) groups)"
      throw error(
        "the images have \(channels) channels, the weights take \(needed)\(inGroups)",
        help: layoutHelp(channels), showing: [0, 1])
    }
    let outputs = weight[weight.rank - 1]
    if let known = outputs.known, known % groups != 0 {
      throw error("\(groups) groups do not divide \(outputs) outputs", showing: [1])
    }
    try checkBias(outputs)
  }

  /// The bias has one element for each output channel.
  func checkBias(_ outputs: D) throws(TensorError) {
    guard operands.count > 2 else { return }
    guard operands[2].rank == 1, operands[2][0].mayEqual(outputs) else {
      throw error("the bias is [\(outputs)], not \(operands[2])", showing: [1, 2])
    }
  }

  /// What to do about images that have their channels in front.
  private func layoutHelp(_ channels: D) -> String? {
    let image = operands[0]
    guard image.rank == 4, !image[1].mayEqual(image[3]),
      image[1].mayEqual(operands[1][2])
    else { return nil }
    return "images are [batch, height, width, channels]: permute(x, 0, 2, 3, 1) puts channels last"
  }

  /// A window has at least one tap along each axis, and not too many.
  func checkWindow(_ sizes: [D]) throws(TensorError) {
    for size in sizes {
      guard let known = size.known else { continue }
      guard known >= 1, known <= WindowArguments.limit else {
        throw error("a window has 1 tap or more along each axis, not \(known)", showing: [1])
      }
    }
  }

  func tooLarge(window: D, image: D, _ axis: WindowAxis) -> TensorError {
    let padded = axis.before + axis.after > 0 ? " with its padding" : ""
    return error(
      "the window reaches over \(window) pixels, the image\(padded) has \(image + D(axis.before + axis.after))",
      help: "padding: \"same\" keeps the size", showing: [0, 1])
  }
}

/// The transposed convolution: images and weights [kh, kw, channels, outputs / groups], perhaps a bias.
/// Arguments: stride, padding, dilation, groups, further pixels at the end.
struct ConvolutionTransposeRule: ShapeRule {
  var axes = 2

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (image, weight) = (query.operands[0], query.operands[1])
    guard image.rank == axes + 2, weight.rank == axes + 2 else {
      let sizes = axes == 2 ? ("height, width", "kh, kw") : ("length", "k")
      throw query.error(
        "takes images [batch, \(sizes.0), channels] and weights [\(sizes.1), channels, outputs / groups]",
        showing: [0, 1])
    }
    let groups = query.attribute(3).int ?? 1
    guard groups >= 1, groups <= WindowArguments.limit else {
      throw query.error("groups are at least 1, not \(groups)", showing: [])
    }
    let channels = weight[weight.rank - 2]
    guard image[image.rank - 1].mayEqual(channels) else {
      throw query.error(
        "the images have \(image[image.rank - 1]) channels, the weights take \(channels)",
        showing: [0, 1])
    }
    if let known = channels.known, known % groups != 0 {
      throw query.error("\(groups) groups do not divide \(known) channels", showing: [1])
    }
    let outputs = weight[weight.rank - 1] * D(groups)
    try query.checkBias(outputs)
    var result: Dims<D> = [image[0]]
    let window = try WindowArguments(
      stride: query.attribute(0), dilation: query.attribute(2), axes: axes, in: query.name)
    let padding = try Padding(query.attribute(1), axes: axes, in: query.name)
    let further = try ConvolutionTransposeRule.further(query.attribute(4), axes: axes, query.name)
    let sizes = (0..<axes).map { weight[$0] }
    try query.checkWindow(sizes)
    let windows = [(window.y, further.0), (window.x, further.1)].suffix(axes)
    for ((axis, more), (size, length)) in zip(windows, zip(sizes, (1...axes).map { image[$0] })) {
      guard more < Swift.max(axis.stride, axis.dilation) else {
        throw query.error(
          "output_padding must be less than the stride or the dilation, not \(more)", showing: [])
      }
      result.append(
        try lengthOfResult(
          query, axis, size, length, padding, more, isRow: axes == 2 && result.rank == 1))
    }
    result.append(outputs)
    return result
  }

  /// The length of one axis of the result.
  private func lengthOfResult<D: Dimension>(
    _ query: ShapeQuery<D>, _ axis: WindowAxis, _ size: D, _ length: D, _ padding: Padding,
    _ more: Int, isRow: Bool
  ) throws(TensorError) -> D {
    switch padding {
    case .same: return length * D(axis.stride)
    case .sizes(let rows, let columns):
      let sides = isRow ? rows : columns
      if length.known == 0 { return D(0) }
      let result =
        (length - D(1)) * D(axis.stride) + axis.reach(size) - D(sides.0 + sides.1) + D(more)
      if let known = result.known, known < 0 {
        throw query.error("the padding takes away more than there is", showing: [0, 1])
      }
      return result
    }
  }

  /// Pixels to add at the end of each axis.
  static func further(
    _ attribute: Attribute, axes: Int, _ name: String
  ) throws(TensorError) -> (Int, Int) {
    let list = attribute.list ?? [0]
    guard list.count == 1 || list.count == axes, list.allSatisfy({ $0 >= 0 }) else {
      throw TensorError(
        "argument", "\(name): output_padding is a whole number from 0 on, not \(list)")
    }
    return axes == 1 ? (0, list[0]) : (list[0], list[list.count - 1])
  }
}

/// The result of a convolution whose arguments are fixed. Argument: the list of `WindowArguments`.
struct FixedConvolutionRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (image, weight) = (query.operands[0], query.operands[1])
    let window = WindowArguments(query.attribute(0).list ?? [])
    return [
      image[0], window.y.places(weight[0], on: image[1]) ?? D(0),
      window.x.places(weight[1], on: image[2]) ?? D(0), weight[3],
    ]
  }
}

/// The images a convolution's result came from. Operands: g, weights. Arguments: the window's list, height and width.
struct ConvolutionInputRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (g, weight) = (query.operands[0], query.operands[1])
    let window = WindowArguments(query.attribute(0).list ?? [])
    let size = query.attribute(1).list ?? [0, 0]
    return [g[0], D(size[0]), D(size[1]), weight[2] * D(window.groups)]
  }
}

/// The weights of a convolution. Operands: images, g. Arguments: the window's list, its height and width.
struct ConvolutionWeightRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (image, g) = (query.operands[0], query.operands[1])
    let window = WindowArguments(query.attribute(0).list ?? [])
    let size = query.attribute(1).list ?? [0, 0]
    let depth = image[3].divided(by: D(window.groups)) ?? D(0)
    return [D(size[0]), D(size[1]), depth, g[3]]
  }
}
