// Finds last uses of variables: there a value is moved out instead of copied, so that a tensor nobody else holds can be updated in place.
import NNSyntax

extension FunctionCompiler {
  /// Compiles what ends the function with the value of an expression: variables that it reads once are read for the last time.
  func lastValue(_ value: Expr, _ compile: () -> Void) {
    guard canMoveAtEnd, let uses = value.uses else { return compile() }
    moving(uses.filter { $0.value.count == 1 }.map(\.value[0]), compile)
  }

  /// Compiles `x = value`, which reads the old value of `x` for the last time.
  func replacement(of name: NameExpr, by value: Expr, _ compile: () -> Void) {
    guard tryDepth == 0, case .local(let variable) = name.binding, case .call = value,
      let uses = value.uses?[ObjectIdentifier(variable)], uses.count == 1
    else { return compile() }
    moving(uses, compile)
  }

  /// Compiles `let x = value` at the end of the function, after which a parameter `x` is out of sight.
  func shadowing(_ node: BindingStmt, _ compile: () -> Void) {
    guard canMoveAtEnd, case .name(let declared) = node.pattern, let uses = node.value.uses
    else { return compile() }
    let hidden = uses.values.filter {
      $0.count == 1 && $0[0].kind == .parameter && $0[0].name == declared.name
    }
    moving(hidden.map { $0[0] }, compile)
  }

  /// A check of the result may read parameters as dimensions after everything else; a handler would see variables without their values.
  private var canMoveAtEnd: Bool { tryDepth == 0 && resultType == nil && !isConstructor }

  private func moving(_ variables: [Variable], _ compile: () -> Void) {
    let saved = dying
    dying = Set(variables.filter { !$0.needsCell }.map { ObjectIdentifier($0) })
    compile()
    dying = saved
  }

  /// True for a plain local variable that is read for the last time in the expression being compiled.
  func isLastUse(_ value: Expr) -> Bool {
    guard !dying.isEmpty, case .name(let node) = value, case .local(let variable) = node.binding
    else { return false }
    return dying.contains(ObjectIdentifier(variable))
  }

  /// Says which operands of the instruction emitted last are variables that it may take the values of.
  func noteLastUses(left: Expr?, right: Expr?) {
    guard !dying.isEmpty else { return }
    let sides = (left.map(isLastUse) ?? false ? 1 : 0) | (right.map(isLastUse) ?? false ? 2 : 0)
    guard sides != 0 else { return }
    let use = Code.LastUse(pc: builder.position - 1, left: sides & 1 != 0, right: sides & 2 != 0)
    builder.withParts { $0.lastUses.append(use) }
  }
}

extension Expr {
  /// The local variables that evaluating it reads, each as often as it is read; nil if it holds a block or a function.
  fileprivate var uses: [ObjectIdentifier: [Variable]]? {
    var uses: [ObjectIdentifier: [Variable]] = [:]
    return collectUses(&uses) ? uses : nil
  }

  private func collectUses(_ uses: inout [ObjectIdentifier: [Variable]]) -> Bool {
    switch self {
    case .nil, .bool, .number: return true
    case .name(let node):
      for binding in [node.binding] + node.outerBindings {
        if case .local(let variable) = binding {
          uses[ObjectIdentifier(variable), default: []].append(variable)
        }
      }
      return true
    case .receiver(let node):
      if case .local(let variable) = node.binding {
        uses[ObjectIdentifier(variable), default: []] += [variable, variable]
      }
      return true
    case .member(let node):
      if case .local(let variable) = node.function {
        uses[ObjectIdentifier(variable), default: []].append(variable)
      }
      return node.object.collectUses(&uses)
    default: return parts?.allSatisfy { $0.collectUses(&uses) } ?? false
    }
  }

  /// The expressions inside; nil where there is a block, a function or a name that only run time decides on.
  private var parts: [Expr]? {
    switch self {
    case .unary(let node): [node.operand]
    case .binary(let node): [node.left, node.right]
    case .logical(let node): [node.left, node.right]
    case .call(let node): [node.callee] + node.arguments.map(\.value)
    case .list(let node): node.elements.map(\.value)
    case .tuple(let node): node.elements
    case .range(let node): [node.start, node.end]
    case .index(let node): [node.object] + node.items.flatMap(\.parts)
    default: nil
    }
  }
}

extension IndexExpr.Item {
  fileprivate var parts: [Expr] {
    switch self {
    case .value(let value): [value]
    case .slice(let start, let stop, let step, _): [start, stop, step].compactMap { $0 }
    case .ellipsis: []
    }
  }
}
