// Compiles assignments. A tensor is moved out of its variable while an instruction works on it, so that it can be updated in place.
import NNSyntax

/// What an assignment changes, its operands evaluated already.
indirect enum AssignedPlace {
  /// A plain local variable, or the value of an expression, in a register. A tensor there can only be rebound if it is a `var`.
  case register(Int, isRebindable: Bool)
  /// A variable elsewhere, or a field of the instance around.
  case name(NameExpr, isRebindable: Bool)
  case member(AssignedPlace, MemberExpr)
  case element(AssignedPlace, key: Int, IndexExpr)
  case slice(AssignedPlace, first: Int, layout: Int, IndexExpr)
}

extension FunctionCompiler {
  func assign(_ node: AssignStmt) {
    if let op = node.op {
      update(node, op)
    } else if let update = node.asUpdate {
      self.update(update, update.op ?? .add)
    } else {
      assign(node.value, to: node.target, at: node.span)
    }
  }

  private func assign(_ value: Expr, to target: Target, at span: Span) {
    switch target {
    case .discard: discard(value)
    case .sequence(let targets, let targetSpan):
      let source = operand(value)
      parts(of: source, targets.count, at: targetSpan, value.span) { index, part in
        store(part, inTarget: targets[index], at: span)
      }
    case .name(let name):
      if let variable = localRegister(.name(name)), writesOnlyAtEnd(value) {
        replacement(of: name, by: value) { compile(value, into: variable) }
      } else {
        let register = temporary()
        compile(value, into: register)
        store(register, in: .name(name, isRebindable: true), at: span, value.span)
      }
    case .member, .index:
      guard let place = place(of: target) else { return }
      store(operand(value), in: place, at: span, value.span)
    }
  }

  /// Stores a temporary, which is used up, in a target of a pattern.
  private func store(_ register: Int, inTarget target: Target, at span: Span) {
    switch target {
    case .discard: builder.emit(.release, register)
    case .sequence(let targets, let targetSpan):
      parts(of: register, targets.count, at: targetSpan, target.span) { index, part in
        store(part, inTarget: targets[index], at: span)
      }
    case .name, .member, .index:
      temporaries {
        guard let place = place(of: target) else { return }
        store(register, in: place, at: span, target.span)
      }
    }
  }

  /// `t op= e`
  private func update(_ node: AssignStmt, _ op: BinaryOperator) {
    guard let place = place(of: node.target) else {
      return context.report("a compound assignment needs a single target", node.target.span)
    }
    let operands = [node.target.span, node.value.span]
    let constant = op.opcodeWithConstant == nil ? nil : smallConstant(node.value)
    let right = constant ?? operand(node.value)
    let opcode = constant == nil ? op.opcode : op.opcodeWithConstant ?? op.opcode
    modify(place, at: node.span) { register in
      emit(opcode, register, register, right, at: node.span, operands: operands)
    }
  }

  // MARK: Places

  /// Evaluates the operands of a target with one place; nil for patterns.
  private func place(of target: Target) -> AssignedPlace? {
    switch target {
    case .name(let name): place(ofValue: .name(name), isTarget: true)
    case .member(let member): place(ofValue: .member(member))
    case .index(let index): place(ofValue: .index(index))
    case .discard, .sequence: nil
    }
  }

  private func place(ofValue value: Expr, isTarget: Bool = false) -> AssignedPlace {
    switch value {
    case .name(let name):
      let isRebindable = isTarget || isRebindable(name)
      if let register = localRegister(value) {
        return .register(register, isRebindable: isRebindable)
      }
      return .name(name, isRebindable: isRebindable)
    case .member(let member): return .member(place(ofValue: member.object), member)
    case .index(let index):
      let container = place(ofValue: index.object)
      if let key = singleIndex(index) {
        return .element(container, key: operand(key), index)
      }
      let first = nextTemporary
      return .slice(container, first: first, layout: sliceItems(index.items), index)
    default: return .register(operand(value), isRebindable: false)
    }
  }

  private func isRebindable(_ name: NameExpr) -> Bool {
    switch name.binding {
    case .local(let variable), .captured(_, let variable), .global(let variable):
      variable.kind == .var
    case .member(let member, _): [.param, .state, .var].contains(member.kind)
    default: false
    }
  }

  // MARK: Storing

  /// Stores a register in a place; a temporary is used up.
  private func store(_ register: Int, in place: AssignedPlace, at span: Span, _ valueSpan: Span) {
    switch place {
    case .register(let variable, _):
      builder.emit(isTemporary(register) ? .take : .move, variable, register)
    case .name(let name, _): store(register, in: name, at: span)
    case .member(let container, let member):
      let object = read(container)
      emit(
        isTemporary(register) ? .setMemberTake : .setMember, object, register, at: span,
        operands: [member.object.span, member.nameSpan, valueSpan])
      memberWords(member.name)
      releaseOperand(object, unless: -1)
    case .element(let container, let key, let index):
      modify(container, at: span, isElement: true) { object in
        emit(
          isTemporary(register) ? .setIndexTake : .setIndex, object, key, register, at: span,
          operands: [index.object.span, index.items[0].span, valueSpan])
      }
    case .slice(let container, let first, let layout, let index):
      modify(container, at: span, isElement: true) { object in
        let spans = [index.object.span, valueSpan] + index.items.map(\.span)
        emit(.setSlice, object, register, first, at: span, operands: spans)
        builder.emitWord(layout)
      }
      releaseItems(index.items, from: first)
      releaseOperand(register, unless: -1)
    }
  }

  /// Stores a temporary in a variable that is not a plain local one, or in a field.
  private func store(_ register: Int, in name: NameExpr, at span: Span) {
    switch name.binding {
    case .local(let variable):
      builder.emit(variable.needsCell ? .setCellTake : .take, self.register(of: variable), register)
    case .captured(let index, _): builder.emit(.setCaptureCellTake, register, index)
    case .global(let variable):
      guard case .global(let index) = variable.storage else { return }
      builder.emitWide(.setGlobalTake, register, index)
    case .member(let member, let receiver):
      temporaries {
        let instance = receiverRegister(receiver, at: name.span)
        emit(.setFieldTake, instance, register, member.index, at: span, operands: [name.span])
        releaseOperand(instance, unless: -1)
      }
    case .thisFunction, .builtin, .unresolved:
      context.report("'\(name.name)' cannot be assigned", name.span)
    }
  }

  /// A register with the value of a place, for changing what it refers to.
  private func read(_ place: AssignedPlace) -> Int {
    if case .register(let register, _) = place { return register }
    let result = temporary()
    switch place {
    case .register: break
    case .name(let name, _): load(name.binding, name.name, into: result, at: name.span)
    case .member(let container, let member):
      let object = read(container)
      emit(
        .getMember, result, object, at: member.span,
        operands: [member.object.span, member.nameSpan]
      )
      memberWords(member.name)
      releaseOperand(object, unless: result)
    case .element(let container, let key, let index):
      let object = read(container)
      emit(
        .getIndex, result, object, key, at: index.span,
        operands: [index.object.span, index.items[0].span])
      releaseOperand(object, unless: result)
    case .slice(let container, let first, let layout, let index):
      let object = read(container)
      getSlice(result, object, first, layout, index)
      releaseItems(index.items, from: first)
      releaseOperand(object, unless: result)
    }
    return result
  }

  private func getSlice(
    _ result: Int, _ object: Int, _ first: Int, _ layout: Int, _ index: IndexExpr
  ) {
    let spans = [index.object.span] + index.items.map(\.span)
    emit(.getSlice, result, object, first, at: index.span, operands: spans)
    builder.emitWord(layout)
  }

  // MARK: Changing in place

  /// Moves the value of a place into a register, lets `change` work on it there, and stores it back.
  ///
  /// With `isElement` it is a part of the value that changes: only a tensor, which is a value, then has to be stored back.
  private func modify(
    _ place: AssignedPlace, at span: Span, isElement: Bool = false, _ change: (Int) -> Void
  ) {
    switch place {
    case .register(let register, let isRebindable):
      if !isRebindable { builder.guardNextElement() }
      change(register)
    case .name(let name, let isRebindable):
      if isRebindable {
        modify(name, at: span, isElement, change)
      } else {
        modifyElements(of: name, change)
      }
    case .member(let container, let member):
      let object = read(container)
      let register = temporary()
      emit(
        .takeMember, register, object, at: member.span,
        operands: [member.object.span, member.nameSpan])
      memberWords(member.name)
      let name = context.heap.intern(member.name)
      self.change(register, isElement, .member(object: object, name: name), change) {
        emit(
          .setMemberTake, object, register, at: span,
          operands: [member.object.span, member.nameSpan, span])
        memberWords(member.name)
      }
      releaseOperand(object, unless: -1)
    case .element(let container, let key, let index):
      modify(container, at: span, isElement: true) { object in
        let register = temporary()
        let operands = [index.object.span, index.items[0].span]
        emit(.takeIndex, register, object, key, at: index.span, operands: operands)
        self.change(register, isElement, .element(object: object, key: key), change) {
          emit(.setIndexTake, object, key, register, at: span, operands: operands + [span])
        }
      }
      releaseOperand(key, unless: -1)
    case .slice(let container, let first, let layout, let index):
      modify(container, at: span, isElement: true) { object in
        let register = temporary()
        getSlice(register, object, first, layout, index)
        change(register)
        let spans = [index.object.span, span] + index.items.map(\.span)
        emit(.setSlice, object, register, first, at: span, operands: spans)
        builder.emitWord(layout)
        builder.emit(.release, register)
      }
      releaseItems(index.items, from: first)
    }
  }

  /// Lets `change` work on the elements of a variable that cannot be assigned.
  private func modifyElements(of name: NameExpr, _ change: (Int) -> Void) {
    let register = temporary()
    load(name.binding, name.name, into: register, at: name.span)
    builder.guardNextElement()
    change(register)
    builder.emit(.release, register)
  }

  private func modify(
    _ name: NameExpr, at span: Span, _ isElement: Bool, _ change: (Int) -> Void
  ) {
    let register = temporary()
    var place: Code.Restore.Place?
    var receiverTemporary: Int?
    switch name.binding {
    case .local(let variable) where variable.needsCell:
      let cell = self.register(of: variable)
      builder.emit(.takeCell, register, cell)
      place = .cell(register: cell)
    case .captured(let index, let variable) where variable.needsCell:
      builder.emit(.takeCaptureCell, register, index)
      place = .captureCell(index)
    case .global(let variable):
      guard case .global(let index) = variable.storage else { return }
      emitWide(.takeGlobal, register, index, at: name.span)
      place = .global(index)
    case .member(let member, let receiver) where member.kind == .state || member.kind == .var:
      let instance = receiverRegister(receiver, at: name.span)
      emit(.takeField, register, instance, member.index, at: name.span)
      receiverTemporary = instance
      place = .field(receiver: instance, index: member.index)
    default: load(name.binding, name.name, into: register, at: name.span)
    }
    self.change(register, isElement, place, change) {
      store(register, in: name, at: span)
    }
    if let receiverTemporary { releaseOperand(receiverTemporary, unless: -1) }
  }

  /// Runs `change` on a register that was moved out of `place`, then `store`; an error between them puts the value back.
  private func change(
    _ register: Int, _ isElement: Bool, _ place: Code.Restore.Place?, _ change: (Int) -> Void,
    store: () -> Void
  ) {
    let start = builder.position
    change(register)
    var skip: CodeBuilder.Patch?
    if isElement {
      builder.emit(.jumpUnlessTensor, register)
      skip = builder.emitOffset()
    }
    let end = builder.position
    store()
    if let skip { builder.land(skip) }
    if isElement { builder.emit(.release, register) }
    if let place {
      builder.withParts {
        $0.restores.append(Code.Restore(range: start..<end, register: register, place: place))
      }
    }
  }
}

extension AssignStmt {
  /// `x = x op e` as `x op= e`, where x is no plain local variable: there the tensor has to be moved out of its place to be updated.
  var asUpdate: AssignStmt? {
    guard case .name(let target) = target, case .binary(let node) = value,
      case .name(let left) = node.left, left.name == target.name, node.op.isArithmetic,
      node.right.callsNothing
    else { return nil }
    if case .local(let variable) = target.binding, !variable.needsCell { return nil }
    return AssignStmt(
      target: self.target, op: node.op, operatorSpan: node.operatorSpan, value: node.right,
      span: node.span)
  }
}

extension Expr {
  /// True for names, numbers and arithmetic on them: nothing that could change a variable.
  fileprivate var callsNothing: Bool {
    switch self {
    case .nil, .bool, .number, .name, .receiver: true
    case .unary(let node): node.operand.callsNothing
    case .binary(let node): node.left.callsNothing && node.right.callsNothing
    case .member(let node): node.object.callsNothing
    default: false
    }
  }
}

extension BinaryOperator {
  fileprivate var isArithmetic: Bool {
    switch self {
    case .add, .subtract, .multiply, .divide: true
    default: false
    }
  }
}
