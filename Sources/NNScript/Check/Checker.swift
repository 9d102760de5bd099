// Runs a program before its run, on what is known of its values, to find the errors that are certain to happen.
import NNSyntax
import NNTensor

/// The static checker: goes through a resolved program in the order of its execution.
///
/// What it reports will happen, if everything before it ends as it should: where a condition is not known both ways are tried and
/// nothing in them is certain; what code that is not looked into may change is no longer known afterwards.
final class Checker {
  /// Calls deeper than this are not looked into.
  static let mostFrames = 40
  /// Loops over known elements are followed turn by turn up to so many.
  static let mostTurns = 32
  /// Of tuples that hold more values nothing is known.
  static let largestTuple = 512

  let vm: VM
  var frames: [CheckFrame]
  var trail: [(place: Place, old: AbstractValue)] = []
  /// What was written in each of the bodies of `try` that are being looked into.
  var touched: [[(place: Place, value: AbstractValue)]] = []
  var doubts: Doubts = []
  /// Above 0 while a loop is tried out: nothing is reported then.
  var silence = 0
  /// Nodes of the syntax tree that may still be evaluated.
  private var stepsLeft = 100_000
  private var warnings: [Diagnostic] = []
  var globals: [ObjectIdentifier: Place] = [:]
  var modules: [ObjectIdentifier: AbstractModule] = [:]
  /// The modules whose top-level variables are in `globals`, by those variables.
  var owners: [ObjectIdentifier: AbstractModule] = [:]
  /// Whether a function that is called from elsewhere may end the program or throw.
  let mayLeave: Bool

  private init(_ program: Program, vm: VM, module: Module, text: String) {
    self.vm = vm
    mayLeave = ["exit", "throw", "import"].contains { text.contains($0) }
    frames = [
      CheckFrame(
        name: "main", module: module, localCount: program.layout.localCount, captures: [],
        ownFunction: nil, result: nil, mark: 0)
    ]
  }

  /// The errors that a program is certain to end in, and warnings of those that it is certain to catch.
  static func check(_ program: Program, vm: VM, module: Module, text: String) -> [Diagnostic] {
    let checker = Checker(program, vm: vm, module: module, text: text)
    var found: [Diagnostic] = []
    do throws(Flow) {
      try checker.runTopLevel(program)
    } catch {
      if case .failed(let error) = error { found = [vm.diagnostic(of: error)] }
    }
    checker.takeApart()
    return checker.warnings + found
  }

  /// Whether the running code is the program's own, not the library's.
  var isInProgram: Bool { frame.module === frames[0].module || frame.module.path != nil }

  var frame: CheckFrame { frames[frames.count - 1] }

  /// Runs a file's statements, its functions and models defined before the first.
  func runTopLevel(_ program: Program) throws(Flow) {
    for statement in program.statements {
      switch statement {
      case .function, .model: try execute(statement)
      default: continue
      }
    }
    for statement in program.statements {
      switch statement {
      case .function, .model: continue
      case .expression(let value): _ = try evaluate(value)
      default: try execute(statement)
      }
    }
  }

  /// Counts a step; gives up where there were too many, or where the native stack runs out.
  func step() throws(Flow) {
    stepsLeft -= 1
    if stepsLeft < 0 || !NativeStack.hasRoom { throw .stopped }
  }

  /// Whether values inside values can be gone through; where they are nested too deeply, the next step gives up.
  func canDescend() -> Bool {
    if NativeStack.hasRoom { return true }
    stepsLeft = -1
    return false
  }

  /// Lets go of all values one by one: the end of a value with another in it, and so on, would take too much of the native stack.
  private func takeApart() {
    var values = trail.map(\.old)
    var places = Array(globals.values) + trail.map(\.place)
    places += frames.flatMap { $0.locals.compactMap(\.self) + $0.captures }
    trail = []
    while true {
      while let place = places.popLast() {
        values.append(place.stored)
        place.stored = .unknown
      }
      guard let value = values.popLast() else { return }
      value.takeApart(&values, &places)
    }
  }

  // MARK: Errors

  /// Ends the path with an error at a place of the running function.
  func fail(_ error: ScriptError, at place: Code.Place) throws(Flow) -> Never {
    try raise(error.span == nil ? error.located(at: place) : error, here: place.span)
  }

  /// Ends the path with an error that has its place; `here` is where the running function stands.
  func raise(_ error: ScriptError, here: Span) throws(Flow) -> Never {
    if stepsLeft < 0 { throw .stopped }
    guard silence == 0, doubts.isSubset(of: .attempt) else { throw .ended }
    var error = error
    error.add(ScriptError.Call(function: frame.name, span: here))
    for outer in frames.dropLast().reversed() {
      error.add(ScriptError.Call(function: outer.name, span: outer.site))
    }
    if doubts.isEmpty { throw .failed(error) }
    warn(error)
    throw .ended
  }

  private func warn(_ error: ScriptError) {
    let found = vm.diagnostic(of: error)
    let warning = Diagnostic(
      found.message, at: found.span, severity: .warning, label: found.label, labels: found.labels,
      help: found.help, notes: found.notes)
    let isNew = !warnings.contains { $0.span == warning.span && $0.message == warning.message }
    if isNew { warnings.append(warning) }
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

  // MARK: What is not looked into

  /// Notes that code which is not looked into may have a value, and so may change what can be reached from it.
  func escape(_ value: AbstractValue) {
    guard canDescend() else { return }
    switch value {
    case .unknown, .nil, .bool, .number, .string, .tensor, .range, .native: return
    case .tuple(let elements): for element in elements { escape(element) }
    case .list(let container), .dict(let container): escape(container.contents)
    case .sequence(let sequence):
      for source in sequence.sources { escape(source) }
      if case .map(let function) = sequence.kind { escape(function) }
    case .function(let function): escape(function)
    case .bound(let instance, let function):
      escape(.instance(instance))
      escape(function)
    case .derivative(let derivative): escape(derivative.function)
    case .model(let model): escape(model)
    case .instance(let instance):
      if instance.isEscaped { return }
      instance.isEscaped = true
      for field in instance.fields { escape(field) }
      escape(instance.model)
    case .module(let module):
      for variable in module.file.globals.variables.values { escape(globalPlace(of: variable)) }
    }
  }

  /// The same for a place and what it holds.
  func escape(_ place: Place) {
    if place.isEscaped { return }
    let value = place.stored
    place.isEscaped = true
    escape(value)
  }

  private func escape(_ function: AbstractFunction) {
    if function.isEscaped { return }
    function.isEscaped = true
    for capture in function.captures { escape(capture) }
    escapeGlobals { $0.visit(function.syntax) }
  }

  private func escape(_ model: AbstractModel) {
    if model.isEscaped { return }
    model.isEscaped = true
    for capture in model.captures { escape(capture) }
    for method in model.methods { escape(method) }
    escapeGlobals { $0.visit(model.syntax) }
  }

  private func escapeGlobals(_ visit: (inout GlobalNames) -> Void) {
    var names = GlobalNames()
    visit(&names)
    for variable in names.variables { escape(globalPlace(of: variable)) }
  }

  /// What a call of something that is not looked into gives: all it can reach may have changed.
  func callUnseen(_ callee: AbstractValue, _ arguments: CallArguments) -> AbstractValue {
    escape(callee)
    for value in arguments.all { escape(value) }
    if mayLeave { doubts.insert(.program) }
    return .unknown
  }

  // MARK: Top-level variables

  /// The place of a top-level variable of this or another file.
  func globalPlace(of variable: Variable) -> Place {
    if let known = globals[ObjectIdentifier(variable)] { return known }
    let place = newPlace(for: variable, .unknown)
    globals[ObjectIdentifier(variable)] = place
    return place
  }

  /// A place for a variable: one that inner functions assign is never known.
  func newPlace(for variable: Variable, _ value: AbstractValue) -> Place {
    if variable.isReassignedInside {
      escape(value)
      return Place(.unknown, .nothing, isEscaped: true)
    }
    return Place(value)
  }
}
