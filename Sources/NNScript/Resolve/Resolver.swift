// Finds what every name of a program means, before anything runs, and refuses what cannot be right.
import NNSyntax

/// Walks a program and writes into its tree which variable each name means and where it lives.
package final class Resolver {
  let environment: ResolverEnvironment
  let globals: GlobalTable
  let isSession: Bool
  var bag = DiagnosticBag()
  var scope: Scope
  /// The top-level variables whose declaration has been passed; functions see the others too.
  var declaredGlobals: Set<String> = []
  /// The top-level names whose initialiser is being resolved.
  var initialising: Set<String> = []
  /// Names that were assigned without being declared: that they are unknown needs no second error.
  var undeclared: Set<String> = []
  var facts: [ObjectIdentifier: VariableFacts]

  private init(
    _ program: Program, globals: GlobalTable, environment: ResolverEnvironment, isSession: Bool
  ) {
    self.environment = environment
    self.globals = globals
    self.isSession = isSession
    facts = globals.facts
    declaredGlobals = Set(globals.variables.keys)
    let top = FunctionScope(layout: program.layout, parent: nil, isTopLevel: true)
    scope = Scope(function: top, parent: nil)
  }

  /// Resolves a program that parsed. Its top-level variables go into `globals` unless there are errors.
  ///
  /// In a session a name may be declared again, by a later input.
  package static func resolve(
    _ program: Program, globals: GlobalTable, environment: ResolverEnvironment,
    isSession: Bool = false
  ) -> [Diagnostic] {
    let resolver = Resolver(
      program, globals: globals.copy(), environment: environment, isSession: isSession)
    resolver.declareGlobals(program)
    for statement in program.statements { resolver.resolve(statement) }
    resolver.bag.sort()
    if !resolver.bag.hasErrors {
      resolver.globals.facts = resolver.facts
      globals.take(resolver.globals)
    }
    return resolver.bag.diagnostics
  }

  var function: FunctionScope { scope.function }

  /// Whether the current scope is the top level of the file, outside any block.
  var isAtTopLevel: Bool { scope.parent == nil }

  func report(
    _ message: String, _ span: Span, severity: Severity = .error, label: String = "",
    labels: [DiagnosticLabel] = [], help: [String] = []
  ) {
    bag.add(
      Diagnostic(
        message, at: span, severity: severity, label: label, labels: labels, help: help))
  }

  // MARK: Declarations

  /// Gives every top-level variable its index, so that functions can use what is declared after them.
  private func declareGlobals(_ program: Program) {
    var declared: [String: Variable] = [:]
    for variable in program.statements.flatMap(Resolver.declarations) {
      if let first = declared[variable.name] {
        variable.storage = .global(0)
        reportTwice(variable, first)
        continue
      }
      declared[variable.name] = variable
      globals.declare(variable)
    }
    for statement in program.statements {
      switch statement {
      case .function(let node): if let name = node.name { declaredGlobals.insert(name) }
      case .model(let node): declaredGlobals.insert(node.name)
      default: continue
      }
      learn(from: statement)
    }
  }

  /// The variables that a statement declares in its own scope.
  static func declarations(of statement: Stmt) -> [Variable] {
    switch statement {
    case .binding(let node): node.pattern.variables
    case .function(let node): node.variable.map { [$0] } ?? []
    case .model(let node): [node.variable]
    case .import(let node): [node.variable]
    default: []
    }
  }

  /// Declares a variable in the current scope, unless it is a top-level one, which has its index already.
  func declare(_ variable: Variable) {
    if variable.name == "_" { return function.declare(variable) }
    if isAtTopLevel {
      declaredGlobals.insert(variable.name)
      return
    }
    if let first = scope.variables[variable.name] { reportTwice(variable, first) }
    warnIfDimension(variable)
    function.declare(variable)
    scope.variables[variable.name] = variable
  }

  private func reportTwice(_ variable: Variable, _ first: Variable) {
    let isParameter = variable.kind == .parameter
    report(
      isParameter
        ? "there are two parameters `\(variable.name)`"
        : "`\(variable.name)` is declared twice in the same scope", variable.span,
      labels: [DiagnosticLabel(span: first.span, text: "first declared here")],
      help: isParameter
        ? []
        : first.kind == .var && variable.kind == .var
          ? ["to change it, write `\(variable.name) = ...` without `var`"]
          : ["give one of them another name"])
  }

  /// A local variable hides a dimension of the function it is in: allowed, but worth a word.
  private func warnIfDimension(_ variable: Variable) {
    guard variable.kind != .dimension,
      let dimension = function.layout.dimensions.first(where: { $0.name == variable.name })
    else { return }
    report(
      "`\(variable.name)` hides the dimension of the same name", variable.span, severity: .warning,
      labels: [DiagnosticLabel(span: dimension.span, text: "the dimension")],
      help: ["give the variable another name"])
  }

  /// Notes what is certain about the value of a declared variable.
  func learn(from statement: Stmt) {
    switch statement {
    case .function(let node):
      guard let variable = node.variable else { return }
      facts[ObjectIdentifier(variable)] = VariableFacts(
        signature: CallSignature(node), isCallable: true)
    case .model(let node):
      facts[ObjectIdentifier(node.variable)] = VariableFacts(
        signature: CallSignature(node), isCallable: true)
    case .binding(let node):
      guard case .name(let variable) = node.pattern, !node.isVar else { return }
      facts[ObjectIdentifier(variable)] = VariableFacts(
        isCallable: Resolver.isCallable(node.value))
    default: return
    }
  }

  /// Whether the value of an expression can be called, where its form alone says so.
  static func isCallable(_ expr: Expr) -> Bool? {
    switch expr {
    case .function: true
    case .nil, .bool, .number, .string, .list, .tuple, .dict, .comprehension, .range, .unary,
      .binary, .logical:
      false
    default: nil
    }
  }

  // MARK: Scopes

  /// Runs `body` in a scope inside the current one.
  func inScope(_ kind: Scope.Kind = .block, of function: FunctionScope? = nil, _ body: () -> Void) {
    let outer = scope
    scope = Scope(kind, function: function ?? outer.function, parent: outer)
    body()
    scope = outer
  }

  func resolve(_ block: Block, declaring variables: [Variable] = []) {
    inScope {
      for variable in variables { declare(variable) }
      scope.statements = block.statements
      for statement in block.statements { resolve(statement) }
    }
  }

  // MARK: Statements

  func resolve(_ statement: Stmt) {
    switch statement {
    case .expression(let expr): resolve(expr)
    case .binding(let node): resolveBinding(node)
    case .assign(let node):
      resolve(node.value)
      assign(to: node.target, node)
    case .function(let node):
      if let variable = node.variable { declare(variable) }
      learn(from: statement)
      resolve(node)
    case .model(let node):
      declare(node.variable)
      learn(from: statement)
      resolve(node)
    case .while(let node):
      resolve(node.condition)
      inLoop { resolve(node.body) }
    case .for(let node):
      resolve(node.iterable)
      inLoop {
        inScope {
          declare(node.pattern)
          resolve(node.body)
        }
      }
    case .return(let node): resolveReturn(node)
    case .break(let span): checkLoop("break", span)
    case .continue(let span): checkLoop("continue", span)
    case .import(let node): resolveImport(node)
    }
  }

  func declare(_ pattern: Pattern) {
    for variable in pattern.variables { declare(variable) }
  }

  private func resolveBinding(_ node: BindingStmt) {
    let outer = initialising
    if isAtTopLevel { initialising.formUnion(node.pattern.variables.map(\.name)) }
    resolve(node.value)
    initialising = outer
    declare(node.pattern)
    learn(from: .binding(node))
  }

  private func inLoop(_ body: () -> Void) {
    let function = function
    function.loopDepth += 1
    body()
    function.loopDepth -= 1
  }

  private func checkLoop(_ word: String, _ span: Span) {
    if function.loopDepth == 0 {
      report("`\(word)` outside a loop", span)
    }
  }

  private func resolveReturn(_ node: ReturnStmt) {
    if let value = node.value { resolve(value) }
    if function.isTopLevel {
      report("`return` outside a function", node.span, help: ["`exit()` ends the program"])
    } else if function.isConstructor {
      report("`return` in the initialiser of a field", node.span)
    }
  }

  private func resolveImport(_ node: ImportStmt) {
    declare(node.variable)
    switch environment.module(node) {
    case .unknown: break
    case .missing(let message, let help): report(message, node.sourceSpan, help: help)
    case .members(let members):
      facts[ObjectIdentifier(node.variable)] = VariableFacts(members: members, isCallable: false)
    }
  }
}
