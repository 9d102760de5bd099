// What becomes of an error that is certain to happen: it is reported, what it was about is forgotten, and the next statement goes on.
import NNSyntax

/// What a function is doing, as far as an error in it may be about.
enum RunningCode {
  case statement(Stmt)
  /// The body of a function without statements, or the first value of a field.
  case expression(Expr)
}

extension Checker {
  /// No more errors are reported.
  private static let mostErrors = 5
  /// No more warnings are reported.
  private static let mostWarnings = 10

  /// Ends the path with an error at a place of the running function.
  func fail(_ error: ScriptError, at place: Code.Place) throws(Flow) -> Never {
    try raise(error.span == nil ? error.located(at: place) : error, here: place.span)
  }

  /// Ends the path with an error that has its place; `here` is where the running function stands.
  func raise(_ error: ScriptError, here: Span) throws(Flow) -> Never {
    if stepsLeft < 0 { throw .stopped }
    let isCaught = doubts.contains(.attempt)
    guard silence == 0, doubts.isSubset(of: [.attempt, .data]), probed == nil || !isCaught else {
      throw .ended
    }
    var error = error
    error.add(ScriptError.Call(function: frame.name, span: here))
    for outer in frames.dropLast().reversed() where probed == nil || outer !== frames[0] {
      error.add(ScriptError.Call(function: outer.name, span: outer.site))
    }
    try report(error)
    if isCaught { throw .ended }
    forgetNames()
    throw .failed
  }

  /// Runs something of the virtual machine; an error it throws ends the path at a place.
  func at<Result>(_ place: Code.Place, _ body: () throws -> Result) throws(Flow) -> Result {
    do {
      return try body()
    } catch {
      let error = vm.scriptError(error)
      if error.kind == .cancelled || error.kind == .limit { throw .stopped }
      try fail(error, at: place)
    }
  }

  /// Runs something whose errors are not reported where another error may come first.
  func silently<Result>(if isVague: Bool, _ body: () throws(Flow) -> Result) throws(Flow) -> Result
  {
    if isVague { silence += 1 }
    defer { if isVague { silence -= 1 } }
    return try body()
  }

  // MARK: Reports

  /// Adds an error to what was found, as a warning where the program may run in spite of it.
  private func report(_ error: ScriptError) throws(Flow) {
    var diagnostic = vm.diagnostic(of: error)
    if !doubts.isEmpty || probed != nil { diagnostic.severity = .warning }
    if doubts.contains(.data) { diagnostic.notes.append("it happens unless there is no data") }
    if let probed { diagnostic.notes.append("it happens in every call of \(probed)") }
    let isNew = !found.contains { known in
      known.span == diagnostic.span
        && (diagnostic.severity == .error || known.message == diagnostic.message)
    }
    guard isNew else { return }
    let most = diagnostic.severity == .error ? Checker.mostErrors : Checker.mostWarnings
    if found.count(where: { $0.severity == diagnostic.severity }) < most {
      found.append(diagnostic)
    } else if diagnostic.severity == .error {
      throw .stopped
    }
  }

  // MARK: Going on

  /// Runs a statement; behind one that is certain to fail the program's own code goes on. Gives the value of an expression.
  func run(_ statement: Stmt, isTail: Bool = false) throws(Flow) -> AbstractValue {
    guard isInProgram else { return try perform(statement, isTail) }
    let (inner, outer, before) = (frame, frame.running, doubts)
    inner.running = .statement(statement)
    defer { inner.running = outer }
    do throws(Flow) {
      return try perform(statement, isTail)
    } catch {
      guard case .failed = error else { throw error }
      try recover(statement, before)
      return .unknown
    }
  }

  private func perform(_ statement: Stmt, _ isTail: Bool) throws(Flow) -> AbstractValue {
    guard case .expression(let value) = statement else {
      try execute(statement)
      return .nil
    }
    return isTail ? try tail(value) : try evaluate(value)
  }

  /// Takes in that a statement was left in the middle: what it declares is not known, nor whether it would have left what is around.
  private func recover(_ statement: Stmt, _ before: Doubts) throws(Flow) {
    doubts = before.union(doubts.intersection(.program))
    var names = NameUses()
    names.visit(statement)
    if names.returns, frame.ownFunction != nil { doubts.insert(.function) }
    if names.breaks, !frame.loops.isEmpty { doubts.insert(.loop) }
    if mayLeave, names.callsVariables { doubts.insert(.program) }
    switch statement {
    case .binding(let node):
      for variable in node.pattern.variables { declare(variable, .unknown) }
    case .return:
      frame.returned = .unknown
      throw .returns
    default: break
    }
  }

  /// Forgets all that the running code names: the mistake may be in any of it, and must not be reported again.
  private func forgetNames() {
    for frame in frames {
      guard let running = frame.running else { continue }
      var names = NameUses()
      switch running {
      case .statement(let statement): names.visit(statement)
      case .expression(let value): names.visit(value)
      }
      for place in names.bindings.compactMap({ self.place(of: $0, in: frame) }) { forget(place) }
    }
  }

  /// Where the value of a name in a frame is.
  private func place(of binding: Binding, in frame: CheckFrame) -> Place? {
    switch binding {
    case .local(let variable):
      guard case .local(let index) = variable.storage, index < frame.locals.count else {
        return nil
      }
      return frame.locals[index]
    case .captured(let index, _):
      return index < frame.captures.count ? frame.captures[index] : nil
    case .global(let variable): return globalPlace(of: variable)
    case .member(let member, let receiver):
      guard member.kind != .method, let place = place(of: receiver, in: frame),
        case .instance(let instance) = place.value
      else { return nil }
      return instance.fields[member.index]
    case .unresolved, .thisFunction, .builtin: return nil
    }
  }

  /// Forgets what a place holds, and what that holds; functions stay what they are.
  func forget(_ place: Place) {
    escape(place.stored)
    forgetField(place)
  }

  private func forgetField(_ place: Place) {
    let value = place.stored
    switch value {
    case .unknown, .function, .native, .transform, .model, .module: return
    default: set(place, .unknown)
    }
    forgetParts(of: value)
  }

  private func forgetParts(of value: AbstractValue) {
    guard canDescend() else { return }
    switch value {
    case .tuple(let elements): for element in elements { forgetParts(of: element) }
    case .elements(let element, _): forgetParts(of: element)
    case .list(let container), .dict(let container):
      let contents = container.contents.stored
      set(container.contents, .unknown)
      forgetParts(of: contents)
    case .sequence(let sequence): for source in sequence.sources { forgetParts(of: source) }
    case .instance(let instance), .bound(let instance, _):
      for field in instance.fields { forgetField(field) }
    default: return
    }
  }
}
