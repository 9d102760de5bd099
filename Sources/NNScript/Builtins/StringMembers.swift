// The members of strings: split, join, trim, replace, find and their like.

extension Builtins {
  /// Members of strings; each takes the string first.
  static let stringMembers: [NativeFunction] = [
    NativeFunction(
      "split", "text, separator = nil",
      documentation: "The parts between separators; without one, the words between white space.",
      example: #""a,b,,c".split(",")  # ["a", "b", "", "c"]"#
    ) { call in
      let text = try call.text(0)
      guard let separator = try call.optional(1, call.text) else {
        return call.strings(TextSearch.words(of: text))
      }
      try call.refuseEmpty(1, separator)
      return call.strings(TextSearch.split(text, at: separator))
    },
    NativeFunction(
      "join", "separator, values",
      documentation: "The texts of a list's elements with this string between them.",
      example: #"", ".join(["a", "b"])  # "a, b""#
    ) { call in try call.joined(list: 1, separator: call.text(0)) },
    NativeFunction(
      "trim", "text", documentation: "The text without white space at its ends.",
      example: #""  hi ".trim()  # "hi""#
    ) { call in call.string(TextSearch.trim(try call.text(0))) },
    NativeFunction(
      "upper", "text", documentation: "The text in capital letters.",
      example: #""abc".upper()  # "ABC""#
    ) { call in call.string(try call.text(0).uppercased()) },
    NativeFunction(
      "lower", "text", documentation: "The text in small letters.",
      example: #""ABC".lower()  # "abc""#
    ) { call in call.string(try call.text(0).lowercased()) },
    NativeFunction(
      "replace", "text, old, new",
      documentation: "The text with every `old` replaced by `new`, from the left.",
      example: #""a-b-c".replace("-", "+")  # "a+b+c""#
    ) { call in
      let (old, new) = (try call.text(1), try call.text(2))
      try call.refuseEmpty(1, old)
      return call.string(TextSearch.split(try call.text(0), at: old).joined(separator: new))
    },
    NativeFunction(
      "starts_with", "text, prefix", documentation: "Whether the text begins with `prefix`.",
      example: #""train.csv".starts_with("train")  # true"#
    ) { call in Slot(try call.text(0).utf8.starts(with: try call.text(1).utf8)) },
    NativeFunction(
      "ends_with", "text, suffix", documentation: "Whether the text ends with `suffix`.",
      example: #""train.csv".ends_with(".csv")  # true"#
    ) { call in
      Slot(try call.text(0).utf8.reversed().starts(with: try call.text(1).utf8.reversed()))
    },
    NativeFunction(
      "contains", "text, part", documentation: "Whether `part` occurs in the text.",
      example: #""tensor".contains("ten")  # true"#
    ) { call in Slot(TextSearch.find(try call.text(1), in: try call.text(0)) != nil) },
    NativeFunction(
      "find", "text, part",
      documentation: "The index of the first character of the first `part`; nil if there is none.",
      example: #""banana".find("nan")  # 2"#
    ) { call in
      let text = try call.text(0)
      guard let byte = TextSearch.find(try call.text(1), in: text) else { return .nil }
      return Slot(text[..<text.utf8.index(text.startIndex, offsetBy: byte)].count)
    },
    NativeFunction(
      "count", "text, part", documentation: "How often `part` occurs, without overlaps.",
      example: #""banana".count("an")  # 2"#
    ) { call in
      let part = try call.text(1)
      try call.refuseEmpty(1, part)
      return Slot(TextSearch.split(try call.text(0), at: part).count - 1)
    },
    NativeFunction(
      "repeat", "text, count", documentation: "The text `count` times over.",
      example: #""-".repeat(3)  # "---""#
    ) { call in
      let (text, count) = (try call.text(0), try call.size(1))
      if text.isEmpty { return call.string("") }
      let (bytes, overflow) = text.utf8.count.multipliedReportingOverflow(by: count)
      guard !overflow, bytes <= TextSearch.largestResult else {
        throw ScriptError(.limit, "repeat: the text would be longer than 1 GiB")
      }
      try call.vm.checkRoom(bytes)
      return call.string(String(repeating: text, count: count))
    },
    NativeFunction(
      "lines", "text", documentation: "The lines of the text without their ends.",
      example: #""a\nb\n".lines()  # ["a", "b"]"#
    ) { call in call.strings(TextSearch.lines(of: try call.text(0))) },
    NativeFunction(
      "chars", "text", documentation: "The characters of the text, each a string.",
      example: #""abc".chars()  # ["a", "b", "c"]"#
    ) { call in call.characters(of: try call.text(0)) },
  ]
}

extension NativeCall {
  /// A list of new strings.
  func strings(_ texts: some Collection<String>) -> Slot {
    Slot(ListObject(heap: heap, owned: texts.map { heap.string($0) }))
  }

  /// A list of a text's characters; equal characters share one string.
  func characters(of text: String) -> Slot {
    let list = ListObject(heap: heap, capacity: text.utf8.count)
    for character in text { list.append(owned: heap.intern(String(character))) }
    return Slot(list)
  }

  /// Refuses an empty text where one is searched for.
  fileprivate func refuseEmpty(_ index: Int, _ text: String) throws {
    if text.isEmpty { throw argumentError(index, "'\(name(of: index))' must not be empty") }
  }

  /// The texts of a list's or tuple's elements with a separator between them.
  func joined(list index: Int, separator: String) throws -> Slot {
    var result = ""
    var isFirst = true
    try forEachElement(of: index) { element in
      if !isFirst { result += separator }
      isFirst = false
      result += try ValueText.plain(element, in: vm)
      try vm.checkRoom(result.utf8.count)
    }
    return string(result)
  }
}

/// Searches in texts by Unicode scalars, which is also how they compare.
enum TextSearch {
  /// Bytes of the largest text that `repeat` makes.
  static let largestResult = 1 << 30

  /// The byte offset of the first occurrence of `part`.
  static func find(_ part: String, in text: String) -> Int? {
    withBytes(of: text) { bytes in
      withBytes(of: part) { wanted in find(wanted, in: bytes, from: 0) }
    }
  }

  private static func find(
    _ wanted: UnsafeBufferPointer<UInt8>, in bytes: UnsafeBufferPointer<UInt8>, from start: Int
  ) -> Int? {
    guard let first = wanted.first else { return start }
    var place = start
    let last = bytes.count - wanted.count
    while place <= last {
      if bytes[place] == first,
        wanted.elementsEqual(UnsafeBufferPointer(rebasing: bytes[place..<place + wanted.count]))
      {
        return place
      }
      place += 1
    }
    return nil
  }

  /// The parts between occurrences of a separator that is not empty.
  static func split(_ text: String, at separator: String) -> [String] {
    withBytes(of: text) { bytes in
      withBytes(of: separator) { wanted in
        var parts: [String] = []
        var start = 0
        while let end = find(wanted, in: bytes, from: start) {
          parts.append(String(decoding: bytes[start..<end], as: UTF8.self))
          start = end + wanted.count
        }
        parts.append(String(decoding: bytes[start...], as: UTF8.self))
        return parts
      }
    }
  }

  private static func withBytes<Result>(
    of text: String, _ body: (UnsafeBufferPointer<UInt8>) -> Result
  ) -> Result {
    var text = text
    return text.withUTF8(body)
  }

  static func words(of text: String) -> [String] {
    text.unicodeScalars.split { $0.properties.isWhitespace }.map { String($0) }
  }

  static func trim(_ text: String) -> String {
    let scalars = text.unicodeScalars
    guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
      let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
    else { return "" }
    return String(scalars[first...last])
  }

  /// Lines end at `\n` or `\r\n`; an end after the last line adds no empty one.
  static func lines(of text: String) -> [String] {
    guard !text.isEmpty else { return [] }
    var lines = split(text, at: "\n")
    if lines.last == "" { lines.removeLast() }
    return lines.map { line in
      guard line.utf8.last == UInt8(ascii: "\r") else { return line }
      return String(decoding: line.utf8.dropLast(), as: UTF8.self)
    }
  }
}
