// Compiles calls: the callee and its arguments in registers in a row, the callee first.
import NNSyntax

extension FunctionCompiler {
  func compile(_ node: CallExpr, into register: Int) {
    temporaries {
      let callee = lastTemporary(register)
      switch node.callee {
      case .member(let member) where node.pipeSpan == nil:
        callMember(member, node, callee, result: register)
      case .name(let name):
        if case .member(let method, let receiver) = name.binding, method.kind == .method {
          callMethod(method, receiver, node, callee, result: register)
        } else {
          loadCallee(name, into: callee)
          call(node, callee, result: register)
        }
      default:
        compile(node.callee, into: callee)
        call(node, callee, result: register)
      }
    }
  }

  /// Loads a callee by name; one that cannot be called is passed over for an outer one.
  private func loadCallee(_ name: NameExpr, into callee: Int) {
    load(name.binding, name.name, into: callee, at: name.span)
    var found: [CodeBuilder.Patch] = []
    for outer in name.outerBindings {
      emit(.jumpIfCallable, callee, at: name.span)
      found.append(builder.emitOffset())
      load(outer, name.name, into: callee, at: name.span)
    }
    builder.land(found)
  }

  private func call(_ node: CallExpr, _ callee: Int, result: Int) {
    let shape = arguments(node.arguments)
    finish(shape == nil ? .call : .callSpecial, callee, node, receiver: nil, result: result)
    if let shape { builder.emitWord(shape) }
  }

  /// A method of the instance around, by its bare name.
  private func callMethod(
    _ method: ModelMember, _ receiver: Binding, _ node: CallExpr, _ callee: Int, result: Int
  ) {
    let argument = temporary()
    load(receiver, "self", into: argument, at: node.callee.span)
    builder.emit(.loadMethod, callee, argument, method.index)
    let shape = arguments(node.arguments, positionalBefore: 1)
    finish(
      shape == nil ? .call : .callSpecial, callee, node, receiver: node.callee.span, result: result)
    if let shape { builder.emitWord(shape) }
  }

  /// `x.f(a)`: the callee's register holds the function `f` in scope, for the case that `x` has no member `f`.
  private func callMember(_ member: MemberExpr, _ node: CallExpr, _ callee: Int, result: Int) {
    loadFallback(member, into: callee)
    compile(member.object, into: temporary())
    let shape = arguments(node.arguments, positionalBefore: 1)
    finish(
      shape == nil ? .callMember : .callMemberSpecial, callee, node, receiver: member.object.span,
      result: result)
    builder.emitWord(builder.string(member.name))
    builder.emitWord(0)
    if let shape { builder.emitWord(shape) }
  }

  private func loadFallback(_ member: MemberExpr, into callee: Int) {
    switch member.function {
    case .unresolved: builder.emit(.loadNil, callee)
    case .global(let variable):
      guard case .global(let index) = variable.storage else { return }
      builder.emitWide(.peekGlobal, callee, index)
    default: load(member.function, member.name, into: callee, at: member.nameSpan)
    }
  }

  private func finish(
    _ op: Opcode, _ callee: Int, _ node: CallExpr, receiver: Span?, result: Int
  ) {
    let count = nextTemporary - callee - 1
    reserve(2)
    let spans = [node.callee.span] + (receiver.map { [$0] } ?? []) + node.arguments.map(\.span)
    let start = builder.position
    builder.emit(op, callee, count, result)
    builder.place(start, node.span, spans, includesReceiver: receiver != nil)
  }

  /// Compiles arguments into the next temporaries; gives the index of the call's shape unless they are all positional.
  private func arguments(_ arguments: [Argument], positionalBefore: Int = 0) -> Int? {
    for argument in arguments { compile(argument.value, into: temporary()) }
    guard arguments.contains(where: { $0.name != nil || $0.isSpread }) else { return nil }
    let isSpread = Array(repeating: false, count: positionalBefore) + arguments.map(\.isSpread)
    let names = arguments.compactMap(\.name).map { context.heap.intern($0) }
    builder.withParts { $0.callShapes.append(Code.CallShape(isSpread: isSpread, names: names)) }
    return builder.parts.callShapes.count - 1
  }
}
