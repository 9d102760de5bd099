// Functions every program uses: printing, types, conversions, errors.
import NNTensor

extension Builtins {
  /// Printing, text forms, types and errors.
  static let basics: [NativeFunction] = [
    NativeFunction(
      "print", "values..., end = \"\\n\"",
      documentation: "Writes the values' texts with spaces between them, and `end`.",
      example: #"print("loss", 0.5)  # loss 0.5"#
    ) { call in
      var line = ""
      for (index, value) in call.rest(0).enumerated() {
        if index > 0 { line += " " }
        line += try call.vm.text(of: value)
      }
      try call.vm.write(line + (call.optional(1, call.text) ?? "\n"))
      return .nil
    },
    NativeFunction(
      "str", "x", documentation: "The text of a value, as `print` shows it.",
      example: "str([1, 2])  # \"[1, 2]\""
    ) { call in
      call[0].asString == nil ? call.string(try call.vm.text(of: call[0])) : retained(call[0])
    },
    NativeFunction(
      "repr", "x",
      documentation:
        "The text of a value as the REPL shows it: strings quoted, tensors with dtype and shape.",
      example: #"repr("a")  # "\"a\"""#
    ) { call in call.string(try ValueText.described(call[0], in: call.vm)) },
    NativeFunction(
      "type", "x",
      documentation:
        "The name of a value's type: \"number\", \"tensor\", \"list\", or the name of its model.",
      example: "type(1.5)  # \"number\""
    ) { call in call.heap.intern(call[0].typeName) },
    NativeFunction(
      "number", "x",
      documentation: "The number a text, bool or one-element tensor stands for.",
      example: "number(\"1.5\")  # 1.5"
    ) { call in try call.convertToNumber() },
    NativeFunction(
      "error", "message, kind = \"error\"",
      documentation: "An error value, for `throw`.",
      example: "throw error(\"no data\")"
    ) { call in
      let name = try call.optional(1, call.text) ?? "error"
      guard let kind = ScriptError.Kind(rawValue: name), kind != .cancelled, kind != .exit else {
        throw call.argumentError(
          1, "there is no kind '\(name)' of error",
          help:
            "kinds are error, type, shape, index, key, name, argument, recursion, io, assert, limit"
        )
      }
      let error = ScriptError(kind, try call.text(0))
      return Slot(ErrorObject(heap: call.heap, error: error))
    },
    NativeFunction(
      "assert", "condition, message = nil",
      documentation: "Raises an error of kind `assert` unless the condition is true.",
      example: "assert(len([1]) == 1, \"one element\")"
    ) { call in
      if try call.vm.condition(call[0]) { return .nil }
      let message = call.has(1) ? ": " + ValueText.plain(call[1]) : ""
      throw ScriptError(.assert, "assertion failed" + message)
    },
    NativeFunction(
      "equal", "a, b",
      documentation:
        "Whether two values are equal as a whole, as one bool; tensors must agree in shape and all elements.",
      example: "equal(tensor([1, 2]), tensor([1, 2]))  # true"
    ) { call in
      for slot in [call[0], call[1]] { try call.vm.checkUnbatched(slot) }
      return Slot(try Equality.areEqual(call[0], call[1], in: call.vm))
    },
    NativeFunction(
      "copy", "x",
      documentation:
        "A deep copy of a list, dict, tuple or model instance; what is shared inside stays shared.",
      example: "let a = [[1]]; let b = copy(a)"
    ) { call in try DeepCopy.copy(call[0], in: call.vm) },
  ]
}

extension NativeCall {
  /// What `number(x)` gives; a tracked number stays tracked.
  fileprivate func convertToNumber() throws -> Slot {
    if self[0].isNumber { return self[0] }
    if let bool = self[0].asBool { return Slot(bool ? 1 : 0) }
    if self[0].isTensor { return try vm.item(self[0], caller: "number") }
    guard let string = self[0].asString else {
      throw typeError(0, expected: "a string, bool or one-element tensor")
    }
    guard let number = NumberReader.read(string.value) else {
      throw ScriptError(.argument, "number: \(QuotedText.quoted(string.value)) is not a number")
    }
    return Slot(number)
  }
}

/// Reads numbers as literals write them, with a sign, white space around them, `inf` and `nan`.
enum NumberReader {
  static func read(_ text: String) -> Double? {
    var digits = TextSearch.trim(text)[...]
    let isNegative = digits.hasPrefix("-")
    if isNegative || digits.hasPrefix("+") { digits.removeFirst() }
    guard let magnitude = magnitude(digits) else { return nil }
    return isNegative ? -magnitude : magnitude
  }

  private static func magnitude(_ digits: Substring) -> Double? {
    switch digits {
    case "inf": return .infinity
    case "nan": return .nan
    default: break
    }
    guard let first = digits.utf8.first, first == UInt8(ascii: ".") || isDigit(first),
      let plain = withoutSeparators(digits)
    else { return nil }
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] where plain.hasPrefix(prefix) {
      let rest = plain.dropFirst(2)
      return rest.first?.isHexDigit == true ? UInt64(rest, radix: radix).map { Double($0) } : nil
    }
    guard plain.utf8.allSatisfy({ isDigit($0) || ".eE+-".utf8.contains($0) }) else { return nil }
    return Double(plain)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  /// Takes out `_` where it stands between digits; nil where one stands elsewhere.
  private static func withoutSeparators(_ digits: Substring) -> String? {
    guard digits.contains("_") else { return String(digits) }
    guard !digits.hasSuffix("_"), !digits.contains("__") else { return nil }
    return digits.filter { $0 != "_" }
  }
}
