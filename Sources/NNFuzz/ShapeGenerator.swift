// Writes programs of tensors and layers whose sizes may or may not fit, with all that a static checker has to see through.

/// Makes programs for which it matters what is known of shapes before they run.
struct ShapeGenerator {
  private var random: FuzzRandom
  private var tensors: [String] = []
  private var functions: [String] = []
  private var lists: [String] = []
  private var count = 0
  private var depth = 0

  init(random: FuzzRandom) { self.random = random }

  mutating func program() -> String {
    if random.chance(4) {
      var calls = OpCallGenerator(random: random)
      return calls.statement() + "\n"
    }
    var lines: [String] = ["var v0 = \(fresh())", "let xs0 = [\(fresh()), \(fresh())]"]
    tensors = ["v0"]
    lists = ["xs0"]
    for _ in 0...random.below(12) { lines.append(statement()) }
    return lines.joined(separator: "\n") + "\n"
  }

  private mutating func name(_ prefix: String) -> String {
    count += 1
    return "\(prefix)\(count)"
  }

  /// Sizes are few, so that shapes fit often.
  private mutating func size() -> String {
    random.pick(["1", "2", "3", "2", "3", "len(xs0)", "v0.shape[0]"])
  }

  private mutating func fresh() -> String {
    let sizes = (0..<(1 + random.below(3))).map { _ in "\(1 + random.below(3))" }
    return "\(random.pick(["zeros", "ones", "randn", "rand"]))(\(sizes.joined(separator: ", ")))"
  }

  private mutating func tensor() -> String { random.pick(tensors) }

  /// A condition that is known, or not.
  private mutating func condition() -> String {
    random.pick([
      "true", "false", "len(xs0) > 1", "sum(v0) > 0", "v0.rank == 2", "v0.shape[0] == 2",
      "item(sum(v0)) < 1 and true", "training()", "not (v0.dtype == \"f32\")", "args() == []",
    ])
  }

  private mutating func expression() -> String {
    let (a, b) = (tensor(), tensor())
    switch random.below(30) {
    case 0: return "\(a) @ \(b)"
    case 1: return "\(a) + \(b)"
    case 2: return "\(a) * \(b) - 1"
    case 3: return "concat([\(a), \(b)], axis: \(random.below(3)))"
    case 4: return "reshape(\(a), \(size()), -1)"
    case 5: return "\(a).T"
    case 6: return "sum(\(a), axis: \(random.below(3)))"
    case 7: return "\(a)[\(random.below(3))]"
    case 8: return "\(a)[:, \(random.below(3))]"
    case 9: return "stack([\(a), \(b)])"
    case 10: return "flatten(\(a))"
    case 11: return "Linear(\(size()), \(size()))(\(a))"
    case 12: return "Sequential(Linear(\(size()), \(size())), relu, Linear(\(size()), 2))(\(a))"
    case 13: return "where(\(a) > 0, \(a), \(b))"
    case 14: return "if \(condition()) { \(a) } else { \(b) }"
    case 15 where !functions.isEmpty: return "\(random.pick(functions))(\(a))"
    case 16: return "grad(t => sum(t * \(b)))(\(a))"
    case 17: return "mse(\(a), \(b))"
    case 18: return "\(random.pick(lists))[\(random.below(2))]"
    case 19: return "map([\(a), \(b)], t => t * \(b))[0]"
    case 20: return "value_and_grad(fn(t, u) { mean(t @ u) })(\(a), \(b))[1]"
    case 21: return "vmap(t => t \(random.pick(["@", "*", "+"])) \(b))(\(a))"
    case 22:
      let axes = random.pick(["(0, nil)", "(0, 0)", "(nil, 0)", "1", "(1, 0)", "(0, 2)"])
      return "vmap((t, u) => t @ u, axes: \(axes))(\(a), \(b))"
    case 23: return "jvp(t => t * \(b), \(a), \(tensor()))[\(random.below(2))]"
    case 24: return "vjp(t => t @ \(b), \(a))[1](\(tensor()))"
    case 25: return "jacobian(t => sum(t @ \(b), axis: \(random.below(2))))(\(a))"
    case 26: return "checkpoint(t => t @ \(b))(\(a))"
    case 27: return "custom_grad(t => t @ \(b), (saved, out, g) => saved[0])(\(a))"
    case 28:
      return
        "\(random.pick(["hessian(t => sum(t * \(b)))", "vmap(grad(t => sum(t @ \(b))))"]))(\(a))"
    default: return fresh()
    }
  }

  private mutating func statement() -> String {
    switch random.below(depth > 2 ? 6 : 17) {
    case 0, 1:
      let target = name("v")
      let line = "var \(target) = \(expression())"
      if depth == 0 { tensors.append(target) }
      return line
    case 2, 3: return "\(random.pick(tensors.filter { $0.hasPrefix("v") })) = \(expression())"
    case 4: return "\(random.pick(lists)).push(\(tensor()))"
    case 5: return "\(random.pick(lists))[0] = \(expression())"
    case 6: return block("if \(condition())")
    case 7: return block("if \(condition())") + " else { \(statement()) }"
    case 8:
      return block(
        "for i in 0..\(random.below(4))", extra: random.pick(["", "", "break", "continue"]))
    case 9: return block("for t in \(random.pick(lists))")
    case 10: return block("try") + " catch e { \(statement()) }"
    case 11: return function()
    case 12: return block("for t in batches(\(tensor()), \(1 + random.below(3)))")
    case 13: return "if \(tensor()).rank > 1 { \(tensor())[0, 0] }; \(uncalled())"
    case 14:
      let target = random.pick(tensors.filter { $0.hasPrefix("v") })
      return "\(target)[\(random.below(3))] = \(expression())"
    case 15:
      let list = name("xs")
      let line = "let \(list) = [\(expression()), \(expression())]"
      if depth == 0 { lists.append(list) }
      return line
    default:
      return "var w\(count) = 0; while w\(count) < 2 { w\(count) += 1; \(statement()) }"
    }
  }

  private mutating func block(_ head: String, extra: String = "") -> String {
    depth += 1
    defer { depth -= 1 }
    let body =
      (0...random.below(2)).map { _ in statement() }
      + (extra.isEmpty ? [] : ["if \(condition()) { \(extra) }"])
    return "\(head) { \(body.joined(separator: "; ")) }"
  }

  /// A function that nothing calls.
  private mutating func uncalled() -> String {
    let saved = tensors
    tensors.append("x")
    depth += 3
    let body = "\(statement()); \(expression())"
    depth -= 3
    tensors = saved
    return "let \(name("u")) = fn(x: \(random.pick(["[A, B]", "[A, 2]", "[...]"]))) { \(body) }"
  }

  /// A function, perhaps with a shape type, that may change what is around it.
  private mutating func function() -> String {
    if depth > 0 { return "\(tensor()) + 1" }
    let f = name("f")
    let type = random.pick(["", ": [A, B]", ": [A, 2]", ": [..., 3]", ": [A]"])
    depth += 1
    let effect = random.pick([
      "", "\(statement()); ", "if \(condition()) { return x }; ", "v0 = x; ", "xs0.push(x); ",
    ])
    let saved = tensors
    tensors.append("x")
    let result = expression()
    tensors = saved
    depth -= 1
    functions.append(f)
    return "fn \(f)(x\(type)) { \(effect)\(result) }"
  }
}
