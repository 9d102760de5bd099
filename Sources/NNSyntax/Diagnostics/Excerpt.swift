// Shows the lines of one file that a diagnostic is about, with marks under them.

/// Lines of one file with marks.
struct Excerpt {
  /// A span to underline, and what to write next to it.
  struct Mark {
    let span: Span
    let text: String
    let isPrimary: Bool
  }
  /// A mark on one line, in columns of the shown text.
  private struct Underline {
    var start: Int
    var end: Int
    let text: String
    let isPrimary: Bool
  }

  let source: SourceFile
  var marks: [Mark]
  let width: Int

  /// `file:line:column` of the first mark.
  var place: String {
    let location = source.location(at: start(of: marks[0].span))
    return "\(harmless(source.name)):\(location.line):\(location.column)"
  }

  var lastLineNumber: Int { (lineIndices.last ?? 0) + 1 }

  /// The first byte to mark; the end of the file counts to the last line that has text.
  private func start(of span: Span) -> Int {
    var offset = min(Int(span.start), source.bytes.count)
    guard offset == source.bytes.count else { return offset }
    while offset > 0,
      source.bytes[offset - 1] == UInt8(ascii: "\n")
        || source.bytes[offset - 1] == UInt8(ascii: "\r")
    {
      offset -= 1
    }
    return offset
  }

  /// The line of a span's last byte.
  private func lastLine(of span: Span) -> Int {
    let first = start(of: span)
    return source.lineIndex(at: max(first, min(Int(span.end), source.bytes.count) - 1))
  }

  /// The lines to show: the first and last of every mark.
  private var lineIndices: [Int] {
    let shown = marks.flatMap { [source.lineIndex(at: start(of: $0.span)), lastLine(of: $0.span)] }
    return Set(shown).sorted()
  }

  /// The lines of text, each with a gutter.
  func lines(gutter: Int, tone: DiagnosticRenderer.Style, renderer: DiagnosticRenderer) -> [String]
  {
    let bar = renderer.paint("|", .frame)
    let blank = String(repeating: " ", count: gutter)
    var result = [blank + " " + bar]
    var previous: Int?
    for index in lineIndices {
      if let previous, index == previous + 2 {
        result.append(sourceLine(previous + 1, gutter, renderer, window: nil))
      } else if let previous, index > previous + 2 {
        result.append(renderer.paint("...", .frame))
      }
      let line = SourceLine(source, line: index)
      let underlines = underlines(on: index, line)
      let window = Window(
        line: line, around: underlines.first.map { ($0.start, $0.end) }, width: width)
      result.append(sourceLine(index, gutter, renderer, window: window))
      result += rows(underlines.map { window.shift($0) }, tone, renderer).map {
        blank + " " + bar + " " + $0
      }
      previous = index
    }
    return result
  }

  private func sourceLine(
    _ index: Int, _ gutter: Int, _ renderer: DiagnosticRenderer, window: Window?
  ) -> String {
    let number = "\(index + 1)"
    let padding = String(repeating: " ", count: max(0, gutter - number.count))
    let shown = window ?? Window(line: SourceLine(source, line: index), around: nil, width: width)
    let head = renderer.paint(padding + number + " |", .frame)
    return shown.text.isEmpty ? head : head + " " + shown.text
  }

  // MARK: Marks

  /// The marks on a line, the primary one first.
  private func underlines(on index: Int, _ line: SourceLine) -> [Underline] {
    var result: [Underline] = []
    for mark in marks {
      let first = start(of: mark.span)
      let firstLine = source.lineIndex(at: first)
      let lastLine = lastLine(of: mark.span)
      guard index == firstLine || index == lastLine else { continue }
      let lineStart = source.lineRange(index).lowerBound
      let begin = index == firstLine ? first : firstText(lineStart, line.end)
      let end = index == lastLine ? min(Int(mark.span.end), line.end) : line.end
      let start = line.column(of: begin)
      result.append(
        Underline(
          start: start, end: max(start + 1, line.column(of: end)),
          text: index == lastLine ? harmless(mark.text) : "", isPrimary: mark.isPrimary))
    }
    return result.filter(\.isPrimary) + result.filter { !$0.isPrimary }
  }

  /// The first byte of a line that is not blank.
  private func firstText(_ start: Int, _ end: Int) -> Int {
    source.bytes[start..<max(start, end)].firstIndex { !$0.isBlank } ?? start
  }

  /// The rows below a line: the underlines with the text of the last one, then the other texts, last first.
  private func rows(
    _ underlines: [Underline], _ tone: DiagnosticRenderer.Style, _ renderer: DiagnosticRenderer
  ) -> [String] {
    var row = Row()
    for mark in underlines.reversed() {
      row.fill(
        mark.start..<mark.end, with: mark.isPrimary ? "^" : "-", mark.isPrimary ? tone : .frame)
    }
    var pending = underlines.filter { !$0.text.isEmpty }.sorted { $0.start < $1.start }
    let furthest = underlines.map(\.end).max() ?? 0
    if let last = pending.last, last.end == furthest,
      !underlines.contains(where: { $0.start > last.start })
    {
      row.write(last.text, at: last.end + 1, last.isPrimary ? tone : .frame)
      pending.removeLast()
    }
    var rows = [row.text(renderer)]
    if !pending.isEmpty { rows.append(bars(pending, tone).text(renderer)) }
    while let mark = pending.popLast() {
      var row = bars(pending, tone)
      row.write(mark.text, at: mark.start, mark.isPrimary ? tone : .frame)
      rows.append(row.text(renderer))
    }
    return rows
  }

  private func bars(_ marks: [Underline], _ tone: DiagnosticRenderer.Style) -> Row {
    var row = Row()
    for mark in marks {
      row.fill(mark.start..<mark.start + 1, with: "|", mark.isPrimary ? tone : .frame)
    }
    return row
  }

  /// The part of a long line that is shown.
  private struct Window {
    private let first: Int
    private let last: Int
    private let isCutLeft: Bool
    let text: String

    /// Shows the whole line if it fits, else the part around a mark.
    init(line: SourceLine, around mark: (start: Int, end: Int)?, width: Int) {
      guard line.width > width else {
        (first, last, isCutLeft) = (0, line.width, false)
        text = line.text(from: 0, to: line.width)
        return
      }
      let start = mark?.start ?? 0
      let end = min(mark?.end ?? 0, start + width / 2)
      let centered = (start + end) / 2 - width / 2
      let from = max(0, min(centered, line.width - width + 1))
      isCutLeft = from > 0
      first = from
      last = min(line.width, from + width)
      let isCutRight = last < line.width
      text =
        (isCutLeft ? "…" : "")
        + line.text(from: from + (isCutLeft ? 1 : 0), to: last - (isCutRight ? 1 : 0))
        + (isCutRight ? "…" : "")
    }

    /// A mark in columns of the shown text; what lies outside is moved to the edge.
    func shift(_ mark: Underline) -> Underline {
      var mark = mark
      mark.start = min(max(mark.start, first), max(first, last - 1)) - first
      mark.end = max(mark.start + 1, min(max(mark.end, first), max(last, first + 1)) - first)
      return mark
    }
  }
}

/// A row of characters, each with a style.
private struct Row {
  private var cells: [(text: String, style: DiagnosticRenderer.Style)] = []

  private mutating func extend(to count: Int) {
    while cells.count < count { cells.append((" ", .strong)) }
  }

  mutating func fill(_ range: Range<Int>, with text: String, _ style: DiagnosticRenderer.Style) {
    extend(to: range.upperBound)
    for index in range { cells[index] = (text, style) }
  }

  mutating func write(_ text: String, at column: Int, _ style: DiagnosticRenderer.Style) {
    extend(to: column)
    for character in text { cells.append((String(character), style)) }
  }

  /// The row as text, neighbours of one style painted together.
  func text(_ renderer: DiagnosticRenderer) -> String {
    var result = ""
    var index = 0
    while index < cells.count {
      let isBlank = cells[index].text == " "
      let style = cells[index].style
      var end = index
      var text = ""
      while end < cells.count, cells[end].style == style, (cells[end].text == " ") == isBlank {
        text += cells[end].text
        end += 1
      }
      result += isBlank ? text : renderer.paint(text, style)
      index = end
    }
    return result
  }
}
