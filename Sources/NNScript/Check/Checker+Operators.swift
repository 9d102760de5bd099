// Operators, members and indices of values as far as they are known.
import NNSyntax
import NNTensor

/// One item between the brackets of an index.
enum IndexKey {
  case value(AbstractValue)
  case slice(start: AbstractValue, stop: AbstractValue, step: AbstractValue)
  case ellipsis
}

extension Checker {
  // MARK: Operators

  func evaluate(_ node: UnaryExpr) throws(Flow) -> AbstractValue {
    if node.op == .not {
      let value = try evaluate(node.operand)
      return .bool(try truth(of: value, at: place(node.span, [node.operand.span])).map { !$0 })
    }
    switch try evaluate(node.operand) {
    case .unknown: return .unknown
    case .number(let number): return .number(number.map { -$0 })
    case .tensor(let facts):
      return try apply(Ops.neg, [.tensor(facts)], at: place(node.span, [node.operand.span]))
    case let value:
      guard let sketch = value.sketch else { return .unknown }
      try fail(.notNegatable(sketch), at: place(node.span, [node.operand.span]))
    }
  }

  func evaluate(_ node: BinaryExpr) throws(Flow) -> AbstractValue {
    let left = try evaluate(node.left)
    let right = try evaluate(node.right)
    // The compiled code changes the sides of these, which messages show.
    let isConstantFirst = node.left.isNumberLiteral && !node.right.isNumberLiteral
    let isSwapped =
      switch node.op {
      case .greater, .greaterEqual: true
      case .add, .multiply: isConstantFirst
      default: false
      }
    let spans = [node.left.span, node.right.span]
    return isSwapped
      ? try combine(node.op, right, left, at: place(node.span, spans.reversed()))
      : try combine(node.op, left, right, at: place(node.span, spans))
  }

  /// The result of an operator; comparisons with `>` and `>=` get their sides exchanged.
  func combine(
    _ op: BinaryOperator, _ left: AbstractValue, _ right: AbstractValue, at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    switch op {
    case .concatenate: return try concatenate(left, right, at: place)
    case .contained: return contains(left, right)
    case .equal, .notEqual:
      if let isEqual = areEqual(left, right) { return .bool(isEqual == (op == .equal)) }
    default: break
    }
    let opcode = op.opcode
    if case .number(let a) = left, case .number(let b) = right, op != .matmul {
      guard let a, let b else { return op.isComparison ? .bool(nil) : .number(nil) }
      let result = try at(place) { try self.vm.operate(opcode, Slot(a), Slot(b)) }
      return value(ofPlain: result)
    }
    if let row = opcode.tensorOp, left.isOperand == true, right.isOperand == true {
      return try apply(row, [left, right], at: place)
    }
    return try combineOthers(op, left, right, at: place)
  }

  /// Operators on what is not two numbers or tensors.
  private func combineOthers(
    _ op: BinaryOperator, _ left: AbstractValue, _ right: AbstractValue, at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    guard let a = left.sketch, let b = right.sketch else { return .unknown }
    if op == .equal || op == .notEqual { return .bool(nil) }
    if op.isComparison, a.kind == .string, b.kind == .string { return .bool(nil) }
    let isListArithmetic =
      (a.kind == .list || b.kind == .list) && (left.isOperand == true || right.isOperand == true)
    if isListArithmetic, let row = op.opcode.tensorOp {
      let symbol = op.opcode.symbol
      guard let first = try operand(left, for: symbol, at: place),
        let second = try operand(right, for: symbol, at: place)
      else { return .unknown }
      return try apply(row, [first, second], at: place)
    }
    try fail(.operatorMismatch(op.opcode.symbol, a, b), at: place)
  }

  /// Whether two values are equal, where that is known and one bool.
  private func areEqual(_ left: AbstractValue, _ right: AbstractValue) -> Bool? {
    switch (left, right) {
    case (.nil, .nil): true
    case (.nil, .unknown), (.unknown, .nil): nil
    case (.nil, _), (_, .nil): false
    case (.string(let a?), .string(let b?)): a == b
    case (.bool(let a?), .bool(let b?)): a == b
    case (.number, .number), (.tensor, _), (_, .tensor), (.unknown, _), (_, .unknown): nil
    case (.list, .list), (.tuple, .tuple), (.dict, .dict), (.range, .range), (.string, .string),
      (.bool, .bool), (.function, _), (_, .function), (.bound, _), (_, .bound), (.list, .number),
      (.number, .list):
      nil
    case (.string, .number), (.number, .string): false
    default: nil
    }
  }

  /// `left in right`
  private func contains(_ left: AbstractValue, _ right: AbstractValue) -> AbstractValue {
    guard let elements = knownElements(of: right) else {
      return right.sketch == nil ? .unknown : .bool(nil)
    }
    var isUnknown = false
    for element in elements {
      switch areEqual(left, element) {
      case true?: return .bool(true)
      case false?: continue
      case nil: isUnknown = true
      }
    }
    return .bool(isUnknown ? nil : false)
  }

  /// `left ++ right`
  private func concatenate(
    _ left: AbstractValue, _ right: AbstractValue, at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    switch (left, right) {
    case (.string(let a), .string(let b)):
      guard let a, let b, a.utf8.count + b.utf8.count < 1000 else { return .string(nil) }
      return .string(a + b)
    case (.tuple(let a), .tuple(let b)): return a.count + b.count <= 1024 ? .tuple(a + b) : .unknown
    case (.list(let a), .list(let b)):
      guard let first = a.elements, let second = b.elements, first.count + second.count <= 1024
      else {
        for element in (a.elements ?? []) + (b.elements ?? []) { escape(element) }
        return .list(AbstractContainer(nil))
      }
      return .list(AbstractContainer(first + second))
    default: break
    }
    guard let a = left.sketch, let b = right.sketch else {
      escape(left)
      escape(right)
      return .unknown
    }
    try fail(.operatorMismatch("++", a, b), at: place)
  }

  // MARK: Members

  func memberPlace(_ node: MemberExpr) -> Code.Place {
    place(node.span, [node.object.span, node.nameSpan])
  }

  func evaluate(_ node: MemberExpr) throws(Flow) -> AbstractValue {
    try member(node.name, of: try evaluate(node.object), at: memberPlace(node))
  }

  /// `object.name`
  func member(_ name: String, of object: AbstractValue, at place: Code.Place) throws(Flow)
    -> AbstractValue
  {
    switch object {
    case .unknown, .sequence: return .unknown
    case .instance(let instance):
      if let method = instance.model.method(name) { return .bound(instance, method) }
      if let field = instance.field(name) { return field.value }
    case .module(let module):
      guard let variable = module.file.globals.variables[name] else { throw .ended }
      return value(ofGlobal: variable)
    case .dict(let container):
      guard let pairs = container.elements else { return .unknown }
      let key = AbstractValue.string(name)
      if case .tuple(let pair)? = pairs.first(where: { $0.key?.isSame(as: key) == true }) {
        return pair[1]
      }
    case .tensor(let facts):
      if let value = try attribute(name, of: facts, at: place) { return value }
    default: break
    }
    if object.builtinTag.flatMap({ Builtins.member(name, tag: $0) }) != nil {
      escape(object)
      return .unknown
    }
    if object.builtinTag == nil, object.sketch?.kind == .other { return .unknown }
    try fail(noMember(name, of: object), at: place)
  }

  /// The attributes of tensors.
  private func attribute(_ name: String, of facts: TensorFacts, at place: Code.Place) throws(Flow)
    -> AbstractValue?
  {
    switch name {
    case "shape":
      guard let shape = facts.shape else { return .unknown }
      return .tuple(shape.array.map { .number($0.known.map { Double($0) }) })
    case "dtype": return .string(facts.dtype?.name)
    case "rank": return .number(facts.shape.map { Double($0.rank) })
    case "size": return .number(facts.count.map { Double($0) })
    case "T":
      if let shape = facts.shape, shape.rank < 2 {
        try fail(.notTransposable("\(shape)"), at: place)
      }
      return try apply(Ops.transpose, [.tensor(facts)], at: place)
    default: return nil
    }
  }

  /// The error for a member that a value does not have.
  func noMember(_ name: String, of object: AbstractValue) -> ScriptError {
    var names: [String] = []
    switch object {
    case .instance(let instance):
      names = instance.model.fieldNames + instance.model.methods.compactMap(\.syntax.name)
    case .dict(let container):
      for pair in container.elements ?? [] {
        if case .string(let text?) = pair.key { names.append(text) }
      }
    default: names = object.builtinTag.map { Builtins.memberNames(tag: $0) } ?? []
    }
    let sketch = object.sketch ?? ValueSketch(kind: .other, describedType: "a value")
    return .noMember(name, of: sketch, names: names)
  }

  // MARK: Indices

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
      guard let elements = knownElements(of: object) else { return .unknown }
      return part(of: elements, keys, isList: { if case .tuple = object { false } else { true } }())
    case .dict(let container):
      guard let pairs = container.elements, keys.count == 1, case .value(let key) = keys[0],
        key.isKnownKey,
        case .tuple(let pair)? = pairs.first(where: { $0.key?.isSame(as: key) == true })
      else {
        for pair in container.elements ?? [] { escape(pair) }
        return .unknown
      }
      return pair[1]
    case .string: return .string(nil)
    case .instance(let instance):
      guard let get = instance.model.method("get"), instance.model.method("len") != nil,
        keys.count == 1, case .value(let key) = keys[0]
      else { return callUnseen(object, CallArguments([])) }
      return try call(get, instance, CallArguments([key]), at: place)
    default:
      escape(object)
      return .unknown
    }
  }

  /// Elements of a list or tuple.
  private func part(of elements: [AbstractValue], _ keys: [IndexKey], isList: Bool)
    -> AbstractValue
  {
    if keys.count == 1 {
      switch keys[0] {
      case .value(.number(let number?)):
        guard let whole = Int(exactly: number) else { break }
        let index = whole < 0 ? whole + elements.count : whole
        if elements.indices.contains(index) { return elements[index] }
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
}

extension BinaryOperator {
  var isComparison: Bool {
    switch self {
    case .equal, .notEqual, .less, .lessEqual, .greater, .greaterEqual, .contained: true
    default: false
    }
  }
}

extension Expr {
  /// Whether it is a number as the compiler puts it among the constants.
  fileprivate var isNumberLiteral: Bool {
    if case .number = folded { return true }
    return false
  }
}

extension AbstractValue {
  /// The tag by which the members of its type are found; nil for types that have none.
  var builtinTag: UInt64? {
    switch self {
    case .tensor: Tag.tensor
    case .string: Tag.string
    case .list: Tag.list
    case .tuple: Tag.tuple
    case .dict: Tag.dict
    case .range: Tag.range
    case .nil: Tag.none
    case .number: Tag.number
    case .bool: Tag.bool
    default: nil
    }
  }
}
