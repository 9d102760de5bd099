// `sum`, `min`, `max`, `any` and `all`: tensor ops that also take lists, ranges and other collections of plain values.
import NNTensor

extension Builtins {
  /// The reductions that go beyond their tensor ops; they replace the ops' own natives as functions.
  static let reductions: [NativeFunction] = [
    reduction("sum", "The sum of the values; of a tensor, over the axes given or all.") {
      try $0.sum()
    },
    reduction("max", "The largest value of a collection or of two numbers.", hasKey: true) {
      try $0.extreme(sign: 1, pair: "maximum")
    },
    reduction("min", "The smallest value of a collection or of two numbers.", hasKey: true) {
      try $0.extreme(sign: -1, pair: "minimum")
    },
    reduction("any", "Whether one of the values is true.") { try $0.quantifier(until: true) },
    reduction("all", "Whether all of the values are true.") { try $0.quantifier(until: false) },
  ]

  /// Whether a native is one of `reductions`.
  static func isReduction(_ native: NativeFunction) -> Bool {
    reductions.contains { $0 === native }
  }

  /// A native under an op's name that asks `body` first and falls back to the op where that gives nil.
  private static func reduction(
    _ name: String, _ documentation: String, hasKey: Bool = false,
    body: @escaping @Sendable (inout NativeCall) throws -> Slot?
  ) -> NativeFunction {
    guard let op = Ops.named(name) else { preconditionFailure("the op table has \(name)") }
    let binder = OpBinder(op)
    return NativeFunction(
      op.name, "x, axis = nil, keepdims = false" + (hasKey ? ", key = nil" : ""),
      documentation: documentation, example: op.example
    ) { call in
      if !call[0].isTensor, !call.has(2), let result = try body(&call) { return result }
      return try binder.call(&call)
    }
  }
}

extension NativeCall {
  /// The sum of a collection of numbers, bools and tensors; nil where that is the op's business.
  fileprivate func sum() throws -> Slot? {
    guard !has(1) else { return nil }
    var total = Slot.undefined
    defer { release(total) }
    var elements = try elements(0)
    while let element = try elements.next() {
      defer { release(element) }
      let term = element.asBool.map { Slot($0 ? 1 : 0) } ?? element
      if total.isPlainNumber, term.isPlainNumber {
        total = Slot(total.number + term.number)
        continue
      }
      if term.elements != nil { return nil }
      guard term.isNumber || term.isTensor else { throw cannotAdd(term) }
      let next = total.isUndefined ? retained(term) : try vm.add(total, term)
      release(total)
      total = next
    }
    return total.isUndefined ? Slot(0) : retained(total)
  }

  private func cannotAdd(_ slot: Slot) -> ScriptError {
    ScriptError(
      .type, "sum: cannot add \(slot.describedType)",
      help: slot.asString == nil ? nil : "\"\".join(texts) puts texts together")
  }

  /// The largest (sign 1) or smallest (sign -1) of a collection or of two numbers; nil where that is the op's business.
  fileprivate func extreme(sign: Int, pair: String) throws -> Slot? {
    if self[0].isNumber, has(1) {
      guard self[1].isNumber || self[1].isTensor else {
        throw typeError(1, expected: "a number")
      }
      if self[1].isTensor, self[1].tensor.shape.rank > 0 {
        throw argumentError(
          1, "takes two numbers or one collection",
          help: "\(pair)(a, b) compares tensors element by element")
      }
      return retained(try Ordering.compare(self[1], self[0], in: vm) * sign > 0 ? self[1] : self[0])
    }
    guard !has(1) else { return nil }
    let key = try optional(3, callable)
    var best: (key: Slot, value: Slot)?
    defer {
      if let best {
        release(best.key)
        release(best.value)
      }
    }
    var elements = try elements(0)
    while let element = try elements.next() {
      if key == nil, element.elements != nil || element.asTensor.map({ $0.shape.rank > 0 }) == true
      {
        release(element)
        return nil
      }
      let rank = try rank(of: element, key)
      if let old = best {
        guard try isBetter(rank, than: old.key, sign: sign, element: element) else { continue }
        release(old.key)
        release(old.value)
      }
      best = (rank, element)
    }
    guard let best else { throw argumentError(0, "the collection is empty") }
    return retained(best.value)
  }

  /// What a value is compared by, owned; the value is released if its key cannot be found.
  private func rank(of element: Slot, _ key: Slot?) throws -> Slot {
    guard let key else { return retained(element) }
    do {
      return try vm.call(key, [element])
    } catch {
      release(element)
      throw error
    }
  }

  /// Compares a new value's rank with the best so far; both new slots are released unless it is better.
  private func isBetter(_ rank: Slot, than best: Slot, sign: Int, element: Slot) throws -> Bool {
    do {
      if try Ordering.compare(rank, best, in: vm) * sign > 0 { return true }
    } catch {
      release(rank)
      release(element)
      throw error
    }
    release(rank)
    release(element)
    return false
  }

  /// Whether some value is true (`until` true) or all are (`until` false); nil where that is the op's business.
  fileprivate func quantifier(until decisive: Bool) throws -> Slot? {
    guard !has(1) else { return nil }
    var elements = try elements(0)
    while let element = try elements.next() {
      defer { release(element) }
      if element.elements != nil || element.asTensor.map({ $0.shape.count != 1 }) == true {
        return nil
      }
      if try vm.condition(element) == decisive { return Slot(decisive) }
    }
    return Slot(!decisive)
  }
}
