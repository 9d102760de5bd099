// Nests and chains everything beyond the limits on a thread with a small stack: an error, never an overflow.
import Foundation
import NNSyntax
import Testing

@Suite struct DepthTests {
  /// Parses, dumps and frees a text on a thread with the stack that secondary threads of macOS have.
  private func parseOnSmallStack(_ text: String) -> [Diagnostic] {
    final class Result: @unchecked Sendable { var diagnostics: [Diagnostic] = [] }
    let result = Result()
    let finished = DispatchSemaphore(value: 0)
    let thread = Thread {
      let parsed = Parser.parse(SourceFile(name: "deep.nn", text: text))
      _ = TreeDump.dump(parsed.program)
      result.diagnostics = parsed.diagnostics
      finished.signal()
    }
    thread.stackSize = 512 * 1024
    thread.start()
    finished.wait()
    return result.diagnostics
  }

  private static let nestings: [(String, String, String)] = [
    ("(", "1", ")"), ("[", "1", "]"), ("{a: ", "1", "}"), ("-", "1", ""), ("not ", "a", ""),
    ("f(", "1", ")"), ("x[", "1", "]"), ("x => ", "1", ""), ("fn() { ", "1", " }"),
    ("if a { ", "1", " }"), ("if a { } else { ", "1", " }"), ("try { ", "1", " } catch { }"),
    ("2 ** ", "1", ""), ("\"{", "1", "}\""), ("throw ", "1", ""), ("while a { ", "1", " }"),
    ("for x in y { ", "1", " }"), ("fn f() { ", "1", " }"), ("fn(a = ", "1", ") { }"),
    ("[", "1", " for x in y]"), ("{[", "1", "]: 1}"), ("a or (", "1", ")"), ("x |> (", "f", ")"),
    ("let (", "a", ", b) = c"), ("a(b: c[d + -(", "1", ")])"),
  ]

  @Test(arguments: [149, 100_000]) func nestingIsLimited(_ count: Int) {
    for (opening, inner, closing) in Self.nestings {
      let text =
        String(repeating: opening, count: count) + inner + String(repeating: closing, count: count)
      let diagnostics = parseOnSmallStack(text)
      if count > 200 { #expect(!diagnostics.isEmpty, "\(opening)") }
    }
  }

  @Test func whatFitsTheLimitParses() {
    for (opening, inner, closing) in Self.nestings where !opening.hasPrefix("let") {
      let text =
        String(repeating: opening, count: 25) + inner + String(repeating: closing, count: 25)
      #expect(parseOnSmallStack(text).isEmpty, "\(opening)")
    }
  }

  @Test func theErrorIsOneAndHasHelp() {
    let diagnostics = parseOnSmallStack("let x = " + String(repeating: "(", count: 5_000))
    #expect(diagnostics.map(\.message) == ["this is nested too deeply"])
    #expect(diagnostics.first?.help.isEmpty == false)
  }

  private static let chains = [
    " + 1", " ++ x", ".a", "[0]", "(1)", " |> f", " or b", "\n  .g()", " * 2", " @ w",
  ]

  @Test func chainsAreLimited() {
    for link in Self.chains {
      #expect(parseOnSmallStack("x" + String(repeating: link, count: 240)).isEmpty, "\(link)")
      let long = parseOnSmallStack("x" + String(repeating: link, count: 100_000))
      #expect(long.map(\.message) == ["this expression is too long"], "\(link)")
    }
  }

  /// Chains inside nesting add up, and still fit the stack.
  @Test func chainsInNestingAreLimited() {
    var text = "x"
    for _ in 0..<100 { text = "(" + text + String(repeating: " + 1", count: 50) + ")" }
    #expect(parseOnSmallStack(text).map(\.message) == ["this expression is too long"])
  }

  @Test func manyElementsAndBranchesAreNoDepth() {
    let list = "let xs = [" + String(repeating: "f(1) + 2, ", count: 20_000) + "]"
    let branches = "if a { 1 }" + String(repeating: " else if b { 2 }", count: 20_000)
    let lines = String(repeating: "x = x + 1\n", count: 20_000)
    for text in [list, branches, lines] { #expect(parseOnSmallStack(text).isEmpty) }
  }

  @Test func shapesAreLimited() {
    let sum = "fn f(x: [N" + String(repeating: " + 1", count: 10_000) + "]) = x"
    let nested = "fn f(x: [" + String(repeating: "(", count: 10_000) + "]) = x"
    for text in [sum, nested] { #expect(parseOnSmallStack(text).count == 1) }
  }
}
