// Assignment to parts: elements of lists and dicts, and parts of tensors.
import NNSyntax
import NNTensor

extension Checker {
  /// `object[keys] = value`
  func assign(
    _ value: AbstractValue, to node: IndexExpr, _ keys: [IndexKey], at span: Span,
    _ valueSpan: Span
  ) throws(Flow) {
    switch try evaluate(node.object) {
    case .list(let container): try assign(value, to: container, keys)
    case .dict(let container):
      guard keys.count == 1, case .value(let key) = keys[0] else {
        return forget(container, value)
      }
      put(key, value, in: container)
    case .tensor(let facts):
      let items = node.items.map(\.span)
      var spans = [node.object.span, valueSpan] + items
      if keys.count == 1, case .value = keys[0] { spans = [node.object.span, items[0], valueSpan] }
      if node.object.isRebindable {
        try checkPart(of: facts, keys, value, at: place(span, spans))
      }
    default: escape(value)
    }
  }

  /// An element of a list; where it is not known which, each may have become the value.
  private func assign(
    _ value: AbstractValue, to list: AbstractContainer, _ keys: [IndexKey]
  ) throws(Flow) {
    guard var elements = list.elements, keys.count == 1, case .value(.number(let number)) = keys[0]
    else { return forget(list, value) }
    if let whole = number.flatMap({ Int(exactly: $0) }) {
      let index = whole < 0 ? whole + elements.count : whole
      guard elements.indices.contains(index) else { throw .ended }
      elements[index] = value
    } else {
      guard elements.count <= Checker.mostTurns else { return forget(list, value) }
      elements = elements.map { join($0, value) }
    }
    set(list.contents, .tuple(elements))
  }

  /// What is assigned to a part of a tensor must stretch to it.
  private func checkPart(
    of facts: TensorFacts, _ keys: [IndexKey], _ value: AbstractValue, at place: Code.Place
  ) throws(Flow) {
    let part = try part(of: facts, keys, at: place)
    guard let operand = try operand(value, for: "[]=", at: place) else { throw .ended }
    guard let wanted = part.shape, case .tensor(let found) = operand, let shape = found.shape else {
      return
    }
    do throws(TensorError) {
      try IndexUpdateRule.check(shape, wanted)
    } catch {
      try fail(ScriptError(error), at: place)
    }
  }

  /// Sets an entry of a dict.
  func put(_ key: AbstractValue, _ value: AbstractValue, in dict: AbstractContainer) {
    if case .elements(.tuple(let pair), _) = dict.contents.value, pair.count == 2 {
      return set(
        dict.contents,
        .elements(.tuple([join(pair[0], key), join(pair[1], value)]), isFilled: true))
    }
    let pairs = add(key, value, to: dict.elements)
    set(dict.contents, pairs.map { .tuple($0) } ?? .unknown)
  }

  /// Notes that a container has got a value at a place that is not known.
  func forget(_ container: AbstractContainer, _ value: AbstractValue? = nil) {
    for element in container.elements ?? [] { escape(element) }
    if let value { escape(value) }
    set(container.contents, .unknown)
  }
}

extension Expr {
  /// Whether it is the name of a variable that a partial assignment can put a new tensor into.
  fileprivate var isRebindable: Bool {
    guard case .name(let node) = self else { return false }
    switch node.binding {
    case .local(let variable), .captured(_, let variable), .global(let variable):
      return variable.kind == .var
    case .member(let member, _): return [.param, .state, .var].contains(member.kind)
    default: return false
    }
  }
}
