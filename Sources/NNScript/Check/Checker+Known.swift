// The natives whose results or effects the checker follows: collections, lengths and types, derivatives, sequences.
import NNSyntax
import NNTensor

extension Checker {
  /// The result of a native that is known by its name; nil for the others and where too little is known.
  func callKnown(_ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    switch native.name {
    case "exit": throw .ended
    case "assert":
      if try truth(of: value(bound, 0), at: place) == false { throw .ended }
      return .nil
    case "type":
      return .string(value(bound, 0).typeName)
    case "len": return try length(of: value(bound, 0), at: place)
    case "tensor": return try tensor(bound, native, at: place)
    case "item": return item(value(bound, 0))
    case "grad", "value_and_grad": return derivative(native, bound)
    case "with_training", "with_seed", "debug_nans":
      guard case .given(let function) = bound[1] else { return nil }
      return try apply(function, CallArguments([]), at: place)
    case "checkpoint":
      return value(bound, 0).isCallable == true ? value(bound, 0) : nil
    case "copy":
      var copies: [ObjectIdentifier: AbstractValue] = [:]
      return copy(value(bound, 0), &copies)
    case "progress":
      // A label may be a function, which is called while the loop runs.
      escape(value(bound, 1))
      return .sequence(AbstractSequence(.progress, [value(bound, 0)]))
    default: return try callCollection(native, bound, at: place)
    }
  }

  /// An argument, nil where it is missing.
  private func value(_ bound: [BoundArgument], _ index: Int) -> AbstractValue {
    guard index < bound.count else { return .nil }
    switch bound[index] {
    case .missing: return .nil
    case .given(let value): return value
    case .rest(let values): return .list(AbstractContainer(values))
    }
  }

  /// Natives over collections.
  private func callCollection(
    _ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place
  ) throws(Flow) -> AbstractValue? {
    let first = value(bound, 0)
    switch native.name {
    case "list":
      if case .tensor = first { return .list(AbstractContainer(nil)) }
      return knownElements(of: first).map { .list(AbstractContainer($0)) }
    case "tuple": return knownElements(of: first).map { .tuple($0) }
    case "reversed":
      return knownElements(of: first).map { .list(AbstractContainer($0.reversed())) }
    case "push":
      guard case .list(let container) = first else { return nil }
      let added = value(bound, 1)
      guard let elements = container.elements, elements.count < 256 else {
        forget(container, added)
        return .nil
      }
      set(container.contents, .tuple(elements + [added]))
      return .nil
    case "pop", "insert", "remove", "sort", "reverse":
      switch first {
      case .list(let container), .dict(let container): forget(container, value(bound, 2))
      default: break
      }
      return nil
    case "enumerate":
      if first.isSequence { return .sequence(AbstractSequence(.enumerate, [first])) }
      guard value(bound, 1).isNil, let elements = knownElements(of: first) else { return nil }
      let pairs = elements.enumerated().map {
        AbstractValue.tuple([.number(Double($0.offset)), $0.element])
      }
      return .list(AbstractContainer(pairs))
    case "zip": return zip(bound)
    case "map":
      let function = value(bound, 1)
      if first.isSequence { return .sequence(AbstractSequence(.map(function), [first])) }
      guard let elements = knownElements(of: first), elements.count <= Checker.mostTurns else {
        return nil
      }
      var results: [AbstractValue] = []
      for element in elements {
        results.append(try apply(function, CallArguments([element]), at: place))
      }
      return .list(AbstractContainer(results))
    case "reduce": return try reduce(bound, at: place)
    case "keys", "values", "items":
      guard case .dict(let container) = first, let pairs = container.elements else { return nil }
      return .list(AbstractContainer(pairs.map { part(native.name, of: $0) }))
    case "shuffle":
      if case .tensor = first { return first }
      return nil
    default: return nil
    }
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
    guard var rest = knownElements(of: value(bound, 0))?[...], rest.count <= Checker.mostTurns
    else {
      return nil
    }
    var total = value(bound, 2)
    if total.isNil {
      guard let first = rest.popFirst() else { throw .ended }
      total = first
    }
    for element in rest {
      total = try apply(value(bound, 1), CallArguments([total, element]), at: place)
    }
    return total
  }

  // MARK: Lengths and elements

  private func length(of value: AbstractValue, at place: Code.Place) throws(Flow) -> AbstractValue?
  {
    switch value {
    case .unknown: return .number(nil)
    case .string(let text): return .number(text.map { Double($0.count) })
    case .tuple(let elements): return .number(Double(elements.count))
    case .list(let container), .dict(let container):
      return .number(container.elements.map { Double($0.count) })
    case .range(let range): return .number(range.map { Double($0.count) })
    case .tensor(let facts):
      guard let shape = facts.shape else { return .number(nil) }
      return shape.rank > 0 ? .number(shape[0].known.map { Double($0) }) : nil
    case .instance(let instance):
      guard let method = instance.model.method("len") else { return nil }
      return try call(method, instance, CallArguments([]), at: place)
    default: return nil
    }
  }

  private func item(_ value: AbstractValue) -> AbstractValue? {
    guard case .tensor(let facts) = value else { return value.isOperand == true ? value : nil }
    guard let dtype = facts.dtype else { return .unknown }
    return dtype == .bool ? .bool(nil) : .number(nil)
  }

  /// `tensor(values, dtype)`
  private func tensor(_ bound: [BoundArgument], _ native: NativeFunction, at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    var dtype: DType?
    var isKnown = true
    switch value(bound, 1) {
    case .nil: break
    case .string(let name?): dtype = DType(name: name)
    default: isKnown = false
    }
    switch value(bound, 0) {
    case .number: return .tensor(TensorFacts(isKnown ? dtype ?? .f32 : nil, Dims()))
    case .tensor(let facts):
      return .tensor(TensorFacts(isKnown ? dtype ?? facts.dtype : nil, facts.shape))
    case let values:
      if let result = try fold(native, bound, at: place) { return result }
      guard case .tensor(let facts)? = try operand(values, for: "tensor", at: place) else {
        return nil
      }
      return .tensor(TensorFacts(isKnown ? dtype ?? facts.dtype : nil, facts.shape))
    }
  }

  // MARK: Derivatives

  private func derivative(_ native: NativeFunction, _ bound: [BoundArgument]) -> AbstractValue? {
    let function = value(bound, 0)
    guard function.isCallable == true else { return nil }
    var indices: [Int] = []
    let wrt = value(bound, 1)
    switch wrt {
    case .nil: indices = [0]
    case .number(let number?): indices = Int(exactly: number).map { [$0] } ?? []
    case .tuple(let elements):
      indices = elements.compactMap { $0.constant.flatMap { Int(exactly: $0) } }
      if indices.count != elements.count { return nil }
    default: return nil
    }
    guard !indices.isEmpty, indices.allSatisfy({ $0 >= 0 }), Set(indices).count == indices.count
    else { return nil }
    return .derivative(
      AbstractDerivative(
        of: function, arguments: indices, givesValue: native.name == "value_and_grad"))
  }

  // MARK: Copies

  /// A deep copy; what is shared inside stays shared.
  private func copy(_ value: AbstractValue, _ copies: inout [ObjectIdentifier: AbstractValue])
    -> AbstractValue
  {
    guard canDescend() else { return .unknown }
    switch value {
    case .tuple(let elements): return .tuple(elements.map { copy($0, &copies) })
    case .list(let container): return copy(container, &copies) { .list($0) }
    case .dict(let container): return copy(container, &copies) { .dict($0) }
    case .instance(let instance):
      if let known = copies[ObjectIdentifier(instance)] { return known }
      let new = AbstractInstance(instance.model)
      new.hasRows = instance.hasRows
      copies[ObjectIdentifier(instance)] = .instance(new)
      for (old, field) in Swift.zip(instance.fields, new.fields) {
        set(field, copy(old.value, &copies))
      }
      return .instance(new)
    default:
      return value
    }
  }

  private func copy(
    _ container: AbstractContainer, _ copies: inout [ObjectIdentifier: AbstractValue],
    _ make: (AbstractContainer) -> AbstractValue
  ) -> AbstractValue {
    if let known = copies[ObjectIdentifier(container)] { return known }
    let new = AbstractContainer(nil)
    copies[ObjectIdentifier(container)] = make(new)
    if let elements = container.elements {
      set(new.contents, .tuple(elements.map { copy($0, &copies) }))
    }
    return make(new)
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
