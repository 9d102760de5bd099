// Cuts text into words, numbers, marks and blanks, for tokenisers.

/// The pieces of a text; put together again they are the text.
///
/// A piece is a run of letters (with apostrophes between them), of digits, of other marks, or of white space. A single
/// space goes with what it stands before, as in GPT-2. All of Unicode beyond ASCII counts as letters.
enum TextPieces {
  private enum Kind {
    case letter, digit, blank, mark
  }

  /// Calls `body` with the bytes of each piece.
  static func forEach(
    in bytes: UnsafeBufferPointer<UInt8>, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
  ) rethrows {
    var start = 0
    while start < bytes.count {
      let end = self.end(of: bytes, from: start)
      try body(UnsafeBufferPointer(rebasing: bytes[start..<end]))
      start = end
    }
  }

  /// Where the piece that begins at `start` ends.
  private static func end(of bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
    var place = start
    var kind = kind(bytes[place])
    if kind == .blank {
      while place < bytes.count, self.kind(bytes[place]) == .blank { place += 1 }
      guard place < bytes.count, bytes[place - 1] == 0x20 else { return place }
      if place - 1 > start { return place - 1 }
      kind = self.kind(bytes[place])
    }
    while place < bytes.count, self.kind(bytes[place]) == kind || isApostrophe(bytes, place, kind) {
      place += 1
    }
    return place
  }

  /// Whether an apostrophe stands between two letters.
  private static func isApostrophe(
    _ bytes: UnsafeBufferPointer<UInt8>, _ place: Int, _ kind: Kind
  ) -> Bool {
    kind == .letter && bytes[place] == UInt8(ascii: "'") && place + 1 < bytes.count
      && self.kind(bytes[place + 1]) == .letter && place > 0
      && self.kind(bytes[place - 1]) == .letter
  }

  private static func kind(_ byte: UInt8) -> Kind {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), 0x80...:
      .letter
    case UInt8(ascii: "0")...UInt8(ascii: "9"): .digit
    case 0x20, 0x09...0x0D: .blank
    default: .mark
    }
  }
}
