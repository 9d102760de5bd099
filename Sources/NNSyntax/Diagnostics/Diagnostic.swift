// Describes one error or warning; every error of every stage ends as one of these.

/// How serious a diagnostic is.
package enum Severity: String, Sendable {
  case error, warning
}

/// A secondary span with the text written next to it.
package struct DiagnosticLabel: Equatable, Sendable {
  package var span: Span
  package var text: String

  package init(span: Span, text: String) {
    self.span = span
    self.text = text
  }
}

/// An error or a warning about a place in the source.
package struct Diagnostic: Equatable, Sendable {
  package var severity: Severity
  package var message: String
  /// The place the message is about; nil for an error that has none.
  package var span: Span?
  /// What is written after the carets under `span`.
  package var label: String
  package var labels: [DiagnosticLabel]
  package var help: [String]
  /// Further lines, such as a stack of calls, shown as `note:` lines.
  package var notes: [String]

  package init(
    _ message: String, at span: Span?, severity: Severity = .error, label: String = "",
    labels: [DiagnosticLabel] = [], help: [String] = [], notes: [String] = []
  ) {
    self.severity = severity
    self.message = message
    self.span = span
    self.label = label
    self.labels = labels
    self.help = help
    self.notes = notes
  }
}
