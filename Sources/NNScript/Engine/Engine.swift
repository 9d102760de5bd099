// The engine: the whole language as one object of a Swift program.
import NNSyntax
import NNTensor
import Synchronization

/// Runs scripts and keeps their variables between calls.
///
/// An engine belongs to one thread at a time; only ``cancel()`` may be called from another while it runs. Different engines are independent.
public final class Engine {
  /// What scripts of an engine may do and use.
  public struct Options {
    /// The world as scripts see it. Without one, `print` goes to the standard output and nothing else is lent.
    public var host: Host?
    /// Receives what scripts print, in place of `host`'s output.
    public var output: ((String) -> Void)?
    /// The seed with which the random stream begins.
    public var seed: UInt64 = 0
    /// Calls and loop turns that one call into the engine may make.
    public var instructionLimit: Int?
    /// Seconds that one call into the engine may take, by the host's clock.
    public var timeLimit: Double?
    /// Bytes of objects and tensors that scripts may hold.
    public var memoryLimit: Int?

    public init() {}
  }

  private let interpreter: Interpreter
  private let options: Options
  /// Slots of references that are gone, released when the engine runs next.
  private let discarded = Mutex<[UInt128]>([])

  /// Makes an engine in which only the builtins and the library are defined.
  public init(_ options: Options = Options()) {
    self.options = options
    var host = options.host ?? Engine.printingHost()
    if let output = options.output { host.write = { text throws(HostError) in output(text) } }
    interpreter = Interpreter(host: host, isSession: true)
    interpreter.vm.context.random = RandomState(seed: options.seed)
    interpreter.vm.interrupts.memoryLimit = options.memoryLimit
    interpreter.vm.interrupts.clock = host.seconds
  }

  deinit { interpreter.tearDown() }

  private static func printingHost() -> Host {
    let system = Host.system()
    var host = Host()
    host.write = system.write
    host.flush = system.flush
    host.seconds = system.seconds
    return host
  }

  // MARK: Running

  /// Runs a program and gives the value of its last expression. What it defines stays, and may be defined again.
  /// - Throws: ``ScriptFailure``, also for a program that does not parse or resolve; then nothing of it has run.
  @discardableResult
  public func evaluate(_ source: String, name: String = "script") throws -> Value {
    prepare()
    do {
      guard let slot = try interpreter.evaluate(source: Array(source.utf8), name: name) else {
        throw refusal(interpreter.diagnostics)
      }
      defer { release(slot) }
      return try value(slot)
    } catch let failure as ScriptFailure {
      throw failure
    } catch {
      throw failure(interpreter.vm.scriptError(error))
    }
  }

  /// Looks at a program without running it or keeping anything of it: syntax, names, and the errors in shapes and types that are
  /// certain to happen. ``evaluate(_:name:)`` does not do the last by itself, since the run says the same.
  /// - Returns: warnings, each as a whole report.
  /// - Throws: ``ScriptFailure`` for a program that would be refused, or is certain to fail.
  @discardableResult
  public func check(_ source: String, name: String = "script") throws -> [String] {
    let found = interpreter.foresee(source: Array(source.utf8), name: name)
    if found.contains(where: { $0.severity == .error }) { throw refusal(found) }
    let renderer = DiagnosticRenderer(sources: interpreter.sources)
    return found.map { renderer.render($0) }
  }

  /// Calls a function that a script has defined (or a builtin), by its name.
  /// - Throws: ``ScriptFailure``.
  @discardableResult
  public func call(_ function: String, _ arguments: Value...) throws -> Value {
    try call(function, with: arguments)
  }

  /// Calls a function by its name with a list of arguments.
  /// - Throws: ``ScriptFailure``.
  @discardableResult
  public func call(_ function: String, with arguments: [Value]) throws -> Value {
    guard let slot = lookUp(function) else {
      throw failure(
        ScriptError(
          .name, "there is no function '\(function)'",
          help: Suggestion.help(for: function, among: interpreter.publicNames)))
    }
    return try call(slot, arguments)
  }

  /// The value of a variable that a script has defined; nil if there is none. One of absurdly many parts, which lists that are in
  /// others many times can have, is a reference.
  public subscript(name: String) -> Value? {
    lookUp(name).map { slot in
      let meter = WalkMeter(interpreter.vm, "a value for the host", pays: false)
      return (try? value(slot, meter)) ?? .reference(Reference(self, owned: retained(slot)))
    }
  }

  private func lookUp(_ name: String) -> Slot? {
    interpreter.value(of: name) ?? interpreter.vm.registry.value(name)
  }

  func call(_ reference: Reference, _ arguments: [Value]) throws -> Value {
    try call(reference.slot, arguments)
  }

  private func call(_ callee: Slot, _ arguments: [Value]) throws -> Value {
    prepare()
    let slots = try arguments.map { try slot($0) }
    defer { for slot in slots { release(slot) } }
    do {
      let result = try interpreter.vm.cancellable { try interpreter.vm.call(callee, slots) }
      defer { release(result) }
      return try value(result)
    } catch {
      throw failure(interpreter.vm.scriptError(error))
    }
  }

  func member(_ name: String, of reference: Reference) throws -> Value {
    prepare()
    let key = interpreter.vm.heap.intern(name)
    defer { release(key) }
    do {
      var cache: UInt32 = 0
      let result = try interpreter.vm.member(of: reference.slot, key, &cache)
      defer { release(result) }
      return try value(result)
    } catch {
      throw failure(interpreter.vm.scriptError(error))
    }
  }

  /// Stops the running script within milliseconds; it fails with kind `cancelled`. Any thread may call this.
  public func cancel() { interpreter.vm.interrupts.cancellation.request() }

  /// Gives each call into the engine its full limits, and releases what references have left.
  private func prepare() {
    let interrupts = interpreter.vm.interrupts
    interrupts.cancellation.reset()
    interrupts.instructionsLeft = options.instructionLimit
    interrupts.deadline = options.timeLimit.map { interrupts.clock() + $0 }
    interpreter.vm.fuel = 0
    for bits in discarded.withLock({ slots in exchange(&slots, with: []) }) {
      release(Slot(meta: UInt64(bits >> 64), bits: UInt64(truncatingIfNeeded: bits)))
    }
  }

  /// Takes over the count of a reference that is gone, from whatever thread dropped it.
  func discard(_ slot: Slot) {
    discarded.withLock { $0.append(UInt128(slot.meta) << 64 | UInt128(slot.bits)) }
  }

  // MARK: Functions of the host

  /// Defines a function that scripts can call.
  ///
  /// - Parameters:
  ///   - parameters: names and defaults as in a script: `"x, scale = 1"`. A parameter that is left out arrives as its default, or `nil`.
  ///   - body: gets one value per parameter. What it throws becomes an error of the script at the place of the call.
  public func define(
    _ name: String, parameters: String = "", documentation: String = "",
    _ body: @escaping ([Value]) throws -> Value
  ) {
    let callback = HostFunction(engine: self, body: body)
    let native = NativeFunction(name, parameters, documentation: documentation) { call in
      try callback.run(call)
    }
    interpreter.vm.registry.define(
      name, owned: Slot(NativeObject(heap: interpreter.vm.heap, function: native)))
  }

  // MARK: Values at the border

  /// A value as the host sees it; throws a script's error for one of absurdly many parts.
  func value(_ slot: Slot) throws -> Value {
    try value(slot, WalkMeter(interpreter.vm, "a value for the host"))
  }

  private func value(_ slot: Slot, _ meter: WalkMeter) throws -> Value {
    try meter.visit(slot)
    switch slot.tag {
    case Tag.none, Tag.undefined: return .nil
    case Tag.bool: return .bool(slot.bool)
    case Tag.number, Tag.trackedNumber: return .number(slot.number)
    case Tag.tensor, Tag.trackedTensor: return .tensor(slot.tensor)
    case Tag.string: return .string(slot.object(StringObject.self).value)
    case Tag.list where NativeStack.hasRoom:
      return .list(try slot.elements.map { try $0.map { try value($0, meter) } } ?? [])
    case Tag.tuple where NativeStack.hasRoom:
      return .tuple(try slot.elements.map { try $0.map { try value($0, meter) } } ?? [])
    case Tag.dict where NativeStack.hasRoom:
      var entries: [ValueDictionary.Entry] = []
      try slot.object(DictObject.self).visitEntries {
        entries.append(.init(key: try value($0, meter), value: try value($1, meter)))
      }
      return .dictionary(ValueDictionary(entries))
    default: return .reference(Reference(self, owned: retained(slot)))
    }
  }

  /// A value as a script sees it; owned.
  func slot(_ value: Value) throws -> Slot {
    let heap = interpreter.vm.heap
    switch value {
    case .nil: return .nil
    case .bool(let bool): return Slot(bool)
    case .number(let number): return Slot(number)
    case .string(let text): return heap.string(text)
    case .tensor(let tensor): return Slot(tensor)
    case .list(let elements): return Slot(ListObject(heap: heap, owned: try slots(elements)))
    case .tuple(let elements): return Slot(TupleObject(heap: heap, owned: try slots(elements)))
    case .dictionary(let dictionary):
      return try DictObject.build(heap: heap, capacity: dictionary.entries.count) { dict in
        for entry in dictionary.entries {
          let key = try slot(entry.key)
          defer { release(key) }
          guard key.isKey else {
            throw failure(ScriptError(.key, "a dict key is a string or a whole number"))
          }
          dict.set(key, owned: try slot(entry.value))
        }
      }
    case .reference(let reference):
      guard reference.engine === self else {
        throw failure(ScriptError(.argument, "the reference belongs to another engine"))
      }
      return retained(reference.slot)
    }
  }

  private func slots(_ values: [Value]) throws -> [Slot] {
    var result: [Slot] = []
    do {
      for value in values { result.append(try slot(value)) }
    } catch {
      for slot in result { release(slot) }
      throw error
    }
    return result
  }

  // MARK: Errors

  private func failure(_ error: ScriptError) -> ScriptFailure {
    let renderer = DiagnosticRenderer(sources: interpreter.sources)
    return ScriptFailure(
      kind: error.kind.rawValue, message: error.message, help: error.help,
      location: location(interpreter.vm.outsideLibrary(error).span),
      stack: error.trace.map { .init(function: $0.function, location: location($0.span)) },
      exitStatus: error.status, description: renderer.render(interpreter.vm.diagnostic(of: error)))
  }

  private func refusal(_ diagnostics: [Diagnostic]) -> ScriptFailure {
    let errors = diagnostics.filter { $0.severity == .error }
    return ScriptFailure(
      kind: "syntax", message: errors.first?.message ?? "the program is refused",
      help: errors.first?.help ?? [], location: location(errors.first?.span), stack: [],
      exitStatus: 2,
      description: DiagnosticRenderer(sources: interpreter.sources).render(diagnostics))
  }

  private func location(_ span: Span?) -> ScriptFailure.Location? {
    guard let span, let file = interpreter.sources.file(of: span) else { return nil }
    let place = file.location(at: Int(span.start))
    return .init(file: file.name, line: place.line, column: place.column)
  }
}

/// A closure of the host with the engine it belongs to. Engine and closure are confined to one thread at a time.
private final class HostFunction: @unchecked Sendable {
  private weak var engine: Engine?
  private let body: ([Value]) throws -> Value

  init(engine: Engine, body: @escaping ([Value]) throws -> Value) {
    self.engine = engine
    self.body = body
  }

  func run(_ call: NativeCall) throws -> Slot {
    guard let engine else { throw ScriptError(.error, "the engine has ended") }
    let arguments = try (0..<call.count).map { index in
      call[index].isUndefined ? standard(call, index) : try engine.value(call[index])
    }
    do {
      return try engine.slot(try body(arguments))
    } catch let error as ScriptError {
      throw error
    } catch let failure as ScriptFailure {
      throw ScriptError(
        ScriptError.Kind(rawValue: failure.kind) ?? .error, failure.message,
        help: failure.help.first)
    } catch {
      throw ScriptError(.error, "\(call.function.name): \(error)")
    }
  }

  /// The default of a parameter: a number, bool or string as written, else nil.
  private func standard(_ call: NativeCall, _ index: Int) -> Value {
    guard let text = call.function.signature.parameters[index].defaultText else { return .nil }
    if let number = Double(text) { return .number(number) }
    if text == "true" || text == "false" { return .bool(text == "true") }
    if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") {
      return .string(String(text.dropFirst().dropLast()))
    }
    return .nil
  }
}

/// Puts `new` in place of a value and gives the old one.
private func exchange<T>(_ place: inout T, with new: T) -> T {
  let old = place
  place = new
  return old
}
