// Compares what the static checker says of a program with what the run of the program does.
import NNScript
import NNSyntax

/// One program, checked and then run without having been checked.
package struct CheckedRun {
  /// What the checker found.
  package let found: [Diagnostic]
  package let outcome: Interpreter.Outcome
  /// The file, line and column of the checker's error and of the run's.
  package let foundPlace: String?
  /// How many values the checker left on the heap, which should be none.
  private let leftOver: Int
  /// Whether the program has loops.
  private let isInLoop: Bool
  package let place: String?

  /// Checks and runs a program; `set` prepares each of the two interpreters.
  package init(_ text: [UInt8], name: String, make: () -> Interpreter) {
    let source = String(decoding: text, as: UTF8.self)
    isInLoop = ["for ", "while ", "map", "=>", "fn"].contains { source.contains($0) }
    let checker = make()
    checker.checksShapes = true
    found = checker.check(source: text, name: name)
    foundPlace = Self.place(of: found.first { $0.severity == .error }, in: checker.sources)
    leftOver = checker.tearDown()
    let interpreter = make()
    outcome = interpreter.run(source: text, name: name)
    place = Self.place(of: Self.error(of: outcome), in: interpreter.sources)
    interpreter.tearDown()
  }

  private static func place(of diagnostic: Diagnostic?, in sources: SourceMap) -> String? {
    guard let span = diagnostic?.span, let file = sources.file(of: span) else { return nil }
    let place = file.location(at: Int(span.start))
    // A place in the library is told apart by the calls that led there.
    let calls = file.name.hasPrefix("<") ? diagnostic?.notes.joined(separator: ", ") ?? "" : ""
    return "\(file.name):\(place.line):\(place.column)\(calls)"
  }

  /// The error that the run ended in.
  private static func error(of outcome: Interpreter.Outcome) -> Diagnostic? {
    if case .failed(let error, _) = outcome { return error }
    return nil
  }

  /// The error that the checker foresaw.
  package var foreseen: Diagnostic? { found.first { $0.severity == .error } }

  /// Why what the checker foresaw did not happen; nil if it did, or if it foresaw nothing.
  ///
  /// A run may end earlier, in an error that cannot be foreseen, unless `isExact`.
  package func problem(isExact: Bool) -> String? {
    if leftOver > 0 { return "the checker left \(leftOver) objects over" }
    guard let foreseen else { return nil }
    switch outcome {
    case .refused, .cancelled: return nil
    case .finished: return "foreseen but did not happen: \(foreseen.message)"
    case .exited: return "foreseen, but the program ends before: \(foreseen.message)"
    case .failed(let error, let kind):
      if kind == "limit" { return nil }
      if place == foundPlace {
        // In a later turn of a loop, or where too little was known before, the same place may fail in another way.
        let isVague = isInLoop || foreseen.message.contains { $0 == "?" || $0 == "." }
        return !isExact && isVague || Self.fits(foreseen, error)
          ? nil : "foreseen: \(foreseen.message), happened: \(error.message)"
      }
      return isExact
        ? "foreseen at \(foundPlace ?? "?"): \(foreseen.message), "
          + "happened at \(place ?? "?"): \(error.message)" : nil
    }
  }

  // MARK: Several errors

  /// The program without the first of several errors, whose line must be one simple statement: whatever it would have given, the
  /// other errors are to happen. Nil where there are not several.
  package func withoutFirstError(_ text: [UInt8]) -> String? {
    if case .refused = outcome { return nil }
    let errors = found.filter { $0.severity == .error }
    var lines = String(decoding: text, as: UTF8.self).split(
      separator: "\n", omittingEmptySubsequences: false)
    guard errors.count > 1, let first = line(of: errors[0], text),
      let second = line(of: errors[1], text), first != second, !lines[first].contains("{")
    else { return nil }
    let words = lines[first].split(separator: " ")
    if words[0] == "var" || words[0] == "let" {
      lines[first] = "\(words[0]) \(words[1]) = zeros(2, 3)"
    } else {
      lines[first] = ""
    }
    return lines.joined(separator: "\n")
  }

  /// The program with calls of the functions that the checker says are certain to fail, with an argument that fits them; nil where
  /// there are none.
  package func callingUncalled(_ text: [UInt8]) -> String? {
    let head = "it happens in every call of `u"
    let names = found.flatMap(\.notes).compactMap { note -> Substring? in
      note.hasPrefix(head) ? note.dropFirst(head.count - 1).dropLast() : nil
    }
    guard let name = names.first else { return nil }
    return String(decoding: text, as: UTF8.self) + "\n\(name)(zeros(2, 2))\n"
  }

  /// The line of the top level, from 0, in which an error arises.
  private func line(of error: Diagnostic, _ text: [UInt8]) -> Int? {
    if let call = error.notes.last(where: { $0.hasPrefix("called by main at ") }) {
      return call.split(separator: ":").last.flatMap { Int($0) }.map { $0 - 1 }
    }
    return error.span.map { span in
      text.prefix(Int(span.start)).count { $0 == UInt8(ascii: "\n") }
    }
  }

  /// Whether two diagnostics say the same, where `?` in the foreseen one stands for what was not known.
  private static func fits(_ foreseen: Diagnostic, _ error: Diagnostic) -> Bool {
    matches(foreseen.message, error.message)
      && foreseen.help.count == error.help.count
      && zip(foreseen.help, error.help).allSatisfy { matches($0, $1) }
      && foreseen.labels.map(\.span) == error.labels.map(\.span)
      && foreseen.notes == error.notes
  }

  /// Whether a text is a pattern with something in place of each `?`.
  private static func matches(_ pattern: String, _ text: String) -> Bool {
    var rest = text[...]
    let parts = pattern.split(separator: "?", omittingEmptySubsequences: false)
    guard parts.count > 1 else { return pattern == text }
    for (index, part) in parts.enumerated() {
      guard !part.isEmpty else { continue }
      guard let found = range(of: part, in: rest), index > 0 || found.lowerBound == rest.startIndex
      else { return false }
      rest = rest[found.upperBound...]
    }
    return true
  }

  private static func range(of part: Substring, in text: Substring) -> Range<Substring.Index>? {
    var start = text.startIndex
    while start < text.endIndex {
      if text[start...].hasPrefix(part) {
        return start..<text.index(start, offsetBy: part.count)
      }
      start = text.index(after: start)
    }
    return nil
  }
}
