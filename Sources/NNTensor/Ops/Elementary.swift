// Elementary functions of one operand.
import NNKernels

extension Ops {
  static let elementary: [Op] = [
    neg, abs, sign, square, reciprocal, safeReciprocal, exp, expm1, log, log1p, log2, log10, sqrt,
    rsqrt, sin, cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh, erf, logAddExp,
  ]

  package static let neg: Op = .unary(
    "neg", NNK_NEG, dtypes: .promote, "The negative; `-x`.", example: "-tensor([1, 2])"
  ) { call throws(TensorError) in Gradients(try call.context.neg(call.cotangent)) }

  package static let abs: Op = .unary(
    "abs", NNK_ABS, dtypes: .promote, "The absolute value.", example: "abs([-1, 2])",
    saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(sign, call.input(0)) }
  }

  package static let sign: Op = .unary(
    "sign", NNK_SIGN, dtypes: .promote, "-1, 0 or 1 by the sign; NaN stays NaN.",
    example: "sign([-2, 0, 3])")

  package static let square: Op = .unary(
    "square", NNK_SQUARE, dtypes: .promote, "`x * x`.", example: "square([1, 2, 3])",
    saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.mul(call.input(0), 2) }
  }

  package static let reciprocal: Op = .unary(
    "reciprocal", NNK_RECIPROCAL, "`1 / x`.", domain: .positive, saves: .output
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.neg(c.unary(square, call.output)) }
  }

  /// The reciprocal in gradient rules: 0 at 0.
  static let safeReciprocal: Op = Op(
    "safe_reciprocal", [Parameter("x", .tensor)], summary: "`1 / x`, but 0 where `x` is 0.",
    samples: [Sample([2, 3], from: [.positive])], dtypes: .float, shape: SameShape(),
    saves: .output, isInternal: true, tangent: .symmetric, batch: .elementwise,
    forward: .custom { call throws(TensorError) in
      let input = call.operands[0].tensor
      guard let input else {
        let number = call.operands[0].number
        return Operand(number == 0 ? 0 : 1 / number)
      }
      let output = try call.makeOutput()
      let mask = try Tensor(shape: input.shape, dtype: .bool)
      let zero = try Tensor(0, dtype: input.dtype)
      let type = input.dtype.kernelType
      _ = nnk_binary_scalar(NNK_EQUAL, type, input.data, 0, mask.data, input.count)
      _ = nnk_unary(NNK_RECIPROCAL, type, input.data, output.data, input.count)
      _ = nnk_where(
        input.dtype.size, mask.data.assumingMemoryBound(to: UInt8.self), zero.data, 0, output.data,
        1, output.data, input.count)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      try call.times { c throws(TensorError) in try c.neg(c.unary(square, call.output)) }
    })

  package static let exp: Op = .unary("exp", NNK_EXP, "e to the power of x.", saves: .output) {
    call throws(TensorError) in
    try call.times { _ throws(TensorError) in call.output }
  }

  package static let expm1: Op = .unary(
    "expm1", NNK_EXPM1, "`exp(x) - 1`, accurate near 0.", saves: .output
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.add(call.output, 1) }
  }

  package static let log: Op = .unary(
    "log", NNK_LOG, "The natural logarithm.", domain: .positive, saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(reciprocal, call.input(0)) }
  }

  package static let log1p: Op = .unary(
    "log1p", NNK_LOG1P, "`log(1 + x)`, accurate near 0.", domain: .positive, saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.unary(reciprocal, c.add(call.input(0), 1))
    }
  }

  package static let log2: Op = logarithm("log2", "The logarithm to base 2.", 1.442695040888963407)
  package static let log10: Op = logarithm(
    "log10", "The logarithm to base 10.", 0.4342944819032518277)

  /// A logarithm to another base: the natural one times a factor.
  private static func logarithm(_ name: String, _ summary: String, _ factor: Double) -> Op {
    Op(
      name, [Parameter("x", .tensor)], summary: summary, example: "\(name)([1, 100])",
      samples: [Sample([2, 3], from: [.positive])], dtypes: .float, shape: SameShape(),
      forward: .composed { c, operands, _ throws(TensorError) in
        if operands[0].isNumber && !c.isTracked(operands[0]) {
          let number = operands[0].number
          return Operand(name == "log2" ? nnk_log2_f64(number) : nnk_log10_f64(number))
        }
        return try c.mul(c.unary(log, operands[0]), factor)
      })
  }

  package static let sqrt: Op = .unary(
    "sqrt", NNK_SQRT, "The square root; its derivative at 0 is taken as 0.", domain: .positive,
    saves: .output
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.mul(c.apply(safeReciprocal, [call.output]), 0.5)
    }
  }

  package static let rsqrt: Op = .unary(
    "rsqrt", NNK_RSQRT, "`1 / sqrt(x)`.", domain: .positive, saves: .output
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.mul(c.mul(c.unary(square, call.output), call.output), -0.5)
    }
  }

  package static let sin: Op = .unary("sin", NNK_SIN, "The sine.", saves: .operand(0)) {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(cos, call.input(0)) }
  }

  package static let cos: Op = .unary("cos", NNK_COS, "The cosine.", saves: .operand(0)) {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.neg(c.unary(sin, call.input(0))) }
  }

  package static let tan: Op = .unary("tan", NNK_TAN, "The tangent.", domain: .unit, saves: .output)
  {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.add(c.unary(square, call.output), 1) }
  }

  package static let asin: Op = .unary(
    "asin", NNK_ASIN, "The inverse sine.", domain: .unit, saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.unary(rsqrt, c.sub(1, c.unary(square, call.input(0))))
    }
  }

  package static let acos: Op = .unary(
    "acos", NNK_ACOS, "The inverse cosine.", domain: .unit, saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.neg(c.unary(rsqrt, c.sub(1, c.unary(square, call.input(0)))))
    }
  }

  package static let atan: Op = .unary("atan", NNK_ATAN, "The inverse tangent.", saves: .operand(0))
  {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.unary(reciprocal, c.add(c.unary(square, call.input(0)), 1))
    }
  }

  package static let sinh: Op = .unary("sinh", NNK_SINH, "The hyperbolic sine.", saves: .operand(0))
  {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(cosh, call.input(0)) }
  }

  package static let cosh: Op = .unary(
    "cosh", NNK_COSH, "The hyperbolic cosine.", saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in try c.unary(sinh, call.input(0)) }
  }

  package static let asinh: Op = .unary(
    "asinh", NNK_ASINH, "The inverse hyperbolic sine.", saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      try c.unary(rsqrt, c.add(c.unary(square, call.input(0)), 1))
    }
  }

  package static let acosh: Op = .unary(
    "acosh", NNK_ACOSH, "The inverse hyperbolic cosine; NaN below 1.", example: "acosh([1, 2])",
    domain: .above, saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      let x = call.input(0)
      return try c.unary(rsqrt, c.mul(c.add(x, -1), c.add(x, 1)))
    }
  }

  package static let atanh: Op = .unary(
    "atanh", NNK_ATANH, "The inverse hyperbolic tangent; NaN beyond -1 and 1.", domain: .unit,
    saves: .operand(0)
  ) { call throws(TensorError) in
    try call.times { c throws(TensorError) in
      let x = call.input(0)
      return try c.unary(reciprocal, c.mul(c.sub(1, x), c.add(x, 1)))
    }
  }

  package static let logAddExp: Op = .composed(
    "logaddexp", [Parameter("x", .tensor), Parameter("y", .tensor)],
    "`log(exp(x) + exp(y))` without overflow.", example: "logaddexp([0, -1000], 0)",
    samples: [Sample([2, 3], [3]), Sample([], [2, 2]), Sample([0, 3], [3])], shape: BroadcastRule()
  ) { call throws(TensorError) in
    let (c, x, y) = (call.context, call.operands[0], call.operands[1])
    // Equal infinities have no difference.
    let difference = try c.select(c.binary(equal, x, y), Operand(0), c.sub(x, y))
    let larger = try c.binary(maximum, x, y)
    return try c.add(larger, c.unary(softplus, c.neg(c.unary(abs, difference))))
  }

  package static let erf: Op = .unary("erf", NNK_ERF, "The error function.", saves: .operand(0)) {
    call throws(TensorError) in
    try call.times { c throws(TensorError) in
      let bell = try c.unary(exp, c.neg(c.unary(square, call.input(0))))
      return try c.mul(bell, 1.128379167095512574)
    }
  }
}
