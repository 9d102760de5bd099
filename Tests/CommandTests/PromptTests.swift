// The prompt: through a pipe, and on a terminal with keys, completion and history.
import Foundation
import Testing

struct PromptTests {
  @Test func aPipeIsRunEntryByEntry() throws {
    let input = """
      1 + 1
      let x = 3
      x
      "text"
      nil
      fn double(n) {
          n * 2
      }
      double(21)
      ones(2)
      """
    let run = try Command.run(input: input)
    #expect(run.output.hasPrefix("2\n3\n\"text\"\n42\n"))
    #expect(run.output.contains("f32[2]"))
    #expect(run.errors == "")
    #expect(run.status == 0)
  }

  @Test func anErrorKeepsTheSession() throws {
    let run = try Command.run(input: "let x = 3\nlet = \nx + \"a\"\nnope\nx\n")
    #expect(run.output == "3\n")
    #expect(run.errors.contains("nope"))
    #expect(run.status == 1)
  }

  @Test func namesAreDescribed() throws {
    let run = try Command.run(
      input: "## Doubles.\nfn double(n) = n * 2\n?double\n?relu\n?nothing_such\n")
    #expect(run.output.contains("double(n)"))
    #expect(run.output.contains("Doubles."))
    #expect(run.output.contains("relu(x)"))
    #expect(run.output.contains("nothing_such"))
  }

  @Test func exitEndsIt() throws {
    let run = try Command.run(input: "1\nexit(5)\n2\n")
    #expect(run.output == "1\n")
    #expect(run.status == 5)
  }

  @Test func keysOnATerminal() throws {
    let folder = try Folder()
    let terminal = try Terminal(folder: folder)
    try terminal.expect(">>> ")
    try terminal.type("1 + 1\r", expecting: "\n2", ">>> ")
    try terminal.type("fn f() {\r", expecting: "... ")
    try terminal.type("7\r", expecting: "... ")
    try terminal.type("}\r", expecting: ">>> ")
    try terminal.type("f()\r", expecting: "\n7", ">>> ")
    try terminal.type("let apple = 5\r", expecting: ">>> ")
    try terminal.type("app\t\r", expecting: "\n5", ">>> ")
    try terminal.type("nonsense\u{3}", expecting: "^C", ">>> ")
    try terminal.type("while true { }\r", expecting: "\n")
    try terminal.type("\u{3}", expecting: "cancelled", ">>> ")
    try terminal.type("apple + 1\r", expecting: "\n6", ">>> ")
    try terminal.type("\u{4}", expecting: "\n")
    #expect(terminal.status() == 0)
    let history = try folder.read(".local/state/nnscript/history")
    #expect(history.contains("fn f() {\n7\n}\n"))
    #expect(!history.contains("nonsense"))
  }

  @Test func historyIsKeptBetweenRuns() throws {
    let folder = try Folder()
    for keys in ["40 + 2\r", "\u{1B}[A\r"] {
      let terminal = try Terminal(folder: folder)
      try terminal.expect(">>> ")
      try terminal.type(keys, expecting: "\n42", ">>> ")
      try terminal.type("\u{4}", expecting: "\n")
      #expect(terminal.status() == 0)
    }
  }
}
