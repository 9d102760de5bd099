// What the command runs, from where, and with which exit status it ends.
import Foundation
import Testing

struct RunningTests {
  @Test func codeOnTheCommandLine() throws {
    let run = try Command.run("-e", "print(1 + 2, args())", "a", "--b")
    #expect(run.output == "3 [\"a\", \"--b\"]\n")
    #expect(run.errors == "")
    #expect(run.status == 0)
  }

  @Test func aFileAndItsArguments() throws {
    let folder = try Folder()
    try folder.write("a.nn", "for x in args() { print(x) }\n")
    let run = try Command.run("a.nn", "--seed", "7", "-e", in: folder)
    #expect(run.output == "--seed\n7\n-e\n")
    #expect(run.status == 0)
  }

  @Test func aProgramOnTheStandardInput() throws {
    let run = try Command.run("-", "x", input: "print(\"hello {args()[0]}\")")
    #expect(run.output == "hello x\n")
    #expect(run.status == 0)
  }

  @Test func linesOfTheStandardInput() throws {
    let code = """
      var line = input("? ")
      while line != nil { print("<{line}>"); line = input() }
      """
    let run = try Command.run("-e", code, input: "one\ntwo\r\n\nθ")
    #expect(run.output == "? <one>\n<two>\n<>\n<θ>\n")
  }

  @Test(arguments: [
    ("print(1)", 0), ("exit(0)", 0), ("exit(7)", 7), ("throw \"no\"", 1), ("[1, 2][5]", 1),
    ("let = 1", 2), ("unknown_name", 2), ("let x = 1; x = 2", 2), ("import \"missing.nn\"", 2),
    ("print(\"", 2),
  ])
  func exitStatus(code: String, status: Int32) throws {
    let run = try Command.run("-e", code)
    #expect(run.status == status)
    #expect(run.errors.isEmpty == (code == "print(1)" || code.hasPrefix("exit")))
  }

  @Test func anErrorShowsItsPlace() throws {
    let folder = try Folder()
    try folder.write("a.nn", "fn f(x) {\n    throw \"too {x}\"\n}\nprint(1)\nf(\"bad\")\n")
    let run = try Command.run("a.nn", in: folder)
    #expect(run.status == 1)
    #expect(run.output == "1\n")
    #expect(run.errors.contains("too bad"))
    #expect(run.errors.contains("a.nn:2:5"))
    #expect(run.errors.contains("    throw \"too {x}\""))
    #expect(!run.errors.contains("\u{1B}"))
  }

  @Test func shapeErrorsAreFoundBeforeTheRun() throws {
    let run = try Command.run("-e", "print(1)\nzeros(2, 3) @ zeros(4, 5)")
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(run.errors.contains("the last axis of the left side is 3, the right side needs 4"))
    #expect(run.errors.contains("<code>:2:1"))
  }

  @Test(arguments: [
    ("print(1)", 0), ("zeros(2) + zeros(3)", 2), ("throw 1", 0), ("let", 2),
    ("try { zeros(2) + zeros(3) } catch { }", 0),
  ])
  func checkingDoesNotRun(code: String, status: Int32) throws {
    let run = try Command.run("--check", "-e", code)
    #expect(run.status == status)
    #expect(run.output == "")
    #expect(run.errors.isEmpty == ["print(1)", "throw 1"].contains(code))
  }

  @Test func nothingRunsBeforeTheCheck() throws {
    let run = try Command.run("-e", "print(1)\nprnt(2)")
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(run.errors.contains("print"))
  }

  @Test(arguments: [
    ["--bogus"], ["--seed"], ["--seed", "x"], ["--threads", "-1"], ["--threads", "9999"],
    ["--tokens", "--ast", "-e", "1"],
    ["missing.nn"], ["."], ["/"],
  ])
  func badUsage(arguments: [String]) throws {
    let folder = try Folder()
    let process = try Command.prepared(arguments, input: "", folder: folder)
    try process.run()
    let run = try Command.wait(for: process, in: folder)
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(!run.errors.isEmpty)
  }

  @Test func aMistypedFileNameIsNoticed() throws {
    let folder = try Folder()
    try folder.write("train.nn", "print(1)")
    let run = try Command.run("trian.nn", in: folder)
    #expect(run.errors.contains("cannot read \"trian.nn\": no such file"))
    #expect(run.errors.contains("did you mean \"train.nn\"?"))
    #expect(run.status == 2)
  }

  @Test func aFileThatIsNoTextIsNamed() throws {
    let folder = try Folder()
    try Data([0x70, 0x0A, 0xFF, 0xFE]).write(to: folder.url.appendingPathComponent("a.nn"))
    let run = try Command.run("a.nn", in: folder)
    #expect(run.errors.contains("a.nn"))
    #expect(run.errors.contains("UTF-8"))
    #expect(run.status == 2)
  }

  @Test func aBinaryFileGivesOneError() throws {
    let folder = try Folder()
    try Data([0x7F, 0x45, 0x4C, 0x46, 0, 0, 1, 0xFF]).write(
      to: folder.url.appendingPathComponent("a.nn"))
    let run = try Command.run("a.nn", in: folder)
    #expect(run.errors.hasPrefix("error: \"a.nn\" is not a program"))
    #expect(run.errors.split(separator: "\n").count == 2)
    #expect(run.status == 2)
  }

  @Test func helpAndVersion() throws {
    let help = try Command.run("--help")
    #expect(help.output.contains("nnscript [options] FILE"))
    #expect(help.status == 0)
    let version = try Command.run("--version")
    #expect(version.output.hasPrefix("nnscript 0."))
    #expect(version.status == 0)
  }

  @Test(arguments: ["--tokens", "--ast", "--code"])
  func stagesArePrintedInsteadOfRunning(option: String) throws {
    let run = try Command.run(option, "-e", "print(12345)\nexit(9)")
    #expect(run.status == 0)
    #expect(run.output.contains("12345"))
    #expect(run.output != "12345\n")
    #expect(try Command.run(option, "-e", "print(\"").status == 2)
  }

  @Test func seedsAndThreads() throws {
    let code = "print(rand(3)); print(sum(rand(300, 300) @ rand(300, 300)))"
    let first = try Command.run("-e", code)
    #expect(first.status == 0)
    #expect(try Command.run("--threads", "1", "-e", code).output == first.output)
    #expect(try Command.run("--seed", "0", "-e", code).output == first.output)
    #expect(try Command.run("--seed", "1", "-e", code).output != first.output)
  }

  @Test func deepRecursionIsAnErrorAndNoCrash() throws {
    let run = try Command.run("-e", "fn f(n) = 1 + f(n + 1)\nf(0)")
    #expect(run.status == 1)
    #expect(run.errors.contains("recursion"))
  }
}
