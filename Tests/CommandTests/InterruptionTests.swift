// Ctrl-C, closed pipes, and other ends that come from outside.
import Foundation
import Testing

@Suite(.serialized) struct InterruptionTests {
  /// Starts a program, waits for its first line, sends Ctrl-C; gives the outcome and the seconds until the end.
  private func interrupted(_ code: String) throws -> (run: Command.Outcome, seconds: Double) {
    let folder = try Folder()
    let process = try Command.prepared(["-e", code], input: "", folder: folder)
    try process.run()
    try #require(try folder.waits(for: "ready", in: "stdout"))
    usleep(20_000)
    let start = Date()
    kill(process.processIdentifier, SIGINT)
    let run = try Command.wait(for: process, in: folder)
    return (run, Date().timeIntervalSince(start))
  }

  @Test(arguments: [
    "print(\"ready\")\nwhile true { }",
    "print(\"ready\")\nvar x = 0\nwhile true { x += 1 }",
    "print(\"ready\")\nwhile true { try { sqrt(-1) } catch { } }",
    "let a = rand(700, 700)\nprint(\"ready\")\nwhile true { a @ a }",
    "print(\"ready\")\nfn f(n) = if n > 0 { f(n - 1) } else { 0 }\nwhile true { f(100) }",
    "let f = grad(x => sum(x * x))\nprint(\"ready\")\nwhile true { f(rand(10)) }",
  ])
  func ctrlCStopsAtOnce(code: String) throws {
    var fastest = Double.infinity
    for _ in 0..<5 where fastest >= 0.05 {
      let (run, seconds) = try interrupted(code)
      fastest = min(fastest, seconds)
      try #require(run.status == 130)
      #expect(run.output == "ready\n")
      #expect(run.errors.contains("<code>:"))
    }
    #expect(fastest < 0.05)
  }

  @Test func ctrlCEndsTheWaitForInput() throws {
    let folder = try Folder()
    let process = try Command.prepared(
      ["-e", "print(\"ready\"); input()"], input: "", folder: folder)
    process.standardInput = Pipe()
    try process.run()
    try #require(try folder.waits(for: "ready", in: "stdout"))
    usleep(50_000)
    kill(process.processIdentifier, SIGINT)
    #expect(try Command.wait(for: process, in: folder).status == 130)
  }

  @Test func aClosedPipeEndsQuietly() throws {
    let folder = try Folder()
    let process = try Command.prepared(
      ["-e", "for i in 0..100000000 { print(i) }"], input: "", folder: folder)
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let first = try #require(try pipe.fileHandleForReading.read(upToCount: 2))
    #expect(String(decoding: first, as: UTF8.self) == "0\n")
    try pipe.fileHandleForReading.close()
    let run = try Command.wait(for: process, in: folder)
    #expect(run.status == 141)
    #expect(run.errors == "")
  }

  @Test func aFullDiskIsAnError() throws {
    guard let full = FileHandle(forWritingAtPath: "/dev/full") else { return }
    let folder = try Folder()
    let process = try Command.prepared(["-e", "print(1)"], input: "", folder: folder)
    process.standardOutput = full
    try process.run()
    let run = try Command.wait(for: process, in: folder)
    #expect(run.status == 1)
    #expect(run.errors.contains("no space left"))
  }
}
