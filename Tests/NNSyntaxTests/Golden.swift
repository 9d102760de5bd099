// Reads and compares golden files: sections of a source text and what must come out of it.
import Foundation
import Testing

/// One section of a golden file.
///
/// A file holds `=== name`, the source, `--- output` and the expected text, again and again. With `NNSYNTAX_RECORD=1`
/// in the environment the files are written anew from what comes out, to be read before they are committed.
struct GoldenCase: Sendable, CustomTestStringConvertible {
  let name: String
  let source: String
  let expected: String

  var testDescription: String { name }
}

enum Golden {
  static let isRecording = ProcessInfo.processInfo.environment["NNSYNTAX_RECORD"] == "1"

  private static func url(_ file: String) -> URL {
    URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("golden")
      .appendingPathComponent(file)
  }

  /// The sections of a file of the folder `golden`.
  static func cases(_ file: String) -> [GoldenCase] {
    guard let text = try? String(contentsOf: url(file), encoding: .utf8) else { return [] }
    return ("\n" + text).components(separatedBy: "\n=== ").dropFirst().map { section in
      let head = section.components(separatedBy: "\n--- output\n")
      let lines = head[0].split(separator: "\n", maxSplits: 1, omittingEmptySubsequences: false)
      let expected = head.count > 1 ? head[1] : ""
      return GoldenCase(
        name: String(lines[0]), source: lines.count > 1 ? String(lines[1]) : "",
        expected: expected.hasSuffix("\n") ? String(expected.dropLast()) : expected)
    }
  }

  /// Compares what each section gives with what it must give, or records it.
  static func check(_ file: String, _ output: (String) -> String) throws {
    let cases = cases(file)
    #expect(!cases.isEmpty, "\(file) has no sections")
    if isRecording {
      let text = cases.map { "=== \($0.name)\n\($0.source)\n--- output\n\(output($0.source))\n" }
      return try text.joined().write(to: url(file), atomically: true, encoding: .utf8)
    }
    for golden in cases {
      let found = output(golden.source)
      #expect(found == golden.expected, "\(file): \(golden.name)\n\(found)")
    }
  }
}
