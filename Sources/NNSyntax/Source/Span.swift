// Says where a piece of text stands: a range of bytes in one source file.

/// A range of bytes in the source file number `file` of a `SourceMap`.
package struct Span: Hashable, Sendable {
  package var file: UInt16
  package var start: UInt32
  package var end: UInt32

  package init(file: UInt16, start: UInt32, end: UInt32) {
    self.file = file
    self.start = start
    self.end = end
  }

  /// The smallest span that covers both, which are in one file.
  package func union(_ other: Span) -> Span {
    Span(file: file, start: min(start, other.start), end: max(end, other.end))
  }

  /// The empty span where this one begins.
  package var startPoint: Span { Span(file: file, start: start, end: start) }

  /// The empty span where this one ends.
  package var endPoint: Span { Span(file: file, start: end, end: end) }

  package var isEmpty: Bool { start >= end }
}
