// Checks the whole diagnostics of the resolver: what is refused, where it points, what it advises.
import NNScript
import NNSyntax
import Testing

/// A program and the diagnostics it gets.
struct ResolverCase: Sendable, CustomTestStringConvertible {
  let name: String
  let source: String
  let expected: String

  var testDescription: String { name }
}

@Suite struct ResolverDiagnosticsTests {
  static let cases = ResolverCase.names + ResolverCase.calls

  @Test(arguments: cases) func isRenderedAsExpected(_ item: ResolverCase) {
    let found = Resolved(item.source).rendered
    #expect(found == item.expected, "\(item.name)\n\(found)")
  }
}
