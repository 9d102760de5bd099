// Changes of type, of shape by broadcasting, and of standing: to, item, stop_gradient, broadcast_to.
import NNKernels

extension Ops {
  static let conversions: [Op] = [to, item, stopGradient, broadcastTo, sumTo]

  package static let to: Op = Op(
    "to", [Parameter("x", .tensor), Parameter("dtype", .dtype)],
    summary: "The same elements in another dtype; floats are truncated, anything but 0 is true.",
    example: "to([1.5, 2.5], \"i32\")",
    samples: [Sample([2, 3], with: [.dtype(.f64)]), Sample([2, 3], with: [.dtype(.i32)])],
    dtypes: .attribute(0, standard: nil), shape: SameShape(), tangent: .linear,
    batch: .elementwise,
    forward: .custom { call throws(TensorError) in
      Operand(try call.tensor(0).converted(to: call.dtype))
    },
    gradient: { call throws(TensorError) in Gradients(call.cotangent) })

  package static let item: Op = Op(
    "item", [Parameter("x", .tensor)], summary: "The number in a tensor of one element.",
    example: "item(tensor([3]))", samples: [Sample([1]), Sample([])], shape: ScalarShape(),
    takesNumbers: true, tangent: .linear, batch: .view,
    forward: .custom { call throws(TensorError) in
      guard let tensor = call.operands[0].tensor else { return call.operands[0].plain }
      guard tensor.count == 1 else {
        throw TensorError(
          "shape", "item: a tensor of one element is needed, not \(tensor.shape)",
          help: "x[i] takes one element, sum(x) or mean(x) makes one",
          notes: [(0, tensor.shape.description)])
      }
      return Operand(tensor.number(at: 0))
    },
    gradient: { call throws(TensorError) in Gradients(call.cotangent) })

  package static let stopGradient: Op = Op(
    "stop_gradient", [Parameter("x", .tensor)],
    summary: "`x` itself, through which no gradient passes.", example: "stop_gradient(x)",
    samples: [Sample([2, 3])], shape: SameShape(), takesNumbers: true, batch: .elementwise,
    forward: .custom { call throws(TensorError) in call.operands[0].plain })

  package static let broadcastTo: Op = Op(
    "broadcast_to",
    [
      Parameter("x", .tensor), Parameter("shape", .shape, takesRest: true),
      Parameter("dtype", .dtype, Attribute.none),
    ],
    summary: "`x` stretched to a shape by the broadcasting rule.",
    example: "broadcast_to([1, 2, 3], [2, 3])",
    samples: [Sample([3], with: [.ints([2, 3])]), Sample([2, 1], with: [.ints([2, 3])])],
    dtypes: .attribute(1, standard: nil), shape: BroadcastToRule(), takesNumbers: true,
    tangent: .linear,
    batch: .custom { call throws(TensorError) in
      let shape = try call.resultShapes()[0]
      let value = try call.reshaped(call.operands[0], call.shape(0).padded(to: shape.rank))
      return [
        try call.context.apply(
          broadcastTo, [value], [.ints(call.withExamples(shape).array), call.attribute(1)])
      ]
    },
    forward: .custom { call throws(TensorError) in
      guard let tensor = call.operands[0].tensor else {
        return Operand(
          try Tensor(filling: call.shape, with: call.operands[0].number, dtype: call.dtype))
      }
      let source = try tensor.converted(to: call.dtype)
      return Operand(try source.stretched(to: call.shape))
    },
    gradient: { call throws(TensorError) in Gradients(call.cotangent) })

  /// The gradient of broadcasting: sums over the axes that were stretched.
  static let sumTo: Op = Op(
    "sum_to", [Parameter("x", .tensor), Parameter("shape", .shape)],
    summary: "`x` summed over the axes that broadcasting stretched.",
    samples: [Sample([2, 3], with: [.ints([3])]), Sample([2, 3], with: [.ints([2, 1])])],
    shape: AttributeShape(position: 0), isInternal: true, tangent: .linear,
    batch: .custom { call throws(TensorError) in
      let shape = try call.resultShapes()[0]
      let wide = try call.withExamples(shape.padded(to: call.shape(0).rank))
      let total = try call.context.apply(sumTo, [call.operands[0]], [.ints(wide.array)])
      return [try call.reshaped(total, shape)]
    },
    forward: .custom { call throws(TensorError) in
      let tensor = call.tensor(0)
      let offset = tensor.shape.rank - call.shape.rank
      let axes = tensor.shape.indices.filter {
        $0 < offset || call.shape[$0 - offset] == 1 && tensor.shape[$0] != 1
      }
      let sum = try tensor.reduced(NNK_SUM, axes: axes, dtype: tensor.dtype)
      return Operand(Tensor(sharing: sum, shape: call.shape))
    },
    gradient: { call throws(TensorError) in
      let shape = call.shape(0)
      return Gradients(
        try call.context.apply(broadcastTo, [call.cotangent], [.ints(shape.array), .none]))
    })
}

/// The argument's shape, if the operand can be stretched to it.
private struct BroadcastToRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let target = try query.sizes(0)
    let own = query.operands[0]
    let fits =
      own.rank <= target.rank
      && own.indices.allSatisfy {
        own[$0].known == 1 || own[$0].mayEqual(target[$0 + target.rank - own.rank])
      }
    guard fits else { throw query.error("shape \(own) does not stretch to \(target)") }
    return target
  }
}

extension Tensor {
  /// The elements repeated along the axes that a shape stretches.
  func stretched(to shape: Shape) throws(TensorError) -> Tensor {
    if shape == self.shape { return self }
    if shape.count == count { return Tensor(sharing: self, shape: shape) }
    let result = try Tensor(shape: shape, dtype: dtype)
    if result.count == 0 { return result }
    let layout = BroadcastLayout(shape, [self.shape])
    let target = layout.shape.strides
    layout.shape.withElements { axes in
      layout.strides[0].withElements { source in
        target.withElements { target in
          _ = nnk_copy_strided(
            dtype.size, Int32(layout.shape.rank), axes, data, source, result.data, target)
        }
      }
    }
    return result
  }

  /// A reduction over some axes (ascending); they stay with size 1.
  func reduced(
    _ op: nnk_reduce_op, axes: [Int], dtype result: DType
  ) throws(TensorError) -> Tensor {
    var current = self
    var remaining = axes[...]
    if axes.isEmpty {
      // A reduction over one element changes the type only.
      return try current.reducedOnce(op, outer: count, axis: 1, inner: 1, shape: shape, result)
    }
    var op = op
    while let last = remaining.popLast() {
      // Neighbouring axes are one axis to the kernel.
      var first = last
      while let previous = remaining.last, previous == first - 1 {
        first = previous
        remaining.removeLast()
      }
      var shape = current.shape
      for axis in first...last { shape[axis] = 1 }
      let source = current.shape
      current = try current.reducedOnce(
        op, outer: source.product(0..<first), axis: source.product(first..<last + 1),
        inner: source.product(last + 1..<source.rank), shape: shape, result)
      // What was counted is then summed.
      if op == NNK_COUNT { op = NNK_SUM }
    }
    return current
  }

  private func reducedOnce(
    _ op: nnk_reduce_op, outer: Int, axis: Int, inner: Int, shape: Shape, _ result: DType
  ) throws(TensorError) -> Tensor {
    let output = try Tensor(shape: shape, dtype: result)
    guard nnk_reduce(op, dtype.kernelType, data, output.data, outer, axis, inner) else {
      throw TensorError("type", "\(dtype.name) tensors have no such reduction")
    }
    return output
  }
}
