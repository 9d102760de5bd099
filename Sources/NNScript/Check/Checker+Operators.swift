// Operators, members and indices of values as far as they are known.
import NNSyntax
import NNTensor

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
    let areNumbers = left.isNumber && right.isNumber
    if let row = opcode.tensorOp, left.isOperand == true, right.isOperand == true, !areNumbers {
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
      !op.isComparison && (a.kind == .list || b.kind == .list)
      && (left.isOperand == true || right.isOperand == true)
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
    case .unknown, .column, .sequence: return .unknown
    case .instance(let instance):
      if let method = instance.model.method(name) { return .bound(instance, method) }
      if let field = instance.field(name) { return field.value }
    case .module(let module):
      guard let variable = module.file.globals.variables[name] else { throw .ended }
      return value(ofGlobal: variable)
    case .dict(let container):
      guard let pairs = container.elements else { return container.element.pairValue }
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
    case .range, .count: Tag.range
    case .nil: Tag.none
    case .number: Tag.number
    case .bool: Tag.bool
    default: nil
    }
  }

  /// The value of a pair in a dict's contents.
  var pairValue: AbstractValue {
    if case .tuple(let parts) = self, parts.count == 2 { return parts[1] }
    return .unknown
  }
}
