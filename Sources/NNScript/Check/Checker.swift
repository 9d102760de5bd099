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
  /// Nor is a function that has been called from within itself so many times.
  static let mostRecursions = 5
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
  var stepsLeft = 40_000
  /// Parts of lists and the like that may still be copied or made values of the virtual machine.
  private var partsLeft = 1_000_000
  /// What was found, in the order of the execution.
  var found: [Diagnostic] = []
  /// The functions and models of which everything was reported that is certain to happen in them.
  var entered: Set<ObjectIdentifier> = []
  /// The function that is looked into although nothing is known to call it, as messages call it.
  var probed: String?
  var globals: [ObjectIdentifier: Place] = [:]
  var modules: [ObjectIdentifier: AbstractModule] = [:]
  /// The modules whose top-level variables are in `globals`, by those variables.
  var owners: [ObjectIdentifier: AbstractModule] = [:]
  /// Whether a function that is called from elsewhere may end the program or throw.
  let mayLeave: Bool

  private init(_ program: Program, vm: VM, module: Module, text: String) {
    self.vm = vm
    let importsFiles = text.split(separator: "import").dropFirst().contains { rest in
      rest.first { $0 != " " } == "\""
    }
    mayLeave = importsFiles || text.contains("exit") || text.contains("throw")
    frames = [
      CheckFrame(
        name: "main", module: module, localCount: program.layout.localCount, captures: [],
        ownFunction: nil, result: nil, mark: 0)
    ]
  }

  /// The errors that a program is certain to end in, and warnings of those that it is certain to catch, that happen unless there is no
  /// data, or that are in functions that nothing calls.
  static func check(_ program: Program, vm: VM, module: Module, text: String) -> [Diagnostic] {
    let checker = Checker(program, vm: vm, module: module, text: text)
    var isComplete = true
    do throws(Flow) {
      try checker.runTopLevel(program)
    } catch {
      if case .stopped = error { isComplete = false }
    }
    if isComplete { checker.probe(program) }
    checker.takeApart()
    return checker.found
  }

  /// Warnings of what is certain to fail in the functions and models that an input of a session defines: in itself, since all that it
  /// refers to may be defined again.
  static func checkDefinitions(_ program: Program, vm: VM, module: Module, text: String)
    -> [Diagnostic]
  {
    let definesSome = program.statements.contains { statement in
      switch statement {
      case .function, .model: true
      default: false
      }
    }
    guard definesSome else { return [] }
    let checker = Checker(program, vm: vm, module: module, text: text)
    checker.probeDefinitions(program)
    checker.takeApart()
    return checker.found
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
      default: _ = try run(statement)
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

  /// Whether another part of a list or the like can be gone through: lists can be in others many times.
  func canVisit() -> Bool {
    partsLeft -= 1
    return partsLeft >= 0 && canDescend()
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
