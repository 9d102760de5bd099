// Random texts: bytes, words of the language, and programs with something broken in them.

/// Makes and breaks texts.
enum Mutation {
  /// Pieces of the language and of what people write by mistake.
  static let words: [String] = [
    "let ", "var ", "fn ", "return ", "if ", "else ", "for ", "in ", "while ", "break", "continue",
    "model ", "param ", "state ", "import ", "as ", "try ", "catch ", "throw ", "and ", "or ",
    "not ", "true", "nil", "self", "x", "y", "f", "θ", "0", "1.5", "0x1f", "1e9", "\"", "\"\"\"",
    "'", "\\", "\\u{3b8}", "{", "}", "(", ")", "[", "]", ",", ";", ":", ".", "..", "...", "..=",
    "=>", "->", "|>", "+", "++", "-", "*", "**", "/", "//", "%", "@", "=", "==", "!=", "<", "<=",
    "+=", "!", "&&", "?", "\n", "\n", "\n  ", "\r\n", " ", "\t", "# c\n", "## d\n", "def ", "elif ",
    "lambda ", "_", "é", "👩‍👧", "\u{A0}", "“", "”", "−", "\0", "zeros(2, 3)", "grad(", "1e400", "-1",
    "9007199254740993", "x[0]", "x[nil, :]", ".T", "nan", "inf", "xs...",
  ]

  static func bytes(_ random: inout FuzzRandom) -> [UInt8] {
    (0..<random.below(200)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
  }

  static func words(_ random: inout FuzzRandom) -> [UInt8] {
    (0..<random.below(80)).flatMap { _ in Array(random.pick(words).utf8) }
  }

  /// One to six changes to a program.
  static func broken(_ program: [UInt8], corpus: [[UInt8]], _ random: inout FuzzRandom) -> [UInt8] {
    var program = program
    for _ in 0...random.below(6) { change(&program, corpus, &random) }
    return program
  }

  private static func change(
    _ program: inout [UInt8], _ corpus: [[UInt8]], _ random: inout FuzzRandom
  ) {
    let place = random.below(program.count + 1)
    let end = min(program.count, place + random.below(13))
    switch random.below(8) {
    case 0: program.removeSubrange(place..<end)
    case 1: program.insert(contentsOf: Array(random.pick(words).utf8), at: place)
    case 2:
      program.insert(contentsOf: Array(program[place..<end]), at: random.below(program.count + 1))
    case 3:
      if place < program.count { program[place] = UInt8(truncatingIfNeeded: random.next()) }
    case 4: exchangeWords(&program, &random)
    case 5: exchangeWords(&program, &random)
    case 6: replaceNumber(&program, &random)
    default: spliceLines(&program, random.pick(corpus), &random)
    }
  }

  /// Puts one word of the program in the place of another: the result most often still parses.
  private static func exchangeWords(_ program: inout [UInt8], _ random: inout FuzzRandom) {
    guard let from = word(in: program, &random), let to = word(in: program, &random) else { return }
    program.replaceSubrange(to, with: Array(program[from]))
  }

  private static func replaceNumber(_ program: inout [UInt8], _ random: inout FuzzRandom) {
    let numbers = [
      "0", "-1", "1", "2", "3", "0.5", "1e300", "-1e300", "9007199254740992", "2147483648", "nan",
      "inf", "-0", "1e-320", "255", "256", "65536", "nil", "[]", "\"\"", "true", "ones(2)",
    ]
    let digits = program.indices.filter { isDigit(program[$0]) }
    guard !digits.isEmpty else { return }
    let place = random.pick(digits)
    program.replaceSubrange(place...place, with: Array(random.pick(numbers).utf8))
  }

  /// Puts some lines of another program into this one.
  private static func spliceLines(
    _ program: inout [UInt8], _ other: [UInt8], _ random: inout FuzzRandom
  ) {
    let newline = UInt8(ascii: "\n")
    let lines = other.split(separator: newline, omittingEmptySubsequences: false)
    let first = random.below(lines.count)
    let chosen = lines[first..<min(lines.count, first + 1 + random.below(4))]
    let ends = program.indices.filter { program[$0] == newline } + [program.count]
    let place = min(random.pick(ends) + 1, program.count)
    program.insert(contentsOf: Array(chosen.joined(separator: [newline])) + [newline], at: place)
  }

  /// The place of a name or number.
  private static func word(in program: [UInt8], _ random: inout FuzzRandom) -> Range<Int>? {
    guard !program.isEmpty else { return nil }
    var start = random.below(program.count)
    while start < program.count, !isWord(program[start]) { start += 1 }
    while start > 0, start < program.count, isWord(program[start - 1]) { start -= 1 }
    var end = start
    while end < program.count, isWord(program[end]) { end += 1 }
    return start < end ? start..<end : nil
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  private static func isWord(_ byte: UInt8) -> Bool {
    isDigit(byte) || byte == UInt8(ascii: "_")
      || byte >= UInt8(ascii: "a") && byte <= UInt8(ascii: "z")
      || byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z")
  }
}
