// Compiles one function: registers, scopes and loops; the extensions beside this file compile each kind of syntax.
import NNSyntax

/// What is shared while one program is compiled.
final class CompileContext {
  let heap: Heap
  let module: Module
  var diagnostics: [Diagnostic] = []
  /// Functions compiled already: one with many variables is compiled twice, its inner functions are not.
  var compiled: [ObjectIdentifier: Code] = [:]

  init(heap: Heap, module: Module) {
    self.heap = heap
    self.module = module
  }

  func report(_ message: String, _ span: Span, help: [String] = []) {
    diagnostics.append(
      Diagnostic(message, at: span, help: help))
  }
}

/// Compiles the body of one function, model constructor or program to a `Code`.
final class FunctionCompiler {
  /// A loop being compiled, for `break` and `continue`.
  struct Loop {
    /// Temporaries from here on are dead after a `break` or `continue`.
    let firstDead: Int
    var breaks: [CodeBuilder.Patch] = []
    var continues: [CodeBuilder.Patch] = []
  }

  /// More variables than this and the function is compiled twice, first to count how many live at once.
  private static let manyVariables = 100

  let context: CompileContext
  let layout: FunctionLayout
  let isProgram: Bool
  var builder: CodeBuilder
  var loops: [Loop] = []
  /// The type that results are checked against: an index among the code's types.
  var resultType: Int?
  /// True in a model's constructor, whose result is the instance.
  var isConstructor = false
  /// Definitions of the top level that were emitted before everything else.
  var hoisted: Set<ObjectIdentifier> = []
  /// Temporaries with the sizes and models that the parameters' types name.
  var dimensionTemporaries: [Int] = []
  /// How many handlers are around the code being compiled.
  var tryDepth = 0
  /// The variables that the expression being compiled reads for the last time.
  var dying: Set<ObjectIdentifier> = []

  private var registers: [Int]
  private var nextVariable = 0
  private(set) var mostVariables = 0
  private(set) var firstTemporary: Int
  private(set) var nextTemporary: Int
  private var registerCount = 0
  /// Temporaries that hold numbers only and need no release.
  private var plainTemporaries: Set<Int> = []

  private init(
    context: CompileContext, layout: FunctionLayout, isProgram: Bool, firstTemporary: Int
  ) {
    self.context = context
    self.layout = layout
    self.isProgram = isProgram
    self.firstTemporary = firstTemporary
    nextTemporary = firstTemporary
    builder = CodeBuilder(heap: context.heap)
    registers = Array(repeating: -1, count: layout.localCount)
  }

  /// Runs `emit` on a fresh compiler and finishes its code.
  static func compile(
    name: String, documentation: String?, span: Span, layout: FunctionLayout,
    context: CompileContext, isProgram: Bool = false, hiddenVariables: Int = 0,
    _ emit: (FunctionCompiler) -> Void
  ) -> Code {
    var firstTemporary = layout.localCount + hiddenVariables
    if layout.localCount > manyVariables {
      let counter = FunctionCompiler(
        context: context, layout: layout, isProgram: isProgram, firstTemporary: 128)
      emit(counter)
      counter.builder.discard()
      firstTemporary = counter.mostVariables
    }
    let compiler = FunctionCompiler(
      context: context, layout: layout, isProgram: isProgram, firstTemporary: firstTemporary)
    emit(compiler)
    return compiler.finish(name: name, documentation: documentation, span: span)
  }

  private func finish(name: String, documentation: String?, span: Span) -> Code {
    if builder.hasOverflow || registerCount > 250 {
      context.report(
        "'\(name)' has too many local variables or too large an expression", span,
        help: ["split it into smaller functions"])
    }
    builder.withParts {
      $0.name = name
      $0.documentation = documentation
      $0.span = span
      $0.firstTemporary = firstTemporary
      $0.registerCount = registerCount + 1
    }
    addCaptures()
    return Code(builder.parts, module: context.module)
  }

  private func addCaptures() {
    let sources = layout.captures.map { capture -> Code.CaptureSource in
      switch capture.source {
      case .local(let variable): .register(outerRegister?(variable) ?? 0)
      case .captured(let index): .capture(index)
      case .thisFunction: .thisFunction
      }
    }
    builder.withParts { $0.captures = sources }
  }

  /// Where the function around keeps a variable.
  var outerRegister: ((Variable) -> Int)?

  // MARK: Registers

  /// A register for a variable, from here to the end of its scope.
  func declare(_ variable: Variable) -> Int {
    let register = nextVariable
    nextVariable += 1
    mostVariables = max(mostVariables, nextVariable)
    registerCount = max(registerCount, nextVariable)
    if case .local(let number) = variable.storage { registers[number] = register }
    return register
  }

  /// A register for a value without a name that lives as long as the function runs; see `hiddenVariables`.
  func hiddenVariable() -> Int {
    nextVariable += 1
    mostVariables = max(mostVariables, nextVariable)
    registerCount = max(registerCount, nextVariable)
    return nextVariable - 1
  }

  func register(of variable: Variable) -> Int {
    guard case .local(let number) = variable.storage else { return 0 }
    return max(registers[number], 0)
  }

  /// Compiles `body`; the variables it declares free their registers.
  func scope<Result>(_ body: () -> Result) -> Result {
    let saved = nextVariable
    defer { nextVariable = saved }
    return body()
  }

  /// Compiles `body`; the temporaries it takes are free afterwards.
  func temporaries<Result>(_ body: () -> Result) -> Result {
    let saved = nextTemporary
    defer { freeTemporaries(to: saved) }
    return body()
  }

  func freeTemporaries(to register: Int) {
    for freed in register..<max(nextTemporary, register) { plainTemporaries.remove(freed) }
    nextTemporary = register
  }

  func temporary() -> Int {
    let register = nextTemporary
    nextTemporary += 1
    registerCount = max(registerCount, nextTemporary)
    return register
  }

  /// A temporary that only ever holds numbers.
  func plainTemporary() -> Int {
    let register = temporary()
    plainTemporaries.insert(register)
    return register
  }

  func isTemporary(_ register: Int) -> Bool { register >= firstTemporary }

  /// `register` if it is the last temporary, else a new one: calls and containers need registers in a row from the end.
  func lastTemporary(_ register: Int) -> Int {
    register == nextTemporary - 1 && isTemporary(register) ? register : temporary()
  }

  /// Room for the receiver that a call of an instance inserts.
  func reserve(_ count: Int) {
    registerCount = max(registerCount, nextTemporary + count)
  }

  /// Releases the temporaries from `register` on, for a jump out of an expression.
  func releaseTemporaries(from register: Int) {
    for live in register..<max(nextTemporary, register) where !plainTemporaries.contains(live) {
      builder.emit(.release, live)
    }
  }

  // MARK: Emitting

  /// Emits an instruction that can fail, with its place in the source.
  func emit(
    _ op: Opcode, _ a: Int = 0, _ b: Int = 0, _ c: Int = 0, at span: Span, operands: [Span] = []
  ) {
    let start = builder.position
    builder.emit(op, a, b, c)
    builder.place(start, span, operands)
  }

  /// Emits an instruction with a 16-bit operand that can fail.
  func emitWide(_ op: Opcode, _ a: Int, _ index: Int, at span: Span) {
    let start = builder.position
    builder.emitWide(op, a, index)
    builder.place(start, span)
  }

  /// Makes the child code of an inner function, once.
  func child(_ key: AnyObject, _ make: () -> Code) -> Int {
    let code = context.compiled[ObjectIdentifier(key)] ?? make()
    context.compiled[ObjectIdentifier(key)] = code
    builder.withParts { $0.children.append(code) }
    return builder.parts.children.count - 1
  }
}
