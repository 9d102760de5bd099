// Starts the built command and collects what it does.
import Foundation

/// The `nnscript` that was built beside the tests.
enum Command {
  /// What a run came to.
  struct Outcome {
    let status: Int32
    let output: String
    let errors: String
  }

  struct NotBuilt: Error {}

  /// Where the command is: in the folder of the test bundle, or one above on macOS.
  static func path() throws -> String {
    for argument in CommandLine.arguments where argument.contains(".xctest") {
      var folder = URL(fileURLWithPath: argument).deletingLastPathComponent()
      for _ in 0..<4 {
        let candidate = folder.appendingPathComponent("nnscript").path
        if FileManager.default.isExecutableFile(atPath: candidate) { return candidate }
        folder.deleteLastPathComponent()
      }
    }
    throw NotBuilt()
  }

  /// A process that is set up but not started; its streams are files in `folder`.
  static func prepared(
    _ arguments: [String], input: String, folder: Folder, environment: [String: String] = [:]
  ) throws -> Process {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try path())
    process.arguments = arguments
    process.currentDirectoryURL = folder.url
    process.environment = ProcessInfo.processInfo.environment
      .merging(["HOME": folder.url.path, "XDG_STATE_HOME": "", "XDG_CACHE_HOME": ""]) { $1 }
      .merging(environment) { $1 }
    try folder.write("stdin", input)
    try folder.write("stdout", "")
    try folder.write("stderr", "")
    process.standardInput = try FileHandle(
      forReadingFrom: folder.url.appendingPathComponent("stdin"))
    process.standardOutput = try FileHandle(
      forWritingTo: folder.url.appendingPathComponent("stdout"))
    process.standardError = try FileHandle(
      forWritingTo: folder.url.appendingPathComponent("stderr"))
    return process
  }

  /// Runs the command to its end, at most for twenty seconds.
  static func run(
    _ arguments: String..., input: String = "", in folder: Folder? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    try run(arguments, input: input, in: folder, environment: environment)
  }

  /// Runs the command with a list of arguments.
  static func run(
    _ arguments: [String], input: String = "", in folder: Folder? = nil,
    environment: [String: String] = [:]
  ) throws -> Outcome {
    let folder = try folder ?? Folder()
    let process = try prepared(arguments, input: input, folder: folder, environment: environment)
    try process.run()
    return try wait(for: process, in: folder)
  }

  /// The outcome of a process that was started, ended by force if it takes too long.
  static func wait(for process: Process, in folder: Folder) throws -> Outcome {
    let limit = DispatchWorkItem { kill(process.processIdentifier, SIGKILL) }
    DispatchQueue.global().asyncAfter(deadline: .now() + 20, execute: limit)
    process.waitUntilExit()
    limit.cancel()
    let wasSignalled = process.terminationReason == .uncaughtSignal
    return Outcome(
      status: wasSignalled ? 128 + process.terminationStatus : process.terminationStatus,
      output: try folder.read("stdout"), errors: try folder.read("stderr"))
  }
}

/// A folder for one test, removed with this object.
final class Folder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent(
      "nnscript-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func write(_ name: String, _ text: String) throws {
    try Data(text.utf8).write(to: url.appendingPathComponent(name))
  }

  func read(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: url.appendingPathComponent(name)), as: UTF8.self)
  }

  /// Waits until a file contains a text; false after ten seconds.
  func waits(for text: String, in name: String) throws -> Bool {
    for _ in 0..<2000 {
      if try read(name).contains(text) { return true }
      usleep(5000)
    }
    return false
  }
}
