// Tables of comma-separated values (RFC 4180), read column by column: numbers where all cells are numbers, else text.

/// A table: the names in its first line and its columns.
package struct CSV {
  /// One column's cells.
  package enum Column {
    /// Numbers, nan where a cell is empty; `isWhole` where all are whole numbers written without a point.
    case numbers([Double], isWhole: Bool)
    case text([String])
  }

  /// Empty where the table has no header.
  package private(set) var names: [String] = []
  package private(set) var columns: [Column] = []

  /// Reads a table; `separator` stands between the cells of a line.
  ///
  /// - Throws: with the line's number, where a line has more or fewer cells than the first or a quote does not close.
  package init(
    _ bytes: [UInt8], name: String, separator: UInt8 = UInt8(ascii: ","), hasHeader: Bool = true
  ) throws(FileFormatError) {
    var scanner = CSVScanner(bytes, name: name, separator: separator)
    if hasHeader { names = try Self.header(&scanner) }
    let start = scanner
    var width = hasHeader ? names.count : 0
    var numbers: [NumberColumn] = .init(repeating: NumberColumn(), count: width)
    var rows = 0
    try scanner.forEachRow { cells, line throws(FileFormatError) in
      if rows == 0, !hasHeader {
        width = cells.count
        numbers = .init(repeating: NumberColumn(), count: width)
      }
      guard cells.count == width else {
        throw FileFormatError(
          "\(name):\(line)",
          "has \(cells.count) cells, the \(hasHeader ? "header" : "first line") \(width)")
      }
      for (index, cell) in cells.enumerated() { numbers[index].append(bytes, cell) }
      rows += 1
    }
    columns = numbers.map { .numbers($0.values, isWhole: $0.isWhole && $0.hasNumber) }
    let texts = numbers.indices.filter { numbers[$0].isText }
    guard !texts.isEmpty else { return }
    var found = [[String]](repeating: [], count: texts.count)
    scanner = start
    try scanner.forEachRow { cells, _ throws(FileFormatError) in
      for (place, index) in texts.enumerated() { found[place].append(cells[index].text(bytes)) }
    }
    for (place, index) in texts.enumerated() { columns[index] = .text(found[place]) }
  }

  /// The names of the first line; one without a name is called after its number.
  private static func header(_ scanner: inout CSVScanner) throws(FileFormatError) -> [String] {
    guard let cells = try scanner.nextRow() else {
      throw FileFormatError(scanner.name, "is empty, not even a header is there")
    }
    var names: [String] = []
    for (index, cell) in cells.enumerated() {
      let text = cell.text(scanner.bytes)
      let name = text.isEmpty ? "column\(index + 1)" : text
      if names.contains(name) {
        throw FileFormatError("\(scanner.name):1", "has two columns named \"\(name)\"")
      }
      names.append(name)
    }
    return names
  }
}

/// One cell: where its bytes lie, without quotes around them.
struct CSVCell {
  let range: Range<Int>
  let isQuoted: Bool

  /// The cell's text; a doubled quote in a quoted cell is one, blanks around others are left out.
  func text(_ bytes: [UInt8]) -> String {
    guard isQuoted else { return String(decoding: trimmed(bytes), as: UTF8.self) }
    var kept: [UInt8] = []
    var index = range.lowerBound
    while index < range.upperBound {
      kept.append(bytes[index])
      index += bytes[index] == CSVScanner.quote ? 2 : 1
    }
    return String(decoding: kept, as: UTF8.self)
  }

  func trimmed(_ bytes: [UInt8]) -> ArraySlice<UInt8> {
    var slice = bytes[range]
    while let byte = slice.first, byte == 0x20 || byte == 0x09 { slice.removeFirst() }
    while let byte = slice.last, byte == 0x20 || byte == 0x09 { slice.removeLast() }
    return slice
  }
}

/// Goes through the lines of a table.
struct CSVScanner {
  static let quote = UInt8(ascii: "\"")
  let bytes: [UInt8]
  let name: String
  private let separator: UInt8
  private var position = 0
  private var line = 1

  init(_ bytes: [UInt8], name: String, separator: UInt8) {
    self.bytes = bytes
    self.name = name
    self.separator = separator
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
  }

  /// The rest of the lines, each with its number.
  mutating func forEachRow(
    _ body: ([CSVCell], Int) throws(FileFormatError) -> Void
  ) throws(FileFormatError) {
    var cells: [CSVCell] = []
    while true {
      cells.removeAll(keepingCapacity: true)
      guard let first = try readRow(&cells) else { return }
      try body(cells, first)
    }
  }

  mutating func nextRow() throws(FileFormatError) -> [CSVCell]? {
    var cells: [CSVCell] = []
    return try readRow(&cells) == nil ? nil : cells
  }

  /// Reads the cells of the next line that is not blank and returns the line's number, nil at the end.
  private mutating func readRow(_ cells: inout [CSVCell]) throws(FileFormatError) -> Int? {
    while position < bytes.count, bytes[position] == 0x0A || bytes[position] == 0x0D { endLine() }
    guard position < bytes.count else { return nil }
    let first = line
    while true {
      cells.append(try readCell())
      guard position < bytes.count, bytes[position] == separator else { break }
      position += 1
    }
    if position < bytes.count { endLine() }
    return first
  }

  private mutating func endLine() {
    if bytes[position] == 0x0D, position + 1 < bytes.count, bytes[position + 1] == 0x0A {
      position += 1
    }
    position += 1
    line += 1
  }

  /// The next cell, up to a separator or the line's end.
  private mutating func readCell() throws(FileFormatError) -> CSVCell {
    let start = position
    if position < bytes.count, bytes[position] == Self.quote { return try readQuoted() }
    while position < bytes.count, bytes[position] != separator, bytes[position] != 0x0A,
      bytes[position] != 0x0D
    { position += 1 }
    return CSVCell(range: start..<position, isQuoted: false)
  }

  private mutating func readQuoted() throws(FileFormatError) -> CSVCell {
    let (start, first) = (position + 1, line)
    position += 1
    while true {
      guard position < bytes.count else {
        throw FileFormatError("\(name):\(first)", "has a quote that is not closed")
      }
      if bytes[position] == Self.quote {
        guard position + 1 < bytes.count, bytes[position + 1] == Self.quote else { break }
        position += 1
      }
      if bytes[position] == 0x0A { line += 1 }
      position += 1
    }
    let cell = CSVCell(range: start..<position, isQuoted: true)
    position += 1
    guard position == bytes.count || [separator, 0x0A, 0x0D].contains(bytes[position]) else {
      throw FileFormatError("\(name):\(line)", "has text behind a closing quote")
    }
    return cell
  }
}

/// A column taken for numbers until a cell is none.
private struct NumberColumn {
  var values: [Double] = []
  var isWhole = true
  var isText = false
  /// Whether a cell was not empty.
  var hasNumber = false

  mutating func append(_ bytes: [UInt8], _ cell: CSVCell) {
    guard !isText else { return }
    let text = cell.trimmed(bytes)
    if text.isEmpty, !cell.isQuoted {
      isWhole = false
      values.append(.nan)
    } else if !cell.isQuoted, let whole = Self.whole(text) {
      hasNumber = true
      values.append(whole)
    } else if !cell.isQuoted, let number = Self.number(text) {
      hasNumber = true
      isWhole = false
      values.append(number)
    } else {
      isText = true
      values = []
    }
  }

  /// Digits with a sign or without, as far as they are exact.
  private static func whole(_ text: ArraySlice<UInt8>) -> Double? {
    let isNegative = text.first == UInt8(ascii: "-")
    let digits = isNegative || text.first == UInt8(ascii: "+") ? text.dropFirst() : text
    guard (1...15).contains(digits.count) else { return nil }
    var value = 0
    for digit in digits {
      guard digit >= 0x30, digit <= 0x39 else { return nil }
      value = value * 10 + Int(digit - 0x30)
    }
    return Double(isNegative ? -value : value)
  }

  private static func number(_ text: ArraySlice<UInt8>) -> Double? {
    let isPlain = text.allSatisfy { byte in
      byte >= 0x30 && byte <= 0x39 || "+-.eE".utf8.contains(byte)
    }
    if isPlain { return Double(String(decoding: text, as: UTF8.self)) }
    return ["nan", "NaN", "NA"].contains { text.elementsEqual($0.utf8) } ? .nan : nil
  }
}
