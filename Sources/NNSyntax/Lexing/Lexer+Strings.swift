// Reads strings: their text, escapes and interpolations, and the indentation of those with several lines.

/// A string that is being read.
struct StringContext {
  /// Whether its quotes are `"""`.
  let isTriple: Bool
  /// Its `stringStart` token.
  let token: Int
  /// Its own `stringText` tokens, whose values are found when it ends.
  var parts: [Int] = []
  /// The brackets open and the diagnostics found before it.
  let outerCounts: BracketCounts
  let outerBrackets: Int
  let diagnosticCount: Int
}

/// An interpolation that is being read.
struct InterpolationContext {
  /// Its `interpolationStart` token.
  let token: Int
  /// The number and kinds of brackets that were open when it began.
  let base: Int
  let outerCounts: BracketCounts
}

extension Lexer {
  private static let tripleQuote = Array("\"\"\"".utf8)

  /// Begins a string at its quotes.
  mutating func openString() {
    let start = position
    let isTriple = bytes[position...].starts(with: Lexer.tripleQuote)
    position += isTriple ? 3 : 1
    let token = emit(.stringStart, from: start)
    modes.append(
      .string(
        StringContext(
          isTriple: isTriple, token: token, outerCounts: openCounts, outerBrackets: brackets.count,
          diagnosticCount: bag.diagnostics.count)))
  }

  /// Reads text up to the next interpolation or the end of the string.
  mutating func lexStringPart(_ context: StringContext) {
    let start = position
    while position < bytes.count {
      switch bytes[position] {
      case UInt8(ascii: "\\"):
        position += escapeLength
      case UInt8(ascii: "{"):
        return startInterpolation(context, textStart: start)
      case UInt8(ascii: "\n") where !context.isTriple:
        return closeUnfinishedString(atNewline: true)
      case UInt8(ascii: "\"")
      where !context.isTriple || bytes[position...].starts(with: Lexer.tripleQuote):
        return finishString(context, textStart: start)
      default:
        position += 1
      }
    }
    position = bytes.count
  }

  /// The bytes to pass over at a backslash, so that what it escapes (the `{` of `\u{3b8}` too) begins nothing.
  private var escapeLength: Int {
    switch byte(at: position + 1) {
    case UInt8(ascii: "\n"): 1
    case UInt8(ascii: "u") where byte(at: position + 2) == UInt8(ascii: "{"): 3
    default: 2
    }
  }

  /// Adds the text read so far to a string.
  private mutating func addPart(_ context: StringContext, from start: Int) -> StringContext {
    guard position > start else { return context }
    var context = context
    context.parts.append(emit(.stringText, from: start))
    return context
  }

  private mutating func startInterpolation(_ context: StringContext, textStart: Int) {
    modes[modes.count - 1] = .string(addPart(context, from: textStart))
    let start = position
    position += 1
    let token = emit(.interpolationStart, from: start)
    modes.append(
      .interpolation(
        InterpolationContext(token: token, base: brackets.count, outerCounts: openCounts)))
    openCounts = BracketCounts()
  }

  /// Ends the innermost interpolation at a `}` that has been read.
  mutating func endInterpolation(from start: Int) {
    guard case .interpolation(let context) = modes.popLast() else { return }
    brackets.removeLast(max(0, brackets.count - context.base))
    openCounts = context.outerCounts
    list.tokens[context.token].partner = Int32(emit(.interpolationEnd, from: start))
  }

  /// Reads a format if the colon that has been read begins one.
  mutating func startFormat(from start: Int) -> Bool {
    guard case .interpolation(let context) = modes.last, brackets.count == context.base else {
      return false
    }
    let stops: [UInt8] = [UInt8(ascii: "}"), UInt8(ascii: "\n"), UInt8(ascii: "\"")]
    let formatStart = position
    while position < bytes.count, !stops.contains(bytes[position]) { position += 1 }
    checkUTF8(formatStart..<position)
    let token = emit(.formatText, from: start)
    list.tokens[token].text = addText(source.text(in: formatStart..<position))
    return true
  }

  private mutating func finishString(_ context: StringContext, textStart: Int) {
    let context = addPart(context, from: textStart)
    let contentStart = Int(list.tokens[context.token].end)
    let content = contentStart..<position
    modes.removeLast()
    let start = position
    position += context.isTriple ? 3 : 1
    list.tokens[context.token].partner = Int32(emit(.stringEnd, from: start))
    decodeParts(context, content)
  }

  /// Finds the values of a string's texts.
  private mutating func decodeParts(_ context: StringContext, _ content: Range<Int>) {
    var ranges = context.parts.map {
      Int(list.tokens[$0].start)..<Int(list.tokens[$0].end)
    }
    var indentation: ArraySlice<UInt8> = []
    if context.isTriple {
      indentation = takeClosingIndentation(&ranges, content)
      if let first = ranges.first, first.lowerBound == content.lowerBound {
        ranges[0] = min(afterNewline(first.lowerBound), first.upperBound)..<first.upperBound
      }
    }
    let startsLine = ranges.first.map { $0.lowerBound > content.lowerBound } ?? false
    for (index, part) in context.parts.enumerated() {
      let atLineStart = index == 0 && startsLine
      list.tokens[part].text = addText(
        decode(ranges[index], atLineStart: atLineStart, indentation: indentation))
    }
  }

  /// The byte after a line ending at `offset`, or `offset` where there is none.
  private func afterNewline(_ offset: Int) -> Int {
    if byte(at: offset) == UInt8(ascii: "\n") { return offset + 1 }
    if byte(at: offset) == UInt8(ascii: "\r"), byte(at: offset + 1) == UInt8(ascii: "\n") {
      return offset + 2
    }
    return offset
  }

  /// Where the closing quotes stand alone on their line, removes that line from the texts and returns its indentation.
  private func takeClosingIndentation(
    _ ranges: inout [Range<Int>], _ content: Range<Int>
  ) -> ArraySlice<UInt8> {
    guard let last = ranges.last, last.upperBound == content.upperBound,
      let newline = bytes[last].lastIndex(of: UInt8(ascii: "\n")),
      bytes[newline + 1..<last.upperBound].allSatisfy(\.isBlank)
    else { return [] }
    let hasReturn = newline > last.lowerBound && bytes[newline - 1] == UInt8(ascii: "\r")
    let isFirstNewline = afterNewline(content.lowerBound) == newline + 1
    if isFirstNewline, ranges.count == 1 {
      ranges[0] = newline + 1..<newline + 1
    } else {
      ranges[ranges.count - 1] = last.lowerBound..<(hasReturn ? newline - 1 : newline)
    }
    return bytes[newline + 1..<last.upperBound]
  }

  /// Replaces the escapes in a range of bytes and removes the indentation of its lines.
  private mutating func decode(
    _ range: Range<Int>, atLineStart: Bool, indentation: ArraySlice<UInt8>
  ) -> String {
    checkUTF8(range)
    var result: [UInt8] = []
    result.reserveCapacity(range.count)
    var offset = range.lowerBound
    if atLineStart { offset = skipIndentation(offset, range.upperBound, indentation) }
    while offset < range.upperBound {
      let byte = bytes[offset]
      if byte == UInt8(ascii: "\\") {
        offset = decodeEscape(at: offset, end: range.upperBound, into: &result)
      } else if byte == UInt8(ascii: "\r"), self.byte(at: offset + 1) == UInt8(ascii: "\n") {
        offset += 1
      } else {
        result.append(byte)
        offset += 1
        if byte == UInt8(ascii: "\n") {
          offset = skipIndentation(offset, range.upperBound, indentation)
        }
      }
    }
    return String(decoding: result, as: UTF8.self)
  }

  /// Moves over the indentation of a line of a `"""` string, or reports that the line has less.
  private mutating func skipIndentation(
    _ start: Int, _ end: Int, _ indentation: ArraySlice<UInt8>
  ) -> Int {
    var offset = start
    for expected in indentation {
      guard offset < end, bytes[offset] == expected else { break }
      offset += 1
    }
    if offset - start == indentation.count { return offset }
    var blankEnd = offset
    while blankEnd < end, bytes[blankEnd].isBlank { blankEnd += 1 }
    let next = byte(at: blankEnd)
    if next == UInt8(ascii: "\n") || next == UInt8(ascii: "\r") { return blankEnd }
    let line = source.lineRange(source.lineIndex(at: start))
    report(
      "this line is indented less than the closing `\"\"\"`", line,
      help: ["the indentation of the closing quotes is removed from every line"])
    return offset
  }

  /// Decodes the escape at a backslash and returns the place after it.
  private mutating func decodeEscape(
    at start: Int, end: Int, into result: inout [UInt8]
  ) -> Int {
    guard start + 1 < end else { return end }
    let byte = bytes[start + 1]
    switch byte {
    case UInt8(ascii: "n"): result.append(UInt8(ascii: "\n"))
    case UInt8(ascii: "t"): result.append(UInt8(ascii: "\t"))
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "{"): result.append(byte)
    case UInt8(ascii: "u"): return decodeUnicodeEscape(at: start, end: end, into: &result)
    default:
      let length = decodeScalar(bytes, at: start + 1).length
      reportUnknownEscape(start..<min(start + 1 + length, end))
      return min(start + 1 + length, end)
    }
    return start + 2
  }

  private mutating func reportUnknownEscape(_ range: Range<Int>) {
    let character = source.text(in: range.lowerBound + 1..<range.upperBound)
    let help =
      switch character {
      case "}": "`}` needs no backslash"
      case "'": "`'` needs no backslash"
      case "(": "interpolation is written `{expression}`"
      case "r": "a carriage return is written `\\u{d}`"
      case "0": "a null character is written `\\u{0}`"
      case "x": "a character by its number is written `\\u{41}`"
      case "\n", "\r": "the line ending of a `\"\"\"` string cannot be removed"
      default:
        "the escapes are \\n \\t \\\" \\\\ \\{ and \\u{3b8}; a backslash itself is written `\\\\`"
      }
    let shown =
      character == "\n" || character == "\r" ? "\\ before a line ending" : "\\\(character)"
    report("unknown escape `\(shown)`", range, help: [help])
  }

  /// `\u{3b8}`
  private mutating func decodeUnicodeEscape(
    at start: Int, end: Int, into result: inout [UInt8]
  ) -> Int {
    var offset = start + 2
    guard offset < end, bytes[offset] == UInt8(ascii: "{") else {
      report(
        "`\\u` must be followed by a number in braces", start..<offset,
        help: ["write the character's number in hexadecimal: `\\u{3b8}`"])
      return offset
    }
    offset += 1
    var value: UInt32 = 0
    let digits = offset
    while offset < end, let digit = bytes[offset].hexDigitValue {
      value = min(value * 16 + digit, 0x0200_0000)
      offset += 1
    }
    let isClosed = offset < end && bytes[offset] == UInt8(ascii: "}")
    if offset > digits, isClosed, let scalar = Unicode.Scalar(value) {
      result.append(contentsOf: Array(String(Character(scalar)).utf8))
    } else {
      report(
        "this is not the number of a character", start..<(isClosed ? offset + 1 : offset),
        help: ["write the character's number in hexadecimal: `\\u{3b8}`"])
    }
    return isClosed ? offset + 1 : offset
  }

  /// Reports the outermost string that does not end where it must, and makes it an empty string, so that what was
  /// taken for its interpolations gives no further errors.
  mutating func closeUnfinishedString(atNewline: Bool) {
    let index = atNewline ? modes.firstIndex(where: \.isSingleLineString) : 0
    guard let index, index < modes.count, case .string(let context) = modes[index] else { return }
    let opening = list.tokens[context.token]
    let interpolation: Token? =
      if index + 1 < modes.count, case .interpolation(let inner) = modes[index + 1] {
        list.tokens[inner.token]
      } else {
        nil
      }
    if !atNewline, context.isTriple { list.endsInsideString = true }
    modes.removeSubrange(index...)
    brackets.removeLast(max(0, brackets.count - context.outerBrackets))
    openCounts = context.outerCounts
    list.tokens.removeLast(list.tokens.count - context.token - 1)
    for comment in list.comments.indices.reversed() {
      guard list.comments[comment].nextToken > list.tokens.count else { break }
      list.comments[comment].nextToken = list.tokens.count
    }
    bag.truncate(to: context.diagnosticCount)
    list.tokens[context.token].partner = Int32(emit(.stringEnd, from: position))
    reportUnfinished(opening, interpolation, isTriple: context.isTriple)
  }

  private mutating func reportUnfinished(_ opening: Token, _ interpolation: Token?, isTriple: Bool)
  {
    if let interpolation {
      report(
        "this interpolation is not closed", Int(interpolation.start)..<Int(interpolation.end),
        help: [
          "close it with `}`" + (isTriple ? "" : " on the same line")
            + ", or write `\\{` for a brace"
        ])
    } else {
      report(
        "this string is not closed", Int(opening.start)..<Int(opening.end),
        help: isTriple
          ? [] : ["end it with `\"`; a string with several lines begins and ends with `\"\"\"`"])
    }
  }
}

extension UInt8 {
  /// Whether a byte is a space or a tab.
  var isBlank: Bool { self == UInt8(ascii: " ") || self == UInt8(ascii: "\t") }
}
