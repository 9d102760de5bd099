// Elements and parts: what an index chooses from lists, dicts and tensors.
import NNSyntax
import NNTensor

/// One item between the brackets of an index.
enum IndexKey {
  case value(AbstractValue)
  case slice(start: AbstractValue, stop: AbstractValue, step: AbstractValue)
  case ellipsis
}

extension Checker {
  func evaluateItems(_ items: [IndexExpr.Item]) throws(Flow) -> [IndexKey] {
    var keys: [IndexKey] = []
    for item in items {
      switch item {
      case .value(let value): keys.append(.value(try evaluate(value)))
      case .slice(let start, let stop, let step, _):
        var parts: [AbstractValue] = []
        for part in [start, stop, step] {
          if let part { parts.append(try evaluate(part)) } else { parts.append(.nil) }
        }
        keys.append(.slice(start: parts[0], stop: parts[1], step: parts[2]))
      case .ellipsis: keys.append(.ellipsis)
      }
    }
    return keys
  }

  func evaluate(_ node: IndexExpr) throws(Flow) -> AbstractValue {
    let object = try evaluate(node.object)
    return try element(of: object, try evaluateItems(node.items), node)
  }

  /// `object[keys]`
  func element(of object: AbstractValue, _ keys: [IndexKey], _ node: IndexExpr) throws(Flow)
    -> AbstractValue
  {
    let place = place(node.span, [node.object.span] + node.items.map(\.span))
    switch object {
    case .tensor(let facts): return .tensor(try part(of: facts, keys, at: place))
    case .tuple, .list, .range:
      if keys.count > 1 { throw .ended }
      guard let elements = knownElements(of: object) else { return part(ofAny: object, keys) }
      return try part(
        of: elements, keys, isList: { if case .tuple = object { false } else { true } }())
    case .dict(let container):
      guard keys.count == 1, case .value = keys[0] else { throw .ended }
      guard let pairs = container.elements, keys.count == 1, case .value(let key) = keys[0],
        key.isKnownKey,
        case .tuple(let pair)? = pairs.first(where: { $0.key?.isSame(as: key) == true })
      else {
        for pair in container.elements ?? [] { escape(pair) }
        return container.element.pairValue
      }
      return pair[1]
    case .string: return .string(nil)
    case .instance(let instance):
      guard let get = instance.model.method("get"), instance.model.method("len") != nil,
        keys.count == 1, case .value(let key) = keys[0]
      else {
        if instance.model.method("get") == nil { throw .ended }
        return callUnseen(object, CallArguments([]))
      }
      return try call(get, instance, CallArguments([key]), at: place)
    case .unknown, .column, .sequence, .elements, .count:
      escape(object)
      return .unknown
    // Nothing else can be indexed.
    default: throw .ended
    }
  }

  /// An element of a list of which only is known what each may be.
  private func part(ofAny object: AbstractValue, _ keys: [IndexKey]) -> AbstractValue {
    guard case .list(let container) = object, keys.count == 1, case .value(.number) = keys[0] else {
      return .unknown
    }
    return container.element
  }

  /// Elements of a list or tuple.
  private func part(of elements: [AbstractValue], _ keys: [IndexKey], isList: Bool) throws(Flow)
    -> AbstractValue
  {
    if keys.count == 1 {
      switch keys[0] {
      case .value(.number(let number?)):
        guard let whole = Int(exactly: number) else { break }
        let index = whole < 0 ? whole + elements.count : whole
        guard elements.indices.contains(index) else { throw .ended }
        return elements[index]
      case .value(.number) where elements.count <= Checker.mostTurns: return joint(elements)
      case .slice(let start, let stop, .nil):
        guard let first = bound(start, 0, elements.count),
          let last = bound(stop, elements.count, elements.count)
        else { break }
        let chosen = first < last ? Array(elements[first..<last]) : []
        return isList ? .list(AbstractContainer(chosen)) : .tuple(chosen)
      default: break
      }
    }
    for element in elements { escape(element) }
    return .unknown
  }

  /// A bound of a slice within a length, where it is known.
  private func bound(_ value: AbstractValue, _ standard: Int, _ count: Int) -> Int? {
    if case .nil = value { return standard }
    guard let number = value.constant, let whole = Int(exactly: number) else { return nil }
    return min(max(whole < 0 ? whole + count : whole, 0), count)
  }

  // MARK: Tensors

  /// The part of a tensor that an index chooses.
  func part(of facts: TensorFacts, _ keys: [IndexKey], at place: Code.Place) throws(Flow)
    -> TensorFacts
  {
    guard var shape = facts.shape else { return TensorFacts(facts.dtype, nil) }
    var reader = IndexFacts(rank: shape.rank)
    for key in keys {
      switch key {
      case .value(let value): if !reader.add(value) { return TensorFacts(facts.dtype, nil) }
      case .slice(let start, let stop, let step): reader.add(start, stop, step)
      case .ellipsis: reader.items.append(.ellipsis)
      }
    }
    guard let vague = reader.vagueAxes() else { return TensorFacts(facts.dtype, nil) }
    for axis in vague where axis < shape.rank { shape[axis] = .unknown }
    let tensor = AbstractValue.tensor(TensorFacts(facts.dtype, shape))
    let results = try results(
      Ops.index, [tensor] + reader.operands.map { .tensor($0) }, [.index(reader.items)], nil,
      at: place)
    return TensorFacts(facts.dtype, results?.first?.shape)
  }
}

/// Reads the items of a tensor's index from abstract values.
private struct IndexFacts {
  let rank: Int
  var items: [IndexItem] = []
  private(set) var operands: [TensorFacts] = []
  /// The items whose part of an axis is not known.
  private var vague: [Int] = []

  init(rank: Int) { self.rank = rank }

  /// Adds an item; false where not even its kind is known.
  mutating func add(_ value: AbstractValue) -> Bool {
    switch value {
    case .nil: items.append(.newAxis)
    case .number(let number):
      guard let number else {
        vague.append(items.count)
        items.append(.at(0))
        return true
      }
      guard let whole = Int(exactly: number) else { return false }
      items.append(.at(whole))
    case .range(let range?):
      items.append(.slice(start: range.start, stop: max(range.end, range.start), step: range.step))
    case .tensor(let facts):
      guard let dtype = facts.dtype, let shape = facts.shape else { return false }
      if dtype.isInteger, shape.rank == 0 {
        vague.append(items.count)
        items.append(.at(0))
      } else if dtype == .bool {
        items.append(.mask(operand: operands.count + 1))
        operands.append(facts)
      } else if dtype.isInteger {
        items.append(.integers(operand: operands.count + 1))
        operands.append(facts)
      } else {
        return false
      }
    default: return false
    }
    return true
  }

  mutating func add(_ start: AbstractValue, _ stop: AbstractValue, _ step: AbstractValue) {
    var parts: [Int?] = []
    for part in [start, stop, step] {
      switch part {
      case .nil: parts.append(nil)
      case .number(let number?):
        guard let whole = Int(exactly: number), !(parts.count == 2 && whole == 0) else {
          fallthrough
        }
        parts.append(whole)
      default:
        vague.append(items.count)
        items.append(.slice(start: nil, stop: nil, step: nil))
        return
      }
    }
    items.append(.slice(start: parts[0], stop: parts[1], step: parts[2]))
  }

  /// The axes of the tensor that items of which little is known choose from; nil where that cannot be told.
  func vagueAxes() -> [Int]? {
    let taken = items.map { axes(of: $0) }
    let total = taken.reduce(0, +)
    if vague.isEmpty { return [] }
    guard total <= rank else { return nil }
    var result: [Int] = []
    var axis = 0
    for (index, item) in items.enumerated() {
      if vague.contains(index) { result.append(axis) }
      axis += item == .ellipsis ? rank - total : taken[index]
    }
    return result
  }

  private func axes(of item: IndexItem) -> Int {
    switch item {
    case .at, .slice, .integers: 1
    case .newAxis, .ellipsis: 0
    case .mask(let operand): operands[operand - 1].shape?.rank ?? 1
    }
  }
}
