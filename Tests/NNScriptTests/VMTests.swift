// Tests of the virtual machine itself: memory, depth, limits, errors, bytecode.
import Foundation
import NNScript
import NNSyntax
import Testing

/// Runs a text in an engine of its own and keeps what it printed.
private struct Run {
  var output = ""
  var outcome: Interpreter.Outcome
  var leftOver: Int

  init(_ source: String, prepare: (Interpreter) -> Void = { _ in }) {
    let sink = Sink()
    var host = Host()
    host.write = { (text) throws(HostError) in sink.text += text }
    let interpreter = Interpreter(host: host)
    prepare(interpreter)
    #expect(interpreter.verify(source: Array(source.utf8), name: "verified") == [])
    let second = Interpreter(host: host)
    prepare(second)
    outcome = second.run(source: source, name: "test")
    leftOver = second.tearDown()
    output = sink.text
  }

  var failure: (message: String, kind: String)? {
    if case .failed(let diagnostic, let kind) = outcome { return (diagnostic.message, kind) }
    return nil
  }

  var value: String? {
    if case .finished(let value) = outcome { return value }
    return nil
  }
}

private final class Sink {
  var text = ""
}

@Suite struct VMTests {
  @Test func recursionOfTenThousandLevels() {
    let run = Run("fn deep(n) = if n == 0 { 0 } else { 1 + deep(n - 1) }\ndeep(10000)")
    #expect(run.value == "10000")
    #expect(run.leftOver == 0)
  }

  @Test func endlessRecursionCanBeCaught() {
    let run = Run("fn f(n) = 1 + f(n + 1)\ntry { f(0) } catch e { e.kind }")
    #expect(run.value == "\"recursion\"")
    #expect(run.leftOver == 0)
  }

  @Test func endlessRecursionThroughNativesCanBeCaught() {
    let run = Run("fn f(n) = map([n], x => f(x + 1))\ntry { f(0) } catch e { e.kind }")
    #expect(run.value == "\"recursion\"")
    #expect(run.leftOver == 0)
  }

  @Test func deeplyNestedListIsFreed() {
    let run = Run("var x = []\nfor i in 0..1000000 { x = [x] }\nx = nil")
    #expect(run.leftOver == 0)
  }

  @Test func cyclesAreFreed() {
    let run = Run(
      """
      fn make() {
        var f = nil
        f = fn(n) { if n == 0 { 0 } else { f(n - 1) } }
        f(3)
        let xs = []
        xs.push(xs)
        let d = {}
        d.self_ = d
      }
      for i in 0..100 { make() }
      """)
    #expect(run.failure == nil)
    #expect(run.leftOver == 0)
  }

  @Test func cyclesAreCollectedWhileRunning() {
    var interpreter: Interpreter?
    let run = Run(
      """
      fn make() { let xs = []; xs.push(xs) }
      for i in 0..300000 { make() }
      """
    ) { interpreter = $0 }
    #expect(run.failure == nil)
    #expect(run.leftOver == 0)
    let checked = Interpreter(host: Host())
    _ = checked.run(
      source: "fn make() { let xs = []; xs.push(xs) }\nfor i in 0..300000 { make() }", name: "test")
    #expect(checked.liveObjects < 150_000)
    _ = interpreter
  }

  @Test func instructionLimitPassesThroughTry() {
    let run = Run("while true { try { throw 1 } catch { } }") { $0.instructionLimit = 100_000 }
    #expect(run.failure?.kind == "limit")
    #expect(run.leftOver == 0)
  }

  @Test func memoryLimitPassesThroughTry() {
    let run = Run("let xs = []\nwhile true { try { xs.push(\"{xs.contains(1)}\") } catch { } }") {
      $0.memoryLimit = 1_000_000
    }
    #expect(run.failure?.kind == "limit")
  }

  @Test(arguments: [
    "var x = \"ab\"\nfor i in 0..60 { x = x ++ x }",
    "var x = \"ab\"\nfor i in 0..60 { x = \"{x}{x}\" }",
    "var x = [1]\nfor i in 0..60 { x = x ++ x }",
    "var x = [1]\nfor i in 0..60 { x = [x..., x...] }",
    "list(0..2000000000)", "relu(0..2000000000)", "\"a\".repeat(100000000)",
    "let a = list(0..1000)\nlet b = [a for i in a]\nrelu([b for i in a])",
  ]) func valuesThatOutgrowTheMemoryLimitAreAnError(_ source: String) {
    let run = Run(source) { $0.memoryLimit = 10_000_000 }
    #expect(run.failure?.kind == "limit")
    #expect(run.leftOver == 0)
  }

  /// Two lists that hold each other 60 deep stand for more values than can be visited; every walk over them can be stopped.
  static let walks = [
    "str(a)", "repr(a)", "print(a)", "\"{a}\"", "[a].join(\"\")", "to_json(a)", "save(\"x\", a)",
    "tree_map(x => x, a)", "params(a)",
    "grad(x => 1.0)(a)", "vjp(x => 1.0, a)", "jvp(x => 1.0, a, nil)",
    "vmap((x, y) => a)(ones(2), ones(2))",
    "custom_grad(x => [a, x], (s, o, g) => nil)(1.0)", "SGD({x: ones(1)}, 0.1).update(a, a)",
    "input(a)",
  ]
  static let shared = "var a = [1]\nfor i in 0..60 { a = [a, a] }\n"

  @Test(arguments: walks) func theInstructionLimitEndsAWalk(_ walk: String) {
    let run = Run(Self.shared + walk) { $0.instructionLimit = 100_000 }
    #expect(run.failure?.kind == "limit")
    #expect(run.failure?.message == "the instruction limit is reached")
    #expect(run.leftOver == 0)
  }

  @Test(arguments: walks) func aCancellationEndsAWalk(_ walk: String) {
    let start = ContinuousClock.now
    // Without end but for the cancellation, which comes from another thread.
    let run = Run(Self.shared + "while true { try { \(walk) } catch { } }") { interpreter in
      let cancellation = interpreter.cancellation
      Thread.detachNewThread {
        Thread.sleep(forTimeInterval: 0.02)
        cancellation.request()
      }
    }
    guard case .cancelled = run.outcome else {
      Issue.record("the script was not cancelled")
      return
    }
    #expect(run.leftOver == 0)
    #expect(ContinuousClock.now - start < .seconds(5))
  }

  @Test func limitsEndAComparisonOfUnlikeShares() {
    // Every list of one meets every list of the other.
    let run = Run(
      """
      var (a, b) = ([1], [1])
      for i in 0..3000 {
        a = [a, a, 1]
        b = [b, b, 2]
      }
      a == b
      """
    ) { $0.instructionLimit = 100_000 }
    #expect(run.value == "false")
  }

  @Test func cancellationPassesThroughTry() {
    let run = Run("while true { try { while true { } } catch { } }") { $0.cancellation.request() }
    guard case .cancelled = run.outcome else {
      Issue.record("the script was not cancelled")
      return
    }
    #expect(run.leftOver == 0)
  }

  @Test func handlersRestoreTemporaries() {
    let run = Run(
      """
      fn bad() { throw error("bad") }
      let xs = [1, try { [2, bad()] } catch e { e.message }, 3]
      print(xs)
      fn f() { for x in [1, 2, 3] { for y in "abc" { if x == 2 { return "{x}{y}" } } } }
      print(f())
      var n = 0
      for x in [1, 2, 3] { let d = {a: [x, if x == 2 { continue } else { x }]}; n += d.a[1] }
      print(n)
      """)
    #expect(run.output == "[1, \"bad\", 3]\n2a\n4\n")
    #expect(run.leftOver == 0)
  }

  @Test func uncaughtErrorPointsAtItsPlaceAndCallers() throws {
    let run = Run("fn inner(x) {\n  x + \"a\"\n}\nfn outer() = inner(1)\nouter()")
    guard case .failed(let diagnostic, let kind) = run.outcome else {
      Issue.record("the script did not fail")
      return
    }
    #expect(kind == "type")
    #expect(diagnostic.span.map { Int($0.start) } == 16)
    #expect(diagnostic.notes.count == 2)
    #expect(run.leftOver == 0)
  }

  @Test func manyVariablesOfOneFunction() {
    let lines = (0..<400).map { "for i\($0) in 0..1 { let v\($0) = i\($0); n += v\($0) + \($0) }" }
    let run = Run("fn f() {\nvar n = 0\n" + lines.joined(separator: "\n") + "\nn\n}\nf()")
    #expect(run.value == "79800")
  }

  @Test func tooManyVariablesAreAnError() {
    let lines = (0..<300).map { "let v\($0) = n + \($0)" }
    let uses = (0..<300).map { "v\($0)" }.joined(separator: " + ")
    let run = Run("fn f(n) {\n" + lines.joined(separator: "\n") + "\n\(uses)\n}\nf(0)")
    guard case .refused(let diagnostics) = run.outcome else {
      Issue.record("the program was not refused")
      return
    }
    #expect(diagnostics.contains { $0.message.contains("too many local variables") })
  }

  @Test func failedUpdatesKeepTheirVariables() {
    let run = Run(
      """
      var x = ones(2)
      try { x += ones(3) } catch { }
      try { x[5] = 1 } catch { }
      let d = {w: ones(2)}
      try { d.w *= ones(3) } catch { }
      let xs = [ones(2)]
      try { xs[0] -= ones(3) } catch { }
      fn f() {
        var y = ones(2)
        let seen = () => y
        try { y += ones(3) } catch { }
        seen()
      }
      print(x, d.w, xs[0], f())
      """)
    #expect(run.output == "[1, 1] [1, 1] [1, 1] [1, 1]\n")
    #expect(run.leftOver == 0)
  }

  @Test func updatesInPlaceLeaveOtherHoldersAlone() {
    let run = Run(
      """
      var x = ones(2)
      let y = x
      x += 1
      x[0] = 5
      let d = {w: x}
      d.w += 1
      print(x, y, d.w)
      """)
    #expect(run.output == "[5, 2] [1, 1] [6, 3]\n")
    #expect(run.leftOver == 0)
  }

  @Test func valuesMovedAtTheirLastUseAreKeptWhereTheyAreStillSeen() {
    let run = Run(
      """
      fn step(w, g) { var w = w; w -= 0.5 * g; w }
      fn fails(w) = throw error("no")
      fn f() {
        var x = ones(2)
        let y = x
        x = step(x, x * 2)
        x = step(x, ones(2))
        var kept = ones(2)
        try { kept = fails(kept) } catch { }
        for i in 0..3 { x = step(x, if i == 1 { continue } else { ones(2) }) }
        let seen = [x]
        x = relu(x - seen[0] + 5)
        (x, y, kept, seen[0])
      }
      fn last(a, b) = a * 2 + b
      fn twice(a) = a * a
      let a = ones(2)
      print(f(), last(a, a), twice(a), a)
      """)
    #expect(
      run.output
        == "(f32[2] [5, 5], f32[2] [1, 1], f32[2] [1, 1], f32[2] [-1.5000, -1.5000]) [3, 3] [1, 1] [1, 1]\n"
    )
    #expect(run.leftOver == 0)
  }

  @Test func callsUpdateInPlace() {
    let source = """
      fn step(w) { var w = w; w -= 0.5; w[0] = 1; w }
      fn scaled(w, k) = w * k
      fn f(n) {
        var x = zeros(100000)
        for i in 0..n { x = scaled(step(x), 2) }
        x[0]
      }
      """
    let run = Run(source + "\nprint(f(5))")
    #expect(run.output == "2\n")
  }

  @Test func libraryNamesLoadInTheMiddleOfAFrame() {
    let run = Run(
      """
      fn f(a, b) {
        let shape = Linear(a, b).weight.shape
        (a, b, shape)
      }
      print(f(2, 3))
      """)
    #expect(run.output == "(2, 3, (2, 3))\n")
    #expect(run.leftOver == 0)
  }

  @Test func disassemblyNamesInstructions() throws {
    let interpreter = Interpreter(host: Host())
    let text = try #require(
      interpreter.disassemble(source: Array("fn f(n) = n * 2\nf(3)".utf8), name: "test"))
    #expect(text.contains("multiplyK"))
    #expect(text.contains("call"))
  }
}
