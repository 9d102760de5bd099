// Compiles functions: parameters, defaults, types, bodies, closures.
import NNSyntax

extension FunctionCompiler {
  /// The code of a function that stands in this one.
  func compile(function: Function, name: String? = nil) -> Int {
    child(function) {
      Self.compile(
        name: name ?? function.name ?? "fn", documentation: function.doc, span: function.span,
        layout: function.layout, context: context,
        hiddenVariables: function.returnType?.nameCount ?? 0
      ) { inner in
        inner.builder.withParts { $0.isLambda = function.kind == .lambda }
        inner.outerRegister = { [unowned self] in register(of: $0) }
        inner.parameters(function.parameters, layout: function.layout, result: function.returnType)
        inner.body(function.body)
      }
    }
  }

  /// Emits the closure of a function into a register.
  func closure(_ function: Function, into register: Int) {
    builder.emitWide(.closure, register, compile(function: function))
  }

  /// Gives the parameters their registers and emits what happens before the body: defaults, type checks.
  func parameters(_ parameters: [Parameter], layout: FunctionLayout, result: TypeAnnotation? = nil)
  {
    var list = ParameterList()
    if let receiver = layout.receiver {
      list.hasReceiver = true
      _ = declare(receiver)
    }
    for (index, parameter) in parameters.enumerated() {
      _ = declare(parameter.variable)
      list.names.append(parameter.name)
      list.isRequired.append(parameter.defaultValue == nil && !parameter.isRest)
      if parameter.isRest { list.restIndex = index }
    }
    for dimension in layout.dimensions { _ = declare(dimension) }
    builder.withParts { $0.parameters = list }
    for parameter in parameters { defaultValue(parameter) }
    checkTypes(of: parameters, layout: layout)
    if let result { prepareResult(result, layout: layout) }
    for parameter in parameters where parameter.variable.needsCell {
      builder.emit(.newCell, register(of: parameter.variable))
    }
  }

  private func defaultValue(_ parameter: Parameter) {
    guard let value = parameter.defaultValue else { return }
    let register = register(of: parameter.variable)
    builder.emit(.jumpIfGiven, register)
    let given = builder.emitOffset()
    compile(value, into: register)
    builder.land(given)
  }

  func body(_ body: Function.Body) {
    switch body {
    case .expression(let value): tail(value)
    case .block(let block): tail(block)
    }
  }

  /// Compiles a block whose value is the function's result.
  func tail(_ block: Block) {
    scope {
      for (index, statement) in block.statements.enumerated() {
        if index == block.statements.count - 1, case .expression(let value) = statement {
          tail(value)
          return
        }
        if case .binding(let node) = statement {
          shadowing(node) { compile(statement) }
        } else {
          compile(statement)
        }
      }
      returnNil(at: block.span.endPoint)
    }
  }

  /// Compiles an expression whose value is the function's result.
  func tail(_ value: Expr) {
    guard case .if(let node) = value else {
      temporaries {
        lastValue(value) { returnRegister(operand(value), at: value.span) }
      }
      return
    }
    for branch in node.branches {
      let otherwise = temporaries { jump(unless: branch.condition) }
      tail(branch.block)
      builder.land(otherwise)
    }
    if let block = node.otherwise { tail(block) } else { returnNil(at: node.span) }
  }

  /// Returns what a register holds. A constructor always returns its instance.
  func returnRegister(_ register: Int, at span: Span) {
    if let resultType { emitWide(.checkResult, register, resultType, at: span) }
    releaseTemporaries(from: firstTemporary, except: register)
    builder.emit(.returnValue, register)
  }

  func returnNil(at span: Span) {
    releaseTemporaries(from: firstTemporary)
    if let resultType {
      let register = temporary()
      builder.emit(.loadNil, register)
      emitWide(.checkResult, register, resultType, at: span)
    }
    builder.emit(.returnNil)
  }

  private func releaseTemporaries(from first: Int, except register: Int) {
    guard isTemporary(register) else { return releaseTemporaries(from: first) }
    let saved = nextTemporary
    freeTemporaries(to: register)
    releaseTemporaries(from: first)
    while nextTemporary < saved { _ = temporary() }
  }
}
