// Functions made of others by `grad`, `vjp`, `jvp`, `custom_grad`, and what they give: the function looked into, then gradients in
// their arguments' own structure.
import NNSyntax
import NNTensor

extension Checker {
  /// The function or result that a native of differentiation gives; nil where too little is known.
  func differentiate(_ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    let function = argument(bound, 0)
    guard function.isCallable == true else { return nil }
    switch native.name {
    case "grad", "value_and_grad":
      return indices(argument(bound, 1)).map { indices in
        let givesValue = native.name == "value_and_grad"
        return .transform(
          AbstractTransform(.gradient(indices, givesValue: givesValue), of: function))
      }
    case "vmap":
      var axes = AbstractValue.number(0)
      if case .given(let given) = bound[1] { axes = given }
      return .transform(AbstractTransform(.batch(axes: axes), of: function))
    case "custom_grad":
      // The way back runs whenever a gradient comes along.
      let backward = argument(bound, 1)
      guard backward.isCallable == true else { return nil }
      escape(backward)
      return .transform(AbstractTransform(.custom(backward: backward), of: function))
    case "vjp":
      guard case .rest(let arguments) = bound[1] else { return nil }
      return try vjp(function, arguments, at: place)
    case "jvp": return try jvp(function, argument(bound, 1), argument(bound, 2), at: place)
    default: return nil
    }
  }

  /// The indices in `wrt`; nil where they are not known or wrong.
  private func indices(_ wrt: AbstractValue) -> [Int]? {
    var indices: [Int] = []
    switch wrt {
    case .nil: indices = [0]
    case .number(let number?): indices = Int(exactly: number).map { [$0] } ?? []
    case .tuple(let elements):
      indices = elements.compactMap { $0.constant.flatMap { Int(exactly: $0) } }
      if indices.count != elements.count { return nil }
    default: return nil
    }
    let isRight =
      !indices.isEmpty && indices.allSatisfy { $0 >= 0 } && Set(indices).count == indices.count
    return isRight ? indices : nil
  }

  /// Calls what one of these natives made.
  func call(_ transform: AbstractTransform, _ arguments: CallArguments, at place: Code.Place)
    throws(Flow) -> AbstractValue
  {
    guard !arguments.isOpen, arguments.named.isEmpty else {
      return callUnseen(.transform(transform), arguments)
    }
    let given = arguments.positional
    switch transform.kind {
    case .gradient(let indices, let givesValue):
      guard indices.allSatisfy({ $0 < given.count }) else {
        return callUnseen(.transform(transform), arguments)
      }
      return try gradient(of: transform.function, given, indices, givesValue, at: place)
    case .batch(let axes): return try batched(transform, axes, given, at: place)
    case .custom:
      let copies = CallArguments(given.map(copied))
      let result = try apply(transform.function, copies, at: place)
      // Inside a gradient its containers are copied, else not.
      escape(result)
      return result
    case .pullback(let result, let differentiated):
      return try pullBack(given, result, differentiated, at: place)
    }
  }

  private func gradient(
    of function: AbstractValue, _ given: [AbstractValue], _ indices: [Int], _ givesValue: Bool,
    at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    var tracked = given
    for index in indices { tracked[index] = copied(given[index]) }
    let value = try apply(function, CallArguments(tracked), at: place)
    try checkScalar(value, givesValue ? "value_and_grad" : "grad", at: place)
    let parts = indices.map { derivative(of: given[$0], isTangent: false) }
    let whole = parts.count == 1 ? parts[0] : .tuple(parts)
    if givesValue { return .tuple([value, whole]) }
    escape(value)
    return whole
  }

  private func checkScalar(_ value: AbstractValue, _ name: String, at place: Code.Place)
    throws(Flow)
  {
    var result = value
    if case .tuple(let parts) = value, let first = parts.first { result = first }
    guard case .tensor(let facts) = result, let shape = facts.shape, shape.rank > 0,
      facts.dtype?.isFloat == true
    else { return }
    let text = ValueSketch(kind: .tensor(facts.dtype, shape), describedType: "").brief
    try fail(.notScalar(name, text, hasOneElement: facts.count == 1), at: place)
  }

  // MARK: vjp

  private func vjp(
    _ function: AbstractValue, _ arguments: [AbstractValue], at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    let value = try apply(function, CallArguments(arguments.map(copied)), at: place)
    let facts: TensorFacts
    switch value {
    case .number: facts = TensorFacts(nil, Dims())
    case .tensor(let known):
      if known.dtype?.isFloat == false { throw .ended }
      facts = known
    case .unknown, .column: facts = TensorFacts(nil, nil)
    default: throw .ended
    }
    let pullback = AbstractTransform(.pullback(facts, arguments), of: .nil)
    return .tuple([value, .transform(pullback)])
  }

  private func pullBack(
    _ given: [AbstractValue], _ result: TensorFacts, _ arguments: [AbstractValue],
    at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    guard given.count == 1 else { throw .ended }
    if case .tensor(let facts) = given[0], let found = facts.shape, let wanted = result.shape,
      !found.mayEqual(wanted)
    {
      try fail(.notASeed("\(wanted)", "\(found)"), at: place)
    }
    let parts = arguments.map { derivative(of: $0, isTangent: false) }
    return parts.count == 1 ? parts[0] : .tuple(parts)
  }

  // MARK: jvp

  private func jvp(
    _ function: AbstractValue, _ arguments: AbstractValue, _ tangents: AbstractValue,
    at place: Code.Place
  ) throws(Flow) -> AbstractValue? {
    var given = [arguments]
    if case .tuple(let parts) = arguments {
      given = parts
      guard let several = tangents.parts(parts.count) else { throw .ended }
      for (argument, tangent) in zip(parts, several) {
        try checkTangent(tangent, of: argument, at: place)
      }
    } else if case .unknown = arguments {
      return nil
    } else {
      try checkTangent(tangents, of: arguments, at: place)
    }
    let value = try apply(function, CallArguments(given.map(copied)), at: place)
    return .tuple([value, derivative(of: value, isTangent: true)])
  }

  private func checkTangent(
    _ tangent: AbstractValue, of argument: AbstractValue, at place: Code.Place
  ) throws(Flow) {
    guard let wanted = argument.leafShape, let found = tangent.leafShape else { return }
    if case .tensor(let facts) = argument, facts.dtype?.isFloat != true { return }
    if !found.mayEqual(wanted) { try fail(.notATangent("\(wanted)", "\(found)"), at: place) }
  }

  // MARK: Structures

  /// A differentiated argument as the function sees it: lists and dicts are copies.
  func copied(_ value: AbstractValue) -> AbstractValue {
    mapped(value) { leaf in leaf }
  }

  /// The gradient in an argument, or the tangent of a result, in its own structure.
  private func derivative(of value: AbstractValue, isTangent: Bool) -> AbstractValue {
    mapped(value) { leaf in
      switch leaf {
      case .number: return .number(nil)
      case .tensor(let facts):
        guard let dtype = facts.dtype else { return .unknown }
        return dtype.isFloat ? leaf : .nil
      case .nil, .bool, .string: return .nil
      case .instance: return isTangent ? .nil : .dict(AbstractContainer(nil))
      default: return .unknown
      }
    }
  }

  /// A copy of nested lists, tuples and dicts with each other value replaced.
  func mapped(_ value: AbstractValue, _ leaf: (AbstractValue) -> AbstractValue) -> AbstractValue {
    guard canVisit() else { return .unknown }
    switch value {
    case .list(let container):
      return .list(
        AbstractContainer(container.elements.map { $0.map { mapped($0, leaf) } }))
    case .tuple(let elements): return .tuple(elements.map { mapped($0, leaf) })
    case .dict(let container):
      let pairs = container.elements?.map { pair -> AbstractValue in
        guard case .tuple(let parts) = pair else { return pair }
        return .tuple([parts[0], mapped(parts[1], leaf)])
      }
      return .dict(AbstractContainer(pairs))
    default: return leaf(value)
    }
  }
}

extension AbstractValue {
  /// The shape of a number or tensor, where it is known.
  fileprivate var leafShape: Dims<SymbolicDim>? {
    switch self {
    case .number: Dims()
    case .tensor(let facts): facts.shape
    default: nil
    }
  }
}

extension AbstractValue {
  /// The parts of a tuple of so many; nil where it certainly is none.
  fileprivate func parts(_ count: Int) -> [AbstractValue]? {
    switch self {
    case .tuple(let elements): elements.count == count ? elements : nil
    case .unknown, .elements: Array(repeating: .unknown, count: count)
    default: nil
    }
  }
}

extension Dims<SymbolicDim> {
  /// Whether two shapes may be the same.
  func mayEqual(_ other: Dims<SymbolicDim>) -> Bool {
    rank == other.rank && indices.allSatisfy { self[$0].mayEqual(other[$0]) }
  }
}
