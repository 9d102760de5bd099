// What `debug_nans` looks for: the first op that makes a NaN or an infinite value, and the operands it made it of.

/// A NaN or infinite element that has no business where it is.
struct Flaw {
  let value: Double
  /// The element's position in row-major order.
  let place: Int
  let shape: Shape

  /// The first NaN of a value, or else its first infinite element; nil if there is none that counts.
  init?(in operand: Operand, allowsInfinite: Bool) {
    guard let tensor = operand.tensor else {
      guard operand.number.isNaN || operand.number.isInfinite && !allowsInfinite else { return nil }
      (value, place, shape) = (operand.number, 0, Shape())
      return
    }
    guard
      let place = tensor.first(where: { $0.isNaN })
        ?? (allowsInfinite ? nil : tensor.first(where: { $0.isInfinite }))
    else { return nil }
    (value, self.place, shape) = (tensor.number(at: place), place, tensor.shape)
  }

  /// As messages say it: "a NaN at [0, 2]".
  var text: String {
    let name = value.isNaN ? "a NaN" : value < 0 ? "-inf" : "inf"
    if shape.rank == 0 { return name }
    let strides = shape.strides
    let index = shape.indices.map { place / strides[$0] % shape[$0] }
    return "\(name) at \(index)"
  }
}

extension Tensor {
  /// The place of the first float element for which a condition holds.
  fileprivate func first(where isWanted: (Double) -> Bool) -> Int? {
    dtype.isFloat ? (0..<count).first { isWanted(number(at: $0)) } : nil
  }
}

extension Operand {
  /// Whether an element is infinite.
  fileprivate var hasInfinite: Bool {
    tensor.map { $0.first { $0.isInfinite } != nil } ?? number.isInfinite
  }
}

extension TensorContext {
  /// Runs something without looking for NaN in every op of it.
  func unchecked<Result>(
    _ body: () throws(TensorError) -> Result
  ) throws(TensorError) -> Result {
    let wasOn = debugNaNs
    debugNaNs = false
    defer { debugNaNs = wasOn }
    return try body()
  }

  /// Runs an op on plain values and refuses results with a NaN, or infinite ones made of finite operands.
  func debugged(
    _ op: Op, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> [Operand] {
    let results = try unchecked { () throws(TensorError) in try run(op, operands, attributes) }
    observer?(op, operands, results)
    try refuseFlaws(in: results, of: op, from: operands, attributes)
    return results
  }

  private func refuseFlaws(
    in results: [Operand], of op: Op, from operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) {
    guard refusesFlaws else { return }
    let allowsInfinite =
      operands.contains { $0.hasInfinite }
      || attributes.contains { $0.number?.isInfinite ?? false }
    for result in results {
      guard let flaw = Flaw(in: result, allowsInfinite: allowsInfinite) else { continue }
      let names = op.operandNames(count: operands.count)
      var causes: [String] = []
      for (name, operand) in zip(names, operands) {
        if op.isElementwise {
          causes.append("\(name) = \(numberText(operand.element(under: flaw)))")
        } else if Flaw(in: operand, allowsInfinite: false) != nil {
          causes.append("\(name) has one already")
        }
      }
      let cause = causes.isEmpty ? "" : " (\(causes.joined(separator: ", ")))"
      throw TensorError(
        "error", "debug_nans: \(op.name) made \(flaw.text)\(cause)",
        notes: operands.enumerated().map { ($0.offset, $0.element.range) })
    }
  }

  /// Refuses a derivative with a NaN, or an infinite one of a finite derivative that went in.
  func refuseFlaws(
    in derivative: Operand, of what: String, from arrived: [Operand?], at position: UInt32? = nil
  ) throws(TensorError) {
    guard refusesFlaws else { return }
    let allowsInfinite = arrived.contains { $0?.hasInfinite ?? false }
    guard let flaw = Flaw(in: derivative, allowsInfinite: allowsInfinite) else { return }
    var error = TensorError("error", "debug_nans: \(what) has \(flaw.text)")
    error.position = position
    throw error
  }
}

extension Op {
  /// The names of its operands.
  fileprivate func operandNames(count: Int) -> [String] {
    let names = parameters.filter { $0.isOperand }.map(\.name)
    return (0..<count).map { $0 < names.count ? names[$0] : "operand \($0)" }
  }
}

extension Operand {
  /// The element that broadcasting lines up with an element of the result.
  fileprivate func element(under flaw: Flaw) -> Double {
    guard let tensor else { return number }
    let strides = BroadcastLayout.strides(of: tensor.shape, in: flaw.shape)
    let dense = flaw.shape.strides
    let place = flaw.shape.indices.reduce(0) { place, axis in
      place + flaw.place / dense[axis] % flaw.shape[axis] * strides[axis]
    }
    return place < tensor.count ? tensor.number(at: place) : .nan
  }

  /// What the value looks like: its type, shape and range.
  fileprivate var range: String {
    guard let tensor else { return numberText(number) }
    let type = "\(tensor.dtype.name)\(tensor.shape)"
    guard tensor.count > 0, tensor.dtype != .bool else { return type }
    var (low, high) = (Double.infinity, -Double.infinity)
    var hasNaN = false
    for place in 0..<tensor.count {
      let element = tensor.number(at: place)
      if element.isNaN {
        hasNaN = true
      } else {
        (low, high) = (min(low, element), max(high, element))
      }
    }
    if low > high { return "\(type), all NaN" }
    return
      "\(type) from \(numberText(low)) to \(numberText(high))\(hasNaN ? ", with NaN" : "")"
  }
}
