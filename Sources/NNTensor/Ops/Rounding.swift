// Rounding, clamping and choosing.
import NNKernels

extension Ops {
  static let rounding: [Op] = [floor, ceil, round, trunc, clip, clamp, `where`]

  package static let floor: Op = .unary(
    "floor", NNK_FLOOR, dtypes: .promote, "The next lower whole number.", example: "floor([1.5])")
  package static let ceil: Op = .unary(
    "ceil", NNK_CEIL, dtypes: .promote, "The next higher whole number.", example: "ceil([1.5])")
  package static let round: Op = .unary(
    "round", NNK_ROUND, dtypes: .promote, "The nearest whole number; halves go to the even one.",
    example: "round([1.5, 2.5])")

  package static let trunc: Op = .unary(
    "trunc", NNK_TRUNC, dtypes: .promote, "The whole part: the next whole number towards 0.",
    example: "trunc([1.5, -1.5])")

  package static let clamp: Op = Op(
    "clamp",
    [
      Parameter("x", .tensor), Parameter("low", .number, Attribute.none),
      Parameter("high", .number, Attribute.none),
    ],
    summary: "The same as `clip`: `x` limited to `low ... high`.", example: "clamp([-2, 7], 0, 1)",
    samples: [
      Sample([2, 3], with: [.number(-1), .none]), Sample([0], with: [.none, .number(0)]),
    ],
    dtypes: .promote, shape: SameShape(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try c.apply(clip, operands, attributes)
    })

  package static let clip: Op = Op(
    "clip",
    [
      Parameter("x", .tensor), Parameter("low", .number, Attribute.none),
      Parameter("high", .number, Attribute.none),
    ],
    summary: "`x` limited to `low ... high`; either may be nil.",
    example: "clip([-2, 0.5, 7], 0, 1)",
    samples: [Sample([2, 3], with: [.number(-1), .number(1)])],
    dtypes: .promote, shape: SameShape(), saves: .operand(0), tangent: .symmetric,
    batch: .elementwise,
    forward: .custom { call throws(TensorError) in
      let (low, high) = bounds(call.attributes)
      let input = call.tensor(0)
      let output = try call.takeOutput(reusing: 0)
      _ = nnk_clamp(input.dtype.kernelType, input.data, low, high, output.data, input.count)
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let (low, high) = bounds(call.attributes)
      let x = call.input(0)
      let isInside = try c.binary(
        logicalAnd, c.binary(greaterEqual, x, Operand(low)), c.binary(lessEqual, x, Operand(high)))
      return Gradients(try c.select(isInside, call.cotangent, Operand(0)))
    })

  private static func bounds(_ attributes: [Attribute]) -> (low: Double, high: Double) {
    func bound(_ index: Int, _ standard: Double) -> Double {
      guard index < attributes.count else { return standard }
      switch attributes[index] {
      case .number(let number): return number
      case .int(let int): return Double(int)
      default: return standard
      }
    }
    return (bound(0, -.infinity), bound(1, .infinity))
  }

  package static let `where`: Op = Op(
    "where", [Parameter("condition", .tensor), Parameter("x", .tensor), Parameter("y", .tensor)],
    summary: "`x` where the condition is true, elsewhere `y`; gradients go only where taken.",
    example: "where(x > 0, x, 0)",
    samples: [
      Sample([2, 3], [2, 3], [2, 3], from: [.bool, .any, .any]),
      Sample([2, 3], [3], [2, 1], from: [.bool, .any, .any]),
    ],
    dtypes: .common(from: 1), shape: BroadcastRule(), saves: .operand(0), takesNumbers: true,
    tangent: .custom { call throws(TensorError) in
      [
        try call.context.select(
          call.operands[0], call.tangents[1] ?? Operand(0), call.tangents[2] ?? Operand(0))
      ]
    }, batch: .elementwise,
    forward: .custom { call throws(TensorError) in try chosen(&call) },
    gradient: { call throws(TensorError) in
      let (c, g) = (call.context, call.cotangent)
      let condition = call.input(0)
      return Gradients(
        nil, call.wants(1) ? try c.select(condition, g, Operand(0)) : nil,
        call.wants(2) ? try c.select(condition, Operand(0), g) : nil)
    })

  private static func chosen(_ call: inout ForwardCall) throws(TensorError) -> Operand {
    let output = try call.makeOutput()
    let size = call.dtype.size
    var sides: [Tensor] = []
    for position in 0..<3 {
      let dtype = position == 0 ? DType.bool : call.dtype
      if let tensor = call.operands[position].tensor {
        sides.append(try tensor.converted(to: dtype))
      } else {
        sides.append(try Tensor(call.operands[position].number, dtype: dtype))
      }
    }
    let (condition, a, b) = (sides[0], sides[1], sides[2])
    let mask = condition.data.assumingMemoryBound(to: UInt8.self)
    let count = output.count
    if count == 0 { return Operand(output) }
    if condition.count == count, [1, count].contains(a.count), [1, count].contains(b.count) {
      _ = nnk_where(
        size, mask, a.data, a.count == 1 ? 0 : 1, b.data, b.count == 1 ? 0 : 1, output.data, count)
      return Operand(output)
    }
    let layout = BroadcastLayout(output.shape, [condition.shape, a.shape, b.shape])
    layout.shape.withElements { shape in
      layout.strides[0].withElements { c in
        layout.strides[1].withElements { s in
          layout.strides[2].withElements { t in
            _ = nnk_where_strided(
              size, Int32(layout.shape.rank), shape, mask, c, a.data, s, b.data, t, output.data)
          }
        }
      }
    }
    return Operand(output)
  }
}
