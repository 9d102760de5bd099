// Writes random programs whose syntax is correct, with random layout where the language leaves it free.

/// Makes programs from a seed. They parse; most of them mean nothing.
package struct SyntaxGenerator {
  private var random: FuzzRandom
  private var budget = 60

  package init(seed: UInt64) { random = FuzzRandom(seed: seed) }

  package mutating func program() -> String {
    lines(Int.random(in: 1...6, using: &random), indentation: "", isTopLevel: true)
  }

  private mutating func pick<T>(_ choices: [T]) -> T { random.pick(choices) }

  private mutating func chance(_ n: Int) -> Bool { random.chance(n) }

  private mutating func name() -> String { pick(["a", "b", "xs", "θ", "model", "state", "f_1"]) }

  /// A line ending or nothing, where line endings are free.
  private mutating func gap() -> String { chance(8) ? pick(["\n", "  # note\n", "\n\n  "]) : "" }

  private mutating func list(_ count: Int, _ item: (inout Self) -> String) -> String {
    (0..<count).map { _ in gap() + item(&self) + gap() }.joined(separator: ", ")
      + (count > 0 && chance(4) ? "," : "")
  }

  // MARK: Statements

  private mutating func lines(_ count: Int, indentation: String, isTopLevel: Bool = false) -> String
  {
    (0..<count).map { _ in
      (chance(6) ? indentation + "# a comment\n\n" : "") + indentation
        + statement(indentation, isTopLevel) + (chance(8) ? ";" : "") + "\n"
    }.joined()
  }

  private mutating func block(_ indentation: String) -> String {
    if chance(3) { return "{ \(expression()) }" }
    let inner = lines(Int.random(in: 0...3, using: &random), indentation: indentation + "    ")
    return "{\n\(inner)\(indentation)}"
  }

  private mutating func statement(_ indentation: String, _ isTopLevel: Bool) -> String {
    budget -= 1
    guard budget > 0 else { return "nil" }
    switch Int.random(in: 0..<(isTopLevel ? 14 : 12), using: &random) {
    case 0: return "let \(pattern()) = \(gap())\(expression())"
    case 1: return "var \(name()) = \(expression())"
    case 2: return "\(name()) \(pick(["=", "+=", "++=", "-=", "*=", "/="])) \(expression())"
    case 3: return "\(name())[\(index())] = \(expression())"
    case 4: return "if \(expression()) \(block(indentation))"
    case 5:
      return
        "if \(expression()) \(block(indentation))\(pick([" ", "\n\(indentation)"]))else \(block(indentation))"
    case 6: return "while \(expression()) \(block(indentation))"
    case 7: return "for \(pattern()) in \(expression()) \(block(indentation))"
    case 8:
      return
        "fn \(name())(\(parameters()))\(chance(3) ? " -> \(type())" : "") \(block(indentation))"
    case 9: return "fn \(name())(\(parameters())) = \(expression())"
    case 10: return "try \(block(indentation)) catch \(chance(2) ? "e " : "")\(block(indentation))"
    case 11: return expression()
    case 12: return "import \(pick(["plot", "\"a/b.nn\"", "\"c d.nn\" as c"]))"
    default: return modelDeclaration()
    }
  }

  private mutating func modelDeclaration() -> String {
    let items = (0..<Int.random(in: 0...4, using: &random)).map { _ in
      chance(3)
        ? "    fn \(name())(\(parameters())) \(block("    "))\n"
        : "    \(pick(["param", "state", "let", "var"])) \(name()) = \(expression())\n"
    }
    return "model \(pick(["M", "Net"]))(\(parameters())) {\n\(items.joined())}"
  }

  private mutating func pattern() -> String {
    switch Int.random(in: 0..<6, using: &random) {
    case 0: "(\(name()), _)"
    case 1: "[\(name()), (\(name()), \(name()))]"
    case 2: "_"
    default: name()
    }
  }

  private mutating func parameters() -> String {
    list(Int.random(in: 0...3, using: &random)) { this in
      this.name() + (this.chance(3) ? ": \(this.type())" : "")
        + (this.chance(4) ? " = \(this.expression())" : "")
    }
  }

  private mutating func type() -> String {
    pick(
      ["number", "fn", "Linear", "plot.Axis"] + [
        "[B, 784]", "int[B]", "[...]", "[..., D]", "[]", "f64[2 * (N + 1), _]",
        "bool[N // 2, H * D - 1]",
      ])
  }

  // MARK: Expressions

  private mutating func expression() -> String {
    budget -= 1
    guard budget > 0 else { return atom() }
    switch Int.random(in: 0..<22, using: &random) {
    case 0...2:
      return
        "\(operand()) \(pick(["+", "-", "*", "/", "//", "%", "@", "**", "++", "or", "and"])) \(gap())\(operand())"
    case 3: return "\(operand()) \(pick(["==", "!=", "<", "<=", ">", ">=", "in"])) \(operand())"
    case 4: return "(\(expression())\(gap()))"
    case 5: return "-\(operand())"
    case 6: return "not \(operand())"
    case 7: return "\(operand())\(pick([" ", "\n  "]))|> \(name())"
    case 8: return "\(operand()) |> \(name())(\(list(1) { $0.expression() }))"
    case 9:
      return
        "[\(list(Int.random(in: 0...3, using: &random)) { $0.expression() + ($0.chance(5) ? "..." : "") })]"
    case 10:
      return
        "{\(list(Int.random(in: 1...3, using: &random)) { "\($0.key()): \($0.expression())" })}"
    case 11: return "(\(list(2) { $0.expression() }))"
    case 12:
      return
        "[\(expression()) for \(pattern()) in \(expression())\(chance(2) ? " if \(operand())" : "")]"
    case 13: return "\(name()) => \(expression())"
    case 14: return "(\(parameters())) => \(expression())"
    case 15: return "fn(\(parameters())) \(block("    "))"
    case 16: return "if \(expression()) { \(expression()) } else { \(expression()) }"
    case 17: return "\(operand())[\(index())]"
    case 18: return "\(operand())\(pick([".", "\n    ."]))\(pick(["mean", "if", "T"]))"
    case 19: return "\(name())(\(list(2) { $0.expression() }))"
    case 20: return "\(name())(\(expression()), k: \(expression()))"
    default: return atom()
    }
  }

  private mutating func key() -> String {
    pick(["a", "if", "\"two words\"", "3", "[a]", "[1 + 2]"])
  }

  private mutating func index() -> String {
    list(Int.random(in: 1...3, using: &random)) { this in
      switch Int.random(in: 0..<6, using: &this.random) {
      case 0: ":"
      case 1: "\(this.atom()):"
      case 2: "::\(this.atom())"
      case 3: "..."
      default: this.operand()
      }
    }
  }

  /// Something that binds tightly.
  private mutating func operand() -> String { chance(4) ? "(\(expression()))" : atom() }

  private mutating func atom() -> String {
    switch Int.random(in: 0..<8, using: &random) {
    case 0: pick(["1", "0x1f", "2.5e-3", "1_000"])
    case 1:
      pick([
        "\"text\"", "\"a {b} c {d:.2f}\"", "\"\\u{3b8} \\{\"", "\"{f(\"{x}\")}\"",
        "\"\"\"one {a}\"\"\"",
      ])
    case 2: pick(["true", "false", "nil", "self", "()"])
    default: name()
    }
  }
}
