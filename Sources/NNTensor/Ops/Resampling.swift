// Average pooling and upsampling: images through a linear map along each spatial axis.
//
// One row applies maps, or their transposes; so it is its own gradient, to any order.
import NNKernels

extension Ops {
  static let resampling: [Op] = [
    avgPool2d, avgPool1d, adaptiveAvgPool2d, adaptiveAvgPool1d, upsample, resample,
  ]

  package static let avgPool2d: Op = Op(
    "avg_pool2d", poolingParameters + [Parameter("count_padding", .bool, .bool(true))],
    summary: """
      The mean of each window (a size or (height, width)) of images [batch, height, width, channels]; strides are the window's \
      size by default, padding as in `conv2d`. Padding counts as zeros unless `count_padding` is false.
      """,
    example: "avg_pool2d(x, 2)",
    samples: [
      Sample([2, 4, 5, 3], with: [.int(2)]),
      Sample([1, 5, 4, 2], with: [.int(3), .int(2), .int(1)]),
      Sample([1, 6, 5, 1], with: [.ints([2, 3]), .int(1), .string("same"), .bool(false)]),
    ], dtypes: .float, shape: PoolingRule(hasDilation: false),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try averaged(c, operands[0], attributes, axes: 2, in: "avg_pool2d")
    })

  package static let avgPool1d: Op = Op(
    "avg_pool1d", poolingParameters + [Parameter("count_padding", .bool, .bool(true))],
    summary: "The mean of each window of sequences [batch, length, channels].",
    example: "avg_pool1d(x, 2)", samples: [Sample([2, 6, 3], with: [.int(2), .int(1), .int(1)])],
    dtypes: .float, shape: PoolingRule(axes: 1, hasDilation: false),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try averaged(c, operands[0], attributes, axes: 1, in: "avg_pool1d")
    })

  package static let adaptiveAvgPool2d: Op = Op(
    "adaptive_avg_pool2d", [Parameter("x", .tensor), Parameter("size", .shape)],
    summary: """
      Means over parts of images [batch, height, width, channels], as many parts along each axis as `size` (a number or \
      (height, width)) says: part i goes from floor(i * height / size) to ceil((i + 1) * height / size).
      """,
    example: "adaptive_avg_pool2d(x, 1)",
    samples: [
      Sample([2, 5, 4, 3], with: [.ints([3, 2])]), Sample([1, 3, 3, 2], with: [.int(1)]),
    ], dtypes: .float, shape: ResizeRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try resized(c, operands[0], attributes, .parts, axes: 2, in: "adaptive_avg_pool2d")
    })

  package static let adaptiveAvgPool1d: Op = Op(
    "adaptive_avg_pool1d", [Parameter("x", .tensor), Parameter("size", .shape)],
    summary: "Means over `size` parts of sequences [batch, length, channels].",
    example: "adaptive_avg_pool1d(x, 1)", samples: [Sample([2, 5, 3], with: [.int(2)])],
    dtypes: .float, shape: ResizeRule(axes: 1),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try resized(c, operands[0], attributes, .parts, axes: 1, in: "adaptive_avg_pool1d")
    })

  package static let upsample: Op = Op(
    "upsample",
    [
      Parameter("x", .tensor), Parameter("scale", .shape, .int(2)),
      Parameter("mode", .string, .string("nearest")),
      Parameter("align_corners", .bool, .bool(false)),
    ],
    summary: """
      Images [batch, height, width, channels] with each axis `scale` (a number or two) times as long: "nearest" repeats pixels, \
      "bilinear" blends the neighbours of each pixel's centre (or, with `align_corners`, keeps the corner pixels in place).
      """,
    example: "upsample(x, 2, mode: \"bilinear\")",
    samples: [
      Sample([2, 2, 3, 2], with: [.int(2)]),
      Sample([1, 3, 2, 2], with: [.ints([2, 3]), .string("bilinear")]),
      Sample([1, 3, 2, 1], with: [.int(2), .string("bilinear"), .bool(true)]),
    ], dtypes: .float, shape: UpsampleRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let query = ShapeQuery(
        name: "upsample", operands: [c.shape(of: operands[0])], attributes: attributes)
      let shape = try UpsampleRule()(query)
      let maps: AxisMap.Kind
      switch query.attribute(1) {
      case .none, .string("nearest"): maps = .nearest
      case .string("bilinear"): maps = query.attribute(2).isTrue ? .cornered : .linear
      default:
        throw TensorError("argument", "upsample: mode is \"nearest\" or \"bilinear\"")
      }
      return try c.resampled(
        operands[0], (AxisMap(maps), AxisMap(maps)), to: (shape[1], shape[2]))
    })

  private static func averaged(
    _ c: TensorContext, _ x: Operand, _ attributes: [Attribute], axes: Int, in name: String
  ) throws(TensorError) -> Operand {
    let query = ShapeQuery(name: name, operands: [c.shape(of: x)], attributes: attributes)
    let place = try PoolingPlace(query, axes: axes, hasDilation: false)
    let shape = try place.shape(query)
    let kind: AxisMap.Kind = query.attribute(3) == .bool(false) ? .insideWindows : .windows
    let rows = AxisMap(
      kind, window: place.size.0, stride: place.window.y.stride, before: place.window.y.before)
    let columns = AxisMap(
      kind, window: place.size.1, stride: place.window.x.stride, before: place.window.x.before)
    return try c.onImages(x, axes) { x throws(TensorError) in
      try c.resampled(
        x, (rows, columns), to: (axes == 2 ? shape[1] : 1, shape[shape.rank - 2]))
    }
  }

  private static func resized(
    _ c: TensorContext, _ x: Operand, _ attributes: [Attribute], _ kind: AxisMap.Kind, axes: Int,
    in name: String
  ) throws(TensorError) -> Operand {
    let query = ShapeQuery(name: name, operands: [c.shape(of: x)], attributes: attributes)
    let shape = try ResizeRule(axes: axes)(query)
    return try c.onImages(x, axes) { x throws(TensorError) in
      try c.resampled(
        x, (AxisMap(kind), AxisMap(kind)), to: (axes == 2 ? shape[1] : 1, shape[shape.rank - 2]))
    }
  }

  /// Images through maps. Arguments: the maps of both axes, height and width of the result, whether the maps are transposed.
  static let resample: Op = Op(
    "resample",
    [
      Parameter("x", .tensor), Parameter("maps", .shape), Parameter("size", .shape),
      Parameter("transposed", .bool),
    ],
    summary: "Images through a linear map along each spatial axis.",
    samples: [
      Sample(
        [1, 2, 3, 2], with: [.ints([0, 2, 2, 0, 0, 2, 1, 1]), .ints([4, 2]), .bool(true)])
    ], dtypes: .float, shape: ResampleRule(), isInternal: true, tangent: .linear,
    batch: .merged([0]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let x = call.tensor(0)
      let maps = call.attribute(0).list ?? []
      let isTransposed = call.attribute(2).isTrue
      let rows = AxisMap(maps.prefix(4)).table(
        from: x.shape[1], to: output.shape[1], isTransposed: isTransposed)
      let columns = AxisMap(maps.suffix(4)).table(
        from: x.shape[2], to: output.shape[2], isTransposed: isTransposed)
      rows.withKernelTable { rows in
        columns.withKernelTable { columns in
          nnk_resample(
            call.dtype.kernelType, x.shape[0], x.shape[1], x.shape[2], x.shape[3], rows, columns,
            x.data, output.data)
        }
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let image = call.shape(0)
      return Gradients(
        try call.context.apply(
          resample, [call.cotangent],
          [
            call.attribute(0), .ints([image[1], image[2]]),
            .bool(!call.attribute(2).isTrue),
          ]))
    })
}

extension TensorContext {
  fileprivate func resampled(
    _ x: Operand, _ maps: (AxisMap, AxisMap), to size: (Int, Int)
  ) throws(TensorError) -> Operand {
    try apply(
      Ops.resample, [x],
      [.ints(maps.0.list + maps.1.list), .ints([size.0, size.1]), .bool(false)])
  }

  /// Sequences as images of height 1.
  fileprivate func onImages(
    _ x: Operand, _ axes: Int, _ body: (Operand) throws(TensorError) -> Operand
  ) throws(TensorError) -> Operand {
    if axes == 2 { return try body(x) }
    let image = try apply(Ops.unsqueeze, [x], [.int(1)])
    return try apply(Ops.squeeze, [body(image)], [.int(1)])
  }
}

/// The size given as an argument in place of the spatial axes.
struct ResizeRule: ShapeRule {
  var axes = 2

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var result = query.operands[0]
    guard result.rank == axes + 2 else {
      throw query.error(
        "images are [batch, \(axes == 2 ? "height, width" : "length"), channels], not \(result)")
    }
    let size = try WindowArguments.pair(query.attribute(0), "size", axes: axes, in: query.name)
    for axis in 1...axes {
      guard result[axis].known != 0 else { throw query.error("there are no pixels in \(result)") }
    }
    if axes == 2 { result[1] = D(size.0) }
    result[axes] = D(size.1)
    return result
  }
}

/// Spatial axes grown by whole factors. Argument: the factors.
struct UpsampleRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var result = query.operands[0]
    guard result.rank == 4 else {
      throw query.error("images are [batch, height, width, channels], not \(result)")
    }
    let scale = try WindowArguments.pair(
      query.attribute(0), standard: (2, 2), "scale", axes: 2, in: query.name)
    result[1] = result[1] * D(scale.0)
    result[2] = result[2] * D(scale.1)
    return result
  }
}

/// The result's height and width as arguments.
struct ResampleRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var result = query.operands[0]
    let size = query.attribute(1).list ?? [0, 0]
    (result[1], result[2]) = (D(size[0]), D(size[1]))
    return result
  }
}
