// Compiles type annotations to checks; dimension names get registers in which their sizes are numbers.
import NNSyntax

extension FunctionCompiler {
  /// Emits the check of all annotated parameters.
  func checkTypes(of parameters: [Parameter], layout: FunctionLayout) {
    for dimension in layout.dimensions { builder.emit(.loadNil, register(of: dimension)) }
    var checks: [TypeCheck] = []
    temporaries {
      for parameter in parameters {
        guard let type = parameter.type else { continue }
        checks.append(
          TypeCheck(
            name: parameter.name, register: register(of: parameter.variable), span: type.span,
            isOptional: parameter.defaultValue.map(\.isNil) ?? false,
            expected: expectation(type, hold: dimensionTemporary)))
      }
      if checks.isEmpty { return }
      builder.withParts { $0.types = checks }
      let operands = parameters.filter { $0.type != nil }.map(\.span)
      emit(.checkParameters, at: operands[0], operands: operands)
      for register in dimensionTemporaries { builder.emit(.release, register) }
      dimensionTemporaries = []
    }
    builder.withParts { $0.parameterCheckCount = checks.count }
  }

  /// Makes the check of the result, which is emitted before each return.
  func prepareResult(_ type: TypeAnnotation, layout: FunctionLayout) {
    let check = TypeCheck(
      name: "result", register: 0, span: type.span, isOptional: false,
      expected: expectation(type, hold: resultRegister))
    builder.withParts { $0.types.append(check) }
    resultType = builder.parts.types.count - 1
  }

  /// What a type asks for. `hold` keeps a value that the check needs in a register.
  private func expectation(
    _ type: TypeAnnotation, hold: ((Int) -> Void) -> Int
  ) -> TypeCheck.Expectation {
    switch type {
    case .simple(let simple, _): .simple(simple)
    case .model(let path):
      .model(register: hold { compile(path, into: $0) }, name: path.typeText)
    case .shape(let shape):
      .shape(
        element: shape.element, dimensions: shape.dimensions.map { dimension($0, hold: hold) })
    }
  }

  private func dimension(_ dimension: Dimension, hold: ((Int) -> Void) -> Int) -> TypeCheck.Size {
    switch dimension {
    case .ellipsis: .ellipsis
    case .any: .any
    case .size(let size, _): .number(size)
    case .name(let node): named(node, hold: hold)
    case .arithmetic(let op, let left, let right, _):
      .arithmetic(op, self.dimension(left, hold: hold), self.dimension(right, hold: hold))
    }
  }

  /// A fresh name has a register of its own; any other is a number known before the check.
  private func named(_ node: NameExpr, hold: ((Int) -> Void) -> Int) -> TypeCheck.Size {
    if case .unresolved = node.binding { return .any }
    if case .local(let variable) = node.binding, let register = localRegister(.name(node)) {
      return .name(node.name, register: register, isFresh: variable.kind == .dimension)
    }
    let register = hold { load(node.binding, node.name, into: $0, at: node.span) }
    return .name(node.name, register: register, isFresh: false)
  }

  private func dimensionTemporary(_ load: (Int) -> Void) -> Int {
    let register = temporary()
    load(register)
    dimensionTemporaries.append(register)
    return register
  }

  private func resultRegister(_ load: (Int) -> Void) -> Int {
    let register = hiddenVariable()
    temporaries {
      let value = temporary()
      load(value)
      builder.emit(.take, register, value)
    }
    return register
  }
}

extension TypeAnnotation {
  /// How many names it holds that a check may need in a register of its own.
  var nameCount: Int {
    switch self {
    case .simple: 0
    case .model: 1
    case .shape(let shape): shape.dimensions.map(\.nameCount).reduce(0, +)
    }
  }
}

extension Dimension {
  fileprivate var nameCount: Int {
    switch self {
    case .ellipsis, .any, .size: 0
    case .name: 1
    case .arithmetic(_, let left, let right, _): left.nameCount + right.nameCount
    }
  }
}

extension Expr {
  var isNil: Bool {
    if case .nil = self { return true }
    return false
  }

  /// The path of a model's name as it is written.
  var typeText: String {
    switch self {
    case .name(let node): node.name
    case .member(let node): node.object.typeText + "." + node.name
    default: "model"
    }
  }
}
