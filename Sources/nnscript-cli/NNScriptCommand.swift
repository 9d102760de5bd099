// The command line: what to run, and with which settings.

import ArgumentParser
import NNScript

/// Runs a script, a line of code, the standard input, or the prompt.
struct NNScriptCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "nnscript",
    abstract: "Runs programs in nnscript, a scripting language for neural networks.",
    usage: """
      nnscript [options] FILE [arguments]
      nnscript [options] -e CODE [arguments]
      nnscript [options] - [arguments]
      nnscript
      """,
    discussion: """
      Without a file it opens a prompt. "-" reads the program from the standard input. \
      Arguments after the file belong to the script, which gets them from args().

      Exit status: 0 success, 1 an uncaught error, 2 bad usage or a program that does not parse or check, \
      130 stopped by Ctrl-C.
      """,
    version: "nnscript \(nnscriptVersion)")

  @Option(
    name: .customShort("e"), parsing: .unconditional,
    help: ArgumentHelp("Run this code instead of a file.", valueName: "code"))
  var inlineCode: String?

  @Option(help: ArgumentHelp("Seed of the random numbers, instead of 0.", valueName: "number"))
  var seed: UInt64 = 0

  @Option(help: ArgumentHelp("Threads to compute with; 0: one per processor.", valueName: "count"))
  var threads: Int = 0

  @Flag(help: "Print the program's tokens instead of running it.")
  var tokens = false

  @Flag(help: "Print the program's syntax tree instead of running it.")
  var ast = false

  @Flag(help: "Look for errors in the program instead of running it.")
  var check = false

  @Flag(help: "Print the program's bytecode instead of running it.")
  var code = false

  @Argument(help: "The script; \"-\" stands for the standard input.")
  var file: String?

  @Argument(parsing: .captureForPassthrough, help: "What the script gets from args().")
  var arguments: [String] = []

  /// The stage to print instead of running the program.
  var stage: Session.Stage? { tokens ? .tokens : ast ? .tree : code ? .code : check ? .check : nil }

  func validate() throws {
    guard (0...1024).contains(threads) else {
      throw ValidationError("--threads takes a number from 0 to 1024.")
    }
    guard [tokens, ast, code, check].count(where: { $0 }) <= 1 else {
      throw ValidationError("Only one of --tokens, --ast, --code and --check can be given.")
    }
  }
}
