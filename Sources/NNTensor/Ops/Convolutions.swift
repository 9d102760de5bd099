// Convolutions of images and sequences, and their gradients.
//
// One row convolves, one is the gradient in the images (a transposed convolution), one that in the weights. Each is linear in
// either operand, so the gradients of all three are again among the three, to any order.
import NNKernels

extension Ops {
  static let convolutions: [Op] = [
    conv2d, conv1d, convTranspose2d, convTranspose1d, convolution, convolutionRelu,
    convolutionInputGrad, convolutionWeightGrad,
  ]

  package static let conv2d: Op = Op(
    "conv2d", parameters,
    summary: """
      Convolves images [batch, height, width, channels] with weights [kh, kw, channels / groups, outputs] and adds a bias \
      [outputs]. Padding is "valid", "same" (as many places as strides fit), a number, (y, x) or ((top, bottom), (left, right)); \
      activation is "relu" or any op of one operand.
      """,
    example: "conv2d(x, weight, bias, stride: 2, padding: \"same\")",
    samples: [
      Sample([2, 4, 5, 3], [3, 2, 3, 4], [4]),
      Sample(
        [1, 5, 4, 2], [3, 3, 2, 3], with: [.int(2), .string("same"), .int(1), .int(1)]),
      Sample(
        [1, 6, 5, 4], [2, 3, 2, 6], [6],
        with: [.ints([1, 2]), .ints([1, 0, 2, 1]), .ints([2, 1]), .int(2)]),
      Sample([2, 4, 4, 3], [3, 3, 1, 3], with: [.int(1), .int(1), .int(1), .int(3)]),
      Sample(
        [1, 3, 3, 2], [2, 2, 2, 3], [3],
        with: [.int(1), .string("valid"), .int(1), .int(1), .string("relu")]),
      Sample([0, 4, 4, 2], [3, 3, 2, 1]),
    ], dtypes: .float, shape: ConvolutionRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try convolve(c, operands, attributes)
    })

  package static let conv1d: Op = Op(
    "conv1d", parameters,
    summary: """
      Convolves sequences [batch, length, channels] with weights [k, channels / groups, outputs] and adds a bias [outputs]. \
      Padding is "valid", "same", a number or (left, right).
      """,
    example: "conv1d(x, weight, bias, padding: \"same\")",
    samples: [
      Sample([2, 6, 3], [3, 3, 2], [2]),
      Sample([1, 7, 2], [2, 1, 4], with: [.int(2), .ints([1, 0]), .int(2), .int(2)]),
    ], dtypes: .float, shape: ConvolutionRule(axes: 1),
    forward: .composed { c, operands, attributes throws(TensorError) in
      _ = try ConvolutionRule(axes: 1)(query("conv1d", c, operands, attributes))
      let flat = try asImages(c, operands, attributes)
      return try c.apply(squeeze, [convolve(c, flat.operands, flat.attributes)], [.int(1)])
    })

  package static let convTranspose2d: Op = Op(
    "conv_transpose2d", transposeParameters,
    summary: """
      The transpose of `conv2d`: images [batch, height, width, channels] and weights [kh, kw, channels, outputs / groups] give \
      (height - 1) * stride - padding + dilation * (kh - 1) + 1 + output_padding rows; with padding "same", height * stride.
      """,
    example: "conv_transpose2d(x, weight, bias, stride: 2, padding: \"same\")",
    samples: [
      Sample([2, 3, 2, 3], [2, 3, 3, 2], [2]),
      Sample([1, 3, 3, 2], [3, 3, 2, 3], with: [.int(2), .int(1), .int(1), .int(1), .int(1)]),
      Sample(
        [1, 2, 3, 4], [3, 2, 4, 2], [4], with: [.ints([2, 1]), .string("same"), .int(1), .int(2)]),
    ], dtypes: .float, shape: ConvolutionTransposeRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try transposedConvolution(c, operands, attributes)
    })

  package static let convTranspose1d: Op = Op(
    "conv_transpose1d", transposeParameters,
    summary: """
      The transpose of `conv1d`: sequences [batch, length, channels] and weights [k, channels, outputs / groups].
      """,
    example: "conv_transpose1d(x, weight, bias, stride: 2)",
    samples: [Sample([2, 3, 2], [3, 2, 3], [3], with: [.int(2)])], dtypes: .float,
    shape: ConvolutionTransposeRule(axes: 1),
    forward: .composed { c, operands, attributes throws(TensorError) in
      _ = try ConvolutionTransposeRule(axes: 1)(
        query("conv_transpose1d", c, operands, attributes))
      var flat = try asImages(c, operands, attributes)
      if attributes.count > 4, let more = attributes[4].int {
        flat.attributes[4] = .ints([0, more])
      }
      let result = try transposedConvolution(c, flat.operands, flat.attributes)
      return try c.apply(squeeze, [result], [.int(1)])
    })

  private static let shared = [
    Parameter("x", .tensor), Parameter("weight", .tensor),
    Parameter("bias", .tensor, Attribute.none), Parameter("stride", .shape, .int(1)),
    Parameter("padding", .padding, .string("valid")), Parameter("dilation", .shape, .int(1)),
    Parameter("groups", .int, .int(1)),
  ]
  private static let parameters = shared + [Parameter("activation", .string, Attribute.none)]
  private static let transposeParameters =
    shared + [Parameter("output_padding", .shape, .int(0))]

  // MARK: - The three rows

  static let convolution: Op = convolutionRow("convolution", relu: false)
  static let convolutionRelu: Op = convolutionRow("convolution_relu", relu: true)

  /// The convolution with fixed arguments, perhaps a bias, perhaps relu. Argument: the list of `WindowArguments`.
  private static func convolutionRow(_ name: String, relu: Bool) -> Op {
    Op(
      name,
      [
        Parameter("x", .tensor), Parameter("weight", .tensor),
        Parameter("bias", .tensor, Attribute.none), Parameter("window", .shape),
      ],
      summary: "A convolution with fixed padding\(relu ? ", then relu" : "").",
      samples: [
        Sample([2, 4, 5, 2], [3, 2, 2, 3], [3], with: [.ints([1, 2, 1, 1, 1, 0, 0, 1, 1])]),
        Sample([1, 4, 5, 4], [2, 2, 2, 6], with: [.ints([1, 1, 2, 1, 0, 0, 0, 0, 2])]),
        Sample([1, 9, 9, 1], [2, 2, 1, 2], with: [.ints([1, 1, 1, 1, 0, 0, 0, 0, 1])]),
      ], dtypes: .float, shape: FixedConvolutionRule(),
      saves: relu ? [.operands, .output] : .operands, isInternal: true,
      tangent: .custom { call throws(TensorError) in try convolutionTangent(call, relu: relu) },
      batch: .custom { call throws(TensorError) in
        try convolutionBatch(call, of: (.images, .weights), gives: .places)
      },
      forward: .custom { call throws(TensorError) in
        let output = try call.makeOutput()
        let (x, weight) = (call.tensor(0), call.tensor(1))
        var conv = try call.convolution(x.shape, weight.shape, output.shape)
        let bias = call.operands.count > 2 ? UnsafeRawPointer(call.tensor(2).data) : nil
        guard
          nnk_conv_forward(
            call.dtype.kernelType, &conv, x.data, weight.data, bias, relu, output.data)
        else { throw .outOfMemory(weight.shape, call.dtype) }
        return Operand(output)
      },
      gradient: { call throws(TensorError) in
        let c = call.context
        var g = call.cotangent
        if relu { g = try c.binary(reluGrad, g, call.output) }
        let (image, weight) = (call.shape(0), call.shape(1))
        let window = call.attribute(0)
        return Gradients(
          call.wants(0)
            ? try c.apply(
              convolutionInputGrad, [g, call.input(1)], [window, .ints([image[1], image[2]])])
            : nil,
          call.wants(1)
            ? try c.apply(
              convolutionWeightGrad, [call.input(0), g], [window, .ints([weight[0], weight[1]])])
            : nil,
          call.wants(2) ? try c.sum(g, to: call.shape(2)) : nil)
      })
  }

  private static func convolutionTangent(
    _ call: TangentCall, relu: Bool
  ) throws(TensorError) -> [Operand?] {
    let c = call.context
    var terms: [Operand?] = []
    if let x = call.tangents[0] {
      terms.append(try c.apply(convolution, [x, call.operands[1]], call.attributes))
    }
    if let weight = call.tangents[1] {
      terms.append(try c.apply(convolution, [call.operands[0], weight], call.attributes))
    }
    if call.tangents.count > 2 { terms.append(call.tangents[2]) }
    guard let total = try c.sum(of: terms) else { return [nil] }
    return [relu ? try c.binary(reluGrad, total, call.outputs[0]) : total]
  }

  /// The gradient of a convolution in its images. Arguments: the window's list, height and width of the images.
  static let convolutionInputGrad: Op = Op(
    "convolution_input_grad",
    [
      Parameter("g", .tensor), Parameter("weight", .tensor), Parameter("window", .shape),
      Parameter("size", .shape),
    ],
    summary: "The gradient of a convolution in its images: a transposed convolution.",
    samples: [
      Sample(
        [2, 4, 2, 3], [3, 2, 2, 3],
        with: [.ints([1, 2, 1, 1, 1, 1, 0, 0, 1]), .ints([4, 5])]),
      Sample(
        [1, 8, 8, 2], [2, 2, 1, 2], with: [.ints([1, 1, 1, 1, 0, 0, 0, 0, 1]), .ints([9, 9])]),
    ], dtypes: .float, shape: ConvolutionInputRule(), saves: .operands, isInternal: true,
    tangent: .multilinear,
    batch: .custom { call throws(TensorError) in
      try convolutionBatch(call, of: (.places, .weights), gives: .images)
    },
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let (g, weight) = (call.tensor(0), call.tensor(1))
      var conv = try call.convolution(output.shape, weight.shape, g.shape)
      guard
        nnk_conv_input_grad(call.dtype.kernelType, &conv, g.data, weight.data, output.data)
      else { throw .outOfMemory(weight.shape, call.dtype) }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, t, weight) = (call.context, call.cotangent, call.shape(1))
      let window = call.attribute(0)
      return Gradients(
        call.wants(0) ? try c.apply(convolution, [t, call.input(1)], [window]) : nil,
        call.wants(1)
          ? try c.apply(
            convolutionWeightGrad, [t, call.input(0)], [window, .ints([weight[0], weight[1]])])
          : nil)
    })

  /// The gradient of a convolution in its weights. Arguments: the window's list, its height and width.
  static let convolutionWeightGrad: Op = Op(
    "convolution_weight_grad",
    [
      Parameter("x", .tensor), Parameter("g", .tensor), Parameter("window", .shape),
      Parameter("size", .shape),
    ],
    summary: "The gradient of a convolution in its weights.",
    samples: [
      Sample(
        [2, 4, 5, 2], [2, 4, 2, 3],
        with: [.ints([1, 2, 1, 1, 1, 1, 0, 0, 1]), .ints([3, 2])])
    ], dtypes: .float, shape: ConvolutionWeightRule(), saves: .operands, isInternal: true,
    tangent: .multilinear,
    batch: .custom { call throws(TensorError) in
      try convolutionBatch(call, of: (.images, .places), gives: .weights)
    },
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      let (x, g) = (call.tensor(0), call.tensor(1))
      var conv = try call.convolution(x.shape, output.shape, g.shape)
      guard nnk_conv_weight_grad(call.dtype.kernelType, &conv, x.data, g.data, output.data) else {
        throw .outOfMemory(output.shape, call.dtype)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let (c, t, image) = (call.context, call.cotangent, call.shape(0))
      let window = call.attribute(0)
      return Gradients(
        call.wants(0)
          ? try c.apply(
            convolutionInputGrad, [call.input(1), t], [window, .ints([image[1], image[2]])]) : nil,
        call.wants(1) ? try c.apply(convolution, [call.input(0), t], [window]) : nil)
    })

  // MARK: - Composition

  private static func query(
    _ name: String, _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) -> ShapeQuery<Int> {
    ShapeQuery(
      name: name, operands: operands.map { c.shape(of: $0) }, attributes: attributes)
  }

  /// Checks the arguments of a convolution of images, fixes its padding and applies the row.
  private static func convolve(
    _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> Operand {
    let query = query("conv2d", c, operands, attributes)
    _ = try ConvolutionRule()(query)
    var operands = operands
    let (image, weight) = (query.operands[0], query.operands[1])
    var window = try WindowArguments(
      stride: query.attribute(0), dilation: query.attribute(2), axes: 2, in: "conv2d")
    window.pad(
      try Padding(query.attribute(1), axes: 2, in: "conv2d"), window: (weight[0], weight[1]),
      image: (image[1], image[2]))
    window.groups = query.attribute(3).int ?? 1
    if window.groups > 1, window.groups == image[3], weight[3] > image[3] {
      // Several outputs of each single channel: the channels repeated, and one output of each.
      let copies = weight[3] / image[3]
      operands[0] = try c.apply(self.repeat, [operands[0]], [.int(copies), .int(-1)])
      window.groups = weight[3]
    }
    var name = ""
    if case .string(let text) = query.attribute(4) { name = text }
    let activation = named(name)
    guard name.isEmpty || activation?.kernelArity == 1 else {
      throw TensorError(
        "argument", "conv2d: there is no activation \"\(name)\"",
        help: "activations are relu, tanh, sigmoid, gelu, silu and other ops of one operand")
    }
    if name == "relu" { return try c.apply(convolutionRelu, operands, [.ints(window.list)]) }
    let result = try c.apply(convolution, operands, [.ints(window.list)])
    if let activation { return try c.unary(activation, result) }
    return result
  }

  private static func transposedConvolution(
    _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> Operand {
    let query = query("conv_transpose2d", c, operands, attributes)
    let shape = try ConvolutionTransposeRule()(query)
    let (image, weight) = (query.operands[0], query.operands[1])
    var window = try WindowArguments(
      stride: query.attribute(0), dilation: query.attribute(2), axes: 2, in: "conv_transpose2d")
    window.groups = query.attribute(3).int ?? 1
    let padding = try Padding(query.attribute(1), axes: 2, in: "conv_transpose2d")
    if case .sizes(let rows, let columns) = padding {
      (window.y.before, window.x.before) = (rows.0, columns.0)
    } else {
      window.y.before = Swift.max(window.y.reach(weight[0]) - window.y.stride, 0) / 2
      window.x.before = Swift.max(window.x.reach(weight[1]) - window.x.stride, 0) / 2
    }
    // What the convolution that this transposes needs at the end to have exactly the image's places.
    window.y.padEnd(window: weight[0], length: shape[1], places: image[1])
    window.x.padEnd(window: weight[1], length: shape[2], places: image[2])
    let turned = try c.apply(transpose, [operands[1]], [.int(2), .int(3)])
    let result = try c.apply(
      convolutionInputGrad, [operands[0], turned],
      [.ints(window.list), .ints([shape[1], shape[2]])])
    return operands.count > 2 ? try c.add(result, operands[2]) : result
  }

  /// Sequences and their weights as images of height 1.
  private static func asImages(
    _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> (operands: [Operand], attributes: [Attribute]) {
    var operands = operands
    operands[0] = try c.apply(unsqueeze, [operands[0]], [.int(1)])
    operands[1] = try c.apply(unsqueeze, [operands[1]], [.int(0)])
    var attributes = attributes
    for place in [0, 2] where place < attributes.count {
      if let size = attributes[place].int { attributes[place] = .ints([1, size]) }
      if let list = attributes[place].list, list.count == 1 {
        attributes[place] = .ints([1, list[0]])
      }
    }
    if attributes.count > 1, let list = attributes[1].list {
      attributes[1] = .ints([0, 0, list[0], list[list.count - 1]])
    }
    return (operands, attributes)
  }
}

extension WindowAxis {
  /// Padding at the end for exactly `places` places; may be negative, where pixels are left over.
  fileprivate mutating func padEnd(window: Int, length: Int, places: Int) {
    after = (places - 1) * stride + reach(window) - length - before
  }
}

extension ForwardCall {
  /// The kernels' description of a convolution of these shapes with the row's window.
  fileprivate func convolution(
    _ image: Shape, _ weight: Shape, _ result: Shape
  ) throws(TensorError) -> nnk_conv {
    let window = WindowArguments(attribute(0).list ?? [])
    return nnk_conv(
      batch: image[0], in_height: image[1], in_width: image[2], in_channels: image[3],
      out_height: result[1], out_width: result[2], out_channels: result[3],
      kernel_height: weight[0], kernel_width: weight[1], stride_y: window.y.stride,
      stride_x: window.x.stride, dilation_y: window.y.dilation, dilation_x: window.x.dilation,
      pad_top: window.y.before, pad_left: window.x.before, groups: window.groups)
  }
}
