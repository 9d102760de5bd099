// Loops: followed turn by turn over a few known elements, else tried out until what is known no longer changes.
import NNSyntax
import NNTensor

extension Checker {
  func run(_ node: WhileStmt) throws(Flow) {
    let first = try truth(node.condition)
    if first == false { return }
    try loop(first == true ? .certain : .unknown) { (isFirst) throws(Flow) in
      _ = try self.run(node.body)
      _ = try self.truth(node.condition)
    }
  }

  func run(_ node: ForStmt) throws(Flow) {
    let iterable = try evaluate(node.iterable)
    if case .range(let range?) = iterable, range.count <= Checker.mostTurns {
      return try run(node, over: range)
    }
    try iterate(iterable, node.pattern, at: node.iterable.span) { () throws(Flow) in
      _ = try self.run(node.body)
    }
  }

  /// Follows the turns of a loop over a few numbers; behind one that changed nothing the others are tried out at once.
  private func run(_ node: ForStmt, over range: AbstractRange) throws(Flow) {
    let turn = { (number: Double?) throws(Flow) in
      try self.bind(node.pattern, to: .number(number), at: node.iterable.span)
      _ = try self.run(node.body)
    }
    try inLoop { (loop) throws(Flow) in
      var left = range.count
      for number in range.numbers {
        try self.step()
        let (mark, age) = (self.trail.count, Place.count.load(ordering: .relaxed))
        try self.turn(of: loop) { () throws(Flow) in try turn(Double(number)) }
        left -= 1
        if left > 1, self.isUnchanged(since: mark, olderThan: age) {
          return try self.settle(loop) { () throws(Flow) in try turn(nil) }
        }
      }
    }
  }

  /// Whether all that was there is as it was at a mark of the trail.
  private func isUnchanged(since mark: Int, olderThan age: Int) -> Bool {
    var seen: Set<ObjectIdentifier> = []
    return trail[mark...].allSatisfy { entry in
      let isFirst = entry.place.birth <= age && seen.insert(ObjectIdentifier(entry.place)).inserted
      return !isFirst || entry.place.stored.isSame(as: entry.old)
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
      try loop(.unknown) { (_) throws(Flow) in
        try self.bind(pattern, to: .unknown, at: span)
        try body()
      }
      return false
    case .any(let certainty, let element):
      try loop(certainty) { (isFirst) throws(Flow) in
        try self.bind(pattern, to: try element(isFirst), at: span)
        try body()
      }
      return false
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
  func loop(_ certainty: Iteration.Certainty, _ turn: (Bool) throws(Flow) -> Void) throws(Flow) {
    guard certainty == .certain else {
      _ = try fork(
        because: certainty == .unlessEmpty ? .data : .branch,
        { () throws(Flow) in .nil },
        or: { () throws(Flow) in
          try self.loop(.certain, turn)
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
      let age = Place.count.load(ordering: .relaxed)
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
      if !widen(by: states, olderThan: age, isLast: round >= 4) { return }
    }
    throw .stopped
  }

  /// Joins the state with others; true if that changed it. What was made in the turn itself is made again in the next.
  private func widen(by states: [Snapshot], olderThan age: Int, isLast: Bool) -> Bool {
    var isChanged = false
    for (place, value) in states.flatMap(\.values) where place.birth <= age {
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
    let found = Comprehended(doubts: doubts, silence: silence)
    try comprehend(node, from: 0, into: found)
    if case .dict = node.result { return dict(of: found) }
    if found.isKnown { return .list(AbstractContainer(found.values)) }
    return .list(AbstractContainer(any: joint(found.values), isFilled: found.isFilled))
  }

  /// The dict of pairs of keys and values.
  private func dict(of found: Comprehended) -> AbstractValue {
    var pairs: [AbstractValue]? = []
    for case .tuple(let parts) in found.values { pairs = add(parts[0], parts[1], to: pairs) }
    if found.isKnown { return .dict(AbstractContainer(pairs)) }
    for value in found.values { escape(value) }
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
      if !isKnown { found.isKnown = false }
    case .filter(let condition):
      switch try truth(condition) {
      case true?: try comprehend(node, from: index + 1, into: found)
      case false?: return
      case nil:
        found.isKnown = false
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
      let key = try evaluate(key)
      return .tuple([key, try evaluate(result)])
    }
  }

  private func add(_ value: AbstractValue, to found: Comprehended) {
    if doubts == found.doubts, silence == found.silence { found.isFilled = true }
    if found.values.count < 1024 { return found.values.append(value) }
    found.isKnown = false
    found.values[0] = join(found.values[0], value)
  }
}

/// What a comprehension has made so far.
private final class Comprehended {
  /// The elements, or pairs.
  var values: [AbstractValue] = []
  /// Whether each value is there once for certain.
  var isKnown = true
  /// Whether there is a value for certain.
  var isFilled = false
  /// The checker's state where it began: in the same state a value is added for certain.
  let doubts: Doubts
  let silence: Int

  init(doubts: Doubts, silence: Int) {
    self.doubts = doubts
    self.silence = silence
  }
}
