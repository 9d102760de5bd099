// How the tangent of a result follows from those of the operands.

/// A row's way to a forward derivative. All give the same up to rounding; a row names the cheapest that fits it.
package enum Tangent: Sendable {
  /// By the gradient rule, which is linear in the cotangent: the derivative of its product with the tangents, taken in the
  /// cotangent. Right for every row that has a gradient.
  case transposed
  /// By the gradient rule with the tangent, stretched to the result's shape, in place of the cotangent. For rows whose
  /// Jacobian is symmetric, such as elementwise ones and softmax.
  case symmetric
  /// By the op itself, applied to the tangents (zeros where there is none). For rows that are linear in all float operands
  /// together, such as sums and changes of shape.
  case linear
  /// By the op itself with one operand after the other replaced by its tangent. For rows that are linear in each float
  /// operand, such as products.
  case multilinear
  /// By a rule of the row's own: the tangent of each result; nil means zero.
  case custom(@Sendable (TangentCall) throws(TensorError) -> [Operand?])
}

/// What a tangent rule gets. Everything is as the level below sees it, so a rule written with ops differentiates again.
package struct TangentCall {
  package let context: TensorContext
  /// The operands' values.
  package let operands: [Operand]
  /// Their tangents, each in its operand's shape and type; nil means zero.
  package let tangents: [Operand?]
  package let attributes: [Attribute]
  /// The results.
  package let outputs: [Operand]

  /// The argument at a position; `none` behind the end.
  package func attribute(_ index: Int) -> Attribute {
    index < attributes.count ? attributes[index] : .none
  }

  /// The sum of terms, of which nil are zero.
  package func sum(_ terms: Operand?...) throws(TensorError) -> Operand? {
    try context.sum(of: terms)
  }
}

/// One application of an op to values with tangents.
struct TangentStep {
  let context: TensorContext
  let op: Op
  let primals: [Operand]
  let tangents: [Operand?]
  let attributes: [Attribute]

  /// The results and their tangents, nil for zero.
  func run() throws(TensorError) -> ([Operand], [Operand?]) {
    switch op.tangent {
    case .symmetric: return try symmetric()
    case .transposed: return try transposed()
    case .linear, .multilinear, .custom: break
    }
    let outputs = try context.applyMany(op, primals, attributes)
    guard outputs.contains(where: { $0.isFloat }), tangents.contains(where: { $0 != nil }) else {
      return (outputs, outputs.map { _ in nil })
    }
    do throws(TensorError) {
      switch op.tangent {
      case .linear:
        let inputs = try linearInputs()
        return (
          outputs,
          try context.unchecked { () throws(TensorError) in
            try context.applyMany(op, inputs, attributes)
          }
        )
      case .custom(let rule):
        let call = TangentCall(
          context: context, operands: primals, tangents: tangents, attributes: attributes,
          outputs: outputs)
        return (outputs, try context.unchecked { () throws(TensorError) in try rule(call) })
      default: return (outputs, try context.unchecked(multilinear))
      }
    } catch {
      throw error.inDerivative(of: op)
    }
  }

  private func linearInputs() throws(TensorError) -> [Operand] {
    var inputs = primals
    for position in inputs.indices where inputs[position].isFloat {
      if let tangent = tangents[position] {
        inputs[position] = tangent
      } else {
        inputs[position] = try context.zeros(like: inputs[position])
      }
    }
    return inputs
  }

  private func multilinear() throws(TensorError) -> [Operand?] {
    var totals: [Operand?] = []
    for position in primals.indices {
      guard let tangent = tangents[position] else { continue }
      var inputs = primals
      inputs[position] = tangent
      let terms = try context.applyMany(op, inputs, attributes)
      if totals.isEmpty { totals = [Operand?](repeating: nil, count: terms.count) }
      for (place, term) in terms.enumerated() {
        totals[place] = try context.sum(of: [totals[place], term])
      }
    }
    return totals
  }

  /// Records the op on a tape of its own; gives the operands and results as that sees them.
  private func record() throws(TensorError) -> (Tape, [Operand], [Operand]) {
    let tape = context.beginTape()
    defer { context.end(tape) }
    var inputs = primals
    for position in inputs.indices where tangents[position] != nil {
      inputs[position] = try context.watch(inputs[position], on: tape)
    }
    let outputs = try context.applyMany(op, inputs, attributes)
    return (tape, inputs, outputs)
  }

  private func symmetric() throws(TensorError) -> ([Operand], [Operand?]) {
    let (tape, inputs, outputs) = try record()
    let value = tape.lowered(outputs[0])
    guard tape.tracks(outputs[0]) else { return ([value], [nil]) }
    var total: Operand?
    for position in inputs.indices {
      guard let tangent = tangents[position] else { continue }
      do throws(TensorError) {
        let stretched = try context.fitted(tangent, like: value)
        let term = try context.unchecked { () throws(TensorError) in
          try context.operandGradient(
            of: outputs[0], cotangent: stretched, tape: tape, position: position)
        }
        total = try context.sum(of: [total, term])
      } catch {
        throw error.inDerivative(of: op)
      }
    }
    return ([value], [total])
  }

  private func transposed() throws(TensorError) -> ([Operand], [Operand?]) {
    let (tape, inputs, outputs) = try record()
    var results: [Operand?] = []
    for output in outputs {
      guard tape.tracks(output) else {
        results.append(nil)
        continue
      }
      do throws(TensorError) {
        results.append(
          try context.unchecked { () throws(TensorError) in try transposed(output, inputs, tape) })
      } catch {
        throw error.inDerivative(of: op)
      }
    }
    return (outputs.map { tape.lowered($0) }, results)
  }

  /// The gradients for a cotangent u are J^T u; the derivative of t . (J^T u) in u is J t.
  private func transposed(
    _ output: Operand, _ inputs: [Operand], _ tape: Tape
  ) throws(TensorError) -> Operand {
    let outer = context.beginTape()
    defer { context.end(outer) }
    let zero = try context.zeros(like: tape.lowered(output))
    let u = try context.watch(zero, on: outer)
    let tracked = inputs.indices.filter { tangents[$0] != nil }
    let gradients = try context.gradients(
      of: output, seed: u, tape: tape, wrt: tracked.map { inputs[$0] }, keepsEntries: true)
    var total: Operand?
    for (gradient, position) in zip(gradients, tracked) {
      guard let tangent = tangents[position] else { continue }
      var term = try context.mul(gradient, tangent)
      if !term.isNumber { term = try context.apply(Ops.sum, [term]) }
      total = try context.sum(of: [total, term])
    }
    context.end(outer)
    guard let total else { return zero }
    return try context.gradients(of: total, tape: outer, wrt: [u])[0]
  }
}

extension TensorContext {
  /// The sum of terms, of which nil are zero; nil if all are.
  func sum(of terms: [Operand?]) throws(TensorError) -> Operand? {
    var total: Operand?
    for case let term? in terms {
      if let sum = total { total = try add(sum, term) } else { total = term }
    }
    return total
  }
}

extension TensorError {
  /// The error with the name of the op whose tangent was being computed.
  func inDerivative(of op: Op) -> TensorError {
    if kind == "cancelled" || kind == "limit" { return self }
    var error = self
    error.message = "in the derivative of \(op.name): \(message)"
    error.notes = []
    return error
  }
}
