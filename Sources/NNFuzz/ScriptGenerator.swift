// Writes random programs that mostly run: their names are declared and their values mostly have the types that are needed.
import NNScript

/// Makes programs that exercise the compiler and the virtual machine: scopes, captures, loops, handlers, updates in place, models, gradients.
struct ScriptGenerator {
  enum Kind: CaseIterable {
    case number, bool, string, list, dict, tuple, tensor, function, instance, range
  }

  struct Known {
    let name: String
    let kind: Kind
    let isVar: Bool
  }

  var random: FuzzRandom
  /// What is declared, innermost scope last.
  private var scopes: [[Known]] = [[]]
  private var budget = 90
  private var count = 0
  private var loopDepth = 0
  private var functionDepth = 0
  private var hasModel = false

  /// Every function that a script finds defined.
  static let functions: [String] = {
    let interpreter = Interpreter(host: Host())
    let slow: Set<String> = ["mnist"]
    return interpreter.completions(of: "", owner: []).filter { !slow.contains($0) }
  }()
  private static let members = [
    "push", "pop", "insert", "remove", "index", "contains", "sort", "reverse", "join", "map",
    "filter",
    "keys", "values", "items", "get", "split", "trim", "upper", "find", "repeat", "lines", "chars",
    "shape", "dtype", "rank", "size", "T", "sum", "mean", "reshape", "replace", "message", "kind",
    "trace", "len", "weight", "w", "b", "call", "a", "x",
  ]

  init(random: FuzzRandom) { self.random = random }

  mutating func program() -> String {
    var text = ""
    if random.chance(3) { text += model() }
    for _ in 0...(2 + random.below(7)) { text += statement("") }
    return text
  }

  // MARK: Names

  private mutating func declare(_ kind: Kind, isVar: Bool) -> String {
    count += 1
    let shadowed = random.chance(6) ? scopes.dropLast().joined().map(\.name) : []
    let name = shadowed.isEmpty ? "v\(count)" : random.pick(shadowed)
    if scopes[scopes.count - 1].contains(where: { $0.name == name }) {
      scopes[scopes.count - 1].append(Known(name: "v\(count)", kind: kind, isVar: isVar))
      return "v\(count)"
    }
    scopes[scopes.count - 1].append(Known(name: name, kind: kind, isVar: isVar))
    return name
  }

  /// A declared name of a kind; anything if there is none.
  private mutating func name(_ kind: Kind?, isVar: Bool = false) -> Known? {
    var seen: Set<String> = []
    let visible = scopes.reversed().joined().filter { seen.insert($0.name).inserted }
    let fitting = visible.filter { (kind == nil || $0.kind == kind) && (!isVar || $0.isVar) }
    return fitting.isEmpty ? nil : random.pick(fitting)
  }

  private mutating func anyKind() -> Kind { random.pick(Kind.allCases) }

  private mutating func scope(_ body: (inout Self) -> String) -> String {
    scopes.append([])
    defer { scopes.removeLast() }
    return body(&self)
  }

  // MARK: Statements

  private mutating func block(_ indent: String) -> String {
    let inner = indent + "  "
    return scope { this in
      "{\n" + (0...this.random.below(3)).map { _ in this.statement(inner) }.joined() + indent + "}"
    }
  }

  private mutating func statement(_ indent: String) -> String {
    budget -= 1
    if budget < 0 { return "" }
    return indent + line(indent) + "\n"
  }

  private mutating func line(_ indent: String) -> String {
    switch random.below(24) {
    case 0...4: return declaration()
    case 5...7: return assignment()
    case 8: return update()
    case 9, 10: return partUpdate()
    case 11:
      return "if \(value(.bool)) \(block(indent))"
        + (random.chance(2) ? " else \(block(indent))" : "")
    case 12, 13: return loop(indent)
    case 14, 15: return function(indent)
    case 16: return attempt(indent)
    case 17: return random.chance(3) ? "throw \(value(anyKind()))" : "print(\(value(anyKind())))"
    case 18: return leave()
    case 19: return gradient()
    case 20: return destructuring()
    default: return "print(\(value(anyKind())), \(value(anyKind())))"
    }
  }

  private mutating func declaration() -> String {
    let kind = anyKind()
    let value = value(kind)
    let isVar = random.chance(2)
    return "\(isVar ? "var" : "let") \(declare(kind, isVar: isVar)) = \(value)"
  }

  private mutating func assignment() -> String {
    guard let target = name(nil, isVar: true) else { return declaration() }
    switch random.below(4) {
    case 0: return "\(target.name) = \(call(with: target.name))"
    case 1: return "\(target.name) = \(target.name) \(operators()) \(value(target.kind))"
    default: return "\(target.name) = \(value(target.kind))"
    }
  }

  private mutating func update() -> String {
    guard let target = name(random.pick([.number, .tensor, .list, .string]), isVar: true) else {
      return declaration()
    }
    let op = random.pick(
      target.kind == .list || target.kind == .string ? ["++="] : ["+=", "-=", "*=", "/="])
    return "\(target.name) \(op) \(value(target.kind))"
  }

  private mutating func partUpdate() -> String {
    let op = random.pick(["=", "=", "+=", "-=", "*=", "/="])
    guard let target = name(random.pick([.list, .dict, .tensor, .instance])) else {
      return declaration()
    }
    switch target.kind {
    case .dict:
      return
        "\(target.name)\(random.pick([".a", ".b", "[\"a\"]", "[\(value(.number))]"])) \(op) \(value(anyKind()))"
    case .instance: return "\(target.name).\(random.pick(["w", "s", "n"])) \(op) \(value(.tensor))"
    case .tensor:
      return "\(target.name)[\(index())] \(op) \(value(random.pick([.number, .tensor])))"
    default: return "\(target.name)[\(index())] \(op) \(value(anyKind()))"
    }
  }

  private mutating func loop(_ indent: String) -> String {
    loopDepth += 1
    defer { loopDepth -= 1 }
    if random.chance(4) {
      count += 1
      return
        "var k\(count) = 0\n\(indent)while k\(count) < \(random.below(6)) { k\(count) += 1; \(expressionBlock(indent)) }"
    }
    let kind = random.pick([Kind.list, .range, .range, .tensor, .dict, .string, .tuple])
    let source = value(kind)
    return scope { this in
      let name = this.declare(this.random.pick([.number, .tensor, .string]), isVar: false)
      let pattern = this.random.chance(8) ? "(\(name), _)" : name
      return "for \(pattern) in \(source) \(this.block(indent))"
    }
  }

  private mutating func expressionBlock(_ indent: String) -> String {
    scope { this in
      this.budget -= 1
      return this.line(indent)
    }
  }

  private mutating func function(_ indent: String) -> String {
    let savedLoops = loopDepth
    loopDepth = 0
    functionDepth += 1
    defer {
      loopDepth = savedLoops
      functionDepth -= 1
    }
    let text = scope { this -> String in
      let kinds = (0..<this.random.below(4)).map { _ in this.anyKind() }
      let parameters = kinds.map { kind -> String in
        let name = this.declare(kind, isVar: false)
        if this.random.chance(8) {
          return name + this.random.pick([": number", ": [N]", ": [...]", ": list", ": dict"])
        }
        return this.random.chance(5) ? "\(name) = \(this.value(kind))" : name
      }
      let head = "(\(parameters.joined(separator: ", ")))"
      if this.random.chance(3) { return head + " = " + this.value(this.anyKind()) }
      var body = "{\n"
      if let first = this.scopes.last?.first, this.random.chance(3) {
        body +=
          "\(indent)  var \(first.name) = \(this.random.chance(2) ? first.name : this.call(with: first.name))\n"
      }
      for _ in 0...this.random.below(3) { body += this.statement(indent + "  ") }
      return head + " " + body + indent + "  \(this.value(this.anyKind()))\n\(indent)}"
    }
    return "fn \(declare(.function, isVar: false))" + text
  }

  private mutating func attempt(_ indent: String) -> String {
    "try \(block(indent)) catch e \(block(indent))"
  }

  private mutating func leave() -> String {
    if loopDepth > 0, random.chance(2) { return random.pick(["break", "continue"]) }
    return functionDepth > 0 ? "return \(value(anyKind()))" : "print(\(value(anyKind())))"
  }

  private mutating func destructuring() -> String {
    let values = "(\(value(.number)), \(value(.list)))"
    if let a = name(.number, isVar: true), let b = name(.list, isVar: true), random.chance(2) {
      return "(\(a.name), \(b.name)) = \(values)"
    }
    let first = declare(.number, isVar: true)
    return "var (\(first), \(declare(.list, isVar: true))) = \(values)"
  }

  private mutating func gradient() -> String {
    let body = scope { this -> String in
      this.scopes[this.scopes.count - 1].append(Known(name: "p", kind: .tensor, isVar: false))
      return "p => sum(\(this.value(.tensor)) * p)"
    }
    switch random.below(5) {
    case 0: return "print(value_and_grad(\(body))(\(value(.tensor))))"
    case 1: return "print(grad(grad(\(body)))(\(value(.number))))"
    case 2:
      return
        "let (\(declare(.number, isVar: false)), \(declare(.function, isVar: false))) = vjp(\(body), \(value(.tensor)))"
    case 3 where hasModel:
      return "print(grad(m => sum(m(\(value(.tensor)))))(M(\(value(.number)))))"
    default: return "print(grad(\(body))(\(value(.tensor))))"
    }
  }

  private mutating func model() -> String {
    hasModel = true
    let scale = random.pick(["2", "x", "n", "self.n"])
    return """
      model M(n) {
        param w = \(random.pick(["ones(2)", "randn(2, 2)", "zeros(n)", "0.5"]))
        state s = \(random.pick(["0", "zeros(2)", "[]", "{a: ones(2)}"]))
        var t = \(random.pick(["n", "nil", "w"]))
        fn call(x) { s = x; \(random.pick(["t += 1", "s *= 2", "w", "self.t = x"])); w * x * \(scale) }
        fn step(g) { w -= 0.1 * g; \(random.pick(["s[0] = 1", "t = call(g)", "step", "self"])) }
      }

      """
  }

  // MARK: Expressions

  private mutating func operators() -> String {
    random.pick(["+", "-", "*", "/", "**", "//", "%", "@", "++"])
  }

  private mutating func index() -> String {
    random.pick([
      "0", "1", "-1", "\(random.below(9) - 4)", "0:1", "::-1", "1:", "...", "nil", "0, 0", ":, 0",
      "[0, 1]", "0.5",
      "1e300", "\"a\"", "[true, false]",
    ])
  }

  private mutating func call(with argument: String) -> String {
    if let known = name(.function), random.chance(2) {
      return "\(known.name)(\(argument)\(random.chance(2) ? "" : ", \(value(anyKind()))"))"
    }
    let function = random.pick(Self.functions)
    switch random.below(4) {
    case 0: return "\(argument) |> \(function)"
    case 1:
      return "\(argument).\(random.pick(Self.members))(\(random.chance(2) ? "" : value(anyKind())))"
    case 2: return "\(function)(\(argument), \(value(anyKind())))"
    default: return "\(function)(\(argument))"
    }
  }

  private mutating func value(_ wanted: Kind) -> String {
    budget -= 1
    let kind = random.chance(20) ? anyKind() : wanted
    if let known = name(kind), budget < 0 || random.chance(2) { return known.name }
    if budget < 0 { return literal(kind) }
    switch random.below(10) {
    case 0: return "(if \(value(.bool)) { \(value(kind)) } else { \(value(kind)) })"
    case 1:
      return random.chance(3) ? "(try { \(value(kind)) } catch { \(value(kind)) })" : literal(kind)
    case 2: return call(with: value(anyKind()))
    case 3: return "\(value(random.pick([.list, .tuple, .tensor, .dict])))[\(index())]"
    default: return random.chance(3) ? literal(kind) : composed(kind)
    }
  }

  private mutating func composed(_ kind: Kind) -> String {
    switch kind {
    case .number:
      return random.pick([
        "(\(value(.number)) \(operators()) \(value(.number)))", "len(\(value(.list)))",
        "-\(value(.number))", "sum(\(value(.list)))",
      ])
    case .bool:
      return random.pick([
        "\(value(.number)) < \(value(.number))", "not \(value(.bool))",
        "\(value(.bool)) and \(value(.bool))",
        "\(value(.number)) in \(value(.list))", "\(value(.list)) == \(value(.list))",
      ])
    case .string:
      return "\"\(random.pick(["a", "é", "x\\n"])){\(value(anyKind()))}{\(value(.number)):.2f}\""
    case .list:
      return random.pick([
        "[\(value(anyKind())), \(value(anyKind()))]",
        "[\(value(.number)) for i in \(value(.range)) if i < 3]",
        "map(\(value(.list)), \(value(.function)))", "[\(value(.list))..., 1]",
        "\(value(.list)) ++ \(value(.list))",
      ])
    case .dict: return "{a: \(value(anyKind())), b: \(value(anyKind()))}"
    case .tuple: return "(\(value(anyKind())), \(value(anyKind())))"
    case .tensor:
      return random.pick([
        "(\(value(.tensor)) \(operators()) \(value(.tensor)))", "relu(\(value(.tensor)))",
        "\(value(.tensor)) * \(value(.number))",
        "stack([\(value(.tensor)), \(value(.tensor))])",
        "where(\(value(.tensor)) > 0, \(value(.tensor)), 0)",
      ])
    case .function: return "fn(q) { \(random.pick(["q", "q + 1", "[q]", value(anyKind())])) }"
    case .instance: return hasModel ? "M(\(value(.number)))" : "Linear(2, 2)"
    case .range: return "0..\(random.below(6))"
    }
  }

  private mutating func literal(_ kind: Kind) -> String {
    switch kind {
    case .number: random.pick(["0", "1", "2", "-1", "0.5", "3", "1e9", "nan", "inf"])
    case .bool: random.pick(["true", "false"])
    case .string: random.pick(["\"\"", "\"text\"", "\"é👩‍👧\"", "\"a b c\""])
    case .list:
      random.pick(["[]", "[1, 2, 3]", "[[1, 2], [3, 4]]", "[nil, \"a\"]", "[ones(2), ones(2)]"])
    case .dict: random.pick(["{}", "{a: 1, b: ones(2)}", "{a: [1, 2], b: {a: 2}}"])
    case .tuple: random.pick(["()", "(1,)", "(1, ones(2))"])
    case .tensor:
      random.pick([
        "ones(2)", "randn(2, 2)", "zeros(0)", "tensor([1, 2, 3])", "arange(4)", "tensor(2.5)",
      ])
    case .function: random.pick(["x => x", "(x => x * 2)", "sum", "relu"])
    case .instance: hasModel ? "M(2)" : "Linear(2, 2)"
    case .range: random.pick(["0..3", "0..=2", "2..0"])
    }
  }
}
