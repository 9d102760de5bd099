// `vmap`: the mapped axes of the arguments are taken out, the function looked into, and its results have the batch in front.
import NNSyntax
import NNTensor

extension Checker {
  /// Calls a function on a batch of examples.
  func batched(
    _ transform: AbstractTransform, _ axes: AbstractValue, _ given: [AbstractValue],
    at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    guard let axes = try eachAxis(axes, given.count, at: place) else {
      return callUnseen(.transform(transform), CallArguments(given))
    }
    var batch = Batch()
    var examples: [AbstractValue] = []
    for (argument, axis) in zip(given, axes) {
      examples.append(try example(of: argument, axis, &batch, at: place))
    }
    if batch.isVague {
      return callUnseen(.transform(transform), CallArguments(given))
    }
    guard let size = batch.size else { try fail(.nothingToMap, at: place) }
    let result = try apply(transform.function, CallArguments(examples), at: place)
    return try stacked(result, size)
  }

  /// What is known of the number of examples.
  private struct Batch {
    var size: SymbolicDim?
    /// Whether something in the arguments is not known that may have an axis to map over.
    var isVague = false
  }

  /// The axes of each argument; nil where they are not known.
  private func eachAxis(_ axes: AbstractValue, _ count: Int, at place: Code.Place) throws(Flow)
    -> [AbstractValue]?
  {
    switch axes {
    case .tuple(let each):
      if each.count != count { try fail(.axesForOthers(each.count, count), at: place) }
      return each
    case .unknown, .number(nil): return nil
    default: return Array(repeating: axes, count: count)
    }
  }

  /// An argument as the function sees it.
  private func example(
    of argument: AbstractValue, _ axes: AbstractValue, _ batch: inout Batch, at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    guard canVisit() else {
      batch.isVague = true
      return .unknown
    }
    if axes.isNil { return argument }
    switch argument {
    case .tensor(let facts): return .tensor(try example(of: facts, axes, &batch, at: place))
    case .list(let container):
      guard let elements = container.elements else { break }
      if case .number = axes, isNumbers(argument, depth: 1) {
        guard case .tensor(let facts) = stacked(argument, wantsIntegers: false, depth: 0) else {
          break
        }
        return .tensor(try example(of: facts, axes, &batch, at: place))
      }
      return .list(
        AbstractContainer(try examples(of: elements, axes, &batch, at: place)))
    case .tuple(let elements):
      return .tuple(try examples(of: elements, axes, &batch, at: place))
    case .dict(let container):
      guard let pairs = container.elements, case .number = axes else { break }
      var examples: [AbstractValue] = []
      for pair in pairs {
        guard case .tuple(let parts) = pair else { continue }
        let value = try example(of: parts[1], axes, &batch, at: place)
        examples.append(.tuple([parts[0], value]))
      }
      return .dict(AbstractContainer(examples))
    case .number:
      guard case .number = axes else { throw .ended }
      try fail(.numberToMap, at: place)
    case .nil, .bool, .string, .function, .native, .transform, .model, .bound: return argument
    default: break
    }
    batch.isVague = true
    return .unknown
  }

  private func examples(
    of elements: [AbstractValue], _ axes: AbstractValue, _ batch: inout Batch,
    at place: Code.Place
  ) throws(Flow) -> [AbstractValue] {
    var each: [AbstractValue]
    if case .number = axes {
      each = Array(repeating: axes, count: elements.count)
    } else {
      guard let known = knownElements(of: axes) else {
        batch.isVague = true
        return elements
      }
      each = known
    }
    guard each.count == elements.count else { throw .ended }
    var result: [AbstractValue] = []
    for (element, axis) in zip(elements, each) {
      result.append(try example(of: element, axis, &batch, at: place))
    }
    return result
  }

  /// A tensor without the axis that is mapped over.
  private func example(
    of facts: TensorFacts, _ axis: AbstractValue, _ batch: inout Batch, at place: Code.Place
  ) throws(Flow) -> TensorFacts {
    guard let number = axis.constant, let axis = Int(exactly: number) else {
      batch.isVague = true
      return TensorFacts(nil, nil)
    }
    guard var shape = facts.shape else {
      batch.size = batch.size ?? .unknown
      return TensorFacts(facts.dtype, nil)
    }
    guard axis >= -shape.rank, axis < shape.rank else {
      try fail(.noAxisToMap(axis, "\(shape)"), at: place)
    }
    let position = axis < 0 ? axis + shape.rank : axis
    let size = shape[position]
    shape.remove(at: position)
    if let known = batch.size, !known.mayEqual(size) {
      try fail(.otherNumberOfExamples("\(known)", "\(size)"), at: place)
    }
    batch.size = batch.size.map { $0.unified(with: size) } ?? size
    return TensorFacts(facts.dtype, shape)
  }

  /// A result with all examples along the first axis.
  private func stacked(_ result: AbstractValue, _ size: SymbolicDim) throws(Flow) -> AbstractValue {
    var isWrong = false
    let stacked = mapped(result) { leaf in
      switch leaf {
      case .nil, .unknown, .column: return leaf
      case .bool: return .tensor(TensorFacts(.bool, [size]))
      case .number: return .tensor(TensorFacts(nil, [size]))
      case .tensor(let facts):
        guard var shape = facts.shape, shape.rank < 8 else {
          return .tensor(TensorFacts(facts.dtype, nil))
        }
        shape.insert(size, at: 0)
        return .tensor(TensorFacts(facts.dtype, shape))
      default:
        isWrong = true
        return .unknown
      }
    }
    if isWrong { throw .ended }
    return stacked
  }

  /// Whether it is a list of numbers, nested no deeper than a tensor.
  private func isNumbers(_ value: AbstractValue, depth: Int) -> Bool {
    guard case .list(let container) = value, depth <= Shape.maximumRank,
      let elements = container.elements, !elements.isEmpty
    else { return false }
    return elements.allSatisfy { element in
      if case .number = element { return true }
      return canVisit() && isNumbers(element, depth: depth + 1)
    }
  }
}
