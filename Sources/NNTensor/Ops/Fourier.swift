// Discrete Fourier transforms. A complex number is a trailing axis of size 2: real and imaginary part.
import NNKernels

extension Ops {
  static let fourier: [Op] = [fft, ifft, rfft, irfft, dft]

  /// What all transforms take besides x; the axis is counted without the trailing pairs.
  private static let parameters = [
    Parameter("x", .tensor), Parameter("n", .int, Attribute.none),
    Parameter("axis", .axis, .int(-1)), Parameter("norm", .string, .string("backward")),
  ]

  package static let fft: Op = complexTransform(
    "fft", isInverse: false, "The discrete Fourier transform along an axis")
  package static let ifft: Op = complexTransform(
    "ifft", isInverse: true, "The inverse of `fft` along an axis")

  private static func complexTransform(_ name: String, isInverse: Bool, _ text: String) -> Op {
    Op(
      name, parameters,
      summary:
        "\(text) of complex numbers [..., n, 2]: real and imaginary parts are the last axis, n cuts or pads with zeros.",
      example: "\(name)([[1, 0], [0, 1], [2, 0]])",
      samples: [
        Sample([4, 2]), Sample([5, 2], with: [.int(3)]), Sample([3, 2], with: [.int(4)]),
        Sample([2, 3, 2, 2], with: [.none, .int(1), .string("ortho")]),
        Sample([7, 2], with: [.none, .int(-1), .string("forward")]), Sample([0, 3, 2]),
      ], dtypes: .float, shape: FourierRule(kind: .complex),
      forward: .composed { c, operands, attributes throws(TensorError) in
        let plan = try FourierPlan(c, name, operands, attributes, .complex, isInverse: isInverse)
        return try plan.apply(c, operands[0], count: plan.n)
      })
  }

  package static let rfft: Op = Op(
    "rfft", parameters,
    summary:
      "The first n // 2 + 1 numbers of the Fourier transform of real numbers, as [..., n // 2 + 1, 2]; the others are their conjugates.",
    example: "rfft([1, 2, 3, 4])",
    samples: [
      Sample([4]), Sample([5]), Sample([2, 6], with: [.int(3)]), Sample([3], with: [.int(4)]),
      Sample([4, 2], with: [.none, .int(0), .string("ortho")]), Sample([1]), Sample([0, 3]),
    ], dtypes: .float, shape: FourierRule(kind: .toComplex),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let plan = try FourierPlan(c, "rfft", operands, attributes, .toComplex, isInverse: false)
      return try plan.apply(c, operands[0], count: plan.n / 2 + 1)
    })

  package static let irfft: Op = Op(
    "irfft", parameters,
    summary:
      "The real numbers whose `rfft` is [..., m, 2]; n is 2 (m - 1) unless given, which an odd number needs.",
    example: "irfft(rfft([1, 2, 3]), n: 3)",
    samples: [
      Sample([3, 2]), Sample([3, 2], with: [.int(5)]), Sample([4, 2], with: [.int(3)]),
      Sample([2, 3, 2, 2], with: [.int(4), .int(1), .string("ortho")]), Sample([2, 2]),
      Sample([0, 3, 2]),
    ], dtypes: .float, shape: FourierRule(kind: .toReal),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let plan = try FourierPlan(c, "irfft", operands, attributes, .toReal, isInverse: true)
      return try plan.apply(c, plan.withConjugates(c, operands[0]), count: plan.n)
    })

  /// scale * sum over j of x[j] e^(-+ 2 pi i j k / n) for k < count, a linear map whose transpose is of its kind too: sizes,
  /// realness of input and output, and the sign exchanged. Arguments: axis, n, count, inverse, real_input, real_output, scale.
  static let dft: Op = Op(
    "dft",
    [
      Parameter("x", .tensor), Parameter("axis", .int), Parameter("n", .int),
      Parameter("count", .int), Parameter("inverse", .bool), Parameter("real_input", .bool),
      Parameter("real_output", .bool), Parameter("scale", .number),
    ],
    summary: "A part of a discrete Fourier transform.", dtypes: .float, shape: DFTRule(),
    isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in
      var attributes = call.attributes
      attributes[0] = .int((call.attribute(0).int ?? 0) + 1)
      try BatchCall.checkRank(call.resultShapes()[0])
      return [try call.context.apply(dft, call.operands, attributes)]
    },
    forward: .custom { call throws(TensorError) in
      let x = call.tensor(0)
      let output = try call.makeOutput()
      let axis = call.attribute(0).int ?? 0
      let isReal = call.attribute(4).isTrue
      let end = x.shape.rank - (isReal ? 0 : 1)
      var transform = nnk_fft_call(
        x: UnsafeRawPointer(x.data), y: output.data, outer: x.shape.product(0..<axis),
        inner: x.shape.product(axis + 1..<end), n: call.attribute(1).int ?? 0,
        in_count: x.shape[axis], out_count: call.attribute(2).int ?? 0,
        inverse: call.attribute(3).isTrue, real_input: isReal,
        real_output: call.attribute(5).isTrue, scale: call.attribute(6).number ?? 1)
      guard nnk_fft(call.dtype.kernelType, &transform) else {
        throw .outOfMemory(x.shape, .f64)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let axis = call.attribute(0)
      let count = call.shape(0)[axis.int ?? 0]
      return Gradients(
        try call.context.apply(
          dft, [call.cotangent],
          [
            axis, call.attribute(1), .int(count), .bool(!call.attribute(3).isTrue),
            call.attribute(5), call.attribute(4), call.attribute(6),
          ]))
    })
}

/// What goes in and comes out of a transform.
private enum FourierKind {
  case complex, toComplex, toReal
}

/// A call of a public transform, with its arguments read.
private struct FourierPlan {
  let kind: FourierKind
  let axis: Int
  let n: Int
  let isInverse: Bool
  let scale: Double

  init(
    _ c: TensorContext, _ name: String, _ operands: [Operand], _ attributes: [Attribute],
    _ kind: FourierKind, isInverse: Bool
  ) throws(TensorError) {
    let query = ShapeQuery(
      name: name, operands: [c.shape(of: operands[0])], attributes: attributes)
    let rule = FourierRule(kind: kind)
    _ = try rule(query)
    self.kind = kind
    self.isInverse = isInverse
    axis = try rule.axis(query)
    let size = query.operands[0][axis]
    n = query.attribute(0).int ?? (kind == .toReal ? 2 * (size - 1) : size)
    var norm = "backward"
    if case .string(let text) = query.attribute(2) { norm = text }
    switch norm {
    case "backward": scale = isInverse ? 1 / Double(n) : 1
    case "forward": scale = isInverse ? 1 : 1 / Double(n)
    case "ortho": scale = 1 / Double(n).squareRoot()
    default:
      throw TensorError(
        "argument", "\(name): there is no norm \"\(norm)\"",
        help: "norm is \"backward\", \"ortho\" or \"forward\"")
    }
  }

  /// The transform, of which the first `count` numbers are kept.
  func apply(_ c: TensorContext, _ x: Operand, count: Int) throws(TensorError) -> Operand {
    try c.apply(
      Ops.dft, [x],
      [
        .int(axis), .int(n), .int(count), .bool(isInverse), .bool(kind == .toComplex),
        .bool(kind == .toReal), .number(scale),
      ])
  }

  /// Half a spectrum with the numbers doubled that stand for their conjugates too: real parts of sums over these are sums over
  /// the whole. Numbers behind the middle do not count.
  func withConjugates(_ c: TensorContext, _ x: Operand) throws(TensorError) -> Operand {
    let shape = c.shape(of: x)
    let size = Swift.min(shape[axis], n / 2 + 1)
    let half = try c.slice(x, axis: axis, 0, size)
    let weights = (0..<size).map { $0 == 0 || 2 * $0 == n ? 1.0 : 2 }
    var wide = Shape(rank: shape.rank, repeating: 1)
    wide[axis] = size
    let dtype = x.tensor?.dtype == .f64 ? DType.f64 : .f32
    return try c.mul(half, Operand(Tensor(weights, shape: wide, dtype: dtype)))
  }
}

/// Shapes of the public transforms. Arguments: n, axis, norm.
private struct FourierRule: ShapeRule {
  let kind: FourierKind

  /// The axis, counted from the front.
  func axis<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Int {
    let shape = query.operands[0]
    let rank = kind == .toComplex ? shape.rank : shape.rank - 1
    guard rank >= 1 else {
      throw query.error(
        kind == .toComplex
          ? "a scalar has no axis to transform"
          : "complex numbers are [..., n, 2], not \(shape)")
    }
    return try Axes.one(query.attribute(1), rank: rank, standard: -1, in: query.name)
  }

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    if kind != .toComplex, shape.rank > 0, !shape[shape.rank - 1].mayEqual(D(2)) {
      throw query.error(
        "complex numbers are [..., n, 2], not \(shape)",
        help: kind == .complex
          ? "rfft(x) transforms real numbers, stack([re, im], axis: -1) makes complex ones" : nil)
    }
    let axis = try axis(query)
    var size = kind == .toReal ? (shape[axis] - D(1)) * D(2) : shape[axis]
    if query.attribute(0) != .none {
      guard let n = query.attribute(0).int else {
        throw query.error("n is a whole number")
      }
      size = D(n)
    }
    if let n = size.known, n < 1 {
      throw query.error("a transform needs at least one number, not \(n)")
    }
    shape[axis] = kind == .toComplex ? size.floored(by: 2) + D(1) : size
    if kind == .toReal { shape.remove(at: shape.rank - 1) }
    if kind == .toComplex {
      guard shape.rank < 8 else { throw query.error("a tensor has at most 8 axes") }
      shape.append(D(2))
    }
    return shape
  }
}

/// Shapes of the internal transform. Arguments: axis, n, count, inverse, real_input, real_output.
private struct DFTRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    var shape = query.operands[0]
    shape[query.attribute(0).int ?? 0] = D(query.attribute(2).int ?? 0)
    let (isReal, staysReal) = (query.attribute(4).isTrue, query.attribute(5).isTrue)
    if isReal, !staysReal { shape.append(D(2)) }
    if !isReal, staysReal { shape.remove(at: shape.rank - 1) }
    return shape
  }
}
