// Evaluates expressions on what is known of their parts.
import NNSyntax
import NNTensor

extension Checker {
  /// A place for errors of an expression.
  func place(_ span: Span, _ operands: [Span] = []) -> Code.Place {
    Code.Place(pc: 0, span: span, operands: operands)
  }

  /// What is known of an expression's value. Of tuples that hold too much nothing is: a tuple in itself, over and over, would take
  /// forever to go through.
  func evaluate(_ value: Expr) throws(Flow) -> AbstractValue {
    try step()
    let result = try evaluateAny(value)
    var left = Checker.largestTuple
    if result.fits(&left) { return result }
    escape(result)
    return .unknown
  }

  private func evaluateAny(_ value: Expr) throws(Flow) -> AbstractValue {
    switch value {
    case .nil: return .nil
    case .bool(let bool, _): return .bool(bool)
    case .number(let number, _): return .number(number)
    case .string(let node): return try evaluate(node)
    case .name(let node): return load(node.binding)
    case .receiver(let node): return load(node.binding)
    case .list(let node): return try evaluate(node)
    case .tuple(let node):
      var elements: [AbstractValue] = []
      for element in node.elements { elements.append(try evaluate(element)) }
      return .tuple(elements)
    case .dict(let node): return try evaluate(node)
    case .comprehension(let node): return try comprehend(node)
    case .range(let node): return try evaluate(node)
    case .unary(let node): return try evaluate(node)
    case .binary(let node): return try evaluate(node)
    case .logical: return .bool(try truth(value))
    case .call(let node): return try evaluate(node)
    case .member(let node): return try evaluate(node)
    case .index(let node): return try evaluate(node)
    case .function(let node): return .function(closure(node, name: node.name ?? "fn"))
    case .if(let node): return try evaluate(node, isTail: false)
    case .try(let node): return try evaluate(node)
    case .throw(let node):
      escape(try evaluate(node.value))
      throw .ended
    }
  }

  // MARK: Names

  /// The value of what a name means.
  func load(_ binding: Binding) -> AbstractValue {
    switch binding {
    case .unresolved: return .unknown
    case .local(let variable): return localPlace(variable)?.value ?? .unknown
    case .captured(let index, _):
      return index < frame.captures.count ? frame.captures[index].value : .unknown
    case .global(let variable): return value(ofGlobal: variable)
    case .thisFunction: return frame.ownFunction.map { .function($0) } ?? .unknown
    case .member(let member, let receiver):
      guard case .instance(let instance) = load(receiver) else { return .unknown }
      if member.kind == .method { return .bound(instance, instance.model.methods[member.index]) }
      return instance.fields[member.index].value
    case .builtin(let name): return builtin(name)
    }
  }

  private func localPlace(_ variable: Variable) -> Place? {
    guard case .local(let index) = variable.storage, index < frame.locals.count else { return nil }
    return frame.locals[index]
  }

  /// The place that a name of a variable or field means; nil for anything else.
  func assignedPlace(_ binding: Binding) -> Place? {
    switch binding {
    case .local(let variable): return localPlace(variable)
    case .captured(let index, _):
      return index < frame.captures.count ? frame.captures[index] : nil
    case .global(let variable): return globalPlace(of: variable)
    case .unresolved, .thisFunction, .member, .builtin: return nil
    }
  }

  /// Makes a variable and gives it its first value.
  func declare(_ variable: Variable, _ value: AbstractValue) {
    switch variable.storage {
    case .local(let index):
      if index < frame.locals.count { frame.locals[index] = newPlace(for: variable, value) }
    case .global: set(globalPlace(of: variable), value)
    case .unresolved: escape(value)
    }
  }

  /// A function with the variables around it.
  func closure(_ syntax: Function, name: String) -> AbstractFunction {
    AbstractFunction(
      syntax, name: name, captures: captures(syntax.layout), module: frame.module)
  }

  /// The variables that a function made here captures.
  func captures(_ layout: FunctionLayout) -> [Place] {
    layout.captures.map { capture in
      switch capture.source {
      case .local(let variable): localPlace(variable) ?? Place(.unknown)
      case .captured(let index):
        index < frame.captures.count ? frame.captures[index] : Place(.unknown)
      case .thisFunction: Place(frame.ownFunction.map { .function($0) } ?? .unknown)
      }
    }
  }

  // MARK: Literals

  private func evaluate(_ node: StringExpr) throws(Flow) -> AbstractValue {
    if let text = node.constant { return .string(text) }
    var text: String? = ""
    for segment in node.segments {
      switch segment {
      case .text(let part): text?.append(part)
      case .interpolation(let part, let format, _):
        let known = knownText(try evaluate(part))
        if let known, format == nil { text?.append(known) } else { text = nil }
      }
    }
    return .string(text.flatMap { $0.utf8.count < 1000 ? $0 : nil })
  }

  /// The text of a known number, string or bool, such as is put into keys.
  private func knownText(_ value: AbstractValue) -> String? {
    switch value {
    case .string(let text): return text
    case .number, .bool:
      guard let slot = slot(value) else { return nil }
      return ValueText.plain(slot)
    default: return nil
    }
  }

  private func evaluate(_ node: ListExpr) throws(Flow) -> AbstractValue {
    var elements: [AbstractValue]? = []
    for element in node.elements {
      let value = try evaluate(element.value)
      let added = element.isSpread ? knownElements(of: value) : [value]
      if let added, let known = elements, known.count + added.count <= 1024 {
        elements = known + added
      } else {
        for known in elements ?? [] { escape(known) }
        escape(value)
        elements = nil
      }
    }
    return .list(AbstractContainer(elements))
  }

  /// The elements of a list, tuple or short range, where they are known.
  func knownElements(of value: AbstractValue) -> [AbstractValue]? {
    switch value {
    case .tuple(let elements): elements
    case .list(let container): container.elements
    case .range(let range?) where range.count <= 1024: range.numbers.map { .number(Double($0)) }
    default: nil
    }
  }

  private func evaluate(_ node: DictExpr) throws(Flow) -> AbstractValue {
    var pairs: [AbstractValue]? = []
    for entry in node.entries {
      let key = try evaluate(entry.key)
      pairs = add(key, try evaluate(entry.value), to: pairs)
    }
    return .dict(AbstractContainer(pairs))
  }

  func evaluate(_ key: DictExpr.Key) throws(Flow) -> AbstractValue {
    switch key {
    case .string(let text, _): return .string(text)
    case .number(let number, _): return .number(number)
    case .computed(let key): return try evaluate(key)
    }
  }

  /// The pairs of a dict after an entry was set; nil where they are no longer known.
  func add(_ key: AbstractValue, _ value: AbstractValue, to pairs: [AbstractValue]?)
    -> [AbstractValue]?
  {
    guard var pairs, key.isKnownKey, pairs.count < 256 else {
      for pair in pairs ?? [] { escape(pair) }
      escape(value)
      return nil
    }
    let pair = AbstractValue.tuple([key, value])
    if let place = pairs.firstIndex(where: { $0.key?.isSame(as: key) == true }) {
      pairs[place] = pair
    } else {
      pairs.append(pair)
    }
    return pairs
  }

  /// Whether an expression is the length of something that is certain not to be empty.
  private func hasRows(lengthOf value: Expr) -> Bool {
    guard case .call(let call) = value, call.arguments.count == 1,
      case .name(let callee) = call.callee, case .builtin("len") = callee.binding,
      case .name(let argument) = call.arguments[0].value
    else { return false }
    switch load(argument.binding) {
    case .instance(let instance): return instance.hasRows
    case .tensor(let facts): return facts.hasRows
    default: return false
    }
  }

  /// Notes what holds behind `assert(len(x) > 0)`.
  func assume(_ condition: Expr) {
    guard case .binary(let node) = condition, node.op == .greater,
      case .number(0, _) = node.right, case .call(let call) = node.left,
      call.arguments.count == 1, case .name(let callee) = call.callee,
      case .builtin("len") = callee.binding, case .name(let argument) = call.arguments[0].value,
      case .instance(let instance) = load(argument.binding)
    else { return }
    set(instance.rows, .bool(true))
  }

  private func evaluate(_ node: RangeExpr) throws(Flow) -> AbstractValue {
    let bounds = (try evaluate(node.start), try evaluate(node.end))
    if bounds.0.isNoBound || bounds.1.isNoBound { throw .ended }
    let (start, end) = (bounds.0.constant, bounds.1.constant)
    guard let start, let end, abs(start) < 0x1p53, abs(end) < 0x1p53,
      let first = Int(exactly: start), let last = Int(exactly: end)
    else {
      let isFilled = start.flatMap { Int(exactly: $0) }.map { $0 <= 0 } ?? false
      return isFilled && hasRows(lengthOf: node.end) ? .count(from: Int(start ?? 0)) : .range(nil)
    }
    let limit = node.includesEnd ? last + 1 : last
    return .range(AbstractRange(start: first, end: limit, isInclusive: node.includesEnd))
  }

  // MARK: Conditions

  /// The truth of a condition, where it is known.
  func truth(_ condition: Expr) throws(Flow) -> Bool? {
    try step()
    switch condition {
    case .unary(let node) where node.op == .not: return try truth(node.operand).map { !$0 }
    case .logical(let node):
      let left = try truth(node.left)
      if let left { return left == node.isAnd ? try truth(node.right) : left }
      let joint = try fork(
        { () throws(Flow) in .bool(!node.isAnd) },
        or: { () throws(Flow) in .bool(try self.truth(node.right)) })
      if case .bool(let bool) = joint { return bool }
      return nil
    case .binary(let node) where node.op.jump != nil:
      let value = try evaluate(condition)
      return try truth(of: value, at: place(node.span, [node.left.span, node.right.span]))
    default:
      let value = try evaluate(condition)
      return try truth(of: value, at: place(condition.span, [condition.span]))
    }
  }

  /// The truth of a value; an error where it certainly has none.
  func truth(of value: AbstractValue, at place: Code.Place) throws(Flow) -> Bool? {
    switch value {
    case .unknown: return nil
    case .bool(let bool): return bool
    case .tensor(let facts):
      let isBool = facts.dtype.map { $0 == .bool } ?? true
      let isSingle = facts.shape.map { $0.indices.allSatisfy { axis in facts.mayBeOne(axis) } }
      if isBool, isSingle ?? true { return nil }
      if facts.dtype == nil { throw .ended }
    default: break
    }
    guard let sketch = value.sketch else { return nil }
    try fail(.notACondition(sketch), at: place)
  }

  /// `if`; as the result of a function, its parts are results too.
  func evaluate(_ node: IfExpr, isTail: Bool) throws(Flow) -> AbstractValue {
    try branch(node, from: 0, isTail)
  }

  private func branch(_ node: IfExpr, from index: Int, _ isTail: Bool) throws(Flow)
    -> AbstractValue
  {
    try step()
    guard index < node.branches.count else {
      if let block = node.otherwise { return try run(block, isTail: isTail) }
      return isTail ? try checkedResult(.nil, at: node.span) : .nil
    }
    let (condition, block) = node.branches[index]
    switch try truth(condition) {
    case true?: return try run(block, isTail: isTail)
    case false?: return try branch(node, from: index + 1, isTail)
    case nil:
      return try fork(
        { () throws(Flow) in try self.run(block, isTail: isTail) },
        or: { () throws(Flow) in try self.branch(node, from: index + 1, isTail) })
    }
  }

  // MARK: Errors

  /// `try`: certain errors of its body are worth a warning; its handler may begin after any part of the body.
  private func evaluate(_ node: TryExpr) throws(Flow) -> AbstractValue {
    let before = doubts
    touched.append([])
    let result: Result<AbstractValue, Flow>
    do throws(Flow) {
      let value = try fork(
        { () throws(Flow) in
          self.doubts = before.union(self.isInProgram ? .attempt : .branch)
          return try self.run(node.body)
        },
        or: { () throws(Flow) in
          for (place, value) in self.touched.last ?? [] {
            self.escape(place.stored)
            self.escape(value)
            self.set(place, .unknown)
          }
          if let caught = node.caught { self.declare(caught, .unknown) }
          return try self.run(node.handler)
        })
      result = .success(value)
    } catch {
      result = .failure(error)
    }
    let written = touched.removeLast()
    if !touched.isEmpty { touched[touched.count - 1] += written }
    if !before.contains(.attempt) { doubts.remove(.attempt) }
    return try result.get()
  }
}

extension AbstractValue {
  /// Whether it is a key of a dict, and which one.
  var isKnownKey: Bool {
    switch self {
    case .string(let text): text != nil
    case .number(let number): number.map { $0 == $0.rounded() && abs($0) < 0x1p53 } ?? false
    default: false
    }
  }

  /// Whether it is certain to be no bound of a range: those are whole numbers.
  fileprivate var isNoBound: Bool {
    switch self {
    case .unknown, .column: false
    case .number(let number): number.map { $0 != $0.rounded() } ?? false
    case .tensor(let facts):
      facts.dtype?.isInteger == false || facts.shape.map { $0.rank > 0 } ?? false
    default: true
    }
  }

  /// The key of a pair in a dict's contents.
  var key: AbstractValue? {
    if case .tuple(let parts) = self { return parts.first }
    return nil
  }
}

extension TensorFacts {
  /// Whether an axis may have the size 1.
  func mayBeOne(_ axis: Int) -> Bool { shape.map { $0[axis].mayEqual(SymbolicDim(1)) } ?? true }
}
