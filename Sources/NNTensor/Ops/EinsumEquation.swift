// The equations of `einsum`: which letter names which axis, and what that says of the shapes.

/// An equation such as "ij,jk->ik", read.
///
/// Letters are numbered by their Unicode scalars; the axes an ellipsis stands for are -1, -2, … from the last one back.
struct EinsumEquation {
  /// What `...` stands for before ranks are known.
  static let ellipsis = 0

  let text: String
  /// The labels of each operand, and of the result.
  private(set) var inputs: [[Int]] = []
  private(set) var output: [Int] = []

  init(_ attribute: Attribute) throws(TensorError) {
    guard case .string(let text) = attribute else {
      throw TensorError(
        "type", "einsum: the equation is a string", help: "einsum(\"ij,jk->ik\", a, b)")
    }
    self.text = text
    var sides = [[Int]()]
    var parts = [[[Int]]]()
    let scalars = Array(text.unicodeScalars)
    var place = 0
    while place < scalars.count {
      let scalar = scalars[place]
      switch scalar {
      case " ": place += 1
      case ",":
        sides.append([])
        place += 1
      case "-" where place + 1 < scalars.count && scalars[place + 1] == ">" && parts.isEmpty:
        parts.append(sides)
        sides = [[]]
        place += 2
      case "." where scalars[place...].starts(with: [".", ".", "."]):
        guard !sides[sides.count - 1].contains(Self.ellipsis) else { throw error("has ... twice") }
        sides[sides.count - 1].append(Self.ellipsis)
        place += 3
      default:
        guard scalar.properties.isAlphabetic else {
          throw error(
            "has '\(scalar)', but axes are single letters",
            help: scalar == "(" || scalar == "_"
              ? "rearrange(x, \"b (h w) -> b h w\") takes words and groups" : nil)
        }
        sides[sides.count - 1].append(Int(scalar.value))
        place += 1
      }
    }
    parts.append(sides)
    inputs = parts[0]
    guard parts.count > 1 else {
      output = implicitOutput
      return
    }
    guard parts[1].count == 1 else { throw error("has a comma after ->: there is one result") }
    output = parts[1][0]
    try checkOutput()
  }

  /// The labels that are there once, in alphabetical order, after the axes of the ellipsis.
  private var implicitOutput: [Int] {
    var counts: [Int: Int] = [:]
    for label in inputs.joined() { counts[label, default: 0] += 1 }
    let hasEllipsis = counts[Self.ellipsis] != nil
    let once = counts.filter { $0.value == 1 && $0.key != Self.ellipsis }.map(\.key).sorted()
    return (hasEllipsis ? [Self.ellipsis] : []) + once
  }

  private func checkOutput() throws(TensorError) {
    for (place, label) in output.enumerated() {
      if output[..<place].contains(label) {
        throw error("names \(EinsumEquation.name(label)) twice in the result")
      }
      if !inputs.contains(where: { $0.contains(label) }) {
        throw error(
          "has \(EinsumEquation.name(label)) in the result, but no operand has it")
      }
    }
  }

  func error(
    _ message: String, help: String? = nil, notes: [(operand: Int, text: String)] = []
  ) -> TensorError {
    TensorError("shape", "einsum: the equation \"\(text)\" \(message)", help: help, notes: notes)
  }

  static func name(_ label: Int) -> String {
    if label == ellipsis { return "..." }
    guard label > 0, let scalar = Unicode.Scalar(UInt32(label)) else {
      return "axis \(label) of ..."
    }
    return String(scalar)
  }

  /// The equation with the axes of ellipses counted, for operands of these ranks.
  func resolved(ranks: [Int]) throws(TensorError) -> (inputs: [[Int]], output: [Int]) {
    guard ranks.count == inputs.count else {
      throw error(
        "is for \(inputs.count) operand\(inputs.count == 1 ? "" : "s"), not for \(ranks.count)")
    }
    var widest = 0
    var resolved: [[Int]] = []
    for (position, labels) in inputs.enumerated() {
      let named = labels.count { $0 != Self.ellipsis }
      let extra = ranks[position] - named
      let hasEllipsis = named != labels.count
      guard extra == 0 || extra > 0 && hasEllipsis else {
        let part = labels.map(EinsumEquation.name).joined()
        throw error(
          "names \(named) ax\(named == 1 ? "is" : "es") (\(part)) of operand \(position + 1), which has \(ranks[position])",
          help: extra > 0 ? "... stands for further axes" : nil)
      }
      widest = Swift.max(widest, extra)
      resolved.append(Self.spread(labels, count: extra))
    }
    return (resolved, Self.spread(output, count: widest))
  }

  private static func spread(_ labels: [Int], count: Int) -> [Int] {
    labels.flatMap { $0 == ellipsis ? Array(-count..<0) : [$0] }
  }
}

/// The sizes that the axes of an equation's operands name. Argument: the equation.
struct EinsumRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let equation = try EinsumEquation(query.attribute(0))
    let (inputs, output) = try equation.resolved(ranks: query.operands.map(\.rank))
    var sizes: [Int: (size: D, operand: Int)] = [:]
    for (position, labels) in inputs.enumerated() {
      for (axis, label) in labels.enumerated() {
        let size = query.operands[position][axis]
        guard let known = sizes[label] else {
          sizes[label] = (size, position)
          continue
        }
        if label < 0, known.size.known == 1 || size.known == 1 {
          sizes[label] = (known.size.stretched(against: size), position)
          continue
        }
        guard known.size.mayEqual(size) else {
          throw equation.error(
            "gives \(EinsumEquation.name(label)) the size \(known.size) in operand \(known.operand + 1) and \(size) in operand \(position + 1)",
            notes: query.notes(known.operand, position))
        }
        sizes[label] = (known.size.unified(with: size), position)
      }
    }
    guard output.count <= 8 else { throw query.error("a tensor has at most 8 axes") }
    return Dims(output.map { sizes[$0]?.size ?? D(1) })
  }
}
