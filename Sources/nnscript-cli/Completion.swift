// Finds out what is being completed: a name, or a member of something named.

/// What stands before the cursor.
struct CompletionPlace: Equatable {
  /// The names before the last dot: `["net", "l1"]` in `net.l1.we`; nil when something else stands there, as in `f(x).we`.
  let owner: [String]?
  /// What is typed of the word.
  let prefix: String

  /// - Parameter word: the bytes of the unfinished word in the line; a word begins after a dot.
  init(line: String, word: Range<Int>) {
    let bytes = Array(line.utf8)
    let word = word.clamped(to: 0..<bytes.count)
    prefix = String(decoding: bytes[word], as: UTF8.self)
    var names: [String] = []
    var end = word.lowerBound
    while end > 0, bytes[end - 1] == UInt8(ascii: ".") {
      let start = bytes[..<(end - 1)].lastIndex { !Self.isPartOfName($0) }.map { $0 + 1 } ?? 0
      guard start < end - 1, !Self.isDigit(bytes[start]) else {
        owner = nil
        return
      }
      names.insert(String(decoding: bytes[start..<end - 1], as: UTF8.self), at: 0)
      end = start
    }
    owner = names
  }

  private static func isPartOfName(_ byte: UInt8) -> Bool {
    byte >= 0x80 || byte == UInt8(ascii: "_") || isDigit(byte)
      || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
  }

  private static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }
}
