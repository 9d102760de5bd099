// Tensors made of sizes and numbers.
import NNKernels

extension Ops {
  static let creation: [Op] = [
    zeros, ones, full, zerosLike, onesLike, fullLike, eye, arange, linspace,
  ]

  private static let shapeParameter = Parameter("shape", .shape, takesRest: true)
  private static let dtypeParameter = Parameter("dtype", .dtype, .dtype(.f32))

  package static let zeros: Op = constant("zeros", 0, "zeros")
  package static let ones: Op = constant("ones", 1, "ones")

  private static func constant(_ name: String, _ value: Double, _ text: String) -> Op {
    Op(
      name, [shapeParameter, dtypeParameter], summary: "A tensor of \(text).",
      example: "\(name)(2, 3)", samples: [Sample(with: [.ints([2, 3]), .dtype(.f32)])],
      dtypes: .attribute(1, standard: .f32), shape: AttributeShape(position: 0),
      forward: .custom { call throws(TensorError) in
        Operand(try Tensor(filling: call.shape, with: value, dtype: call.dtype))
      })
  }

  package static let full: Op = Op(
    "full",
    [
      Parameter("shape", .shape), Parameter("value", .tensor),
      Parameter("dtype", .dtype, Attribute.none),
    ],
    summary: "A tensor filled with one value.", example: "full([2, 3], 7)",
    samples: [Sample([], with: [.ints([2, 3])])], dtypes: .attribute(1, standard: nil),
    shape: AttributeShape(position: 0),
    forward: .composed { c, operands, attributes throws(TensorError) in
      try c.apply(broadcastTo, operands, attributes)
    })

  package static let zerosLike: Op = like("zeros_like", 0, "zeros")
  package static let onesLike: Op = like("ones_like", 1, "ones")

  private static func like(_ name: String, _ value: Double, _ text: String) -> Op {
    Op(
      name, [Parameter("x", .tensor), Parameter("dtype", .dtype, Attribute.none)],
      summary: "A tensor of \(text) in the shape and dtype of another.", example: "\(name)(x)",
      samples: [Sample([2, 3])], dtypes: .attribute(0, standard: nil), shape: SameShape(),
      batch: .elementwise,
      forward: .custom { call throws(TensorError) in
        Operand(try Tensor(filling: call.shape, with: value, dtype: call.dtype))
      })
  }

  package static let fullLike: Op = Op(
    "full_like", [Parameter("x", .tensor), Parameter("value", .tensor)],
    summary: "A tensor of one value in the shape and dtype of another.", example: "full_like(x, 7)",
    samples: [Sample([2, 3], [], from: [.any])], dtypes: .same, shape: SameShape(),
    forward: .composed { c, operands, _ throws(TensorError) in
      let dtype = operands[0].tensor?.dtype ?? .f32
      return try c.apply(
        broadcastTo, [operands[1]], [.ints(c.shape(of: operands[0]).array), .dtype(dtype)])
    })

  package static let eye: Op = Op(
    "eye",
    [Parameter("n", .int), Parameter("m", .int, Attribute.none), dtypeParameter],
    summary: "A matrix with ones on the diagonal and zeros elsewhere.", example: "eye(3)",
    samples: [Sample(with: [.int(3), .int(2), .dtype(.f32)])],
    dtypes: .attribute(2, standard: .f32), shape: EyeRule(),
    forward: .custom { call throws(TensorError) in
      let output = try Tensor(filling: call.shape, with: 0, dtype: call.dtype)
      let columns = call.shape[1]
      for place in 0..<Swift.min(call.shape[0], columns) {
        output.set(1, at: place * columns + place)
      }
      return Operand(output)
    })

  package static let arange: Op = Op(
    "arange",
    [
      Parameter("start", .number), Parameter("stop", .number, Attribute.none),
      Parameter("step", .number, .number(1)), Parameter("dtype", .dtype, Attribute.none),
    ],
    summary: "Numbers from start (or 0) up to but without stop; whole ones are i32.",
    example: "arange(0, 10, 2)",
    samples: [Sample(with: [.number(5)]), Sample(with: [.number(1), .number(2), .number(0.25)])],
    dtypes: .custom { _, attributes throws(TensorError) in
      ArangeRule.dtype(attributes)
    }, shape: ArangeRule(),
    forward: .custom { call throws(TensorError) in
      let (start, _, step) = try ArangeRule.range(call.attributes)
      let output = try call.makeOutput()
      _ = nnk_arange(call.dtype.kernelType, start, step, output.data, output.count)
      return Operand(output)
    })

  package static let linspace: Op = Op(
    "linspace",
    [
      Parameter("start", .number), Parameter("stop", .number), Parameter("n", .int, .int(50)),
      dtypeParameter,
    ],
    summary: "`n` numbers evenly spaced from start to stop, both included.",
    example: "linspace(0, 1, 5)", samples: [Sample(with: [.number(0), .number(1), .int(5)])],
    dtypes: .attribute(3, standard: .f32), shape: CountRule(position: 2),
    forward: .custom { call throws(TensorError) in
      let start = call.attribute(0).number ?? 0
      let stop = call.attribute(1).number ?? 0
      let output = try call.makeOutput()
      let last = Double(output.count - 1)
      for place in 0..<output.count {
        let part = last > 0 ? Double(place) / last : 0
        output.set(part == 1 ? stop : start + (stop - start) * part, at: place)
      }
      return Operand(output)
    })
}

/// A matrix of n rows and m (or n) columns.
private struct EyeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard let rows = query.attribute(0).int, rows >= 0 else {
      throw query.error("n must be a size", showing: [])
    }
    let columns = query.attribute(1).int ?? rows
    guard columns >= 0 else { throw query.error("m must be a size", showing: []) }
    return [D(rows), D(columns)]
  }
}

/// As many elements as an argument says.
struct CountRule: ShapeRule {
  let position: Int

  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    guard let count = query.attribute(position).int, count >= 0 else {
      throw query.error("a count must be a whole number of at least 0", showing: [])
    }
    return [D(count)]
  }
}

/// As many elements as steps fit. Arguments: start, stop, step, dtype.
private struct ArangeRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (start, stop, step) = try ArangeRule.range(query.attributes)
    let count = ((stop - start) / step).rounded(.up)
    guard count < 1e15 || count.isNaN else {
      throw TensorError("argument", "arange: too many elements (\(count))")
    }
    return [D(count > 0 ? Int(count) : 0)]
  }

  static func range(_ attributes: [Attribute]) throws(TensorError) -> (Double, Double, Double) {
    let first = attributes.first?.number ?? 0
    let second = attributes.count > 1 ? attributes[1].number : nil
    let step = attributes.count > 2 ? attributes[2].number ?? 1 : 1
    let (start, stop) = second.map { (first, $0) } ?? (0, first)
    guard step != 0, start.isFinite, stop.isFinite, step.isFinite else {
      throw TensorError("argument", "arange: start and stop must be finite, and the step not 0")
    }
    return (start, stop, step)
  }

  static func dtype(_ attributes: [Attribute]) -> DType {
    if attributes.count > 3, case .dtype(let dtype) = attributes[3] { return dtype }
    let isWhole = attributes.prefix(3).allSatisfy {
      guard let number = $0.number else { return true }
      return number == number.rounded() && Swift.abs(number) <= 2_147_483_647
    }
    return isWhole ? .i32 : .f32
  }
}
