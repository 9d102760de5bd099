// Matrix products and the layer made of them.
import NNKernels

extension Ops {
  static let matrixProducts: [Op] = [
    matmul, matmulFlagged, dense, linear, dot, outer,
  ]

  package static let matmul: Op = Op(
    "matmul", [Parameter("x", .tensor), Parameter("y", .tensor)],
    summary: "The matrix product; `x @ y`. Leading axes are a batch, vectors act as in NumPy.",
    example: "x @ w",
    samples: [
      Sample([2, 3], [3, 4]), Sample([3], [3]), Sample([2, 3], [3]), Sample([3], [3, 2]),
      Sample([2, 2, 3], [3, 4]), Sample([2, 2, 3], [2, 3, 2]), Sample([2, 1, 2, 3], [1, 2, 3, 2]),
    ],
    dtypes: .product,
    shape: MatmulRule(), saves: .crosswise, tangent: .multilinear,
    batch: .custom { call throws(TensorError) in try productBatch(call) },
    forward: .custom { call throws(TensorError) in
      Operand(try product(&call, isLeftTransposed: false, isRightTransposed: false))
    },
    gradient: { call throws(TensorError) in try matmulRule(call) })

  /// The product with either operand's last two axes exchanged. Arguments: left, right.
  static let matmulFlagged: Op = Op(
    "matmul_flagged",
    [
      Parameter("x", .tensor), Parameter("y", .tensor), Parameter("left", .bool),
      Parameter("right", .bool),
    ],
    summary: "The matrix product of operands that are transposed or not.",
    samples: [
      Sample([3, 2], [3, 4], with: [.bool(true), .bool(false)]),
      Sample([2, 3], [4, 3], with: [.bool(false), .bool(true)]),
      Sample([2, 3, 2], [2, 4, 3], with: [.bool(true), .bool(true)]),
    ],
    dtypes: .product,
    shape: MatmulRule(), saves: .crosswise, isInternal: true, tangent: .multilinear,
    batch: .custom { call throws(TensorError) in try productBatch(call) },
    forward: .custom { call throws(TensorError) in
      Operand(
        try product(
          &call, isLeftTransposed: call.attribute(0).isTrue,
          isRightTransposed: call.attribute(1).isTrue))
    },
    gradient: { call throws(TensorError) in
      let (c, g) = (call.context, call.cotangent)
      let left = call.attribute(0).isTrue
      let right = call.attribute(1).isTrue
      // With A = x or x^T and B = y or y^T: dA = g B^T and dB = A^T g, transposed back where a flag is set.
      var first: Operand?
      if call.wants(0) {
        let y = call.input(1)
        first =
          left ? try c.matmul(y, g, right, true) : try c.matmul(g, y, false, !right)
      }
      var second: Operand?
      if call.wants(1) {
        let x = call.input(0)
        second =
          right ? try c.matmul(g, x, true, left) : try c.matmul(x, g, !left, false)
      }
      return Gradients(first, second)
    })

  /// A layer in one kernel: product and bias.
  static let dense = layer(
    "dense", summary: "`x @ weight + bias` in one kernel.", saves: .operands,
    samples: [Sample([4, 3], [3, 2], [2]), Sample([2, 2, 3], [3, 2], [2])])

  /// A layer with an activation ("relu", "tanh" or "sigmoid"), whose gradient reads the result.
  static let denseActivated = layer(
    "dense_activated", summary: "`activation(x @ weight + bias)` in one kernel.",
    saves: [.operands, .output],
    samples: [
      Sample([4, 3], [3, 2], [2], with: [.string("tanh")]),
      Sample([2, 2, 3], [3, 2], [2], with: [.string("sigmoid")]),
    ])

  /// The row for a layer with this activation, `none` or an empty name for no activation.
  static func dense(with activation: Attribute) -> Op {
    activation == .none || activation == .string("") ? dense : denseActivated
  }

  private static func layer(
    _ name: String, summary: String, saves: Saved, samples: [Sample]
  ) -> Op {
    Op(
      name,
      [
        Parameter("x", .tensor), Parameter("weight", .tensor), Parameter("bias", .tensor),
        Parameter("activation", .string, Attribute.none),
      ],
      summary: summary, samples: samples, dtypes: .product, shape: DenseRule(), saves: saves,
      isInternal: true,
      tangent: .custom { call throws(TensorError) in try denseTangent(call) },
      batch: .custom { call throws(TensorError) in try denseBatch(call) },
      forward: .custom { call throws(TensorError) in
        let x = try call.tensor(0).converted(to: call.dtype)
        let weight = try call.tensor(1).converted(to: call.dtype)
        let bias = try call.tensor(2).converted(to: call.dtype)
        let output = try call.makeOutput()
        MatrixProduct.runLayer(x, weight, bias, call.attribute(0), output)
        return Operand(output)
      },
      gradient: { call throws(TensorError) in
        let c = call.context
        let activation = call.attribute(0)
        let g =
          dense(with: activation) === dense
          ? call.cotangent : try slope(c, call.cotangent, call.output, activation)
        return Gradients(
          call.wants(0) ? try c.matmul(g, call.input(1), false, true) : nil,
          call.wants(1) ? try flatProduct(c, call.input(0), g) : nil,
          call.wants(2) ? try c.sum(g, to: call.shape(2)) : nil)
      })
  }

  /// A derivative in the result taken back (or forward) through the activation.
  private static func slope(
    _ c: TensorContext, _ derivative: Operand, _ output: Operand, _ activation: Attribute
  ) throws(TensorError) -> Operand {
    switch activation {
    case .string("relu"): try c.binary(reluGrad, derivative, output)
    case .string("tanh"): try c.binary(tanhGrad, derivative, output)
    case .string("sigmoid"): try c.binary(sigmoidGrad, derivative, output)
    default: derivative
    }
  }

  private static func denseTangent(_ call: TangentCall) throws(TensorError) -> [Operand?] {
    let c = call.context
    var terms: [Operand?] = []
    if let x = call.tangents[0] { terms.append(try c.binary(matmul, x, call.operands[1])) }
    if let weight = call.tangents[1] {
      terms.append(try c.binary(matmul, call.operands[0], weight))
    }
    terms.append(call.tangents[2])
    guard let total = try c.sum(of: terms) else { return [nil] }
    return [try slope(c, total, call.outputs[0], call.attribute(0))]
  }

  package static let linear: Op = Op(
    "linear",
    [
      Parameter("x", .tensor), Parameter("weight", .tensor),
      Parameter("bias", .tensor, Attribute.none),
      Parameter("activation", .string, Attribute.none),
    ],
    summary:
      "`activation(x @ weight + bias)`: weight is [inputs, outputs], activation the name of an op.",
    example: "linear(x, weight, bias, activation: \"relu\")",
    samples: [
      Sample([4, 3], [3, 2], [2], with: [.string("relu")]), Sample([4, 3], [3, 2]),
      Sample([4, 3], [3, 2], [2], with: [.string("gelu")]),
    ], dtypes: .product,
    shape: DenseRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      var name = ""
      if case .string(let text)? = attributes.first { name = text }
      let isFused =
        switch name {
        case "", "relu", "tanh", "sigmoid": true
        default: false
        }
      guard isFused || named(name)?.kernelArity == 1 else {
        throw TensorError(
          "argument", "linear: there is no activation \"\(name)\"",
          help:
            "activations are relu, tanh, sigmoid, gelu, silu, softplus and other ops of one operand"
        )
      }
      if operands.count > 2, isFused {
        if let layer = try c.denseLayer(operands, attributes) { return layer }
        if isLayer(c, operands) {
          return try c.apply(dense(with: .string(name)), operands, [.string(name)])
        }
      }
      var value = try c.binary(matmul, operands[0], operands[1])
      if operands.count > 2 { value = try c.add(value, operands[2]) }
      if let activation = named(name) { value = try c.unary(activation, value) }
      return value
    })

  /// Whether rows, a matrix and a vector of its width are given, as the fused kernel takes them.
  private static func isLayer(_ c: TensorContext, _ operands: [Operand]) -> Bool {
    let weight = c.shape(of: operands[1])
    let bias = c.shape(of: operands[2])
    return weight.rank == 2 && bias.rank == 1 && bias[0] == weight[1]
      && c.shape(of: operands[0]).rank >= 2
  }

  package static let dot: Op = Op(
    "dot", [Parameter("x", .tensor), Parameter("y", .tensor)],
    summary: "The sum of the products of two vectors; of matrices their product.",
    example: "dot([1, 2], [3, 4])", samples: [Sample([3], [3])], dtypes: .promote,
    shape: MatmulRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      try c.binary(matmul, operands[0], operands[1])
    })

  package static let outer: Op = Op(
    "outer", [Parameter("x", .tensor), Parameter("y", .tensor)],
    summary: "All products of an element of `x` with one of `y`, as a matrix.",
    example: "outer([1, 2], [3, 4])", samples: [Sample([3], [2])], dtypes: .promote,
    shape: OuterRule(),
    forward: .composed { c, operands, _ throws(TensorError) in
      let column = try c.apply(reshape, [operands[0]], [.ints([-1, 1])])
      let row = try c.apply(reshape, [operands[1]], [.ints([1, -1])])
      return try c.mul(column, row)
    })

  private static func product(
    _ call: inout ForwardCall, isLeftTransposed: Bool, isRightTransposed: Bool
  ) throws(TensorError) -> Tensor {
    guard call.operands.allSatisfy({ !$0.isNumber }) else {
      throw TensorError("type", "@ needs two tensors", help: "x * y multiplies by a number")
    }
    let a = try call.tensor(0).converted(to: call.dtype)
    let b = try call.tensor(1).converted(to: call.dtype)
    let output = try call.makeOutput()
    MatrixProduct(a, isLeftTransposed, b, isRightTransposed, output).run()
    return output
  }

  /// The gradient of the plain product: vectors become matrices of one row or column first.
  private static func matmulRule(_ call: GradientCall) throws(TensorError) -> Gradients {
    let c = call.context
    let (first, second) = (call.shape(0), call.shape(1))
    var g = call.cotangent
    if first.rank == 1 || second.rank == 1 {
      var shape = c.shape(of: g)
      if first.rank == 1 { shape.insert(1, at: second.rank == 1 ? shape.rank : shape.rank - 1) }
      if second.rank == 1 { shape.append(1) }
      g = try c.reshaped(g, shape)
    }
    func matrix(_ position: Int, _ shape: Shape, isRow: Bool) throws(TensorError) -> Operand {
      let value = call.input(position)
      guard shape.rank == 1 else { return value }
      return try c.reshaped(value, isRow ? [1, shape[0]] : [shape[0], 1])
    }
    var left: Operand?
    if call.wants(0) {
      let y = try matrix(1, second, isRow: false)
      left = try c.matmul(g, y, false, true)
      if first.rank == 1 {
        left = try c.sum(left!, to: [1, first[0]])
        left = try c.reshaped(left!, first)
      }
    }
    var right: Operand?
    if call.wants(1) {
      let x = try matrix(0, first, isRow: true)
      if second.rank == 2, first.rank > 2 {
        right = try flatProduct(c, x, g)
      } else {
        right = try c.matmul(x, g, true, false)
        if second.rank == 1 {
          right = try c.sum(right!, to: [second[0], 1])
          right = try c.reshaped(right!, second)
        }
      }
    }
    return Gradients(left, right)
  }

  /// x^T g with all leading axes of both taken as rows of one matrix.
  private static func flatProduct(
    _ c: TensorContext, _ x: Operand, _ g: Operand
  ) throws(TensorError) -> Operand {
    let rows = try c.rowsOnly(x)
    return try c.matmul(rows, c.rowsOnly(g), true, false)
  }
}

extension TensorContext {
  /// The product of operands that are transposed or not.
  func matmul(
    _ a: Operand, _ b: Operand, _ isLeftTransposed: Bool, _ isRightTransposed: Bool
  ) throws(TensorError) -> Operand {
    if let product = try matrixProduct(a, b, isLeftTransposed, isRightTransposed) {
      return product
    }
    return try apply(
      Ops.matmulFlagged, [a, b], [.bool(isLeftTransposed), .bool(isRightTransposed)])
  }

  /// All axes but the last as one.
  fileprivate func rowsOnly(_ value: Operand) throws(TensorError) -> Operand {
    let shape = self.shape(of: value)
    if shape.rank == 2 { return value }
    return try reshaped(
      value, [shape.product(0..<shape.rank - 1), shape[shape.rank - 1]])
  }
}

/// A batch of matrix products and how it becomes calls of the kernel.
struct MatrixProduct {
  private let a: Tensor
  private let b: Tensor
  private let isLeftTransposed: Bool
  private let isRightTransposed: Bool
  private let output: Tensor

  init(
    _ a: Tensor, _ isLeftTransposed: Bool, _ b: Tensor, _ isRightTransposed: Bool, _ output: Tensor
  ) {
    // A transpose that nobody has read yet is its source with the flag turned round.
    self.a = a.transposed ?? a
    self.b = b.transposed ?? b
    self.isLeftTransposed = isLeftTransposed != (a.transposed != nil)
    self.isRightTransposed = isRightTransposed != (b.transposed != nil)
    self.output = output
  }

  /// The kernel's description of one product.
  static func gemm(
    rows: Int, columns: Int, depth: Int, _ a: Tensor, _ isLeftTransposed: Bool, _ b: Tensor,
    _ isRightTransposed: Bool, _ output: Tensor
  ) -> nnk_gemm {
    nnk_gemm(
      rows: rows, columns: columns, depth: depth, a: UnsafeRawPointer(a.data),
      a_row: isLeftTransposed ? 1 : depth, a_column: isLeftTransposed ? rows : 1,
      b: UnsafeRawPointer(b.data), b_row: isRightTransposed ? 1 : columns,
      b_column: isRightTransposed ? depth : 1, c: output.data, c_row: columns, batch: 1, a_batch: 0,
      b_batch: 0, c_batch: 0, bias: nil, accumulate: false,
      activation: Int32(NNK_NO_ACTIVATION))
  }

  /// Runs the kernel of a type.
  static func run(_ gemm: nnk_gemm, _ dtype: DType) {
    var gemm = gemm
    if gemm.rows == 0 || gemm.columns == 0 || gemm.batch == 0 { return }
    switch dtype {
    case .f32: nnk_gemm_f32(&gemm)
    case .f64: nnk_gemm_f64(&gemm)
    case .i32: nnk_gemm_i32(&gemm)
    default: nnk_gemm_i64(&gemm)
    }
  }

  /// `activation(x @ weight + bias)` of tensors of one type that fit, in one kernel.
  static func runLayer(
    _ x: Tensor, _ weight: Tensor, _ bias: Tensor, _ activation: Attribute, _ output: Tensor
  ) {
    let rows = output.count / Swift.max(weight.shape[1], 1)
    var gemm = MatrixProduct.gemm(
      rows: rows, columns: weight.shape[1], depth: weight.shape[0], x, false, weight, false, output)
    gemm.bias = UnsafeRawPointer(bias.data)
    switch activation {
    case .string("relu"): gemm.activation = Int32(NNK_RELU.rawValue)
    case .string("tanh"): gemm.activation = Int32(NNK_TANH.rawValue)
    case .string("sigmoid"): gemm.activation = Int32(NNK_SIGMOID.rawValue)
    default: gemm.activation = Int32(NNK_NO_ACTIVATION)
    }
    MatrixProduct.run(gemm, output.dtype)
  }

  func run() {
    if a.shape.rank == 2, b.shape.rank == 2 {
      let depth = a.shape[isLeftTransposed ? 0 : 1]
      let gemm = MatrixProduct.gemm(
        rows: output.shape[0], columns: output.shape[1], depth: depth, a, isLeftTransposed, b,
        isRightTransposed, output)
      return MatrixProduct.run(gemm, output.dtype)
    }
    let depth =
      a.shape.rank == 1
      ? a.shape[0] : a.shape[a.shape.rank - (isLeftTransposed ? 2 : 1)]
    let rows = a.shape.rank == 1 ? 1 : a.shape[a.shape.rank - (isLeftTransposed ? 1 : 2)]
    let columns = b.shape.rank == 1 ? 1 : b.shape[b.shape.rank - (isRightTransposed ? 2 : 1)]
    let leadingA = a.shape.prefix(Swift.max(a.shape.rank - 2, 0))
    let leadingB = b.shape.prefix(Swift.max(b.shape.rank - 2, 0))
    guard output.count > 0, let batch = Broadcasting.shape(leadingA, leadingB) else { return }
    if leadingB.count == 1, !isLeftTransposed {
      // One matrix for the whole batch: the batch is just more rows.
      let all = MatrixProduct.gemm(
        rows: rows * batch.count, columns: columns, depth: depth, a, false, b, isRightTransposed,
        output)
      return MatrixProduct.run(all, output.dtype)
    }
    let layout = BroadcastLayout(batch, [leadingA, leadingB])
    var gemm = MatrixProduct.gemm(
      rows: rows, columns: columns, depth: depth, a, isLeftTransposed, b, isRightTransposed, output)
    let inner = layout.shape.rank - 1
    gemm.batch = inner < 0 ? 1 : layout.shape[inner]
    gemm.a_batch = inner < 0 ? 0 : layout.strides[0][inner] * rows * depth
    gemm.b_batch = inner < 0 ? 0 : layout.strides[1][inner] * depth * columns
    gemm.c_batch = rows * columns
    runOuter(gemm, layout, axis: 0, a: 0, b: 0, c: 0, item: (rows * depth, depth * columns))
  }

  /// Runs the kernel for each place of the outer batch axes; gives the place after the last written product.
  @discardableResult
  private func runOuter(
    _ gemm: nnk_gemm, _ layout: BroadcastLayout, axis: Int, a: Int, b: Int, c: Int,
    item: (a: Int, b: Int)
  ) -> Int {
    guard axis < layout.shape.rank - 1 else {
      var gemm = gemm
      let size = output.dtype.size
      gemm.a = UnsafeRawPointer(self.a.data + a * size)
      gemm.b = UnsafeRawPointer(self.b.data + b * size)
      gemm.c = output.data + c * size
      MatrixProduct.run(gemm, output.dtype)
      return c + gemm.batch * gemm.c_batch
    }
    var place = c
    for index in 0..<layout.shape[axis] {
      place = runOuter(
        gemm, layout, axis: axis + 1, a: a + index * layout.strides[0][axis] * item.a,
        b: b + index * layout.strides[1][axis] * item.b, c: place, item: item)
    }
    return place
  }
}

/// NumPy's shapes of a product, with the broadcasting rule in the leading axes. Arguments: whether either is transposed.
struct MatmulRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (a, b) = (query.operands[0], query.operands[1])
    guard a.rank > 0, b.rank > 0 else {
      throw TensorError(
        "shape", "@ needs tensors with axes, not scalars", help: "x * y multiplies by a number",
        notes: query.notes(0, 1))
    }
    let left = query.attribute(0).isTrue
    let right = query.attribute(1).isTrue
    let depthA = a.rank == 1 ? a[0] : a[a.rank - (left ? 2 : 1)]
    let depthB = b.rank == 1 ? b[0] : b[b.rank - (right ? 1 : 2)]
    guard depthA.mayEqual(depthB) else { throw misfit(query, a, b) }
    let leadingA = a.prefix(Swift.max(a.rank - 2, 0))
    let leadingB = b.prefix(Swift.max(b.rank - 2, 0))
    guard var result = Broadcasting.shape(leadingA, leadingB) else {
      throw Broadcasting.error("@ (leading axes)", leadingA, leadingB)
    }
    if a.rank > 1 { result.append(a[a.rank - (left ? 1 : 2)]) }
    if b.rank > 1 { result.append(b[b.rank - (right ? 2 : 1)]) }
    return result
  }

  /// Whether two sizes are known to be the same.
  private func isKnown<D: Dimension>(_ a: D, _ b: D) -> Bool {
    a.known != nil && a.known == b.known
  }

  private func misfit<D: Dimension>(
    _ query: ShapeQuery<D>, _ a: Dims<D>, _ b: Dims<D>
  ) -> TensorError {
    let depth = a[a.rank - 1]
    let needed = b.rank == 1 ? b[0] : b[b.rank - 2]
    var help: String?
    if b.rank >= 2, isKnown(depth, b[b.rank - 1]) {
      help = "y.T has shape \(swapped(b)): x @ y.T fits"
    } else if a.rank >= 2, isKnown(a[a.rank - 2], needed) {
      help = "x.T has shape \(swapped(a)): x.T @ y fits"
    } else if a.rank > 2, isKnown(a.product(1..<a.rank), needed) {
      help = "flatten(x) has shape [\(a[0]), \(a.product(1..<a.rank))] and fits"
    }
    return TensorError(
      "shape",
      "\(a) @ \(b): the last axis of the left side is \(depth), the right side needs \(needed)",
      help: help, notes: query.notes(0, 1))
  }

  private func swapped<D: Dimension>(_ shape: Dims<D>) -> Dims<D> {
    var result = shape
    result[shape.rank - 1] = shape[shape.rank - 2]
    result[shape.rank - 2] = shape[shape.rank - 1]
    return result
  }
}

/// A layer: x @ weight, then a bias that fits. Operands: x, weight, perhaps bias.
struct DenseRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let product = try MatmulRule()(
      ShapeQuery(name: query.name, operands: Array(query.operands.prefix(2))))
    guard query.operands.count > 2 else { return product }
    let bias = query.operands[2]
    guard let shape = Broadcasting.shape(product, bias), shape.rank == product.rank else {
      throw Broadcasting.error(query.name, product, bias, operands: (1, 2))
    }
    return shape
  }
}

/// The sizes of two vectors.
private struct OuterRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (a, b) = (query.operands[0], query.operands[1])
    return [a.product(a.indices), b.product(b.indices)]
  }
}
