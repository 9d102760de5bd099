// What a loop over a value goes through, as far as that is known.
import NNSyntax
import NNTensor

/// What a loop runs over.
enum Iteration {
  /// Each of these in turn.
  case elements([AbstractValue])
  /// The elements of a list, which may change while the loop runs.
  case list(AbstractContainer)
  /// Any number of elements, of which this gives one, the first or any.
  case any(Certainty, (Bool) throws(Flow) -> AbstractValue)

  /// Whether there is a first element.
  enum Certainty: Comparable {
    case unknown, unlessEmpty, certain
  }
}

extension Checker {
  /// How a loop runs over a value.
  func iteration(over value: AbstractValue, at place: Code.Place) throws(Flow) -> Iteration {
    switch value {
    case .unknown:
      if mayLeave { doubts.insert(.program) }
      return .any(.unknown) { (_) throws(Flow) in .unknown }
    case .column: return .any(.unlessEmpty) { (_) throws(Flow) in .unknown }
    case .tuple(let elements) where elements.count <= Checker.mostTurns: return .elements(elements)
    case .list(let container):
      guard let elements = container.elements else {
        return .any(container.isFilled ? .certain : .unlessEmpty) { (_) throws(Flow) in
          container.element
        }
      }
      if elements.count <= Checker.mostTurns { return .list(container) }
      return .any(.certain) { (isFirst) throws(Flow) in
        isFirst ? elements[0] : self.joint(container.elements ?? [])
      }
    case .tuple(let elements):
      return .any(.certain) { (isFirst) throws(Flow) in isFirst ? elements[0] : self.joint(elements)
      }
    case .elements(let element, let isFilled):
      return .any(isFilled ? .certain : .unlessEmpty) { (_) throws(Flow) in element }
    case .count(let start):
      return .any(.certain) { (isFirst) throws(Flow) in .number(isFirst ? Double(start) : nil) }
    case .range(let range):
      guard let range else { return .any(.unlessEmpty) { (_) throws(Flow) in .number(nil) } }
      if range.count <= Checker.mostTurns {
        return .elements(range.numbers.map { .number(Double($0)) })
      }
      return .any(.certain) { (isFirst) throws(Flow) in
        .number(isFirst ? Double(range.start) : nil)
      }
    case .string(let text):
      return .any(text?.isEmpty == false ? .certain : .unlessEmpty) { (_) throws(Flow) in
        .string(nil)
      }
    case .dict(let container):
      let isCertain = container.elements?.isEmpty == false
      return .any(isCertain ? .certain : .unlessEmpty) { (_) throws(Flow) in .unknown }
    case .tensor(let facts): return try iteration(over: facts, at: place)
    case .instance(let instance):
      if let iteration = try iteration(over: instance, at: place) { return iteration }
    case .sequence(let sequence): return try iteration(over: sequence, at: place)
    default: break
    }
    guard let sketch = value.sketch else {
      return .any(.unknown) { (_) throws(Flow) in .unknown }
    }
    try fail(.notIterable(sketch), at: place)
  }

  private func iteration(over facts: TensorFacts, at place: Code.Place) throws(Flow) -> Iteration {
    guard let shape = facts.shape else {
      let row = TensorFacts(facts.dtype, nil)
      return .any(facts.hasRows ? .certain : .unlessEmpty) { (_) throws(Flow) in .tensor(row) }
    }
    guard shape.rank > 0 else {
      try fail(
        .notIterable(ValueSketch(kind: .tensor(facts.dtype, shape), describedType: "a tensor")),
        at: place)
    }
    let row = TensorFacts(facts.dtype, shape.suffix(from: 1))
    if shape[0].known == 0 { return .elements([]) }
    let isCertain = shape[0].known != nil || facts.hasRows
    return .any(isCertain ? .certain : .unlessEmpty) { (_) throws(Flow) in .tensor(row) }
  }

  /// The elements of a model with `len` and `get`; nil if it has not both.
  private func iteration(over instance: AbstractInstance, at place: Code.Place) throws(Flow)
    -> Iteration?
  {
    guard let length = instance.model.method("len"), let get = instance.model.method("get") else {
      return nil
    }
    let count = try call(length, instance, CallArguments([]), at: place)
    let isCertain = count.constant.map { $0 >= 1 } ?? false
    if count.constant == 0 { return .elements([]) }
    return .any(isCertain || instance.hasRows ? .certain : .unlessEmpty) {
      (isFirst) throws(Flow) in
      try self.call(get, instance, CallArguments([.number(isFirst ? 0 : nil)]), at: place)
    }
  }

  /// The elements of a lazy sequence.
  private func iteration(over sequence: AbstractSequence, at place: Code.Place) throws(Flow)
    -> Iteration
  {
    var certainty = Iteration.Certainty.certain
    var elements: [(Bool) throws(Flow) -> AbstractValue] = []
    for source in sequence.sources {
      switch try iteration(over: source, at: place) {
      case .elements(let known): elements.append(any(of: known, &certainty))
      case .list(let container): elements.append(any(of: container.elements ?? [], &certainty))
      case .any(let certaintyHere, let element):
        certainty = min(certainty, certaintyHere)
        elements.append(element)
      }
    }
    return .any(certainty) { (isFirst) throws(Flow) in
      var parts: [AbstractValue] = []
      for element in elements { parts.append(try element(isFirst)) }
      switch sequence.kind {
      case .progress: return parts[0]
      case .enumerate: return .tuple([.number(nil), parts[0]])
      case .zip: return .tuple(parts)
      case .map(let function):
        return try self.apply(function, CallArguments([parts[0]]), at: place)
      }
    }
  }

  /// One of several values: the first, or any.
  private func any(of values: [AbstractValue], _ certainty: inout Iteration.Certainty)
    -> (Bool) throws(Flow) -> AbstractValue
  {
    if values.isEmpty { certainty = .unknown }
    return { (isFirst) throws(Flow) in
      isFirst ? values.first ?? .unknown : self.joint(values)
    }
  }

  /// What each of several values is at most.
  func joint(_ values: [AbstractValue]) -> AbstractValue {
    guard let first = values.first else { return .unknown }
    return values.dropFirst().reduce(first) { join($0, $1) }
  }
}
