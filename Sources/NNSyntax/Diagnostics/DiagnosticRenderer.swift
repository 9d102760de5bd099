// Writes a diagnostic for people: message, place, the source with carets, help.

/// Renders diagnostics against the sources they point into.
package struct DiagnosticRenderer {
  let sources: SourceMap
  let colors: Bool
  /// The most columns of a source line that are shown.
  let width: Int

  package init(sources: SourceMap, colors: Bool = false, width: Int = 100) {
    self.sources = sources
    self.colors = colors
    self.width = max(width, 40)
  }

  /// Several diagnostics, with an empty line between them.
  package func render(_ diagnostics: [Diagnostic]) -> String {
    diagnostics.map { render($0) }.joined(separator: "\n\n")
  }

  /// One diagnostic, without a line ending at its end.
  package func render(_ diagnostic: Diagnostic) -> String {
    let tone: Style = diagnostic.severity == .error ? .error : .warning
    var lines = [
      paint(diagnostic.severity.rawValue, tone)
        + paint(": " + harmless(diagnostic.message), .strong)
    ]
    let excerpts = excerpts(of: diagnostic)
    let gutter = excerpts.map { "\($0.lastLineNumber)".count }.max() ?? 1
    for (index, excerpt) in excerpts.enumerated() {
      let arrow = index == 0 ? "-->" : ":::"
      lines.append(
        String(repeating: " ", count: gutter) + paint(arrow, .frame) + " " + excerpt.place)
      lines += excerpt.lines(gutter: gutter, tone: tone, renderer: self)
    }
    if !excerpts.isEmpty, !(diagnostic.help.isEmpty && diagnostic.notes.isEmpty) {
      lines.append(String(repeating: " ", count: gutter + 1) + paint("|", .frame))
    }
    lines += diagnostic.help.map { tagged("help", $0, .help) }
    lines += diagnostic.notes.map { tagged("note", $0, .frame) }
    return lines.joined(separator: "\n")
  }

  private func tagged(_ tag: String, _ text: String, _ style: Style) -> String {
    let indentation = "\n" + String(repeating: " ", count: tag.count + 2)
    let body = harmless(text).split(separator: "\n", omittingEmptySubsequences: false)
      .joined(separator: indentation)
    return paint(tag, style) + ": " + body
  }

  /// The places of a diagnostic by file, that of its own span first.
  private func excerpts(of diagnostic: Diagnostic) -> [Excerpt] {
    var marks: [Excerpt.Mark] = []
    if let span = diagnostic.span {
      marks.append(.init(span: span, text: diagnostic.label, isPrimary: true))
    }
    marks += diagnostic.labels.map { .init(span: $0.span, text: $0.text, isPrimary: false) }
    var excerpts: [Excerpt] = []
    for mark in marks {
      guard let source = sources.file(of: mark.span) else { continue }
      if let index = excerpts.firstIndex(where: { $0.source === source }) {
        excerpts[index].marks.append(mark)
      } else {
        excerpts.append(Excerpt(source: source, marks: [mark], width: width))
      }
    }
    return excerpts
  }

  // MARK: Colours

  enum Style: String {
    case error = "1;31"
    case warning = "1;33"
    case strong = "1"
    case frame = "1;34"
    case help = "1;36"
  }

  func paint(_ text: String, _ style: Style) -> String {
    colors && !text.isEmpty ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }
}
