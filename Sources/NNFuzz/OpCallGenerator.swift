// Writes calls of tensor ops with random operands and arguments, sensible or not.
import NNTensor

/// Makes programs that call ops of the table, plainly and through `grad`.
struct OpCallGenerator {
  private var random: FuzzRandom
  private static let ops = Ops.all.filter { !$0.isInternal }

  init(random: FuzzRandom) { self.random = random }

  mutating func program() -> String {
    (0...random.below(4)).map { _ in "try { \(statement()) } catch e { print(e.message) }\n" }
      .joined()
  }

  /// One call that is not in a `try`.
  mutating func statement() -> String {
    let op = random.pick(Self.ops)
    switch random.below(6) {
    case 0: return "print(grad(x => sum(\(call(op, first: "x")) * 1.5))(\(tensor())))"
    case 1:
      return
        "print(grad(grad(x => sum(\(call(op, first: "x")))))(\(random.pick(["0.3", "2", "ones()"]))))"
    case 2: return "var x = \(tensor()); x = \(call(op, first: "x")); x += \(tensor()); print(x)"
    case 3:
      return
        "let (v, back) = vjp(x => \(call(op, first: "x")), \(tensor())); print(back(\(random.pick(["v", "ones(2)", "1"]))))"
    default: return "print(repr(\(call(op, first: nil))))"
    }
  }

  /// A call of an op, with a name as its first operand if one is given.
  private mutating func call(_ op: Op, first: String?) -> String {
    var arguments: [String] = []
    var isNamed = false
    var first = first
    for parameter in op.parameters {
      if parameter.standard != nil, random.chance(3) {
        isNamed = true
        continue
      }
      var value = argument(parameter.kind)
      if parameter.isOperand, let name = first {
        value = parameter.kind == .tensors ? "[\(name), \(value)]" : name
        first = nil
      }
      isNamed = isNamed || random.chance(8)
      arguments.append(isNamed ? "\(parameter.name): \(value)" : value)
    }
    if random.chance(40) { arguments.append(anything()) }
    return "\(op.name)(\(arguments.joined(separator: ", ")))"
  }

  private mutating func argument(_ kind: Parameter.Kind) -> String {
    if random.chance(25) { return anything() }
    switch kind {
    case .tensor: return random.chance(6) ? number() : tensor()
    case .tensors: return random.chance(10) ? tensor() : list(3) { $0.tensor() }
    case .number: return number()
    case .int: return whole()
    case .bool: return random.pick(["true", "false"])
    case .axis: return axis()
    case .axes: return random.chance(3) ? "(\(axis()), \(axis()))" : axis()
    case .shape, .pairs: return random.chance(3) ? whole() : list(4) { $0.whole() }
    case .sizes: return "{a: \(whole()), b: \(whole())}"
    case .padding: return random.chance(3) ? "\"same\"" : list(4) { $0.whole() }
    case .dtype: return dtype()
    case .string:
      return random.pick([
        "\"same\"", "\"valid\"", "\"mean\"", "\"ij,jk->ik\"", "\"(a b) c -> a b c\"", "\"\"",
        "\"x\"", "\"relu\"",
      ])
    case .index: return whole()
    }
  }

  private mutating func list(_ most: Int, _ item: (inout Self) -> String) -> String {
    "[" + (0..<random.below(most + 1)).map { _ in item(&self) }.joined(separator: ", ") + "]"
  }

  private mutating func anything() -> String {
    random.pick([
      "nil", "\"text\"", "[]", "{}", "()", "x => x", "[[1, 2], [3]]", "0..3", "true", "[nil]",
      "1e308",
      "zeros", "[\"a\"]", "{a: 1}", "0..1000000000", "(1, 2)",
    ])
  }

  private mutating func axis() -> String {
    random.chance(6)
      ? random.pick(["nil", "9", "-9", "1e18", "0.5", "-1e300"]) : "\(random.below(6) - 3)"
  }

  private mutating func number() -> String {
    random.pick([
      "0", "1", "-1", "2", "0.5", "-0.5", "1e-8", "1e300", "-1e300", "inf", "-inf", "nan", "1e-320",
      "3.5", "9007199254740993", "-0",
    ])
  }

  private mutating func whole() -> String {
    random.chance(6)
      ? random.pick([
        "-1", "-2", "100000", "2147483647", "4294967296", "1e15", "9007199254740992", "1e300",
        "0.5", "nan",
      ]) : "\(random.below(5))"
  }

  private mutating func dtype() -> String {
    "\"\(random.pick(["f32", "f64", "i32", "i64", "u8", "bool", "f16", ""]))\""
  }

  private mutating func shape() -> String {
    let rank = random.chance(8) ? random.below(11) : random.below(4)
    let sizes = (0..<rank).map { _ in
      random.chance(40)
        ? random.pick(["100000", "2147483648", "-1"])
        : "\(random.chance(8) ? 0 : 1 + random.below(4))"
    }
    return "[" + sizes.joined(separator: ", ") + "]"
  }

  private mutating func tensor() -> String {
    let plain =
      switch random.below(8) {
      case 0: "full(\(shape()), \(number()))"
      case 1: "zeros(\(shape()), dtype: \(dtype()))"
      case 2: "arange(\(random.below(13)))"
      case 3: "randint(-3, 4, \(shape()))"
      case 4: "(randn(\(shape())) > 0)"
      case 5: "tensor(\(list(4) { $0.number() }), dtype: \(dtype()))"
      case 6: "to(rand(\(shape())), \(dtype()))"
      default: "randn(\(shape()))"
      }
    switch random.below(12) {
    case 0: return plain + "[::-1]"
    case 1: return plain + ".T"
    case 2: return plain + "[nil]"
    case 3: return "reshape(\(plain), -1)"
    default: return plain
    }
  }
}
