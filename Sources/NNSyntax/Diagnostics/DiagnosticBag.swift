// Collects the diagnostics of one run over a text.

/// Diagnostics in the order they were found, bounded in number.
package struct DiagnosticBag {
  package private(set) var diagnostics: [Diagnostic] = []
  /// More than these are dropped: a file that is not a program at all should not fill the screen.
  package static let limit = 50

  package init() {}

  package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }

  package mutating func add(_ diagnostic: Diagnostic) {
    if diagnostics.count < DiagnosticBag.limit { diagnostics.append(diagnostic) }
  }

  /// Forgets all but the first `count`.
  mutating func truncate(to count: Int) {
    diagnostics.removeLast(max(0, diagnostics.count - count))
  }

  /// Puts the diagnostics in the order of their places in the source.
  package mutating func sort() {
    let keyed = diagnostics.enumerated().map {
      ($0.element.span?.start ?? 0, $0.offset, $0.element)
    }
    diagnostics = keyed.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }
}
