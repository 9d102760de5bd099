// The engine as a Swift host uses it: values in and out, host functions, errors, limits.
import NNScript
import Testing

@Suite struct EngineTests {
  @Test func valuesCrossTheBorderBothWays() throws {
    let engine = Engine()
    try engine.evaluate("fn same(x) = x")
    #expect(try engine.call("same", 2.5).number == 2.5)
    #expect(try engine.call("same", "text").string == "text")
    #expect(try engine.call("same", true).bool == true)
    let list = try engine.call("same", [1, "a", [2, nil]])
    #expect(list.elements?.count == 3)
    #expect(list.elements?[2].elements?[0].number == 2)
    let dictionary = try engine.call("same", ["b": 1, "a": [2]]).dictionary
    #expect(dictionary?.keys == ["b", "a"])
    #expect(dictionary?["a"]?.elements?[0].number == 2)
    let tensor = try engine.evaluate("tensor([[1, 2], [3, 4]])")
    #expect(try engine.call("sum", tensor).number == 10)
  }

  @Test func definitionsStayAndMayChange() throws {
    let engine = Engine()
    try engine.evaluate("let x = 1")
    #expect(try engine.evaluate("x + 1").number == 2)
    try engine.evaluate("let x = 5")
    #expect(engine["x"]?.number == 5)
    #expect(engine["missing"] == nil)
  }

  @Test func checkingThrowsWhatIsCertainAndKeepsNothing() throws {
    let engine = Engine()
    try engine.evaluate("let x = zeros(2, 3)")
    #expect(try engine.check("fn f(y) = x @ y\nf(zeros(4, 5))") == [])
    let failure = #expect(throws: ScriptFailure.self) {
      try engine.check("let z = zeros(2, 3)\nz @ zeros(4, 5)")
    }
    #expect(failure?.message.hasPrefix("[2, 3] @ [4, 5]") == true)
    #expect(failure?.location?.line == 2)
    #expect(failure?.exitStatus == 2)
    #expect(try engine.check("try { x + zeros(2) } catch e { }").isEmpty)
    #expect(try engine.check("try { zeros(3) + zeros(2) } catch e { }").count == 1)
    #expect(engine["z"] == nil)
    #expect(throws: ScriptFailure.self) { try engine.evaluate("z") }
    #expect(try engine.evaluate("x.shape[1]").number == 3)
  }

  @Test func functionsComeOutAsReferences() throws {
    let engine = Engine()
    let add = try engine.evaluate("let k = 3; x => x + k").reference
    #expect(try add?(4).number == 7)
    let instance = try engine.evaluate("model P(a) { fn get_a() = a }; P(9)").reference
    #expect(instance?.typeName == "P")
    #expect(try instance?.member("a").number == 9)
  }

  @Test func hostFunctionsAreCalledWithDefaults() throws {
    let engine = Engine()
    engine.define("scaled", parameters: "x, by = 10") { arguments in
      .number((arguments[0].number ?? 0) * (arguments[1].number ?? 0))
    }
    #expect(try engine.evaluate("scaled(3) + scaled(1, by: 2)").number == 32)
  }

  @Test func aHostErrorBecomesTheScripts() throws {
    struct Refusal: Error {}
    let engine = Engine()
    engine.define("refuse") { _ in throw Refusal() }
    #expect(try engine.evaluate("try { refuse() } catch e { e.kind }").string == "error")
    let failure = #expect(throws: ScriptFailure.self) { try engine.evaluate("1\nrefuse()") }
    #expect(failure?.location?.line == 2 && failure?.location?.column == 1)
  }

  @Test func outputIsCaptured() throws {
    var text = ""
    var options = Engine.Options()
    options.output = { text += $0 }
    try Engine(options).evaluate("print(1, \"a\")")
    #expect(text == "1 a\n")
  }

  @Test func errorsTellKindPlaceAndStack() throws {
    let engine = Engine()
    let program = "fn inner(x) = x @ ones(3, 3)\nfn outer() = inner(ones(2, 2))\nouter()"
    let failure = #expect(throws: ScriptFailure.self) { try engine.evaluate(program) }
    #expect(failure?.kind == "shape")
    #expect(failure?.location?.line == 1)
    #expect(failure?.stack.map(\.function) == ["inner", "outer", "main"])
    #expect(failure?.description.contains("[2, 2]") == true)
    #expect(failure?.description.contains("[3, 3]") == true)
    let refused = #expect(throws: ScriptFailure.self) { try engine.evaluate("let = 1") }
    #expect(refused?.kind == "syntax")
  }

  @Test func theInstructionLimitEndsALoop() throws {
    var options = Engine.Options()
    options.instructionLimit = 100_000
    let engine = Engine(options)
    let program = "try { while true { } } catch { }"
    let failure = #expect(throws: ScriptFailure.self) { try engine.evaluate(program) }
    #expect(failure?.kind == "limit")
    #expect(try engine.evaluate("1 + 1").number == 2)
  }

  @Test func theSeedDecidesTheStream() throws {
    func draw(_ seed: UInt64) throws -> Double? {
      var options = Engine.Options()
      options.seed = seed
      return try Engine(options).evaluate("item(rand(1)[0])").number
    }
    #expect(try draw(1) == draw(1))
    #expect(try draw(1) != draw(2))
  }
}
