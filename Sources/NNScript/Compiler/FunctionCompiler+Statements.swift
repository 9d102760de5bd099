// Compiles statements and blocks.
import NNSyntax

extension FunctionCompiler {
  func compile(_ statement: Stmt) {
    temporaries {
      switch statement {
      case .expression(let value): discard(value)
      case .binding(let node): bind(node)
      case .assign(let node): assign(node)
      case .function(let node): define(node)
      case .model(let node): define(node)
      case .while(let node): whileLoop(node)
      case .for(let node): forLoop(node)
      case .return(let node): returnStatement(node)
      case .break: leaveLoop { $0.breaks.append($1) }
      case .continue: leaveLoop { $0.continues.append($1) }
      case .import(let node): importStatement(node)
      }
    }
  }

  /// Compiles the statements of a block and forgets its value.
  func compile(_ block: Block) {
    scope { for statement in block.statements { compile(statement) } }
  }

  /// Compiles a block; its value goes to a register.
  func compile(_ block: Block, into register: Int) {
    scope {
      for (index, statement) in block.statements.enumerated() {
        if index == block.statements.count - 1, case .expression(let value) = statement {
          compile(value, into: register)
          return
        }
        compile(statement)
      }
      builder.emit(.loadNil, register)
    }
  }

  /// Compiles an expression for its effects.
  func discard(_ value: Expr) {
    switch value {
    case .if(let node): discard(node)
    case .try(let node): compile(node, into: nil)
    case .nil, .bool, .number, .throw: temporaries { _ = operand(value) }
    default:
      temporaries {
        let register = temporary()
        compile(value, into: register)
        builder.emit(.release, register)
      }
    }
  }

  private func discard(_ node: IfExpr) {
    var ends: [CodeBuilder.Patch] = []
    for (index, branch) in node.branches.enumerated() {
      let otherwise = temporaries { jump(unless: branch.condition) }
      compile(branch.block)
      if index < node.branches.count - 1 || node.otherwise != nil { ends.append(builder.jump()) }
      builder.land(otherwise)
    }
    if let block = node.otherwise { compile(block) }
    builder.land(ends)
  }

  private func bind(_ node: BindingStmt) {
    if case .name(let variable) = node.pattern {
      initialize(variable, with: node.value)
    } else {
      let source = operand(node.value)
      destructure(source, node.pattern, at: node.value.span)
    }
  }

  /// Declares a variable with an expression as its first value.
  private func initialize(_ variable: Variable, with value: Expr) {
    if case .global(let index) = variable.storage {
      let register = temporary()
      compile(value, into: register)
      builder.emitWide(.setGlobalTake, register, index)
      return
    }
    let register = temporary()
    if variable.needsCell || !writesOnlyAtEnd(value) {
      compile(value, into: register)
      initialize(variable, taking: register)
    } else {
      freeTemporaries(to: register)
      compile(value, into: declare(variable))
    }
  }

  /// Declares a variable with what a temporary holds as its first value.
  func initialize(_ variable: Variable, taking temporary: Int) {
    if case .global(let index) = variable.storage {
      builder.emitWide(.setGlobalTake, temporary, index)
      return
    }
    let register = declare(variable)
    builder.emit(.take, register, temporary)
    if variable.needsCell { builder.emit(.newCell, register) }
  }

  private func define(_ node: Function) {
    guard let variable = node.variable else { return }
    if case .global = variable.storage, isProgram, isHoisted(node) { return }
    let register = temporary()
    closure(node, into: register)
    initialize(variable, taking: register)
  }

  private func define(_ node: ModelDecl) {
    if case .global = node.variable.storage, isProgram, isHoisted(node) { return }
    let register = temporary()
    builder.emitWide(.makeModel, register, compile(model: node))
    initialize(node.variable, taking: register)
  }

  private func returnStatement(_ node: ReturnStmt) {
    if isConstructor || node.value == nil {
      returnNil(at: node.span)
    } else if let value = node.value {
      lastValue(value) { returnRegister(operand(value), at: value.span) }
    }
  }

  private func importStatement(_ node: ImportStmt) {
    let name =
      switch node.source {
      case .file(let path): path
      case .module(let name): "<" + name + ">"
      }
    let register = temporary()
    emitWide(.importModule, register, builder.string(name), at: node.sourceSpan)
    initialize(node.variable, taking: register)
  }

  // MARK: Loops

  private func leaveLoop(_ add: (inout Loop, CodeBuilder.Patch) -> Void) {
    guard var loop = loops.popLast() else { return }
    releaseTemporaries(from: loop.firstDead)
    add(&loop, builder.jump())
    loops.append(loop)
  }

  /// The condition stands at the end of the loop, so that each turn takes one jump.
  private func whileLoop(_ node: WhileStmt) {
    let entry = builder.jump()
    let start = builder.position
    let breaks = loopBody { compile(node.body) }
    builder.land(entry)
    let repeats = temporaries { jump(if: node.condition) }
    for patch in repeats { builder.land(patch, at: start) }
    builder.land(breaks)
  }

  private func forLoop(_ node: ForStmt) {
    loop(over: node.iterable, node.pattern) { compile(node.body) }
  }

  /// Compiles a loop; `body` is compiled in the scope of the pattern's variables.
  func loop(over iterable: Expr, _ pattern: Pattern, body: () -> Void) {
    if case .range(let range) = iterable {
      rangeLoop(range, pattern, body)
    } else {
      elementLoop(iterable, pattern, body)
    }
  }

  /// A loop over `a..b` keeps the counter and the end in two registers and makes no range.
  private func rangeLoop(_ range: RangeExpr, _ pattern: Pattern, _ body: () -> Void) {
    let counter = plainTemporary()
    let end = plainTemporary()
    compile(range.start, into: counter)
    compile(range.end, into: end)
    scope {
      var target = counter
      if case .name(let variable) = pattern { target = declare(variable) }
      emit(
        .rangePrepare, counter, target, range.includesEnd ? 1 : 0, at: range.span,
        operands: [range.start.span, range.end.span])
      let exit = builder.emitOffset()
      let start = builder.position
      switch pattern {
      case .name, .discard: break
      case .tuple, .list: destructure(counter, pattern, at: range.span)
      }
      let breaks = loopBody(body)
      builder.emit(.rangeLoop, counter, target)
      builder.land(builder.emitOffset(), at: start)
      builder.land(exit)
      builder.land(breaks)
    }
  }

  private func elementLoop(_ iterable: Expr, _ pattern: Pattern, _ body: () -> Void) {
    let source = temporary()
    _ = plainTemporary()
    compile(iterable, into: source)
    emit(.iteratePrepare, source, at: iterable.span, operands: [iterable.span])
    let entry = builder.jump()
    let start = builder.position
    scope {
      let element: Int
      if case .name(let variable) = pattern {
        element = declare(variable)
      } else {
        element = temporary()
        takeApart(element, pattern, at: iterable.span)
        freeTemporaries(to: element)
      }
      let breaks = loopBody(body)
      builder.land(entry)
      emit(.iterateNext, element, source, at: iterable.span, operands: [iterable.span])
      builder.land(builder.emitOffset(), at: start)
      builder.land(breaks)
    }
    builder.emit(.release, source)
  }

  private func takeApart(_ element: Int, _ pattern: Pattern, at span: Span) {
    if case .discard = pattern {
      builder.emit(.release, element)
    } else {
      destructure(element, pattern, at: span)
    }
  }

  /// Compiles the body of a loop; continues land after it, breaks are for the caller to land.
  private func loopBody(_ body: () -> Void) -> [CodeBuilder.Patch] {
    loops.append(Loop(firstDead: nextTemporary))
    body()
    let loop = loops.removeLast()
    builder.land(loop.continues)
    return loop.breaks
  }
}
