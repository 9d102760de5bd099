// Loads files and library modules: reads, parses and resolves each once, runs it when it is first imported.
import NNSyntax

/// One file on its way from text to a running module.
final class ModuleFile {
  enum State {
    /// Parsed and resolved; it has not run.
    case ready
    case running
    case done
  }

  let source: SourceFile
  let program: Program
  let globals: GlobalTable
  let module: Module
  var state = State.ready
  var diagnostics: [Diagnostic]

  init(source: SourceFile, program: Program, module: Module, diagnostics: [Diagnostic]) {
    self.source = source
    self.program = program
    self.module = module
    self.diagnostics = diagnostics
    globals = GlobalTable()
  }

  var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// All modules of an engine.
final class Modules {
  private let heap: Heap
  let sources = SourceMap()
  /// Imported files by path, library files by name in angle brackets.
  private var files: [String: ModuleFile] = [:]
  /// The numbers of the library's files in `sources`.
  private var librarySources: Set<UInt16> = []
  /// The files being checked or run, outermost first, for circles.
  private var chain: [String] = []
  private let positions = PositionCounter()
  /// Every module there is, kept alive until teardown.
  private(set) var all: [Module] = []

  init(heap: Heap) { self.heap = heap }

  func releaseAll() {
    for module in all { module.releaseAll() }
  }

  func makeModule(name: String, path: String?) -> Module {
    let module = Module(name: name, path: path, heap: heap, positions: positions)
    all.append(module)
    return module
  }

  // MARK: Checking

  /// Parses and resolves a text as a module of its own.
  func check(text: [UInt8], name: String, path: String?, key: String, vm: VM) -> ModuleFile {
    let source = sources.add(name: path ?? name, bytes: text)
    let parsed = Parser.parse(source)
    let file = ModuleFile(
      source: source, program: parsed.program, module: makeModule(name: name, path: path),
      diagnostics: parsed.diagnostics)
    guard !parsed.hasErrors else { return file }
    chain.append(key)
    defer { chain.removeLast() }
    file.diagnostics += Resolver.resolve(
      parsed.program, globals: file.globals, environment: environment(of: file.module, vm: vm))
    declareGlobals(of: file.globals, in: file.module)
    return file
  }

  /// Gives a module room for the variables that were found since the last time.
  func declareGlobals(of table: GlobalTable, in module: Module) {
    for name in table.names.dropFirst(module.count) {
      module.declare(name, isExported: table.variables[name]?.kind != .module)
    }
  }

  /// What the resolver is told about the world outside a module.
  func environment(of module: Module, vm: VM) -> ResolverEnvironment {
    var names: [String]?
    return ResolverEnvironment(
      builtin: { [unowned self, unowned vm] in builtin($0, vm: vm) },
      builtinNames: { [unowned vm] in
        let known = names ?? vm.registry.names.union(Library.fileOfName.keys).sorted()
        names = known
        return known
      },
      module: { [unowned self, unowned vm] in imported($0, from: module, vm: vm) })
  }

  private func builtin(_ name: String, vm: VM) -> ResolverEnvironment.Builtin? {
    if let function = Builtins.function(named: name) {
      return .function(function.signature.callSignature)
    }
    if vm.registry.value(name) != nil { return .value }
    guard let index = Library.fileOfName[name] else { return nil }
    let signature = libraryFile(index, vm: vm).globals.members[name] ?? nil
    return signature.map { .function($0) } ?? .value
  }

  private func imported(
    _ node: ImportStmt, from module: Module, vm: VM
  ) -> ResolverEnvironment.ImportedModule {
    do {
      let file = try find(Self.key(of: node.source), from: module, vm: vm)
      return .members(file.globals.members)
    } catch {
      return .missing(message: error.message, help: error.help)
    }
  }

  static func key(of source: ImportStmt.Source) -> String {
    switch source {
    case .file(let path): path
    case .module(let name): "<" + name + ">"
    }
  }

  // MARK: Finding

  /// The file that an import means, checked.
  private func find(_ target: String, from module: Module, vm: VM) throws(ScriptError) -> ModuleFile
  {
    if target.hasPrefix("<") {
      let name = String(target.dropFirst().dropLast())
      guard let index = Library.file(named: name) else {
        throw ScriptError(
          .io, "there is no module '\(name)'",
          help: ForeignName.packages.contains(name)
            ? "nothing needs to be imported: tensor functions and layers have bare names"
            : Suggestion.help(for: name, among: Library.files.map(\.name))
              ?? "a file is imported with its path: import \"\(name).nn\"")
      }
      return libraryFile(index, vm: vm)
    }
    let path = Self.resolve(target, from: module.path)
    try checkCircle(path)
    if let known = files[path] { return known }
    let bytes: [UInt8]
    do {
      bytes = try vm.host.readFile(path)
    } catch {
      throw ScriptError(.io, error.message, help: error.help)
    }
    let file = check(text: bytes, name: Self.stem(of: path), path: path, key: path, vm: vm)
    files[path] = file
    return file
  }

  /// The file that an import statement of a module means; nil if there is none.
  func file(of node: ImportStmt, from module: Module, vm: VM) -> ModuleFile? {
    try? find(Self.key(of: node.source), from: module, vm: vm)
  }

  /// The library file that defines a name, parsed and resolved but not run; nil if none does.
  func libraryFile(of name: String, vm: VM) -> ModuleFile? {
    Library.fileOfName[name].map { libraryFile($0, vm: vm) }
  }

  private func libraryFile(_ index: Int, vm: VM) -> ModuleFile {
    let library = Library.files[index]
    let key = "<" + library.name + ">"
    if let known = files[key] { return known }
    let source = sources.add(name: key, text: library.text)
    librarySources.insert(source.id)
    let parsed = Parser.parse(source)
    let file = ModuleFile(
      source: source, program: parsed.program, module: makeModule(name: library.name, path: nil),
      diagnostics: parsed.diagnostics)
    // Known before its names are resolved: library files may use each other.
    files[key] = file
    file.diagnostics += Resolver.resolve(
      parsed.program, globals: file.globals, environment: environment(of: file.module, vm: vm))
    declareGlobals(of: file.globals, in: file.module)
    return file
  }

  /// Whether a place is in the library.
  func isLibrary(_ span: Span) -> Bool {
    sources.file(of: span).map { librarySources.contains($0.id) } ?? false
  }

  private func checkCircle(_ path: String) throws(ScriptError) {
    guard let start = chain.firstIndex(of: path) else { return }
    let circle = (chain[start...] + [path]).joined(separator: " -> ")
    throw ScriptError(.error, "these files import each other in a circle: \(circle)")
  }

  /// A path relative to the folder of the importing file.
  static func resolve(_ path: String, from importer: String?) -> String {
    guard !path.hasPrefix("/"), let importer, let slash = importer.lastIndex(of: "/") else {
      return normalized(path)
    }
    return normalized(importer[...slash] + path)
  }

  /// The path without `.` and `..` where they can be left out.
  private static func normalized(_ path: some StringProtocol) -> String {
    var parts: [Substring] = []
    for part in String(path).split(separator: "/") where part != "." {
      if part == "..", let last = parts.last, last != ".." {
        parts.removeLast()
      } else {
        parts.append(part)
      }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }

  private static func stem(of path: String) -> String {
    let name = path.split(separator: "/").last ?? ""
    return String(name.hasSuffix(".nn") ? name.dropLast(3) : name)
  }

  // MARK: Running

  /// The module that an import means, run if this is the first time.
  func load(_ target: String, from module: Module, vm: VM) throws -> Module {
    let file = try find(target, from: module, vm: vm)
    try run(file, vm: vm)
    return file.module
  }

  /// The value of a name that the library defines, borrowed; nil if it defines none such.
  func libraryValue(_ name: String, vm: VM) throws -> Slot? {
    guard let index = Library.fileOfName[name] else { return nil }
    let file = libraryFile(index, vm: vm)
    try run(file, vm: vm)
    return file.module.value(name)
  }

  private func run(_ file: ModuleFile, vm: VM) throws {
    switch file.state {
    case .done: return
    case .running:
      if file.module.path != nil { try checkCircle(file.module.path ?? "") }
      return
    case .ready: break
    }
    if let first = file.diagnostics.first(where: { $0.severity == .error }) {
      var error = ScriptError(.error, first.message)
      error.help = first.help
      error.span = first.span
      error.labels = first.labels.map { ($0.span, $0.text) }
      throw error
    }
    let code = try compile(file.program, name: "<" + file.module.name + ">", in: file.module)
    file.state = .running
    if let path = file.module.path { chain.append(path) }
    defer { if file.module.path != nil { chain.removeLast() } }
    do {
      release(try vm.run(code))
      file.state = .done
    } catch {
      file.state = .ready
      throw error
    }
  }

  /// Compiles a resolved program.
  func compile(_ program: Program, name: String, in module: Module) throws -> Code {
    let context = CompileContext(heap: heap, module: module)
    let code = FunctionCompiler.compile(program: program, name: name, context: context)
    if let first = context.diagnostics.first {
      var error = ScriptError(.error, first.message)
      error.help = first.help
      error.span = first.span
      throw error
    }
    return code
  }
}

extension VM {
  /// Runs the top level of a program; gives its value, owned.
  func run(_ code: Code) throws -> Slot {
    let function = Slot(FunctionObject(heap: heap, code: code, captureCount: 0))
    defer { release(function) }
    return try call(function, [])
  }

  /// The value of an import instruction, owned.
  func importModule(_ target: Slot, from code: Unmanaged<Code>) throws -> Slot {
    let module = code._withUnsafeGuaranteedRef { $0.module }
    let loaded = try modules.load(target.object(StringObject.self).value, from: module, vm: self)
    return Slot(ModuleObject(heap: heap, module: loaded))
  }
}

extension Signature {
  /// What calls are checked against before a run.
  var callSignature: CallSignature {
    CallSignature(
      parameters: parameters.map {
        CallSignature.Parameter(
          name: $0.name, isRequired: $0.defaultText == nil && !$0.isRest, isRest: $0.isRest,
          isNamedOnly: $0.isNamedOnly)
      })
  }
}
