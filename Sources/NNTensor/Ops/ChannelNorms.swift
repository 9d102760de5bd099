// Norms over groups of channels, which are the last axis: batch norm and group norm.
import NNKernels

extension Ops {
  package static let batchNorm: Op = Op(
    "batch_norm",
    [
      Parameter("x", .tensor), Parameter("weight", .tensor, .number(1)),
      Parameter("bias", .tensor, .number(0)), Parameter("eps", .number, .number(1e-5)),
    ],
    summary:
      "`(x - mean) / sqrt(var + eps) * weight + bias` with mean and variance of each channel (last axis) over all other axes (Ioffe and Szegedy 2015), then that mean and variance.",
    example: "batch_norm(x, gamma, beta)",
    samples: [
      Sample([4, 3], [3], [3], with: [.number(0.1)]),
      Sample([2, 2, 2, 3], [3], with: [.number(0.1)]), Sample([5, 2], with: [.number(0.1)]),
    ], dtypes: .float, shape: BatchNormRule(), outputs: 3,
    forward: .composedMany { c, operands, attributes throws(TensorError) in
      _ = try BatchNormRule()(query("batch_norm", c, operands))
      let shape = c.shape(of: operands[0])
      let results = try c.applyMany(
        channelNorm, operands,
        [epsilon(attributes, 0), .int(shape[shape.rank - 1]), .bool(false)])
      let channels: Shape = [shape[shape.rank - 1]]
      return [
        results[0], try c.reshaped(results[1], channels), try c.reshaped(results[2], channels),
      ]
    })

  package static let groupNorm: Op = Op(
    "group_norm",
    [
      Parameter("x", .tensor), Parameter("groups", .int),
      Parameter("weight", .tensor, .number(1)), Parameter("bias", .tensor, .number(0)),
      Parameter("eps", .number, .number(1e-5)),
    ],
    summary:
      "`(x - mean) / sqrt(var + eps) * weight + bias` with mean and variance of each example (first axis) and run of channels (last axis); `groups` equal runs (Wu and He 2018).",
    example: "group_norm(x, 8, gamma, beta)",
    samples: [
      Sample([2, 3, 4], [4], [4], with: [.int(2), .number(0.1)]),
      Sample([2, 2, 2, 3], [3], with: [.int(3), .number(0.1)]),
      Sample([2, 4], with: [.int(1), .number(0.1)]),
    ], dtypes: .float, shape: GroupNormRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let groups = attributes.first?.int ?? 1
      _ = try GroupNormRule()(query("group_norm", c, operands, [.int(groups)]))
      return try c.applyMany(
        channelNorm, operands, [epsilon(attributes, 1), .int(groups), .bool(true)])[0]
    })

  private static func query(
    _ name: String, _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute] = []
  ) -> ShapeQuery<Int> {
    ShapeQuery(
      name: name, operands: operands.map { c.shape(of: $0) }, attributes: attributes)
  }

  private static func epsilon(_ attributes: [Attribute], _ position: Int) -> Attribute {
    .number(position < attributes.count ? attributes[position].number ?? 1e-5 : 1e-5)
  }

  /// The norm, and the mean and variance of each group. Arguments: eps, groups, whether each example has its own.
  static let channelNorm: Op = Op(
    "channel_norm",
    [
      Parameter("x", .tensor), Parameter("weight", .tensor, .number(1)),
      Parameter("bias", .tensor, .number(0)), Parameter("eps", .number),
      Parameter("groups", .int), Parameter("by_example", .bool),
    ],
    summary: "A norm over groups of channels with its means and variances.", dtypes: .float,
    shape: ChannelNormRule(), outputs: 3, saves: [.operands, .further], takesNumbers: true,
    isInternal: true, batch: .custom { call throws(TensorError) in try channelNormBatch(call) },
    forward: .many { call throws(TensorError) in
      let x = call.tensor(0)
      let sizes = ChannelSizes(x.shape, call.attribute(1), call.attribute(2))
      let weight = try call.vector(1, sizes.channels, neutral: 1)
      let bias = try call.vector(2, sizes.channels, neutral: 0)
      let output = try call.makeOutput()
      let means = try call.makeTensor(sizes.statistics)
      let variances = try call.makeTensor(sizes.statistics)
      let done = withExtendedLifetime((weight, bias)) {
        nnk_group_norm(
          call.dtype.kernelType, x.data, weight.pointer, bias.pointer, output.data, means.data,
          variances.data, sizes.outer, sizes.rows, sizes.channels, sizes.groups,
          call.attribute(0).number ?? 1e-5)
      }
      guard done else { throw .failed("batch_norm") }
      return [Operand(output), Operand(means), Operand(variances)]
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let weight = call.inputCount > 1 ? call.input(1) : Operand(1)
      var gradients: [Operand?] = [nil, nil, nil]
      if let g = call.cotangents[0] {
        let wants = (0..<3).map { call.wants($0) ? 1 : 0 }
        gradients = try c.applyMany(
          channelNormGrad, [g, call.input(0), weight, call.result(1), call.result(2)],
          call.attributes + [.ints(wants)])
      }
      if call.wants(0), let more = try statisticsGradient(call) {
        if let first = gradients[0] {
          gradients[0] = try c.add(first, more)
        } else {
          gradients[0] = more
        }
      }
      return Gradients(list: gradients)
    })

  /// What the gradients in the means and variances send into x; nil where none arrived.
  private static func statisticsGradient(_ call: GradientCall) throws(TensorError) -> Operand? {
    guard call.cotangents[1] != nil || call.cotangents[2] != nil else { return nil }
    let attributes = call.attributes
    let seeds = [call.cotangents[1], call.cotangents[2]]
    return try call.context.pullback(at: [call.input(0)], seeds: seeds) {
      c, inputs throws(TensorError) in
      Array(try channelNormParts(c, inputs, attributes).dropFirst())
    }[0]
  }

  static let channelNormGrad: Op = Op(
    "channel_norm_grad",
    [
      Parameter("g", .tensor), Parameter("x", .tensor), Parameter("weight", .tensor),
      Parameter("means", .tensor), Parameter("variances", .tensor), Parameter("eps", .number),
      Parameter("groups", .int), Parameter("by_example", .bool), Parameter("wants", .shape),
    ],
    summary: "The gradients of a norm over groups of channels.", dtypes: .float,
    shape: ChannelNormGradRule(), outputs: 3, saves: [.operands, .operand(2)], takesNumbers: true,
    isInternal: true,
    batch: .custom { call throws(TensorError) in try channelNormGradBatch(call) },
    forward: .many { call throws(TensorError) in
      let (g, x) = (call.tensor(0), call.tensor(1))
      let sizes = ChannelSizes(x.shape, call.attribute(1), call.attribute(2))
      let wants = call.attribute(3).list ?? [1, 1, 1]
      let weight = try call.vector(2, sizes.channels, neutral: 1)
      let dx = try call.makeTensor(x.shape, if: wants[0] == 1)
      let dweight = try call.makeTensor([sizes.channels], if: wants[1] == 1)
      let dbias = try call.makeTensor([sizes.channels], if: wants[2] == 1)
      let done = withExtendedLifetime(weight) {
        nnk_group_norm_grad(
          call.dtype.kernelType, g.data, x.data, weight.pointer, call.tensor(3).data,
          call.tensor(4).data, dx.pointer, dweight.pointer, dbias.pointer, sizes.outer,
          sizes.rows, sizes.channels, sizes.groups, call.attribute(0).number ?? 1e-5)
      }
      guard done else { throw .failed("batch_norm") }
      return [dx.result, dweight.result, dbias.result]
    },
    gradient: { call throws(TensorError) in
      let attributes = call.attributes
      return try call.composedResults { c, inputs throws(TensorError) in
        let shape = c.shape(of: inputs[1])
        let dtype = inputs[1].tensor?.dtype ?? .f32
        let bias = Operand(try Tensor(filling: [shape[shape.rank - 1]], with: 0, dtype: dtype))
        return try c.pullback(at: [inputs[1], inputs[2], bias], seeds: [inputs[0]]) {
          c, inputs throws(TensorError) in
          [try channelNormParts(c, inputs, attributes)[0]]
        }
      }
    })

  /// The composition that norms over groups of channels stand for: result, means and variances.
  package static func channelNormParts(
    _ c: TensorContext, _ inputs: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> [Operand] {
    let shape = c.shape(of: inputs[0])
    let sizes = ChannelSizes(shape, attributes[1], attributes[2])
    let split: Shape = [sizes.outer, sizes.rows, sizes.groups, sizes.channels / sizes.groups]
    let over: [Attribute] = [.ints([1, 3]), .bool(true)]
    let x = try c.reshaped(inputs[0], split)
    let means = try c.apply(mean, [x], over)
    let centred = try c.sub(x, means)
    let variances = try c.apply(mean, [c.unary(square, centred)], over)
    let scale = try c.unary(rsqrt, c.add(variances, attributes[0].number ?? 1e-5))
    var y = try c.reshaped(c.mul(centred, scale), shape)
    if inputs.count > 1 { y = try c.mul(y, inputs[1]) }
    if inputs.count > 2 { y = try c.add(y, inputs[2]) }
    return [
      y, try c.reshaped(means, sizes.statistics), try c.reshaped(variances, sizes.statistics),
    ]
  }
}

/// How a tensor falls into items, rows and channels.
struct ChannelSizes {
  let outer: Int
  let rows: Int
  let channels: Int
  let groups: Int

  init(_ shape: Shape, _ groups: Attribute, _ isByExample: Attribute) {
    let last = shape.rank - 1
    outer = isByExample.isTrue ? shape[0] : 1
    rows = isByExample.isTrue ? shape.product(Swift.min(1, last)..<last) : shape.product(0..<last)
    channels = shape[last]
    self.groups = groups.int ?? 1
  }

  /// The shape of means and variances.
  var statistics: Shape { [outer, groups] }
}

/// The shape stays, then a vector of channels twice.
private struct BatchNormRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let x = query.operands[0]
    guard x.rank >= 2 else {
      throw query.error(
        "x has shape \(x), but needs a batch and channels",
        help: x.rank == 1 ? "x[nil] is a batch of one" : nil)
    }
    return try RowNormRule()(query)
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let x = try self(query)
    return [x, [x[x.rank - 1]], [x[x.rank - 1]]]
  }
}

/// The shape stays; the channels fall into equal groups. Argument: groups.
private struct GroupNormRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let x = query.operands[0]
    guard x.rank >= 2 else {
      throw query.error("x has shape \(x), but needs a batch and channels")
    }
    let groups = query.attribute(0).int ?? 1
    guard groups >= 1, x[x.rank - 1].divided(by: D(groups)) != nil else {
      throw query.error("\(x[x.rank - 1]) channels do not fall into \(groups) equal groups")
    }
    return try RowNormRule()(query)
  }
}

private struct ChannelNormRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[0]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let x = query.operands[0]
    let statistics: Dims<D> = [
      query.attribute(2).isTrue ? x[0] : D(1), D(query.attribute(1).int ?? 1),
    ]
    return [x, statistics, statistics]
  }
}

private struct ChannelNormGradRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[1]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let x = query.operands[1]
    return [x, [x[x.rank - 1]], [x[x.rank - 1]]]
  }
}
