// The scopes that names are looked up in, innermost first.
import NNSyntax

/// A function, constructor or top level whose names are being resolved.
final class FunctionScope {
  let layout: FunctionLayout
  let parent: FunctionScope?
  /// The variable of a local function, by which it can refer to itself.
  let selfVariable: Variable?
  let isTopLevel: Bool
  let isConstructor: Bool
  var loopDepth = 0
  private var captureIndices: [ObjectIdentifier: Int] = [:]
  private var locals: Set<ObjectIdentifier> = []

  init(
    layout: FunctionLayout, parent: FunctionScope?, selfVariable: Variable? = nil,
    isTopLevel: Bool = false, isConstructor: Bool = false
  ) {
    self.layout = layout
    self.parent = parent
    self.selfVariable = selfVariable
    self.isTopLevel = isTopLevel
    self.isConstructor = isConstructor
  }

  /// Makes a variable one of this function's own.
  func declare(_ variable: Variable) {
    variable.storage = .local(layout.localCount)
    layout.localCount += 1
    locals.insert(ObjectIdentifier(variable))
  }

  /// How this function reaches a local variable of its own or of a function around it.
  func binding(of variable: Variable) -> Binding {
    if locals.contains(ObjectIdentifier(variable)) { return .local(variable) }
    if selfVariable === variable { return .thisFunction(variable) }
    return .captured(index: capture(variable), variable)
  }

  /// The number of the capture of a variable that belongs to a function around.
  private func capture(_ variable: Variable) -> Int {
    if let index = captureIndices[ObjectIdentifier(variable)] { return index }
    let source: Capture.Source
    switch parent?.binding(of: variable) {
    case .local:
      variable.isCaptured = true
      source = .local(variable)
    case .thisFunction: source = .thisFunction
    case .captured(let index, _): source = .captured(index)
    default: preconditionFailure("a local variable belongs to one of the functions around")
    }
    let index = layout.captures.count
    layout.captures.append(Capture(variable: variable, source: source))
    captureIndices[ObjectIdentifier(variable)] = index
    return index
  }
}

/// The members of a model, as its methods and field initialisers see them.
final class ModelScope {
  let name: String
  var members: [String: ModelMember] = [:]
  var signatures: [ObjectIdentifier: CallSignature] = [:]
  /// The fields that are initialised before the initialiser that is being resolved.
  var initialised: Set<String> = []

  init(name: String) { self.name = name }
}

/// One scope and the function it belongs to.
final class Scope {
  enum Kind {
    case block
    /// The members of the model that the function is a method or the constructor of.
    case members(ModelScope)
  }
  let kind: Kind
  let function: FunctionScope
  let parent: Scope?
  var variables: [String: Variable] = [:]
  /// The statements of a block, for naming what is declared further down.
  var statements: [Stmt] = []

  init(_ kind: Kind = .block, function: FunctionScope, parent: Scope?) {
    self.kind = kind
    self.function = function
    self.parent = parent
  }
}
