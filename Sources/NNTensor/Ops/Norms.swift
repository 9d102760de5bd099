// Norms of rows: layer norm and its form without a mean.
import NNKernels

extension Ops {
  static let norms: [Op] = [
    layerNorm, rmsNorm, layerNormMeasured, rmsNormMeasured, layerNormGrad, rmsNormGrad, batchNorm,
    groupNorm, channelNorm, channelNormGrad,
  ]

  package static let layerNorm: Op = rowNorm(
    "layer_norm",
    parameters: [
      Parameter("x", .tensor), Parameter("weight", .tensor, .number(1)),
      Parameter("bias", .tensor, .number(0)), Parameter("eps", .number, .number(1e-5)),
    ],
    summary:
      "`(x - mean) / sqrt(var + eps) * weight + bias` over the last axis (Ba et al. 2016); weight and bias have that axis.",
    example: "layer_norm(x, gamma, beta)",
    samples: [
      Sample([2, 3], [3], [3], from: [.any, .any, .any], with: [.number(0.1)]),
      Sample([2, 2, 5], with: [.number(0.1)]), Sample([3, 4], [4], with: [.number(0.1)]),
      Sample([0, 3], [3], [3], with: [.number(0.1)]),
    ]
  ) { layerNormMeasured }

  package static let rmsNorm: Op = rowNorm(
    "rms_norm",
    parameters: [
      Parameter("x", .tensor), Parameter("weight", .tensor, .number(1)),
      Parameter("eps", .number, .number(1e-5)),
    ],
    summary:
      "`x / sqrt(mean(x * x) + eps) * weight` over the last axis (Zhang and Sennrich 2019); weight has that axis.",
    example: "rms_norm(x, gamma)",
    samples: [
      Sample([2, 3], [3], with: [.number(0.1)]), Sample([2, 2, 5], with: [.number(0.1)]),
      Sample([0, 3], [3], with: [.number(0.1)]),
    ]
  ) { rmsNormMeasured }

  static let layerNormMeasured: Op = measured("layer_norm_measured", isCentred: true) {
    layerNormGrad
  }
  static let rmsNormMeasured: Op = measured("rms_norm_measured", isCentred: false) { rmsNormGrad }
  static let layerNormGrad: Op = rowNormGrad("layer_norm_grad", isCentred: true)
  static let rmsNormGrad: Op = rowNormGrad("rms_norm_grad", isCentred: false)

  private static func rowNorm(
    _ name: String, parameters: [Parameter], summary: String, example: String,
    samples: [Sample], fused: @escaping @Sendable () -> Op
  ) -> Op {
    Op(
      name, parameters, summary: summary, example: example, samples: samples, dtypes: .float,
      shape: RowNormRule(),
      forward: .composed { c, operands, attributes throws(TensorError) in
        _ = try RowNormRule()(
          ShapeQuery(name: name, operands: operands.map { c.shape(of: $0) }))
        return try c.applyMany(fused(), operands, [.number(attributes.first?.number ?? 1e-5)])[0]
      })
  }

  /// The norm, and the mean (where it does not count as 0) and scale of each row.
  private static func measured(
    _ name: String, isCentred: Bool, gradientRow: @escaping @Sendable () -> Op
  ) -> Op {
    Op(
      name,
      [
        Parameter("x", .tensor), Parameter("weight", .tensor, .number(1)),
        Parameter("bias", .tensor, .number(0)), Parameter("eps", .number),
      ],
      summary: "A norm of rows with what its gradient needs.", dtypes: .float,
      shape: RowNormRule(), outputs: 3, saves: [.operands, .further], takesNumbers: true,
      isInternal: true, batch: .custom { call throws(TensorError) in try rowNormBatch(call) },
      forward: .many { call throws(TensorError) in
        let x = call.tensor(0)
        let (rows, size) = RowNormRule.rows(x.shape)
        let weight = try call.vector(1, size, neutral: 1)
        let bias = try call.vector(2, size, neutral: 0)
        let output = try call.makeOutput()
        let means = try call.makeTensor([rows], if: isCentred)
        let scales = try call.makeTensor([rows])
        withExtendedLifetime((weight, bias)) {
          _ = nnk_row_norm(
            call.dtype.kernelType, x.data, weight.pointer, bias.pointer, output.data,
            means.pointer, scales.data, rows, size, call.attribute(0).number ?? 1e-5, isCentred)
        }
        return [Operand(output), means.result, Operand(scales)]
      },
      gradient: { call throws(TensorError) in
        guard let g = call.cotangents[0] else { return Gradients(nil) }
        let wants = (0..<3).map { call.wants($0) ? 1 : 0 }
        let weight = call.inputCount > 1 ? call.input(1) : Operand(1)
        return Gradients(
          list: try call.context.applyMany(
            gradientRow(), [g, call.input(0), weight, call.result(1), call.result(2)],
            [call.attribute(0), .ints(wants)]))
      })
  }

  /// The gradients in x, weight and bias that are wanted, from the gradient in the result.
  private static func rowNormGrad(_ name: String, isCentred: Bool) -> Op {
    Op(
      name,
      [
        Parameter("g", .tensor), Parameter("x", .tensor), Parameter("weight", .tensor),
        Parameter("means", .tensor), Parameter("scales", .tensor), Parameter("eps", .number),
        Parameter("wants", .shape),
      ],
      summary: "The gradients of a norm of rows.", dtypes: .float, shape: RowNormGradRule(),
      outputs: 3, saves: [.operands, .operand(2)], takesNumbers: true, isInternal: true,
      batch: .custom { call throws(TensorError) in
        try rowNormGradBatch(call, of: isCentred ? layerNormMeasured : rmsNormMeasured)
      },
      forward: .many { call throws(TensorError) in
        let (g, x) = (call.tensor(0), call.tensor(1))
        let (rows, size) = RowNormRule.rows(x.shape)
        let wants = call.attribute(1).list ?? [1, 1, 1]
        let weight = try call.vector(2, size, neutral: 1)
        let dx = try call.makeTensor(x.shape, if: wants[0] == 1)
        let dweight = try call.makeTensor([size], if: wants[1] == 1)
        let dbias = try call.makeTensor([size], if: wants[2] == 1)
        let done = withExtendedLifetime(weight) {
          nnk_row_norm_grad(
            call.dtype.kernelType, g.data, x.data, weight.pointer, call.operands[3].tensor.pointer,
            call.tensor(4).data, dx.pointer, dweight.pointer, dbias.pointer, rows, size)
        }
        guard done else { throw .failed(name) }
        return [dx.result, dweight.result, dbias.result]
      },
      gradient: { call throws(TensorError) in
        let epsilon = call.attribute(0).number ?? 1e-5
        return try call.composedResults { c, inputs throws(TensorError) in
          let shape = c.shape(of: inputs[1])
          let dtype = inputs[1].tensor?.dtype ?? .f32
          let bias = Operand(try Tensor(filling: [shape[shape.rank - 1]], with: 0, dtype: dtype))
          return try c.pullback(
            at: [inputs[1], inputs[2], bias], seeds: [inputs[0]]
          ) { c, inputs throws(TensorError) in
            [try rowNormParts(c, inputs, epsilon: epsilon, isCentred: isCentred)]
          }
        }
      })
  }

  /// The composition that the norms of rows stand for.
  package static func rowNormParts(
    _ c: TensorContext, _ inputs: [Operand], epsilon: Double, isCentred: Bool
  ) throws(TensorError) -> Operand {
    let last: [Attribute] = [.int(-1), .bool(true)]
    var x = inputs[0]
    if isCentred { x = try c.sub(x, c.apply(mean, [x], last)) }
    let variance = try c.apply(mean, [c.unary(square, x)], last)
    var y = try c.mul(x, c.unary(rsqrt, c.add(variance, epsilon)))
    if inputs.count > 1 { y = try c.mul(y, inputs[1]) }
    if inputs.count > 2 { y = try c.add(y, inputs[2]) }
    return y
  }
}

/// The shape stays; weight and bias have the last axis.
struct RowNormRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let x = query.operands[0]
    guard x.rank > 0 else { throw query.error("a scalar has no axis to normalize") }
    for position in query.operands.indices.dropFirst() {
      try RowNormRule.check(query, position, against: x[x.rank - 1])
    }
    return x
  }

  /// Refuses a vector of parameters that does not have the size of an axis.
  static func check<D: Dimension>(
    _ query: ShapeQuery<D>, _ position: Int, against size: D
  ) throws(TensorError) {
    let own = query.operands[position]
    if own.rank == 0 || own.rank == 1 && own[0].mayEqual(size) { return }
    throw query.error(
      "parameters of shape \(own) for a last axis of \(size)",
      help: "weight and bias have shape [\(size)]", showing: [0, position])
  }

  /// The number of rows and the length of each.
  static func rows(_ shape: Shape) -> (Int, Int) {
    (shape.product(0..<shape.rank - 1), shape[shape.rank - 1])
  }

}

/// The shapes of x, weight and bias.
private struct RowNormGradRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[1]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    let x = query.operands[1]
    return [x, [x[x.rank - 1]], [x[x.rank - 1]]]
  }
}
