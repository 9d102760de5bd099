// Random numbers from the context's counter-based generator.
import NNKernels

extension Ops {
  static let random: [Op] = [rand, randn, randint, bernoulli, permutation]

  private static let dtypeParameter = Parameter("dtype", .dtype, .dtype(.f32))

  /// A row of floats drawn by one kernel.
  private static func floats(
    _ name: String, _ summary: String,
    _ kernel: @escaping @Sendable (nnk_type, UInt64, UInt64, UnsafeMutableRawPointer, Int) -> UInt64
  ) -> Op {
    Op(
      name, [Parameter("shape", .shape, takesRest: true), dtypeParameter], summary: summary,
      example: "\(name)(2, 3)", samples: [Sample(with: [.ints([2, 3]), .dtype(.f32)])],
      dtypes: .attribute(1, standard: .f32), shape: AttributeShape(position: 0), isRandom: true,
      batch: .custom(drawnBatch),
      forward: .custom { call throws(TensorError) in
        guard call.dtype.isFloat else {
          throw TensorError(
            "type", "\(name) makes f32 or f64, not \(call.dtype.name)",
            help: "randint(low, high, shape) makes integers")
        }
        return try call.draw { kernel(call.dtype.kernelType, $0, $1, $2, $3) }
      })
  }

  /// A batch of draws is one draw of more elements: every example gets its own.
  @Sendable private static func drawnBatch(_ call: BatchCall) throws(TensorError) -> [Operand] {
    let parameters = call.op.parameters
    guard let place = parameters.firstIndex(where: { $0.kind == .shape }) else {
      return try call.loop()
    }
    let shape = try call.withExamples(call.resultShapes()[0])
    var attributes = parameters.indices.map {
      $0 < call.attributes.count ? call.attributes[$0] : parameters[$0].standard ?? .none
    }
    attributes[place] = .ints(shape.array)
    return [try call.context.apply(call.op, [], attributes)]
  }

  package static let rand: Op = floats(
    "rand", "Uniform random numbers, at least 0 and less than 1."
  ) { nnk_random_uniform($0, $1, $2, $3, $4) }

  package static let randn: Op = floats(
    "randn", "Random numbers of the standard normal distribution."
  ) {
    nnk_random_normal($0, $1, $2, $3, $4)
  }

  package static let randint: Op = Op(
    "randint",
    [
      Parameter("low", .int), Parameter("high", .int), Parameter("shape", .shape, .ints([])),
      Parameter("dtype", .dtype, .dtype(.i32)),
    ],
    summary: "Random whole numbers, at least low and less than high.",
    example: "randint(0, 10, [5])", samples: [Sample(with: [.int(0), .int(9), .ints([4])])],
    dtypes: .attribute(3, standard: .i32), shape: AttributeShape(position: 2), isRandom: true,
    batch: .custom(drawnBatch),
    forward: .custom { call throws(TensorError) in
      let low = call.attribute(0).int ?? 0
      let high = call.attribute(1).int ?? 0
      guard low < high else {
        throw TensorError("argument", "randint: low \(low) must be less than high \(high)")
      }
      let dtype: DType = call.dtype == .i64 ? .i64 : .i32
      guard dtype.holds(Double(low)), dtype.holds(Double(high - 1)) else {
        throw TensorError(
          "argument", "randint: \(low) to \(high) does not fit in \(dtype.name)",
          help: "dtype: \"i64\" makes room")
      }
      let drawn = try call.draw(dtype: dtype) {
        nnk_random_integers(dtype.kernelType, $0, $1, Int64(low), Int64(high), $2, $3)
      }
      guard dtype != call.dtype, let tensor = drawn.tensor else { return drawn }
      return Operand(try tensor.converted(to: call.dtype))
    })

  package static let bernoulli: Op = Op(
    "bernoulli",
    [Parameter("p", .number), Parameter("shape", .shape, .ints([])), dtypeParameter],
    summary: "1 with probability p, otherwise 0.", example: "bernoulli(0.5, [5])",
    samples: [Sample(with: [.number(0.5), .ints([4]), .dtype(.f32)])],
    dtypes: .attribute(2, standard: .f32), shape: AttributeShape(position: 1), isRandom: true,
    batch: .custom(drawnBatch),
    forward: .custom { call throws(TensorError) in
      let p = call.attribute(0).number ?? 0
      guard p >= 0, p <= 1 else {
        throw TensorError("argument", "bernoulli: a probability is from 0 to 1, not \(p)")
      }
      return try call.draw { nnk_random_bernoulli(call.dtype.kernelType, $0, $1, p, $2, $3) }
    })

  package static let permutation: Op = Op(
    "permutation", [Parameter("n", .int)],
    summary: "The whole numbers from 0 to n - 1 in random order, as i32.",
    example: "permutation(5)", samples: [Sample(with: [.int(5)])], dtypes: .fixed(.i32),
    shape: CountRule(position: 0), isRandom: true,
    forward: .custom { call throws(TensorError) in
      try call.draw { seed, counter, data, count in
        nnk_random_permutation(seed, counter, data.assumingMemoryBound(to: Int32.self), count)
      }
    })
}

extension ForwardCall {
  /// A fresh tensor filled by a kernel from the generator's stream, which moves on.
  fileprivate func draw(
    dtype: DType? = nil, _ kernel: (UInt64, UInt64, UnsafeMutableRawPointer, Int) -> UInt64
  ) throws(TensorError) -> Operand {
    let output = try Tensor(shape: shape, dtype: dtype ?? self.dtype)
    let state = context.random
    context.random.counter &+= kernel(state.seed, state.counter, output.data, output.count)
    return Operand(output)
  }
}
