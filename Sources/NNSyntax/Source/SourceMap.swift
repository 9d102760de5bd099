// Numbers the source files of a program so that a span can name its file.

/// The source files of a program, a session or an engine, found by number.
package final class SourceMap {
  package private(set) var files: [SourceFile] = []

  package init() {}

  /// Adds a text and gives it the next number; the last number is used again when all are taken.
  @discardableResult
  package func add(name: String, bytes: [UInt8]) -> SourceFile {
    let isFull = files.count > Int(UInt16.max)
    let file = SourceFile(
      name: name, bytes: bytes, id: isFull ? UInt16.max : UInt16(files.count))
    if isFull { files[files.count - 1] = file } else { files.append(file) }
    return file
  }

  @discardableResult
  package func add(name: String, text: String) -> SourceFile {
    add(name: name, bytes: Array(text.utf8))
  }

  /// The file that a span lies in.
  package func file(of span: Span) -> SourceFile? {
    Int(span.file) < files.count ? files[Int(span.file)] : nil
  }
}
