// Compiles expressions into registers.
import NNSyntax

extension FunctionCompiler {
  /// A register that holds the value: that of a plain local variable, else a new temporary.
  ///
  /// `hint` is a temporary that may be used for it.
  func operand(_ value: Expr, hint: Int? = nil) -> Int {
    if let register = localRegister(value) { return register }
    if case .throw(let node) = value {
      compile(node)
      return firstTemporary
    }
    let register = hint.flatMap { isTemporary($0) ? $0 : nil } ?? temporary()
    compile(value, into: register)
    return register
  }

  /// An operand that is evaluated before `next`: copied if `next` may assign to the variable.
  func operand(_ value: Expr, before next: Expr, hint: Int? = nil) -> Int {
    if let register = localRegister(value) {
      guard isAssignable(value), next.mayAssign else { return register }
      let copy = temporary()
      builder.emit(.move, copy, register)
      return copy
    }
    return operand(value, hint: hint)
  }

  /// The register of a name that is a plain local variable.
  func localRegister(_ value: Expr) -> Int? {
    switch value {
    case .name(let node):
      if case .local(let variable) = node.binding, !variable.needsCell {
        return register(of: variable)
      }
    case .receiver(let node):
      if case .local(let variable) = node.binding { return register(of: variable) }
    default: break
    }
    return nil
  }

  private func isAssignable(_ value: Expr) -> Bool {
    if case .name(let node) = value, case .local(let variable) = node.binding {
      return variable.isReassigned
    }
    return false
  }

  /// True if compiling the value into a register writes there only after everything else has been evaluated.
  func writesOnlyAtEnd(_ value: Expr) -> Bool {
    switch value {
    case .if, .try, .logical, .comprehension: false
    default: true
    }
  }

  /// Compiles a value into a register: a temporary, a variable being declared, or one being assigned (see `writesOnlyAtEnd`).
  func compile(_ value: Expr, into register: Int) {
    switch value {
    case .nil: builder.emit(.loadNil, register)
    case .bool(let bool, _): builder.emit(.loadBool, register, bool ? 1 : 0)
    case .number(let number, _): builder.emitWide(.loadConstant, register, builder.number(number))
    case .string(let node): compile(node, into: register)
    case .name(let node): load(node.binding, node.name, into: register, at: node.span)
    case .receiver(let node): load(node.binding, "self", into: register, at: node.span)
    case .list(let node): compile(node, into: register)
    case .tuple(let node): compile(node, into: register)
    case .dict(let node): compile(node, into: register)
    case .comprehension(let node): compile(node, into: register)
    case .range(let node): compile(node, into: register)
    case .unary(let node): compile(node, into: register)
    case .binary(let node): compile(node, into: register)
    case .logical(let node): compile(node, into: register)
    case .call(let node): compile(node, into: register)
    case .member(let node): compile(node, into: register)
    case .index(let node): compile(node, into: register)
    case .function(let node): closure(node, into: register)
    case .if(let node): compile(node, into: register)
    case .try(let node): compile(node, into: register)
    case .throw(let node): compile(node)
    }
  }

  // MARK: Names

  /// Loads what a name means.
  func load(_ binding: Binding, _ name: String, into register: Int, at span: Span) {
    switch binding {
    case .local(let variable):
      let source = self.register(of: variable)
      if variable.needsCell {
        builder.emit(.getCell, register, source)
      } else if source != register {
        let isLast = dying.contains(ObjectIdentifier(variable))
        builder.emit(isLast ? .take : .move, register, source)
      }
    case .captured(let index, let variable):
      builder.emit(variable.needsCell ? .getCaptureCell : .getCapture, register, index)
    case .global(let variable):
      guard case .global(let index) = variable.storage else { return }
      emitWide(.getGlobal, register, index, at: span)
    case .thisFunction: builder.emit(.thisFunction, register)
    case .member(let member, let receiver): load(member, receiver, into: register, at: span)
    case .builtin(let name):
      let constant = builder.builtin(name)
      emitWide(.loadBuiltin, register, constant, at: span)
    case .unresolved:
      context.report("unknown name '\(name)'", span)
      builder.emit(.loadNil, register)
    }
  }

  private func load(_ member: ModelMember, _ receiver: Binding, into register: Int, at span: Span) {
    temporaries {
      let instance = receiverRegister(receiver, at: span)
      let op: Opcode = member.kind == .method ? .bindMethod : .getField
      emit(op, register, instance, member.index, at: span)
      releaseOperand(instance, unless: register)
    }
  }

  /// A register with the instance that a member's name refers to.
  func receiverRegister(_ receiver: Binding, at span: Span) -> Int {
    if case .local(let variable) = receiver, !variable.needsCell { return register(of: variable) }
    let register = temporary()
    load(receiver, "self", into: register, at: span)
    return register
  }

  // MARK: Operators

  private func compile(_ node: UnaryExpr, into register: Int) {
    if case .number(let number, _) = Expr.unary(node).folded {
      builder.emitWide(.loadConstant, register, builder.number(number))
      return
    }
    temporaries {
      let source = operand(node.operand, hint: register)
      emit(
        node.op == .negate ? .negate : .not, register, source, at: node.span,
        operands: [node.operand.span])
    }
  }

  /// The index of a number literal among the constants, if it fits the operand byte.
  func smallConstant(_ value: Expr) -> Int? {
    guard case .number(let number, _) = value.folded else { return nil }
    let index = builder.number(number)
    return index < 256 ? index : nil
  }

  private func compile(_ node: BinaryExpr, into register: Int) {
    if node.op == .add || node.op == .multiply, let constant = smallConstant(node.left),
      smallConstant(node.right) == nil, let op = node.op.opcodeWithConstant
    {
      temporaries {
        let right = operand(node.right, hint: register)
        let operands = [node.right.span, node.left.span]
        emit(op, register, right, constant, at: node.span, operands: operands)
        noteLastUses(left: node.right, right: nil)
      }
      return
    }
    temporaries {
      let left = operand(node.left, before: node.right, hint: register)
      binary(node.op, register, left, node.right, node.left.span, at: node.span)
      if node.op == .greater || node.op == .greaterEqual {
        noteLastUses(left: node.right, right: node.left)
      } else {
        noteLastUses(left: node.left, right: node.right)
      }
    }
  }

  /// Emits `register = left op right`, evaluating `right`.
  func binary(
    _ op: BinaryOperator, _ register: Int, _ left: Int, _ right: Expr, _ leftSpan: Span,
    at span: Span
  ) {
    let operands = [leftSpan, right.span]
    if let withConstant = op.opcodeWithConstant, let constant = smallConstant(right) {
      emit(withConstant, register, left, constant, at: span, operands: operands)
      return
    }
    let second = operand(right, hint: left == register ? nil : register)
    if op == .greater || op == .greaterEqual {
      emit(op.opcode, register, second, left, at: span, operands: [right.span, leftSpan])
    } else {
      emit(op.opcode, register, left, second, at: span, operands: operands)
    }
  }

  /// `a and b` gives `a` or goes on to `b`; both must be bools (or one-element bool tensors), which `jumpIf` checks.
  private func compile(_ node: LogicalExpr, into register: Int) {
    let result = isTemporary(register) ? register : temporary()
    let falseJumps = temporaries { jump(unless: .logical(node)) }
    builder.emit(.loadBool, result, 1)
    let end = builder.jump()
    builder.land(falseJumps)
    builder.emit(.loadBool, result, 0)
    builder.land(end)
    if result != register { builder.emit(.take, register, result) }
  }

  private func compile(_ node: IfExpr, into register: Int) {
    var ends: [CodeBuilder.Patch] = []
    for branch in node.branches {
      let otherwise = temporaries { jump(unless: branch.condition) }
      compile(branch.block, into: register)
      ends.append(builder.jump())
      builder.land(otherwise)
    }
    if let block = node.otherwise {
      compile(block, into: register)
    } else {
      builder.emit(.loadNil, register)
    }
    builder.land(ends)
  }

  // MARK: Conditions

  /// Emits jumps taken when a condition is true; gives them to be landed.
  func jump(if condition: Expr) -> [CodeBuilder.Patch] { jump(condition, when: true) }

  /// Emits jumps taken when a condition is false; gives them to be landed.
  func jump(unless condition: Expr) -> [CodeBuilder.Patch] { jump(condition, when: false) }

  private func jump(_ condition: Expr, when outcome: Bool) -> [CodeBuilder.Patch] {
    switch condition {
    case .unary(let node) where node.op == .not: return jump(node.operand, when: !outcome)
    case .logical(let node) where node.isAnd == outcome:
      let skips = jump(node.left, when: !outcome)
      let jumps = jump(node.right, when: outcome)
      builder.land(skips)
      return jumps
    case .logical(let node):
      return jump(node.left, when: outcome) + jump(node.right, when: outcome)
    case .binary(let node):
      if let patch = compareJump(node, when: outcome) { return [patch] }
    default: break
    }
    return temporaries {
      let register = operand(condition)
      emit(
        .jumpIf, register, outcome ? 1 : 0, at: condition.span, operands: [condition.span])
      return [builder.emitOffset()]
    }
  }

  private func compareJump(_ node: BinaryExpr, when outcome: Bool) -> CodeBuilder.Patch? {
    guard let op = node.op.jump else { return nil }
    let sense = (node.op == .notEqual) != outcome ? 1 : 0
    return temporaries {
      let left = operand(node.left, before: node.right)
      let operands = [node.left.span, node.right.span]
      if let constant = smallConstant(node.right) {
        emit(op.constant, left, constant, sense, at: node.span, operands: operands)
      } else {
        let right = operand(node.right)
        if op.isSwapped {
          emit(op.registers, right, left, sense, at: node.span, operands: operands.reversed())
        } else {
          emit(op.registers, left, right, sense, at: node.span, operands: operands)
        }
      }
      return builder.emitOffset()
    }
  }
}

extension BinaryOperator {
  /// The instruction of an operator; `>` and `>=` swap their operands.
  var opcode: Opcode {
    switch self {
    case .equal: .equal
    case .notEqual: .notEqual
    case .less, .greater: .less
    case .lessEqual, .greaterEqual: .lessEqual
    case .contained: .contains
    case .add: .add
    case .subtract: .subtract
    case .concatenate: .concatenate
    case .multiply: .multiply
    case .divide: .divide
    case .floorDivide: .floorDivide
    case .remainder: .remainder
    case .matmul: .matmul
    case .power: .power
    }
  }

  /// The instruction whose right operand is a constant.
  var opcodeWithConstant: Opcode? {
    switch self {
    case .add: .addK
    case .subtract: .subtractK
    case .multiply: .multiplyK
    case .divide: .divideK
    case .floorDivide: .floorDivideK
    case .remainder: .remainderK
    default: nil
    }
  }

  /// The jumps that compare.
  var jump: (registers: Opcode, constant: Opcode, isSwapped: Bool)? {
    switch self {
    case .equal, .notEqual: (.jumpEqual, .jumpEqualK, false)
    case .less: (.jumpLess, .jumpLessK, false)
    case .lessEqual: (.jumpLessEqual, .jumpLessEqualK, false)
    case .greater: (.jumpLess, .jumpGreaterK, true)
    case .greaterEqual: (.jumpLessEqual, .jumpGreaterEqualK, true)
    default: nil
    }
  }
}

extension Expr {
  /// A number with its sign where the sign stands before a literal.
  var folded: Expr {
    if case .unary(let node) = self, node.op == .negate,
      case .number(let number, let span) = node.operand
    {
      return .number(-number, span)
    }
    return self
  }

  /// True if evaluating it may assign to a variable of the same function: it holds a block.
  var mayAssign: Bool {
    switch self {
    case .if, .try: true
    case .nil, .bool, .number, .name, .receiver, .function: false
    case .string(let node): node.constant == nil
    case .unary(let node): node.operand.mayAssign
    case .binary(let node): node.left.mayAssign || node.right.mayAssign
    case .member(let node): node.object.mayAssign
    case .call(let node):
      node.callee.mayAssign || node.arguments.contains { $0.value.mayAssign }
    case .index(let node): node.object.mayAssign || node.items.contains { $0.mayAssign }
    case .range(let node): node.start.mayAssign || node.end.mayAssign
    case .logical(let node): node.left.mayAssign || node.right.mayAssign
    case .list(let node): node.elements.contains { $0.value.mayAssign }
    case .tuple(let node): node.elements.contains { $0.mayAssign }
    case .dict, .comprehension, .throw: true
    }
  }
}

extension IndexExpr.Item {
  fileprivate var mayAssign: Bool {
    switch self {
    case .value(let value): value.mayAssign
    case .slice(let start, let stop, let step, _):
      [start, stop, step].contains { $0?.mayAssign ?? false }
    case .ellipsis: false
    }
  }
}
