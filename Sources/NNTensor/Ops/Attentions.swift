// Attention: queries against keys and values, fused so that memory is linear in the sequence length.
import NNKernels

extension Ops {
  static let attentions: [Op] = [attention, attentionBlocks, attentionGrad]

  package static let attention: Op = Op(
    "attention",
    [
      Parameter("q", .tensor), Parameter("k", .tensor), Parameter("v", .tensor),
      Parameter("mask", .tensor, Attribute.none), Parameter("causal", .bool, .bool(false)),
      Parameter("scale", .number, Attribute.none), Parameter("heads", .int, .int(1)),
    ],
    summary:
      "`softmax(q @ k.T * scale + mask) @ v` over the last two axes, the others a batch (Vaswani et al. 2017). With `heads` the last axis is that many heads side by side. mask is bool (true: may look) or added to the scores `[..., (heads,) T, S]`; causal: query i sees keys 0 to i; scale is `1 / sqrt(D)` unless given.",
    example: "attention(q, k, v, causal: true, heads: 4)",
    samples: [
      Sample([2, 3, 4], [2, 3, 4], [2, 3, 4], with: [.bool(false), .none, .int(1)]),
      Sample([2, 3, 4], [2, 3, 4], [2, 3, 2], with: [.bool(true), .none, .int(2)]),
      Sample(
        [1, 2, 3, 2], [1, 2, 4, 2], [1, 2, 4, 3], [3, 4], from: [.any, .any, .any, .bool],
        with: [.bool(false), .number(0.5), .int(1)]),
      Sample(
        [2, 3, 2], [2, 4, 2], [2, 4, 2], [2, 1, 3, 4],
        with: [.bool(false), .number(0.5), .int(2)]),
      Sample([3, 2], [0, 2], [0, 2], with: [.bool(false), .none, .int(1)]),
    ],
    dtypes: .custom { operands, _ throws(TensorError) in attentionType(operands) },
    shape: AttentionRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shapes = operands.map { c.shape(of: $0) }
      let output = try AttentionRule()(
        ShapeQuery(name: "attention", operands: shapes, attributes: attributes))
      let plan = AttentionPlan(shapes, attributes)
      var inputs = operands
      for position in 0..<3 {
        let own = shapes[position]
        let full = output.prefix(output.rank - 2).array + own.suffix(from: own.rank - 2).array
        if own.array != full {
          inputs[position] = try c.apply(broadcastTo, [inputs[position]], [.ints(full), .none])
        }
      }
      if inputs.count > 3, inputs[3].tensor?.dtype.isFloat ?? true, c.isDifferentiated(inputs[3]) {
        return try attentionParts(c, inputs, plan)
      }
      return try c.applyMany(attentionBlocks, inputs, plan.attributes)[0]
    })

  /// The common float type of q, k and v.
  private static func attentionType(_ operands: [OperandType]) -> DType {
    let common = DTypeRule.promoted(Array(operands.prefix(3)))
    return common.isFloat ? common : .f32
  }

  /// The result, and for each query the logarithm of the sum of its exponentials. Arguments: causal, scale, heads.
  static let attentionBlocks: Op = Op(
    "attention_blocks",
    [
      Parameter("q", .tensor), Parameter("k", .tensor), Parameter("v", .tensor),
      Parameter("mask", .tensor, Attribute.none), Parameter("causal", .bool),
      Parameter("scale", .number), Parameter("heads", .int),
    ],
    summary: "Attention in blocks.",
    dtypes: .custom { operands, _ throws(TensorError) in attentionType(operands) },
    shape: AttentionRule(), outputs: 2,
    saves: [.operands, .operand(2), .operand(3), .output, .further], isInternal: true,
    batch: .custom { call throws(TensorError) in try attentionBatch(call) },
    forward: .many { call throws(TensorError) in
      let layout = try AttentionLayout(call)
      let output = try call.makeOutput()
      let lse = try call.makeTensor([
        layout.kernel.batch, layout.kernel.heads, layout.kernel.queries,
      ])
      let done = withExtendedLifetime(layout) {
        var kernel = layout.kernel
        return nnk_attention_forward(&kernel, output.data, layout.outputStrides, lse.data)
      }
      guard done else { throw .failed("attention") }
      return [Operand(output), Operand(lse)]
    },
    gradient: { call throws(TensorError) in
      guard let g = call.cotangents[0] else { return Gradients(nil) }
      let mask = call.inputCount > 3 ? [call.input(3)] : []
      let operands = [call.input(0), call.input(1), call.input(2)] + mask
      return Gradients(
        list: try call.context.applyMany(
          attentionGrad, [g, call.result(0), call.result(1)] + operands, call.attributes))
    })

  /// The gradients in q, k and v from that in the result, the result, the sums' logarithms and the operands.
  static let attentionGrad: Op = Op(
    "attention_grad",
    [
      Parameter("g", .tensor), Parameter("o", .tensor), Parameter("lse", .tensor),
      Parameter("q", .tensor), Parameter("k", .tensor), Parameter("v", .tensor),
      Parameter("mask", .tensor, Attribute.none), Parameter("causal", .bool),
      Parameter("scale", .number), Parameter("heads", .int),
    ],
    summary: "The gradients of attention.", dtypes: .same, shape: AttentionGradRule(), outputs: 3,
    saves: [.operand(0), .operand(3), .operand(4), .operand(5), .operand(6)], isInternal: true,
    batch: .custom { call throws(TensorError) in try attentionGradBatch(call) },
    forward: .many { call throws(TensorError) in
      let layout = try AttentionLayout(call, from: 3)
      let results = try (0..<3).map { position throws(TensorError) in
        try call.makeTensor(call.tensor(3 + position).shape)
      }
      let done = withExtendedLifetime(layout) {
        var kernel = layout.kernel
        return nnk_attention_backward(
          &kernel, call.tensor(1).data, call.tensor(0).data, layout.outputStrides,
          call.tensor(2).data, results[0].data, results[1].data, results[2].data)
      }
      guard done else { throw .failed("attention") }
      return results.map { Operand($0) }
    },
    gradient: { call throws(TensorError) in
      let attributes = call.attributes
      return try call.composedResults { c, inputs throws(TensorError) in
        let plan = AttentionPlan(inputs.dropFirst(3).map { c.shape(of: $0) }, attributes)
        let fixed = Array(inputs.dropFirst(6))
        return try c.pullback(at: Array(inputs[3...5]), seeds: [inputs[0]]) {
          c, inputs throws(TensorError) in
          [try attentionParts(c, inputs + fixed, plan)]
        }
      }
    })

  /// The composition that attention stands for. A query that may look at no key gives zeros.
  package static func attentionParts(
    _ c: TensorContext, _ inputs: [Operand], _ plan: AttentionPlan
  ) throws(TensorError) -> Operand {
    let q = try apart(c, inputs[0], plan.heads)
    let k = try apart(c, inputs[1], plan.heads)
    let v = try apart(c, inputs[2], plan.heads)
    var scores = try c.mul(c.matmul(q, k, false, true), plan.scale)
    if inputs.count > 3 {
      let isBool = inputs[3].tensor?.dtype == .bool
      scores =
        try isBool
        ? c.select(inputs[3], scores, Operand(-Double.infinity)) : c.add(scores, inputs[3])
    }
    if plan.isCausal {
      let square: [Int] = [plan.queries, plan.keys]
      let ones = Operand(try Tensor(filling: Shape(square), with: 1, dtype: .bool))
      scores = try c.select(
        c.apply(tril, [ones], [.int(0)]), scores, Operand(-Double.infinity))
    }
    let result = try c.binary(matmul, weights(c, scores, keys: plan.keys), v)
    return try together(c, result, plan.heads)
  }

  /// Softmax along the last axis that gives zeros where all scores are -inf.
  private static func weights(
    _ c: TensorContext, _ scores: Operand, keys: Int
  ) throws(TensorError) -> Operand {
    if keys == 0 { return scores }
    let last: [Attribute] = [.int(-1), .bool(true)]
    let largest = try c.apply(stopGradient, [c.apply(max, [scores], last)])
    let isAny = try c.binary(greater, largest, Operand(-Double.infinity))
    let exponentials = try c.unary(exp, c.sub(scores, c.select(isAny, largest, Operand(0))))
    let total = try c.apply(sum, [exponentials], last)
    return try c.div(exponentials, c.select(isAny, total, Operand(1)))
  }

  /// `[..., T, heads * D]` as `[..., heads, T, D]`.
  private static func apart(
    _ c: TensorContext, _ x: Operand, _ heads: Int
  ) throws(TensorError) -> Operand {
    if heads == 1 { return x }
    let shape = c.shape(of: x)
    let rank = shape.rank
    let split = shape.prefix(rank - 1).array + [heads, shape[rank - 1] / heads]
    let parts = try c.apply(reshape, [x], [.ints(split)])
    return try c.apply(transpose, [parts], [.int(-3), .int(-2)])
  }

  /// `[..., heads, T, D]` as `[..., T, heads * D]`.
  private static func together(
    _ c: TensorContext, _ x: Operand, _ heads: Int
  ) throws(TensorError) -> Operand {
    if heads == 1 { return x }
    let turned = try c.apply(transpose, [x], [.int(-3), .int(-2)])
    let shape = c.shape(of: turned)
    let rank = shape.rank
    let joined = shape.prefix(rank - 2).array + [heads * shape[rank - 1]]
    return try c.apply(reshape, [turned], [.ints(joined)])
  }
}

/// The arguments of an application of attention, the scale decided.
package struct AttentionPlan {
  let isCausal: Bool
  let scale: Double
  let heads: Int
  let queries: Int
  let keys: Int

  /// From the shapes of q and k and the arguments causal, scale, heads.
  package init(_ shapes: [Shape], _ attributes: [Attribute]) {
    func attribute(_ place: Int) -> Attribute {
      place < attributes.count ? attributes[place] : .none
    }
    let (q, k) = (shapes[0], shapes[1])
    isCausal = attribute(0).isTrue
    heads = Swift.max(attribute(2).int ?? 1, 1)
    let dim = Swift.max(q[q.rank - 1] / heads, 1)
    scale = attribute(1).number ?? 1 / Double(dim).squareRoot()
    queries = q[q.rank - 2]
    keys = k[k.rank - 2]
  }

  var attributes: [Attribute] { [.bool(isCausal), .number(scale), .int(heads)] }
}

/// The operands of attention as the kernel takes them.
private struct AttentionLayout {
  var kernel: nnk_attention
  let outputStrides: nnk_head_strides
  /// Keep what the kernel points to.
  private let operands: [Tensor]

  /// From q, k, v and perhaps a mask, which begin at operand `first`.
  init(_ call: ForwardCall, from first: Int = 0) throws(TensorError) {
    let q = try call.tensor(first).converted(to: call.dtype)
    let k = try call.tensor(first + 1).converted(to: call.dtype)
    let v = try call.tensor(first + 2).converted(to: call.dtype)
    let plan = AttentionPlan([q.shape, k.shape], call.attributes)
    let leading = q.shape.prefix(q.shape.rank - 2)
    let isSplit = plan.heads > 1
    let sizes = plan.statistics(q.shape)
    let (batch, heads) = (sizes[0], sizes[1])
    func strides(_ length: Int, _ width: Int) -> nnk_head_strides {
      nnk_head_strides(
        batch: isSplit ? length * width : heads * length * width,
        head: isSplit ? width / heads : length * width, row: width)
    }
    let (width, valueWidth) = (q.shape[q.shape.rank - 1], v.shape[v.shape.rank - 1])
    kernel = nnk_attention(
      type: call.dtype.kernelType, batch: batch, heads: heads, queries: plan.queries,
      keys: plan.keys, dim: isSplit ? width / heads : width,
      value_dim: isSplit ? valueWidth / heads : valueWidth, q: q.data, k: k.data, v: v.data,
      q_strides: strides(plan.queries, width), k_strides: strides(plan.keys, width),
      v_strides: strides(plan.keys, valueWidth), scale: plan.scale, causal: plan.isCausal,
      allowed: nil, added: nil, mask_strides: nnk_head_strides(), mask_column: 0)
    outputStrides = strides(plan.queries, valueWidth)
    var kept = [q, k, v]
    if call.operands.count > first + 3 {
      var scores = leading
      if isSplit { scores.append(plan.heads) }
      scores.append(plan.queries)
      scores.append(plan.keys)
      kept.append(try AttentionLayout.mask(call, first + 3, scores, &kernel))
    }
    operands = kept
  }

  /// Notes the mask and its strides in scores of a shape; gives what is pointed to.
  private static func mask(
    _ call: ForwardCall, _ position: Int, _ scores: Shape, _ kernel: inout nnk_attention
  ) throws(TensorError) -> Tensor {
    var mask = call.tensor(position)
    guard mask.dtype == .bool || mask.dtype.isFloat else {
      throw TensorError(
        "type", "attention: a mask is bool, or float to be added, not \(mask.dtype.name)",
        help: "mask != 0 makes it bool", notes: [(position, "\(mask.dtype.name)\(mask.shape)")])
    }
    if mask.dtype.isFloat { mask = try mask.converted(to: call.dtype) }
    var strides = BroadcastLayout.strides(of: mask.shape, in: scores)
    if !isRegular(strides, scores) {
      let full = try call.context.apply(
        Ops.broadcastTo, [Operand(mask)], [.ints(scores.array), .none])
      mask = full.tensor ?? mask
      strides = mask.shape.strides
    }
    let rank = scores.rank
    let outer = rank > 3 ? strides[rank - 4] : 0
    kernel.mask_strides = nnk_head_strides(
      batch: outer, head: rank > 2 ? strides[rank - 3] : 0, row: strides[rank - 2])
    kernel.mask_column = strides[rank - 1]
    if mask.dtype == .bool {
      kernel.allowed = UnsafePointer(mask.data.assumingMemoryBound(to: UInt8.self))
    } else {
      kernel.added = UnsafeRawPointer(mask.data)
    }
    return mask
  }

  /// Whether the axes before the last three are one axis to the mask.
  private static func isRegular(_ strides: Strides, _ scores: Shape) -> Bool {
    guard scores.rank > 4 else { return true }
    return (0..<scores.rank - 4).allSatisfy {
      scores[$0] == 1 || strides[$0] == strides[$0 + 1] * scores[$0 + 1]
    }
  }
}

/// The shape of q with the last axis of v. Arguments: causal, scale, heads.
private struct AttentionRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (q, k, v) = (query.operands[0], query.operands[1], query.operands[2])
    for (position, name) in ["q", "k", "v"].enumerated() where query.operands[position].rank < 2 {
      throw query.error(
        "\(name) is [..., length, dim], not \(query.operands[position])", showing: [position])
    }
    guard q[q.rank - 1].mayEqual(k[k.rank - 1]) else {
      throw query.error(
        "q and k have \(q[q.rank - 1]) and \(k[k.rank - 1]) features, which must be the same",
        showing: [0, 1])
    }
    guard k[k.rank - 2].mayEqual(v[v.rank - 2]) else {
      throw query.error(
        "there are \(k[k.rank - 2]) keys for \(v[v.rank - 2]) values", showing: [1, 2])
    }
    let heads = query.attribute(2).int ?? 1
    guard heads >= 1 else { throw query.error("heads is at least 1, not \(heads)") }
    for position in [0, 2] {
      let width = query.operands[position][query.operands[position].rank - 1]
      guard width.divided(by: D(heads)) != nil else {
        throw query.error(
          "\(width) features do not fall into \(heads) equal heads", showing: [position])
      }
    }
    guard let both = Broadcasting.shape(q.prefix(q.rank - 2), k.prefix(k.rank - 2)),
      let leading = Broadcasting.shape(both, v.prefix(v.rank - 2))
    else {
      throw query.error("the leading axes of q, k and v do not fit", showing: [0, 1, 2])
    }
    try checkMask(query, leading, heads)
    var result = leading
    result.append(q[q.rank - 2])
    result.append(v[v.rank - 1])
    return result
  }

  /// Refuses a mask that does not stretch to the scores.
  private func checkMask<D: Dimension>(
    _ query: ShapeQuery<D>, _ leading: Dims<D>, _ heads: Int
  ) throws(TensorError) {
    guard query.operands.count > 3 else { return }
    let (q, k) = (query.operands[0], query.operands[1])
    var scores = leading
    guard leading.rank < 6 else { throw query.error("q of shape \(q) has too many axes") }
    if heads > 1 { scores.append(D(heads)) }
    scores.append(q[q.rank - 2])
    scores.append(k[k.rank - 2])
    let mask = query.operands[3]
    guard mask.rank <= scores.rank, let shape = Broadcasting.stretch(mask, to: scores),
      shape.rank == scores.rank
    else {
      throw query.error(
        "a mask of shape \(mask) does not stretch to the scores \(scores)", showing: [0, 3])
    }
  }
}

extension AttentionRule {
  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    [try self(query)]
  }
}

/// The shapes of q, k and v.
private struct AttentionGradRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    query.operands[3]
  }

  func all<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> [Dims<D>] {
    Array(query.operands[3...5])
  }
}
