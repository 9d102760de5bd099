// Checks what the resolver writes into the tree: where variables live and what names mean.
import NNScript
import NNSyntax
import Testing

@Suite struct ResolverBindingTests {
  private func function(_ resolved: Resolved, _ index: Int = 0) throws -> Function {
    guard case .function(let function) = resolved.program.statements[index] else {
      throw Missing()
    }
    return function
  }

  private struct Missing: Error {}

  private func statements(_ function: Function) throws -> [Stmt] {
    guard case .block(let block) = function.body else { throw Missing() }
    return block.statements
  }

  /// The function that a statement is or declares by `let`.
  private func inner(_ statement: Stmt) throws -> Function {
    switch statement {
    case .function(let function), .expression(.function(let function)): return function
    case .binding(let binding):
      if case .function(let function) = binding.value { return function }
    default: break
    }
    throw Missing()
  }

  private func text(_ binding: Binding) -> String {
    switch binding {
    case .unresolved: "unresolved"
    case .local(let variable): "local \(variable.name)"
    case .captured(let index, let variable): "captured \(index) \(variable.name)"
    case .global(let variable): "global \(variable.name)"
    case .thisFunction(let variable): "this \(variable.name)"
    case .member(let member, let receiver):
      "\(member.kind) \(member.index) \(member.name) of \(text(receiver))"
    case .builtin(let name): "builtin \(name)"
    }
  }

  private func name(_ expr: Expr) throws -> NameExpr {
    guard case .name(let node) = expr else { throw Missing() }
    return node
  }

  /// The binding of the name that is a function's `= e` body.
  private func bodyBinding(_ function: Function) throws -> String {
    guard case .expression(let expr) = function.body else { throw Missing() }
    return text(try name(expr).binding)
  }

  @Test func localsAreNumberedInOrder() throws {
    let resolved = Resolved("fn f(a, b) { let c = a; for i in [1] { let d = i }; let e = 2 }")
    #expect(resolved.diagnostics.isEmpty)
    #expect(try function(resolved).layout.localCount == 6)
  }

  @Test func onlyCapturedVariablesThatChangeNeedCells() throws {
    let resolved = Resolved(
      """
      fn f(p) {
          var n = 0
          let m = 1
          var x = [1]
          () => { a: n, b: m, c: p, d: x }
      }
      fn g() {
          var n = 0
          var x = [1]
          fn() { n += 1; x[0] = n; n }
      }
      """)
    #expect(resolved.diagnostics.isEmpty)
    let plain = try inner(try #require(statements(function(resolved)).last))
    #expect(plain.layout.captures.map(\.variable.name) == ["n", "m", "p", "x"])
    #expect(plain.layout.captures.map(\.variable.needsCell) == [false, false, false, false])
    let changing = try inner(try #require(statements(function(resolved, 1)).last))
    #expect(changing.layout.captures.map(\.variable.needsCell) == [true, true])
  }

  @Test func capturesPassThroughTheFunctionsBetween() throws {
    let resolved = Resolved("fn f(a) = b => c => a")
    let outer = try function(resolved)
    guard case .expression(.function(let middle)) = outer.body,
      case .expression(.function(let innermost)) = middle.body
    else { throw Missing() }
    #expect(try bodyBinding(innermost) == "captured 0 a")
    guard case .local = middle.layout.captures[0].source,
      case .captured(0) = innermost.layout.captures[0].source
    else { throw Missing() }
  }

  @Test func aLocalFunctionDoesNotCaptureItself() throws {
    let resolved = Resolved("fn f() { fn g(n) = g; fn h() { () => h } }")
    #expect(resolved.diagnostics.isEmpty)
    let parts = try statements(function(resolved))
    #expect(try bodyBinding(try inner(parts[0])) == "this g")
    #expect(try inner(parts[0]).layout.captures.isEmpty)
    let h = try inner(parts[1])
    let lambda = try inner(try statements(h)[0])
    #expect(try bodyBinding(lambda) == "captured 0 h")
    guard case .thisFunction = lambda.layout.captures[0].source else { throw Missing() }
    #expect(h.variable?.isCaptured == false)
  }

  @Test func functionsSeeGlobalsThatAreDeclaredLater() throws {
    let resolved = Resolved("fn f() = later\nlet later = 1\nlet max = max")
    #expect(resolved.diagnostics.isEmpty)
    #expect(try bodyBinding(function(resolved)) == "global later")
    guard case .binding(let binding) = resolved.program.statements[2] else { throw Missing() }
    #expect(text(try name(binding.value).binding) == "builtin max")
  }

  @Test func anInitialiserSeesTheOuterVariable() throws {
    let resolved = Resolved("fn f(x) { let x = x; x }")
    guard case .binding(let binding) = try statements(function(resolved))[0],
      case .expression(let last) = try statements(function(resolved))[1],
      case .local(let parameter) = try name(binding.value).binding,
      case .local(let local) = try name(last).binding
    else { throw Missing() }
    #expect(parameter.kind == .parameter)
    #expect(local.kind == .let)
  }

  @Test func blocksOfTheTopLevelHaveLocals() throws {
    let resolved = Resolved("let a = 1\nif true { let b = a; fn() = b }")
    #expect(resolved.program.layout.localCount == 1)
    guard case .expression(.if(let node)) = resolved.program.statements[1] else { throw Missing() }
    #expect(try bodyBinding(inner(node.branches[0].block.statements[1])) == "captured 0 b")
  }

  // MARK: Sessions

  @Test func aSessionKeepsItsVariables() throws {
    let globals = GlobalTable()
    #expect(
      Resolved("let a = 1\nfn f(x) = a", globals: globals, isSession: true).diagnostics.isEmpty)
    #expect(
      Resolved("let a = a + 1\nlet b = f(2)", globals: globals, isSession: true).diagnostics.isEmpty
    )
    #expect(globals.names == ["a", "f", "b"])
    #expect(Resolved("f(1, 2)", globals: globals, isSession: true).diagnostics.count == 1)
  }

  @Test func anInputWithErrorsLeavesNothingBehind() {
    let globals = GlobalTable()
    #expect(
      !Resolved("let a = 1\nlet b = unknown", globals: globals, isSession: true).diagnostics.isEmpty
    )
    #expect(globals.names.isEmpty && globals.variables.isEmpty)
    #expect(Resolved("print(a)", globals: globals, isSession: true).diagnostics.count == 1)
  }

  // MARK: Models

  private func model(_ resolved: Resolved) throws -> ModelDecl {
    guard case .model(let model) = resolved.program.statements[0] else { throw Missing() }
    return model
  }

  @Test func membersAreSeenByBareName() throws {
    let resolved = Resolved(
      """
      model M(n) {
          let a = n
          let b = a
          fn one() = n
          fn two() = b
          fn three() = one
          fn four() { () => self }
      }
      """)
    #expect(resolved.diagnostics.isEmpty)
    let items = try model(resolved).items
    let found = try items.map { item in
      switch item {
      case .field(let field): text(try name(field.value).binding)
      case .method(let method) where method.name == "four": "closure"
      case .method(let method): try bodyBinding(method)
      }
    }
    #expect(
      found == [
        "local n", "let 1 a of local self", "argument 0 n of local self", "let 2 b of local self",
        "method 0 one of local self", "closure",
      ])
  }

  @Test func aFieldReplacesTheArgumentOfItsName() throws {
    let resolved = Resolved(
      "model M(rate) {\n    var rate = rate\n    let twice = rate\n    fn get() = rate\n}")
    #expect(resolved.diagnostics.isEmpty)
    let model = try model(resolved)
    #expect(model.members.map(\.name) == ["rate", "twice", "get"])
    guard case .field(let first) = model.items[0], case .field(let second) = model.items[1],
      case .method(let method) = model.items[2]
    else { throw Missing() }
    #expect(text(try name(first.value).binding) == "local rate")
    #expect(text(try name(second.value).binding) == "var 1 rate of local self")
    #expect(try bodyBinding(method) == "var 1 rate of local self")
  }

  // MARK: Dimensions

  @Test func dimensionsAreParametersFieldsOrFresh() throws {
    let resolved = Resolved(
      "model M(n) {\n    fn call(x: [B, n, k], k) -> [B, D] = B\n}\nfn f(x: [N], y: [N + 1]) = N")
    #expect(resolved.diagnostics.isEmpty)
    guard case .method(let call) = try model(resolved).items[0],
      case .shape(let shape) = call.parameters[0].type, case .shape(let result) = call.returnType
    else { throw Missing() }
    #expect(
      shape.dimensions.map(dimensionText) == [
        "local B", "argument 0 n of local self", "local k",
      ])
    #expect(result.dimensions.map(dimensionText) == ["local B", "unresolved"])
    #expect(call.layout.dimensions.map(\.name) == ["B"])
    #expect(try bodyBinding(call) == "local B")
    #expect(try function(resolved, 1).layout.dimensions.map(\.name) == ["N"])
  }

  private func dimensionText(_ dimension: Dimension) -> String {
    if case .name(let node) = dimension { text(node.binding) } else { "other" }
  }

  // MARK: Calls

  private func call(_ expr: Expr) throws -> CallExpr {
    guard case .call(let call) = expr else { throw Missing() }
    return call
  }

  @Test func aCalleeThatMayBeNoFunctionHasOthersBehindIt() throws {
    let resolved = Resolved("fn f(max) = max(max, 2)\nlet mean = 3\nlet y = mean([1])")
    guard case .expression(let body) = try function(resolved).body,
      case .binding(let binding) = resolved.program.statements[2]
    else { throw Missing() }
    let uncertain = try name(call(body).callee)
    #expect(text(uncertain.binding) == "local max")
    #expect(uncertain.outerBindings.map(text) == ["builtin max"])
    let certain = try name(call(binding.value).callee)
    #expect(text(certain.binding) == "builtin mean")
    #expect(resolved.diagnostics.map(\.severity) == [.warning])
  }

  @Test func aMemberCallFallsBackOnTheFunctionInScope() throws {
    let resolved = Resolved(
      "model M() {\n    fn sum() = [1].sum()\n    fn mean() = [1].nothing()\n}")
    #expect(resolved.diagnostics.isEmpty)
    let found = try model(resolved).items.map { item in
      guard case .method(let method) = item, case .expression(let body) = method.body,
        case .member(let member) = try call(body).callee
      else { throw Missing() }
      return text(member.function)
    }
    #expect(found == ["builtin sum", "unresolved"])
  }
}
