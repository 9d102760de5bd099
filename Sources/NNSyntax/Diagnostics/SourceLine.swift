// Lays a line of source out in columns of a terminal, so that carets stand under what they mean.

/// A line as it is shown: tabs expanded, characters that would disturb the screen replaced.
struct SourceLine {
  /// One character: the byte where it begins, its column and its width.
  private struct Cell {
    let offset: Int
    let column: Int
    let text: String
    let width: Int
  }
  private var cells: [Cell] = []
  /// The byte where the line ends, without its line ending.
  let end: Int
  private(set) var width = 0

  private static let tabWidth = 4

  init(_ source: SourceFile, line: Int) {
    let range = source.lineRange(line)
    end = range.upperBound
    var scalars = String.UnicodeScalarView()
    var offsets: [Int] = []
    var offset = range.lowerBound
    while offset < range.upperBound {
      let decoded = decodeScalar(source.bytes, at: offset)
      let scalar = decoded.scalar ?? "\u{FFFD}"
      scalars.append(scalar != "\t" && isDisturbing(scalar) ? "\u{FFFD}" : scalar)
      offsets.append(offset)
      offset += decoded.length
    }
    var place = 0
    for character in String(scalars) {
      append(character, at: offsets[place])
      place += character.unicodeScalars.count
    }
  }

  private mutating func append(_ character: Character, at offset: Int) {
    var text = String(character)
    var width = displayWidth(character)
    if character == "\t" {
      width = SourceLine.tabWidth - self.width % SourceLine.tabWidth
      text = String(repeating: " ", count: width)
    }
    cells.append(Cell(offset: offset, column: self.width, text: text, width: width))
    self.width += width
  }

  /// The column at which a byte is shown.
  func column(of offset: Int) -> Int {
    if offset >= end { return width }
    return cells.last { $0.offset <= offset }?.column ?? 0
  }

  /// The characters that are wholly between two columns.
  func text(from start: Int, to end: Int) -> String {
    cells.lazy.filter { $0.column >= start && $0.column + $0.width <= end }.map(\.text).joined()
  }
}

/// Whether a scalar would move the cursor, colour the screen or reorder the text around it.
func isDisturbing(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
  case .format: scalar != "\u{200D}"
  default: false
  }
}

/// A text without characters that would disturb the screen; line endings stay.
func harmless(_ text: String) -> String {
  var result = String.UnicodeScalarView()
  for scalar in text.unicodeScalars {
    result.append(scalar != "\n" && scalar != "\t" && isDisturbing(scalar) ? "\u{FFFD}" : scalar)
  }
  return String(result)
}

/// How many columns a terminal gives to a character.
func displayWidth(_ character: Character) -> Int {
  guard let first = character.unicodeScalars.first else { return 0 }
  if first.isASCII { return 1 }
  if first.properties.isEmojiPresentation { return 2 }
  if character.unicodeScalars.contains("\u{FE0F}"), first.properties.isEmoji { return 2 }
  switch first.properties.generalCategory {
  case .nonspacingMark, .enclosingMark, .format: return 0
  default: return wideRanges.contains { $0.contains(first.value) } ? 2 : 1
  }
}

/// The blocks of scalars that are two columns wide: East Asian scripts and their punctuation.
private let wideRanges: [ClosedRange<UInt32>] = [
  0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF,
  0xA000...0xA4CF, 0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
  0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x17000...0x18CFF, 0x1B000...0x1B2FF, 0x20000...0x3FFFD,
]
