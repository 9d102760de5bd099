// Convolutions of many examples at once.

/// What a tensor is to a convolution, and so which of its axes an operand or result has.
enum ConvolutionPart: Sendable {
  /// Images `[batch, height, width, inputs]`.
  case images
  /// Weights `[kh, kw, inputs / groups, outputs]`.
  case weights
  /// What images and weights give: `[batch, height, width, outputs]`.
  case places

  /// Two of the three share one axis of the sum that a convolution is; its places in either. The examples can lie along it.
  static func axes(of part: ConvolutionPart, sharedWith other: ConvolutionPart) -> (Int, Int) {
    switch (part, other) {
    case (.images, .weights): (3, 2)
    case (.weights, .images): (2, 3)
    case (.weights, .places), (.places, .weights): (3, 3)
    default: (0, 0)
    }
  }
}

extension Ops {
  /// The rule of the rows that convolve: one operand that differs between the examples has them along the axis that it shares with
  /// the result, two whose gradient is wanted in the weights have them as groups of channels. Else the loop is faster, as measured:
  /// weights would have to be brought into another order.
  static func convolutionBatch(
    _ call: BatchCall, of parts: (ConvolutionPart, ConvolutionPart), gives result: ConvolutionPart
  ) throws(TensorError) -> [Operand] {
    guard call.size > 0 else { return try call.loop() }
    let hasBias = call.operands.count > 2
    if hasBias, call.isBatched(1) || call.isBatched(2) {
      return try call.composed { c, operands, attributes throws(TensorError) in
        let plain = try c.apply(convolution, Array(operands.prefix(2)), attributes)
        let total = try c.add(plain, operands[2])
        return [call.op === convolutionRelu ? try c.unary(relu, total) : total]
      }
    }
    let shape = try call.resultShapes()[0]
    let window = WindowArguments(call.attribute(0).list ?? [])
    let position = call.isBatched(0) ? 0 : 1
    let axes = ConvolutionPart.axes(of: position == 0 ? parts.0 : parts.1, sharedWith: result)
    if call.isBatched(0) && call.isBatched(1) || axes.0 > 0 && window.groups > 1 {
      guard result == .weights else { return try call.loop() }
      return [try groupedConvolution(call, window, gives: shape)]
    }
    if axes.0 > 0, result != .weights {
      let places = result == .places ? shape : call.shape(0)
      guard places.product(0..<3) >= fewestPlaces else { return try call.loop() }
    }
    var operands = call.operands
    operands[position] = try call.folded(position, axis: axes.0)
    let folded = try call.context.apply(call.op, operands, call.attributes)
    return [try call.unfolded(folded, axis: axes.1, to: shape)]
  }

  /// Where fewer places read each weight, putting the weights of all examples side by side costs more than the loop.
  private static let fewestPlaces = 64

  /// Every example as so many further groups of channels, which are the last axis of all three parts.
  private static func groupedConvolution(
    _ call: BatchCall, _ window: WindowArguments, gives shape: Shape
  ) throws(TensorError) -> Operand {
    var window = window
    window.groups *= call.size
    var attributes = call.attributes
    attributes[0] = .ints(window.list)
    let operands = [try call.folded(0, axis: 3), try call.folded(1, axis: 3)]
    return try call.unfolded(
      call.context.apply(call.op, operands, attributes), axis: 3, to: shape)
  }
}
