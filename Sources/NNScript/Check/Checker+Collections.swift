// Natives over collections: what they change, make of all elements, or take out.
import NNSyntax
import NNTensor

extension Checker {
  /// Natives that change a list or dict.
  func changed(_ native: NativeFunction, _ bound: [BoundArgument]) -> AbstractValue? {
    let first = argument(bound, 0)
    switch native.name {
    case "push":
      guard case .list(let container) = first else { return nil }
      let added = argument(bound, 1)
      guard let elements = container.elements, elements.count < 256 else {
        forget(container, added)
        return .nil
      }
      set(container.contents, .tuple(elements + [added]))
      return .nil
    case "pop", "insert", "remove", "sort", "reverse":
      switch first {
      case .list(let container), .dict(let container): forget(container, argument(bound, 2))
      default: break
      }
      return nil
    default: return nil
    }
  }

  /// Natives that go through all elements.
  func sequence(_ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    let first = argument(bound, 0)
    switch native.name {
    case "list":
      switch first {
      case .tensor, .column: return .list(AbstractContainer(nil))
      default: return knownElements(of: first).map { .list(AbstractContainer($0)) }
      }
    case "tuple": return knownElements(of: first).map { .tuple($0) }
    case "reversed":
      return knownElements(of: first).map { .list(AbstractContainer($0.reversed())) }
    case "enumerate":
      if first.isSequence { return .sequence(AbstractSequence(.enumerate, [first])) }
      guard argument(bound, 1).isNil, let elements = knownElements(of: first) else { return nil }
      let pairs = elements.enumerated().map {
        AbstractValue.tuple([.number(Double($0.offset)), $0.element])
      }
      return .list(AbstractContainer(pairs))
    case "zip": return zip(bound)
    case "map": return try map(first, argument(bound, 1), at: place)
    case "reduce": return try reduce(bound, at: place)
    default: return nil
    }
  }

  /// Natives that give parts of a collection.
  func part(_ native: NativeFunction, _ bound: [BoundArgument]) -> AbstractValue? {
    let first = argument(bound, 0)
    switch (native.name, first) {
    case ("keys", .dict(let container)), ("values", .dict(let container)),
      ("items", .dict(let container)):
      if let pairs = container.elements {
        return .list(AbstractContainer(pairs.map { part(native.name, of: $0) }))
      }
      guard case .elements(let pair, let isFilled) = container.contents.value else { return nil }
      return .list(AbstractContainer(any: part(native.name, of: pair), isFilled: isFilled))
    case ("get", .dict(let container)):
      let key = argument(bound, 1)
      guard let pairs = container.elements, key.isKnownKey,
        pairs.allSatisfy({ $0.key?.isKnownKey == true })
      else { return nil }
      let pair = pairs.first { $0.key?.isSame(as: key) == true }
      if case .tuple(let parts)? = pair { return parts[1] }
      return argument(bound, 2)
    case ("shuffle", .tensor): return first
    default: return nil
    }
  }

  private func map(_ source: AbstractValue, _ function: AbstractValue, at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    if source.isSequence { return .sequence(AbstractSequence(.map(function), [source])) }
    guard let elements = knownElements(of: source), elements.count <= Checker.mostTurns else {
      return try mapAny(source, function, at: place)
    }
    var results: [AbstractValue] = []
    for element in elements {
      results.append(try apply(function, CallArguments([element]), at: place))
    }
    return .list(AbstractContainer(results))
  }

  /// `map` over a list of which is not known how long it is.
  private func mapAny(
    _ source: AbstractValue, _ function: AbstractValue, at place: Code.Place
  ) throws(Flow) -> AbstractValue? {
    guard case .list = source,
      case .any(let certainty, let element) = try iteration(over: source, at: place)
    else { return nil }
    var result: AbstractValue?
    try loop(certainty) { (isFirst) throws(Flow) in
      let value = try self.apply(function, CallArguments([try element(isFirst)]), at: place)
      result = result.map { self.join($0, value) } ?? value
    }
    return .list(AbstractContainer(any: result ?? .unknown, isFilled: certainty == .certain))
  }

  private func part(_ name: String, of pair: AbstractValue) -> AbstractValue {
    guard case .tuple(let parts) = pair else { return .unknown }
    return name == "keys" ? parts[0] : name == "values" ? parts[1] : pair
  }

  private func zip(_ bound: [BoundArgument]) -> AbstractValue? {
    guard case .rest(let sources)? = bound.first, !sources.isEmpty else { return nil }
    if sources.contains(where: \.isSequence) {
      return .sequence(AbstractSequence(.zip, sources))
    }
    let lists = sources.compactMap(knownElements)
    guard lists.count == sources.count, let count = lists.map(\.count).min() else { return nil }
    return .list(
      AbstractContainer((0..<count).map { index in .tuple(lists.map { $0[index] }) }))
  }

  private func reduce(_ bound: [BoundArgument], at place: Code.Place) throws(Flow)
    -> AbstractValue?
  {
    guard var rest = knownElements(of: argument(bound, 0))?[...], rest.count <= Checker.mostTurns
    else {
      return nil
    }
    var total = argument(bound, 2)
    if total.isNil {
      guard let first = rest.popFirst() else { throw .ended }
      total = first
    }
    for element in rest {
      total = try apply(argument(bound, 1), CallArguments([total, element]), at: place)
    }
    return total
  }
}

extension AbstractValue {
  /// Whether functions over it are lazy.
  fileprivate var isSequence: Bool {
    switch self {
    case .sequence: true
    case .instance(let instance):
      instance.model.method("len") != nil && instance.model.method("get") != nil
    default: false
    }
  }
}
