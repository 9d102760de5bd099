// Compiles members, indices and slices, and try and throw.
import NNSyntax

extension FunctionCompiler {
  func compile(_ node: MemberExpr, into register: Int) {
    temporaries {
      let object = operand(node.object, hint: register)
      emit(
        .getMember, register, object, at: node.span, operands: [node.object.span, node.nameSpan])
      memberWords(node.name)
      releaseOperand(object, unless: register)
    }
  }

  /// The words after a member instruction: the name and the place where it was found last.
  func memberWords(_ name: String) {
    builder.emitWord(builder.string(name))
    builder.emitWord(0)
  }

  /// Releases a temporary that an instruction has only looked at.
  func releaseOperand(_ operand: Int, unless result: Int) {
    if isTemporary(operand), operand != result { builder.emit(.release, operand) }
  }

  func compile(_ node: IndexExpr, into register: Int) {
    temporaries {
      let object = operand(node.object, hint: register)
      if let key = singleIndex(node) {
        let index = operand(key)
        emit(
          .getIndex, register, object, index, at: node.span,
          operands: [node.object.span, key.span])
      } else {
        let first = nextTemporary
        let shape = sliceItems(node.items)
        let spans = [node.object.span] + node.items.map(\.span)
        emit(.getSlice, register, object, first, at: node.span, operands: spans)
        builder.emitWord(shape)
        releaseItems(node.items, from: first)
      }
      releaseOperand(object, unless: register)
    }
  }

  /// The index of `x[i]`.
  func singleIndex(_ node: IndexExpr) -> Expr? {
    guard node.items.count == 1, case .value(let value) = node.items[0] else { return nil }
    if case .nil = value { return nil }
    return value
  }

  /// Compiles the items between brackets into temporaries in a row; gives the index of their layout.
  func sliceItems(_ items: [IndexExpr.Item]) -> Int {
    var layout: [Code.SliceItem] = []
    for item in items {
      switch item {
      case .value(let value):
        compile(value, into: temporary())
        layout.append(.value)
      case .slice(let start, let stop, let step, _):
        for part in [start, stop, step] {
          let register = temporary()
          if let part { compile(part, into: register) } else { builder.emit(.loadNil, register) }
        }
        layout.append(.slice)
      case .ellipsis: layout.append(.ellipsis)
      }
    }
    builder.withParts { $0.slices.append(layout) }
    return builder.parts.slices.count - 1
  }

  /// Releases the items of a slice; the usual numbers need none.
  func releaseItems(_ items: [IndexExpr.Item], from first: Int) {
    var register = first
    for item in items {
      switch item {
      case .value(let value):
        if !value.isPlain { builder.emit(.release, register) }
        register += 1
      case .slice(let start, let stop, let step, _):
        for part in [start, stop, step] {
          if let part, !part.isPlain { builder.emit(.release, register) }
          register += 1
        }
      case .ellipsis: break
      }
    }
  }

  // MARK: Errors

  /// Compiles `try`; its value goes to a register, if there is one.
  func compile(_ node: TryExpr, into register: Int?) {
    let result = register.map { isTemporary($0) ? $0 : temporary() }
    let firstDead = nextTemporary
    let start = builder.position
    tryDepth += 1
    if let result { compile(node.body, into: result) } else { compile(node.body) }
    tryDepth -= 1
    let end = builder.position
    let done = builder.jump()
    scope {
      let error = temporary()
      let target = builder.position
      builder.withParts {
        $0.handlers.append(
          Code.Handler(
            range: start..<end, target: target, register: error, firstDead: firstDead))
      }
      if let caught = node.caught {
        initialize(caught, taking: error)
      } else {
        builder.emit(.release, error)
      }
      freeTemporaries(to: error)
      if let result { compile(node.handler, into: result) } else { compile(node.handler) }
    }
    builder.land(done)
    if let register, let result, register != result { builder.emit(.take, register, result) }
  }

  func compile(_ node: ThrowExpr) {
    temporaries {
      let register = temporary()
      compile(node.value, into: register)
      emit(.throwValue, register, at: node.span, operands: [node.value.span])
    }
  }
}

extension Expr {
  /// True for literals that are not counted.
  fileprivate var isPlain: Bool {
    switch self {
    case .nil, .bool, .number: true
    case .unary(let node): node.operand.isPlain
    default: false
    }
  }
}
