// Loops: followed turn by turn over a few known elements, else tried out until what is known no longer changes.
import NNSyntax
import NNTensor

/// What a loop runs over.
enum Iteration {
  /// Each of these in turn.
  case elements([AbstractValue])
  /// The elements of a list, which may change while the loop runs.
  case list(AbstractContainer)
  /// Any number of elements, of which this gives one, the first or any; whether there is one for certain.
  case any(isCertain: Bool, (Bool) throws(Flow) -> AbstractValue)
}

extension Checker {
  func run(_ node: WhileStmt) throws(Flow) {
    let first = try truth(node.condition)
    if first == false { return }
    try loop(isCertain: first == true) { (isFirst) throws(Flow) in
      _ = try self.run(node.body)
      _ = try self.truth(node.condition)
    }
  }

  func run(_ node: ForStmt) throws(Flow) {
    let iterable = try evaluate(node.iterable)
    try iterate(iterable, node.pattern, at: node.iterable.span) { () throws(Flow) in
      _ = try self.run(node.body)
    }
  }

  /// Runs `body` with each element of a value bound to a pattern; false if how often is not known.
  @discardableResult
  func iterate(
    _ iterable: AbstractValue, _ pattern: Pattern, at span: Span,
    _ body: () throws(Flow) -> Void
  ) throws(Flow) -> Bool {
    switch try iteration(over: iterable, at: place(span, [span])) {
    case .elements(let elements):
      try turns { (index) throws(Flow) in
        guard index < elements.count else { return false }
        try self.bind(pattern, to: elements[index], at: span)
        try body()
        return true
      }
      return true
    case .list(let container):
      var isKnown = true
      try turns { (index) throws(Flow) in
        guard let elements = container.elements, index < Checker.mostTurns else {
          isKnown = false
          return false
        }
        guard index < elements.count else { return false }
        try self.bind(pattern, to: elements[index], at: span)
        try body()
        return true
      }
      if isKnown { return true }
      try loop(isCertain: false) { (_) throws(Flow) in
        try self.bind(pattern, to: .unknown, at: span)
        try body()
      }
      return false
    case .any(let isCertain, let element):
      try loop(isCertain: isCertain) { (isFirst) throws(Flow) in
        try self.bind(pattern, to: try element(isFirst), at: span)
        try body()
      }
      return false
    }
  }

  /// How a loop runs over a value.
  private func iteration(over value: AbstractValue, at place: Code.Place) throws(Flow) -> Iteration
  {
    switch value {
    case .unknown:
      if mayLeave { doubts.insert(.program) }
      return .any(isCertain: false) { (_) throws(Flow) in .unknown }
    case .tuple(let elements) where elements.count <= Checker.mostTurns: return .elements(elements)
    case .list(let container):
      guard let elements = container.elements else {
        return .any(isCertain: false) { (_) throws(Flow) in .unknown }
      }
      if elements.count <= Checker.mostTurns { return .list(container) }
      return many(elements)
    case .tuple(let elements): return many(elements)
    case .range(let range):
      guard let range else { return .any(isCertain: false) { (_) throws(Flow) in .number(nil) } }
      if range.count <= Checker.mostTurns {
        return .elements(range.numbers.map { .number(Double($0)) })
      }
      return .any(isCertain: true) { (isFirst) throws(Flow) in
        .number(isFirst ? Double(range.start) : nil)
      }
    case .string(let text):
      return .any(isCertain: text?.isEmpty == false) { (_) throws(Flow) in .string(nil) }
    case .dict(let container):
      let isCertain = container.elements?.isEmpty == false
      return .any(isCertain: isCertain) { (_) throws(Flow) in .unknown }
    case .tensor(let facts): return try iteration(over: facts, at: place)
    case .instance(let instance):
      if let iteration = try iteration(over: instance, at: place) { return iteration }
    case .sequence(let sequence): return try iteration(over: sequence, at: place)
    default: break
    }
    guard let sketch = value.sketch else {
      return .any(isCertain: false) { (_) throws(Flow) in .unknown }
    }
    try fail(.notIterable(sketch), at: place)
  }

  /// More elements than are followed one by one.
  private func many(_ elements: [AbstractValue]) -> Iteration {
    for element in elements { escape(element) }
    return .any(isCertain: true) { (isFirst) throws(Flow) in isFirst ? elements[0] : .unknown }
  }

  private func iteration(over facts: TensorFacts, at place: Code.Place) throws(Flow) -> Iteration {
    guard let shape = facts.shape else {
      let row = TensorFacts(facts.dtype, nil)
      return .any(isCertain: facts.hasRows) { (_) throws(Flow) in .tensor(row) }
    }
    guard shape.rank > 0 else {
      try fail(
        .notIterable(ValueSketch(kind: .tensor(facts.dtype, shape), describedType: "a tensor")),
        at: place)
    }
    let row = TensorFacts(facts.dtype, shape.suffix(from: 1))
    if shape[0].known == 0 { return .elements([]) }
    return .any(isCertain: shape[0].known != nil || facts.hasRows) { (_) throws(Flow) in
      .tensor(row)
    }
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
    return .any(isCertain: isCertain || instance.hasRows) { (isFirst) throws(Flow) in
      try self.call(get, instance, CallArguments([.number(isFirst ? 0 : nil)]), at: place)
    }
  }

  /// The elements of a lazy sequence.
  private func iteration(over sequence: AbstractSequence, at place: Code.Place) throws(Flow)
    -> Iteration
  {
    var isCertain = true
    var elements: [(Bool) throws(Flow) -> AbstractValue] = []
    for source in sequence.sources {
      switch try iteration(over: source, at: place) {
      case .elements(let known): elements.append(any(of: known, &isCertain))
      case .list(let container): elements.append(any(of: container.elements ?? [], &isCertain))
      case .any(let isCertainHere, let element):
        isCertain = isCertain && isCertainHere
        elements.append(element)
      }
    }
    return .any(isCertain: isCertain) { (isFirst) throws(Flow) in
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
  private func any(of values: [AbstractValue], _ isCertain: inout Bool)
    -> (Bool) throws(Flow) -> AbstractValue
  {
    isCertain = isCertain && !values.isEmpty
    return { (isFirst) throws(Flow) in
      guard var value = values.first else { return .unknown }
      if isFirst { return value }
      for next in values.dropFirst() { value = self.join(value, next) }
      return value
    }
  }

  // MARK: Turns

  /// Follows the turns of a loop one after the other, until `turn` says that there is none.
  private func turns(_ turn: (Int) throws(Flow) -> Bool) throws(Flow) {
    try inLoop { (loop) throws(Flow) in
      var index = 0
      var goesOn = true
      while goesOn {
        try self.step()
        try self.turn(of: loop) { () throws(Flow) in goesOn = try turn(index) }
        index += 1
      }
    }
  }

  /// Follows the first turn, then tries further ones until what is known no longer changes. `turn` is told whether it is the first.
  func loop(isCertain: Bool, _ turn: (Bool) throws(Flow) -> Void) throws(Flow) {
    guard isCertain else {
      _ = try fork(
        { () throws(Flow) in .nil },
        or: { () throws(Flow) in
          try self.loop(isCertain: true, turn)
          return .nil
        })
      return
    }
    try inLoop { (loop) throws(Flow) in
      try self.turn(of: loop) { () throws(Flow) in try turn(true) }
      try self.settle(loop) { () throws(Flow) in try turn(false) }
    }
  }

  /// Runs a loop as a whole, and joins the states in which it may be left.
  private func inLoop(_ body: (LoopFrame) throws(Flow) -> Void) throws(Flow) {
    let before = doubts
    let loop = LoopFrame(mark: trail.count)
    let depth = frame.loops.count
    frame.loops.append(loop)
    defer { frame.loops.removeLast(frame.loops.count - depth) }
    var endsNormally = true
    do throws(Flow) {
      try body(loop)
    } catch {
      switch error {
      case .breaks: break
      case .ended: endsNormally = false
      default: throw error
      }
    }
    doubts = before.union(doubts.intersection([.function, .program]))
    if loop.breaks.isEmpty {
      if !endsNormally { throw .ended }
      return
    }
    var states = loop.breaks
    if endsNormally { states.append(snapshot(since: loop.mark)) }
    rollback(to: loop.mark)
    merge(states)
  }

  /// Runs one turn, and joins the states in which it may end.
  private func turn(of loop: LoopFrame, _ body: () throws(Flow) -> Void) throws(Flow) {
    loop.turn = trail.count
    loop.continues = []
    var endsNormally = true
    do throws(Flow) {
      try body()
    } catch {
      switch error {
      case .continues: break
      case .ended: endsNormally = false
      default: throw error
      }
    }
    if loop.continues.isEmpty {
      if !endsNormally { throw .ended }
      return
    }
    var states = loop.continues
    if endsNormally { states.append(snapshot(since: loop.turn)) }
    rollback(to: loop.turn)
    merge(states)
  }

  /// Tries turns silently until the state after one is no news.
  private func settle(_ loop: LoopFrame, _ body: () throws(Flow) -> Void) throws(Flow) {
    silence += 1
    defer { silence -= 1 }
    let (exits, breaks) = (frame.exits, loop.breaks)
    for round in 0..<8 {
      (frame.exits, loop.breaks) = (exits, breaks)
      let mark = trail.count
      var states: [Snapshot] = []
      do throws(Flow) {
        try turn(of: loop, body)
        states.append(snapshot(since: mark))
      } catch {
        switch error {
        case .returns:
          frame.exits.append((frame.returned, snapshot(since: frame.mark)))
          doubts.insert(.function)
        case .breaks: loop.breaks.append(snapshot(since: loop.mark))
        case .continues, .ended: break
        case .failed, .stopped: throw error
        }
      }
      states += loop.breaks.dropFirst(breaks.count)
      rollback(to: mark)
      if !widen(by: states, isLast: round >= 4) { return }
    }
    throw .stopped
  }

  /// Joins the state with others; true if that changed it.
  private func widen(by states: [Snapshot], isLast: Bool) -> Bool {
    var isChanged = false
    for (place, value) in states.flatMap(\.values) {
      let joint = join(place.stored, value)
      if joint.isSame(as: place.stored) { continue }
      isChanged = true
      if isLast {
        escape(place.stored)
        escape(value)
      }
      set(place, isLast ? .unknown : joint)
    }
    return isChanged
  }

  // MARK: Comprehensions

  /// `[e for p in xs if c]` and the same for dicts.
  func comprehend(_ node: ComprehensionExpr) throws(Flow) -> AbstractValue {
    let found = Comprehended()
    try comprehend(node, from: 0, into: found)
    guard case .dict = node.result else { return .list(AbstractContainer(found.values)) }
    forget(found)
    return .dict(AbstractContainer(nil))
  }

  private func comprehend(
    _ node: ComprehensionExpr, from index: Int, into found: Comprehended
  ) throws(Flow) {
    guard index < node.clauses.count else {
      return add(try result(of: node), to: found)
    }
    switch node.clauses[index] {
    case .each(let pattern, let iterable):
      let source = try evaluate(iterable)
      let isKnown = try iterate(source, pattern, at: iterable.span) { () throws(Flow) in
        try self.comprehend(node, from: index + 1, into: found)
      }
      if !isKnown { forget(found) }
    case .filter(let condition):
      switch try truth(condition) {
      case true?: try comprehend(node, from: index + 1, into: found)
      case false?: return
      case nil:
        forget(found)
        _ = try fork(
          { () throws(Flow) in .nil },
          or: { () throws(Flow) in
            try self.comprehend(node, from: index + 1, into: found)
            return .nil
          })
      }
    }
  }

  private func result(of node: ComprehensionExpr) throws(Flow) -> AbstractValue {
    switch node.result {
    case .list(let result): return try evaluate(result)
    case .dict(let key, let result):
      if case .computed(let key) = key { _ = try evaluate(key) }
      return try evaluate(result)
    }
  }

  private func add(_ value: AbstractValue, to found: Comprehended) {
    if let values = found.values, values.count < 1024 {
      found.values = values + [value]
    } else {
      escape(value)
      forget(found)
    }
  }

  private func forget(_ found: Comprehended) {
    for value in found.values ?? [] { escape(value) }
    found.values = nil
  }
}

/// What a comprehension has made so far; nil where it is not known how often.
private final class Comprehended {
  var values: [AbstractValue]? = []
}
