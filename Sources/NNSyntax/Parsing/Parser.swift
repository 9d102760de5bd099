// Makes the syntax tree of a text: the parser's state, its way through the tokens, and its recovery from errors.

/// What parsing a text gives: a tree even when there are errors, which must then not be run.
package struct ParsedSource {
  package let program: Program
  package let diagnostics: [Diagnostic]
  package let tokens: TokenList
  /// Whether the only thing wrong is that the text ends too early, so that a session can ask for another line.
  package let isIncomplete: Bool

  package var hasErrors: Bool { diagnostics.contains { $0.severity == .error } }
}

/// Thrown to the statement around after an error has been reported.
struct ParseFailure: Error {}

/// A recursive parser with a table of infix operators for expressions.
///
/// What recursion passes through is `@inline(never)`: inlined into each other these functions would make frames of
/// several kilobytes, too large for the deepest nesting on the stack of a secondary thread (512 KB).
package struct Parser {
  let source: SourceFile
  let list: TokenList
  let tokens: [Token]
  var index = 0
  var bag = DiagnosticBag()
  /// Whether the innermost bracket is one in which a line ending ends a statement.
  var newlinesEnd = true
  /// The tokens of the brackets and strings around the current place, outermost first.
  var openBrackets: [Int] = []
  /// How deep the parser's own calls are nested.
  var depth = 0
  /// The greatest height of the expressions parsed since it was last set to 0.
  var peak = 0
  var isIncomplete = false
  /// Set after an error that leaves nothing to go on with.
  var isGivenUp = false
  /// The lines on which the lexer found errors: further ones on them would be consequences.
  let badLines: Set<Int>
  let docs: [Int: String]

  /// The deepest nesting of brackets, blocks and operators in each other.
  static let depthLimit = 150
  /// The greatest height of an expression's tree, which a long chain of operators or calls makes without nesting.
  static let heightLimit = 500

  private init(_ source: SourceFile, _ list: TokenList, _ lexical: [Diagnostic]) {
    self.source = source
    self.list = list
    tokens = list.tokens
    var lines: Set<Int> = []
    for diagnostic in lexical {
      bag.add(diagnostic)
      if let span = diagnostic.span { lines.insert(source.lineIndex(at: Int(span.start))) }
    }
    badLines = lines
    docs = Parser.docComments(source, list)
    isIncomplete = list.endsInsideString && lexical.count == 1
  }

  /// Parses a whole text.
  package static func parse(_ source: SourceFile) -> ParsedSource {
    let (list, diagnostics) = Lexer.tokenize(source)
    var parser = Parser(source, list, diagnostics)
    let statements = parser.parseStatements(until: nil)
    parser.bag.sort()
    return ParsedSource(
      program: Program(statements: statements, span: source.span),
      diagnostics: parser.bag.diagnostics, tokens: list, isIncomplete: parser.isIncomplete)
  }

  /// The doc comments before each token: the last unbroken run of `##` lines.
  private static func docComments(_ source: SourceFile, _ list: TokenList) -> [Int: String] {
    var docs: [Int: String] = [:]
    var lines: [String] = []
    for (index, comment) in list.comments.enumerated() {
      guard comment.isDoc, !comment.isTrailing else {
        lines = []
        continue
      }
      var text = source.text(in: Int(comment.start) + 2..<Int(comment.end))
      if text.hasPrefix(" ") { text.removeFirst() }
      lines.append(text)
      let next = index + 1 < list.comments.count ? list.comments[index + 1].nextToken : -1
      if next != comment.nextToken {
        docs[comment.nextToken] = lines.joined(separator: "\n")
        lines = []
      }
    }
    return docs
  }

  // MARK: The current place

  var current: Token { tokens[index] }

  var previous: Token { tokens[max(0, index - 1)] }

  func peek(_ distance: Int = 1) -> Token { tokens[min(index + distance, tokens.count - 1)] }

  func at(_ kind: TokenKind) -> Bool { tokens[index].kind == kind }

  /// Whether a line ending that ends statements stands before the current token.
  var isAtNewline: Bool { newlinesEnd && tokens[index].startsLine }

  /// Whether a statement can end here.
  var isAtStatementEnd: Bool {
    switch current.kind {
    case .endOfFile, .semicolon, .rightBrace: true
    default: isAtNewline
    }
  }

  mutating func advance() {
    if index < tokens.count - 1 { index += 1 }
  }

  mutating func take(_ kind: TokenKind) -> Bool {
    guard at(kind) else { return false }
    advance()
    return true
  }

  func span(_ token: Token) -> Span {
    Span(file: source.id, start: token.start, end: token.end)
  }

  var currentSpan: Span { span(current) }

  var previousSpan: Span { span(previous) }

  /// From a token to the last one read.
  func span(from start: Int) -> Span {
    Span(
      file: source.id, start: tokens[start].start,
      end: max(tokens[max(start, index - 1)].end, tokens[start].start))
  }

  @inline(never)
  func text(_ token: Token) -> String { source.text(in: Int(token.start)..<Int(token.end)) }

  /// A token as messages name it.
  @inline(never)
  func describe(_ token: Token) -> String {
    switch token.kind {
    case .endOfFile: "the end of the file"
    case .stringStart, .stringText, .stringEnd: "a string"
    case .interpolationStart, .interpolationEnd, .formatText: "the end of the interpolation"
    default: "`\(text(token))`"
    }
  }

  /// What stands at the current place as messages name it.
  @inline(never)
  var found: String { isAtNewline && !at(.endOfFile) ? "the end of the line" : describe(current) }

  // MARK: Errors

  /// Reports an error unless it is likely to be the consequence of another.
  @inline(never)
  mutating func report(
    _ message: String, _ span: Span, label: String = "", labels: [DiagnosticLabel] = [],
    help: [String] = []
  ) {
    if isGivenUp || badLines.contains(source.lineIndex(at: Int(span.start))) { return }
    if bag.diagnostics.last?.span?.start == span.start { return }
    if !bag.hasErrors, at(.endOfFile) { isIncomplete = true }
    bag.add(Diagnostic(message, at: span, label: label, labels: labels, help: help))
  }

  /// Reports an error that ends the statement.
  @inline(never)
  mutating func fail(
    _ message: String, _ span: Span, label: String = "", labels: [DiagnosticLabel] = [],
    help: [String] = []
  ) -> ParseFailure {
    report(message, span, label: label, labels: labels, help: help)
    return ParseFailure()
  }

  /// The error that something else stands here than what is needed. At a line's end the span is behind the last token.
  @inline(never)
  mutating func unexpected(_ wanted: String, help: [String] = []) -> ParseFailure {
    let span = isAtNewline || at(.endOfFile) ? previousSpan.endPoint : currentSpan
    return fail("expected \(wanted), found \(found)", span, help: help)
  }

  @inline(never)
  mutating func expect(
    _ kind: TokenKind, _ context: String = "", help: [String] = []
  ) throws(ParseFailure) {
    if at(kind), !isAtNewline { return advance() }
    throw unexpected("`\(kind.rawValue)`\(context.isEmpty ? "" : " ")\(context)", help: help)
  }

  /// Takes a name, or says what is missing.
  @inline(never)
  mutating func expectName(_ what: String, help: [String] = []) throws(ParseFailure) -> Token {
    if at(.identifier), !isAtNewline {
      advance()
      return previous
    }
    var help = help
    if current.kind.isKeyword, !isAtNewline {
      help.append("`\(text(current))` is a keyword and cannot be a name")
    }
    throw unexpected(what, help: help)
  }

  // MARK: Nesting

  /// Counts one level of nesting; every call is matched by `depth -= 1`.
  @inline(never)
  mutating func enterLevel() throws(ParseFailure) {
    depth += 1
    if depth > Parser.depthLimit { throw giveUp("this is nested too deeply", currentSpan) }
  }

  /// Reports an error and skips the rest of the text.
  @inline(never)
  mutating func giveUp(_ message: String, _ span: Span) -> ParseFailure {
    report(message, span, help: ["split it, and give the parts names with `let`"])
    isGivenUp = true
    index = tokens.count - 1
    return ParseFailure()
  }

  /// Steps into a bracket at the current token; `closeBracket` steps out.
  @inline(never)
  mutating func openBracket(newlinesEnd: Bool) -> BracketState {
    let state = BracketState(token: index, newlinesEnd: self.newlinesEnd)
    openBrackets.append(index)
    self.newlinesEnd = newlinesEnd
    advance()
    return state
  }

  /// Takes the closing bracket and steps out.
  @inline(never)
  mutating func closeBracket(
    _ state: BracketState, _ kind: TokenKind, orComma: Bool = true, help: [String] = []
  ) throws(ParseFailure) {
    guard at(kind) else { throw unclosed(state, kind, orComma: orComma, help: help) }
    openBrackets.removeLast()
    newlinesEnd = state.newlinesEnd
    advance()
  }

  /// The error that a bracket is not closed here: about the bracket, if it is closed nowhere.
  @inline(never)
  mutating func unclosed(
    _ state: BracketState, _ kind: TokenKind, orComma: Bool, help: [String] = []
  ) -> ParseFailure {
    let opening = tokens[state.token]
    if at(.rightParen) || at(.rightBracket) {
      return fail(
        "expected `\(kind.rawValue)`, found `\(text(current))`", currentSpan,
        labels: [DiagnosticLabel(span: span(opening), text: "to close this")], help: help)
    }
    guard opening.partner < 0 || at(.endOfFile) else {
      return unexpected((orComma ? "`,` or " : "") + "`\(kind.rawValue)`", help: help)
    }
    var labels: [DiagnosticLabel] = []
    if kind == .rightBrace {
      if let suspect = misalignedBrace(after: state.token) {
        labels = [DiagnosticLabel(span: span(suspect), text: "perhaps this one is meant to be")]
      }
    } else {
      let here = at(.endOfFile) ? previousSpan.endPoint : currentSpan
      if here.start > opening.end {
        labels = [DiagnosticLabel(span: here, text: "expected `\(kind.rawValue)` here")]
      }
    }
    return fail(
      "this `\(opening.kind.rawValue)` is never closed", span(opening), labels: labels, help: help)
  }

  /// The first `{` after a token whose `}` begins a line with less indentation than the line of the `{` has.
  private func misalignedBrace(after token: Int) -> Token? {
    tokens[(token + 1)...].first { brace in
      guard brace.kind == .leftBrace, brace.partner >= 0 else { return false }
      let closing = tokens[Int(brace.partner)]
      return closing.startsLine && indentation(of: closing) < indentation(of: brace)
    }
  }

  /// The number of blank bytes at the start of a token's line.
  func indentation(of token: Token) -> Int {
    let line = source.lineRange(source.lineIndex(at: Int(token.start)))
    return source.bytes[line].prefix(while: \.isBlank).count
  }

  // MARK: Statements and recovery

  /// Parses statements up to a closing token, which is not taken, or the end of the text.
  @inline(never)
  mutating func parseStatements(until closing: TokenKind?) -> [Stmt] {
    var statements: [Stmt] = []
    while !at(.endOfFile) {
      if take(.semicolon) { continue }
      if at(.rightBrace) {
        if closing == .rightBrace { break }
        reportStrayBrace()
        continue
      }
      let state = StatementState(
        start: index, brackets: openBrackets.count, newlinesEnd: newlinesEnd, depth: depth)
      do throws(ParseFailure) {
        statements.append(try parseStatement())
        try expectStatementEnd(from: state.start)
      } catch {
        recover(state)
      }
    }
    return statements
  }

  private mutating func reportStrayBrace() {
    if !bag.hasErrors {
      report("this `}` closes nothing", currentSpan, help: ["remove it, or look for a missing `{`"])
    }
    advance()
  }

  /// Goes to the end of the statement in which an error was found.
  @inline(never)
  mutating func recover(_ state: StatementState) {
    let opened = openBrackets[min(state.brackets, openBrackets.count)...]
    let outermost = opened.first { Int(tokens[$0].partner) >= index }
    openBrackets.removeLast(max(0, openBrackets.count - state.brackets))
    newlinesEnd = state.newlinesEnd
    depth = state.depth
    let end = innermostEnd
    if let outermost { index = min(Int(tokens[outermost].partner) + 1, max(end, index)) }
    // Something must be taken, whatever it is, so that broken brackets cannot hold the parser up.
    if index == state.start, !at(.rightBrace) { skipOne() }
    while index < end, !at(.semicolon), !at(.rightBrace) {
      if current.startsLine, !continuesLine { return }
      skipOne()
    }
  }

  /// The token that closes the innermost bracket or string around, or the last token.
  var innermostEnd: Int {
    guard let open = openBrackets.last, tokens[open].partner >= 0 else { return tokens.count - 1 }
    return Int(tokens[open].partner)
  }

  /// Moves over a token, or over all of a bracket or string.
  private mutating func skipOne() {
    let partner = Int(current.partner)
    if partner > index { index = partner }
    advance()
  }

  /// Whether the current token continues an expression although it begins a line.
  var continuesLine: Bool {
    switch current.kind {
    case .pipe: true
    case .dot: peek().kind == .identifier || peek().kind.isKeyword
    default: false
    }
  }
}

/// What `closeBracket` restores.
struct BracketState {
  let token: Int
  let newlinesEnd: Bool
}

/// What recovery from an error restores.
struct StatementState {
  let start: Int
  let brackets: Int
  let newlinesEnd: Bool
  let depth: Int
}
