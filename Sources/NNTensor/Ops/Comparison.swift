// Comparisons and logic, which give bools and have no gradient.
import NNKernels

extension Ops {
  static let comparisons: [Op] = [equal, notEqual, less, lessEqual, greater, greaterEqual]
  static let logic: [Op] = [
    logicalAnd, logicalOr, logicalXor, logicalNot, isNaN, isInf, isFinite, allclose,
  ]

  package static let equal: Op = comparison("equal_elements", NNK_EQUAL, "equal; `x == y`")
  package static let notEqual: Op = comparison("not_equal", NNK_NOT_EQUAL, "different; `x != y`")
  package static let less: Op = comparison("less", NNK_LESS, "less; `x < y`")
  package static let lessEqual: Op = comparison(
    "less_equal", NNK_LESS_EQUAL, "less or equal; `x <= y`")
  package static let greater: Op = comparison("greater", NNK_GREATER, "greater; `x > y`")
  package static let greaterEqual: Op = comparison(
    "greater_equal", NNK_GREATER_EQUAL, "greater or equal; `x >= y`")

  private static func comparison(_ name: String, _ kernel: nnk_binary_op, _ text: String) -> Op {
    .binary(name, kernel, dtypes: .compare, "Whether elements are \(text).")
  }

  package static let logicalAnd: Op = .binary(
    "logical_and", NNK_AND, dtypes: .logical, "Whether both are true, elementwise.",
    example: "logical_and(x > 0, x < 1)", domains: [.bool])
  package static let logicalOr: Op = .binary(
    "logical_or", NNK_OR, dtypes: .logical, "Whether one of them is true, elementwise.",
    example: "logical_or(x < 0, x > 1)", domains: [.bool])
  package static let logicalXor: Op = .binary(
    "logical_xor", NNK_XOR, dtypes: .logical, "Whether exactly one is true, elementwise.",
    example: "logical_xor(x > 0, y > 0)", domains: [.bool])
  package static let logicalNot: Op = .unary(
    "logical_not", NNK_NOT, dtypes: .logical, "Whether elements are false.",
    example: "logical_not(x > 0)", domain: .bool)

  package static let isNaN: Op = classification("isnan", 0, "NaN")
  package static let isInf: Op = classification("isinf", 1, "infinite")
  package static let isFinite: Op = classification("isfinite", 2, "neither infinite nor NaN")

  private static func classification(_ name: String, _ kind: Int32, _ text: String) -> Op {
    Op(
      name, [Parameter("x", .tensor)], summary: "Whether elements are \(text).",
      example: "\(name)(x / 0)", samples: [Sample([2, 3])], dtypes: .fixed(.bool),
      shape: SameShape(), batch: .elementwise,
      forward: .custom { call throws(TensorError) in
        let output = try call.makeOutput()
        let input = call.tensor(0)
        if !nnk_classify(kind, input.dtype.kernelType, input.data, output.data, input.count) {
          _ = nnk_fill(NNK_BOOL, kind == 2 ? 1 : 0, output.data, output.count)
        }
        return Operand(output)
      })
  }

  package static let allclose: Op = Op(
    "allclose",
    [
      Parameter("x", .tensor), Parameter("y", .tensor), Parameter("rtol", .number, .number(1e-5)),
      Parameter("atol", .number, .number(1e-8)),
    ],
    summary: "Whether all elements of x and y differ by at most atol + rtol * |y|.",
    example: "allclose(a, b)", samples: [Sample([2, 3], [2, 3])], dtypes: .fixed(.bool),
    shape: PairRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let rtol = attributes.count > 0 ? attributes[0].number ?? 1e-5 : 1e-5
      let atol = attributes.count > 1 ? attributes[1].number ?? 1e-8 : 1e-8
      // Without gradients nothing of this is recorded.
      let a = try c.apply(to, [c.apply(stopGradient, [operands[0]])], [.dtype(.f64)])
      let b = try c.apply(to, [c.apply(stopGradient, [operands[1]])], [.dtype(.f64)])
      let room = try c.add(c.mul(c.unary(abs, b), rtol), atol)
      let isNear = try c.binary(lessEqual, c.unary(abs, c.sub(a, b)), room)
      let isSame = try c.binary(equal, a, b)
      let isFine = try c.binary(logicalAnd, isNear, c.apply(isFinite, [b]))
      return try c.apply(allTrue, [c.binary(logicalOr, isFine, isSame)])
    })
}

/// Two shapes that broadcast, reduced to a scalar.
private struct PairRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    _ = try BroadcastRule()(query)
    return Dims()
  }
}
