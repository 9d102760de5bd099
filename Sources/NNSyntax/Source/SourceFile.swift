// Holds the text of a program and finds lines and columns in it.

/// A line and a column as people count them: from 1, columns in characters.
package struct SourceLocation: Equatable, Sendable {
  package let line: Int
  package let column: Int

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// One source text with the table of its lines.
package final class SourceFile: Sendable {
  /// The name shown in diagnostics: a path, or such as `<repl>`.
  package let name: String
  /// The number of this file in its source map.
  package let id: UInt16
  package let bytes: [UInt8]
  /// The byte at which each line starts; the first is 0.
  package let lineStarts: [Int]

  package init(name: String, bytes: [UInt8], id: UInt16 = 0) {
    self.name = name
    self.id = id
    self.bytes = bytes
    var starts = [0]
    for (offset, byte) in bytes.enumerated() where byte == UInt8(ascii: "\n") {
      starts.append(offset + 1)
    }
    lineStarts = starts
  }

  package convenience init(name: String, text: String, id: UInt16 = 0) {
    self.init(name: name, bytes: Array(text.utf8), id: id)
  }

  /// The span of the whole text.
  package var span: Span { Span(file: id, start: 0, end: UInt32(clamping: bytes.count)) }

  /// The index of the line that holds a byte; any offset is accepted.
  package func lineIndex(at offset: Int) -> Int {
    var low = 0
    var high = lineStarts.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if lineStarts[middle] <= offset { low = middle } else { high = middle }
    }
    return low
  }

  /// The bytes of a line without its line ending.
  package func lineRange(_ index: Int) -> Range<Int> {
    let start = lineStarts[index]
    var end = index + 1 < lineStarts.count ? lineStarts[index + 1] - 1 : bytes.count
    if end > start, bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
    return start..<end
  }

  /// The line and column of a byte; an offset outside the text is moved into it.
  package func location(at offset: Int) -> SourceLocation {
    let offset = min(max(offset, 0), bytes.count)
    let line = lineIndex(at: offset)
    let range = lineRange(line)
    let before = text(in: range.lowerBound..<max(range.lowerBound, min(offset, range.upperBound)))
    return SourceLocation(line: line + 1, column: before.count + 1)
  }

  /// The text of a range of bytes, with invalid UTF-8 replaced.
  package func text(in range: Range<Int>) -> String {
    String(decoding: bytes[range.clamped(to: 0..<bytes.count)], as: UTF8.self)
  }

  /// The text of a span, with invalid UTF-8 replaced.
  package func text(of span: Span) -> String {
    let start = Int(span.start)
    return text(in: start..<max(start, Int(span.end)))
  }
}
