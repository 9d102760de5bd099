// Max pooling of images and sequences.
//
// The winning tap of each window is kept, as a number of one byte where that is enough. The gradient adds at winners, the gradient
// of that reads at them: two rows that are each other's gradient.
import NNKernels

extension Ops {
  static let maxPooling: [Op] = [
    maxPool2d, maxPool1d, maxPool, maxPoolBoth, maxPoolGrad, maxPoolTake,
  ]

  package static let maxPool2d: Op = Op(
    "max_pool2d", poolingParameters + [Parameter("dilation", .shape, .int(1))],
    summary: """
      The largest element of each window (a size or (height, width)) of images [batch, height, width, channels]; strides are \
      the window's size by default, padding as in `conv2d`. The first of equal elements gets the gradient.
      """,
    example: "max_pool2d(x, 2)",
    samples: [
      Sample([2, 4, 5, 3], with: [.int(2)]),
      Sample([1, 5, 4, 2], with: [.int(3), .int(2), .int(1)]),
      Sample([1, 6, 5, 1], with: [.ints([2, 3]), .int(1), .string("same"), .ints([2, 1])]),
      Sample([0, 4, 4, 2], with: [.int(2)]),
    ], dtypes: .float, shape: PoolingRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try maxPooled(c, operands[0], attributes)
    })

  package static let maxPool1d: Op = Op(
    "max_pool1d", poolingParameters + [Parameter("dilation", .shape, .int(1))],
    summary: "The largest element of each window of sequences [batch, length, channels].",
    example: "max_pool1d(x, 2)",
    samples: [
      Sample([2, 6, 3], with: [.int(2)]), Sample([1, 5, 2], with: [.int(3), .int(1), .int(1)]),
    ], dtypes: .float, shape: PoolingRule(axes: 1),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let place = try PoolingPlace(
        ShapeQuery(
          name: "max_pool1d", operands: [c.shape(of: operands[0])], attributes: attributes), axes: 1
      )
      let x = try c.apply(unsqueeze, [operands[0]], [.int(1)])
      return try c.apply(squeeze, [maxPooled(c, x, place)], [.int(1)])
    })

  /// The parameters of all pooling but the last.
  static let poolingParameters = [
    Parameter("x", .tensor), Parameter("window", .shape),
    Parameter("stride", .shape, Attribute.none), Parameter("padding", .padding, .string("valid")),
  ]

  private static func maxPooled(
    _ c: TensorContext, _ x: Operand, _ attributes: [Attribute]
  ) throws(TensorError) -> Operand {
    let query = ShapeQuery(
      name: "max_pool2d", operands: [c.shape(of: x)], attributes: attributes)
    return try maxPooled(c, x, try PoolingPlace(query, axes: 2))
  }

  /// Winners are only looked for where a derivative may ask for them.
  private static func maxPooled(
    _ c: TensorContext, _ x: Operand, _ place: PoolingPlace
  ) throws(TensorError) -> Operand {
    let arguments: [Attribute] = [.ints(place.window.list), .ints([place.size.0, place.size.1])]
    if c.isDifferentiated(x) { return try c.applyMany(maxPoolBoth, [x], arguments)[1] }
    return try c.apply(maxPool, [x], arguments)
  }

  // MARK: - Rows with fixed arguments: the list of `WindowArguments` and the window's size

  private static let fixed = [Parameter("window", .shape), Parameter("size", .shape)]

  static let maxPool: Op = Op(
    "max_pool", [Parameter("x", .tensor)] + fixed, summary: "Max pooling without a gradient.",
    dtypes: .float, shape: FixedPoolingRule(), isInternal: true, batch: .merged([0]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let x = call.tensor(0)
      var window = call.poolingWindow(x.shape, output.shape)
      nnk_max_pool(call.dtype.kernelType, &window, x.data, output.data, nil, 0)
      return Operand(output)
    })

  /// The winners, which its gradient reads, and the pooled elements.
  static let maxPoolBoth: Op = Op(
    "max_pool_both", [Parameter("x", .tensor)] + fixed,
    summary: "Which tap of each window wins, and the largest elements.",
    dtypes: .float, shape: FixedPoolingRule(withWinners: true), outputs: 2, saves: .output,
    isInternal: true,
    tangent: .custom { call throws(TensorError) in
      guard let x = call.tangents[0] else { return [nil, nil] }
      return [nil, try call.context.apply(maxPoolTake, [x, call.outputs[0]], call.attributes)]
    },
    batch: .merged([0]),
    forward: .many { call throws(TensorError) in
      let x = call.tensor(0)
      let output = try call.makeOutput()
      let size = call.attribute(1).list ?? [1, 1]
      let winners = try Tensor(shape: call.shape, dtype: size[0] * size[1] < 255 ? .u8 : .i32)
      var window = call.poolingWindow(x.shape, output.shape)
      nnk_max_pool(
        call.dtype.kernelType, &window, x.data, output.data, winners.data, winners.dtype.size)
      return [Operand(winners), Operand(output)]
    },
    gradient: { call throws(TensorError) in
      guard let g = call.cotangents[1] else { return Gradients(nil) }
      let image = call.shape(0)
      return Gradients(
        try call.context.apply(
          maxPoolGrad, [g, call.output], call.attributes + [.ints([image[1], image[2]])]))
    })

  /// Adds each element of g at its window's winner. A third argument: height and width of the result.
  static let maxPoolGrad: Op = Op(
    "max_pool_grad",
    [Parameter("g", .tensor), Parameter("winners", .tensor)] + fixed + [Parameter("image", .shape)],
    summary: "The gradient of max pooling: g at each window's winner.",
    shape: PoolingInputRule(), saves: .operand(1), isInternal: true, tangent: .linear,
    batch: .merged([0, 1]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let (g, winners) = (call.tensor(0), call.tensor(1))
      var window = call.poolingWindow(output.shape, g.shape)
      nnk_max_pool_grad(
        call.dtype.kernelType, &window, g.data, winners.data, winners.dtype.size, output.data)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let arguments = Array(call.attributes.prefix(2))
      return Gradients(
        try call.context.apply(maxPoolTake, [call.cotangent, call.input(1)], arguments))
    })

  static let maxPoolTake: Op = Op(
    "max_pool_take", [Parameter("x", .tensor), Parameter("winners", .tensor)] + fixed,
    summary: "The element of each window at its winner.", shape: FixedPoolingRule(),
    saves: .operand(1), isInternal: true, tangent: .linear,
    batch: .merged([0, 1]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let (x, winners) = (call.tensor(0), call.tensor(1))
      var window = call.poolingWindow(x.shape, output.shape)
      nnk_max_pool_take(
        call.dtype.kernelType, &window, x.data, winners.data, winners.dtype.size, output.data)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let image = call.shape(0)
      return Gradients(
        try call.context.apply(
          maxPoolGrad, [call.cotangent, call.input(1)],
          call.attributes + [.ints([image[1], image[2]])]))
    })
}

extension ForwardCall {
  /// The kernels' description of pooling images of one shape to another with the row's window.
  fileprivate func poolingWindow(_ image: Shape, _ result: Shape) -> nnk_conv {
    let window = WindowArguments(attribute(0).list ?? [])
    let size = attribute(1).list ?? [1, 1]
    return nnk_conv(
      batch: image[0], in_height: image[1], in_width: image[2], in_channels: image[3],
      out_height: result[1], out_width: result[2], out_channels: image[3],
      kernel_height: size[0], kernel_width: size[1], stride_y: window.y.stride,
      stride_x: window.x.stride, dilation_y: window.y.dilation, dilation_x: window.x.dilation,
      pad_top: window.y.before, pad_left: window.x.before, groups: 1)
  }
}
