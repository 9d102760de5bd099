// Runs random inputs through every stage of the language and says where a promise was broken.
import NNScript
import NNSyntax

/// A row of random inputs, each repeatable from the seed and its number.
package struct Fuzzer {
  /// Where inputs come from.
  package enum Kind: String, CaseIterable, Sendable {
    case bytes, words, broken, syntax, script, ops
    /// Programs whose shapes may be wrong, for the static checker.
    case shapes
  }

  package struct Input: Sendable {
    package let kind: Kind
    package let text: [UInt8]
  }

  package let seed: UInt64
  /// Programs to break: they should be many and different.
  private let corpus: [[UInt8]]
  private let kinds: [Kind]

  package init(seed: UInt64, corpus: [[UInt8]], kinds: [Kind] = Kind.allCases) {
    self.seed = seed
    self.corpus = corpus.isEmpty ? [Array("let x = 1\nprint(x + 1)\n".utf8)] : corpus
    self.kinds = kinds
  }

  /// Input number `index`.
  package func input(_ index: Int) -> Input {
    let kind = kinds[index % kinds.count]
    var random = FuzzRandom(seed: seed &* 0x1_0000_0001 &+ UInt64(index))
    let text: [UInt8]
    switch kind {
    case .bytes: text = Mutation.bytes(&random)
    case .words: text = Mutation.words(&random)
    case .broken: text = Mutation.broken(random.pick(corpus), corpus: corpus, &random)
    case .syntax:
      var generator = SyntaxGenerator(seed: random.next())
      text = Array(generator.program().utf8)
    case .script:
      var generator = ScriptGenerator(random: random)
      text = Array(generator.program().utf8)
    case .ops:
      var generator = OpCallGenerator(random: random)
      text = Array(generator.program().utf8)
    case .shapes:
      var generator = ShapeGenerator(random: random)
      text = Array(generator.program().utf8)
    }
    return Input(kind: kind, text: text)
  }

  /// Limits the tensors of this process to what inputs are allowed: without it one that asks for gigabytes gets them.
  package static func limitTensors() {
    Interpreter(host: Host()).limitMemory(to: mostMemory)
  }

  /// Bytes of values and tensors that an input may use.
  private static let mostMemory = 256 << 20

  /// What goes wrong with an input; nil if it is refused, fails or runs as it should. A trap or a hang never returns.
  package static func problem(with input: Input) -> String? {
    if let problem = syntaxProblem(input.text) { return problem }
    // Tensors that double in a loop take long without many instructions.
    let limit = input.kind == .shapes ? 500 : 20_000
    return runProblem(input.text, limit) ?? checkProblem(input.text, limit)
  }

  /// What must hold for the static checker: an error it foresees happens, a second one too where the first is taken away, and what it
  /// says of functions that nothing calls where they are called.
  private static func checkProblem(_ text: [UInt8], _ limit: Int) -> String? {
    let make = {
      let interpreter = Interpreter(host: Host())
      interpreter.instructionLimit = limit
      interpreter.memoryLimit = mostMemory
      return interpreter
    }
    let run = CheckedRun(text, name: "fuzz.nn", make: make)
    if let problem = run.problem(isExact: false) { return problem }
    for rest in [run.withoutFirstError(text), run.callingUncalled(text)].compactMap(\.self) {
      switch make().run(source: rest, name: "fuzz.nn") {
      case .finished, .exited: return "what was foreseen does not happen in\n\(rest)"
      case .failed, .cancelled, .refused: continue
      }
    }
    return nil
  }

  /// Whether an input gets as far as bytecode.
  package static func isAccepted(_ input: Input) -> Bool {
    Interpreter(host: Host()).disassemble(source: input.text, name: "fuzz.nn") != nil
  }

  /// What must hold for every text: tokens inside it, in order; diagnostics inside it; everything can be shown.
  private static func syntaxProblem(_ text: [UInt8]) -> String? {
    let sources = SourceMap()
    let parsed = Parser.parse(sources.add(name: "fuzz.nn", bytes: text))
    guard parsed.tokens.tokens.last?.kind == .endOfFile else { return "the tokens do not end" }
    for token in parsed.tokens.tokens where token.start > token.end || Int(token.end) > text.count {
      return "a token at \(token.start)..<\(token.end) of \(text.count)"
    }
    for case let span? in parsed.diagnostics.map(\.span) where Int(span.end) > text.count {
      return "a diagnostic at \(span.end) of \(text.count)"
    }
    _ = TreeDump.dump(parsed.program)
    _ = DiagnosticRenderer(sources: sources).render(Array(parsed.diagnostics.prefix(2)))
    return nil
  }

  /// What must hold for every run: verified bytecode, nothing left over, a diagnostic that can be shown.
  private static func runProblem(_ text: [UInt8], _ limit: Int) -> String? {
    let interpreter = Interpreter(host: Host())
    interpreter.verifiesBytecode = true
    interpreter.instructionLimit = limit
    interpreter.memoryLimit = mostMemory
    let outcome = interpreter.run(source: text, name: "fuzz.nn")
    let renderer = DiagnosticRenderer(sources: interpreter.sources)
    switch outcome {
    case .failed(let diagnostic, _), .cancelled(let diagnostic): _ = renderer.render(diagnostic)
    case .refused(let diagnostics): _ = renderer.render(Array(diagnostics.prefix(3)))
    case .finished, .exited: break
    }
    let problems = interpreter.bytecodeProblems
    let leftOver = interpreter.tearDown()
    if let problem = problems.first { return "bytecode: \(problem)" }
    return leftOver == 0 ? nil : "\(leftOver) objects are left over"
  }
}
