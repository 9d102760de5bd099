// Values of every row against plain loops in f64 that are written here.
import NNTensor
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What ops must give, as straightforward code.
private enum Reference {
  static let unary: [String: @Sendable (Double) -> Double] = [
    "neg": { -$0 }, "abs": { abs($0) }, "sign": { $0 > 0 ? 1 : $0 < 0 ? -1 : 0 },
    "square": { $0 * $0 }, "reciprocal": { 1 / $0 }, "safe_reciprocal": { $0 == 0 ? 0 : 1 / $0 },
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "log2": log2, "log10": log10,
    "sqrt": { $0.squareRoot() }, "rsqrt": { 1 / $0.squareRoot() }, "sin": sin, "cos": cos,
    "tan": tan, "asin": asin, "acos": acos, "atan": atan, "sinh": sinh, "cosh": cosh, "erf": erf,
    "relu": { max($0, 0) }, "sigmoid": { 1 / (1 + exp(-$0)) }, "tanh": tanh,
    "gelu": { 0.5 * $0 * (1 + erf($0 / 2.0.squareRoot())) },
    "gelu_tanh": {
      0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0)))
    },
    "silu": { $0 / (1 + exp(-$0)) }, "softplus": { log(1 + exp($0)) }, "floor": floor, "ceil": ceil,
    "round": { $0.rounded(.toNearestOrEven) }, "logical_not": { $0 == 0 ? 1 : 0 },
    "asinh": asinh, "acosh": acosh, "atanh": atanh, "trunc": trunc,
    "selu": { 1.0507009873554805 * ($0 > 0 ? $0 : 1.6732632423543772 * expm1($0)) },
    "mish": { $0 * tanh(log(1 + exp($0))) }, "hardswish": { $0 * min(max($0 + 3, 0), 6) / 6 },
    "hardsigmoid": { min(max($0 + 3, 0), 6) / 6 }, "hardtanh": { min(max($0, -1), 1) },
    "relu6": { min(max($0, 0), 6) }, "log_sigmoid": { -log(1 + exp(-$0)) },
    "softsign": { $0 / (1 + abs($0)) }, "isnan": { $0.isNaN ? 1 : 0 },
    "isinf": { $0.isInfinite ? 1 : 0 },
    "isfinite": { $0.isFinite ? 1 : 0 },
  ]

  static let binary: [String: @Sendable (Double, Double) -> Double] = [
    "add": { $0 + $1 }, "sub": { $0 - $1 }, "mul": { $0 * $1 }, "div": { $0 / $1 },
    "floor_div": { floor($0 / $1) }, "mod": { $0 - $1 * floor($0 / $1) }, "pow": pow,
    "maximum": { max($0, $1) }, "minimum": { min($0, $1) }, "atan2": atan2,
    "logaddexp": { log(exp($0) + exp($1)) },
    "mul_absorbing": { $0 == 0 ? 0 : $0 * $1 }, "equal_elements": { $0 == $1 ? 1 : 0 },
    "not_equal": { $0 != $1 ? 1 : 0 }, "less": { $0 < $1 ? 1 : 0 },
    "less_equal": { $0 <= $1 ? 1 : 0 }, "greater": { $0 > $1 ? 1 : 0 },
    "greater_equal": { $0 >= $1 ? 1 : 0 }, "logical_and": { $0 != 0 && $1 != 0 ? 1 : 0 },
    "logical_or": { $0 != 0 || $1 != 0 ? 1 : 0 }, "logical_xor": { ($0 != 0) != ($1 != 0) ? 1 : 0 },
    "relu_grad": { $1 > 0 ? $0 : 0 }, "tanh_grad": { $0 * (1 - $1 * $1) },
    "sigmoid_grad": { $0 * $1 * (1 - $1) },
    "gelu_grad": {
      $0
        * (0.5 * (1 + erf($1 / 2.0.squareRoot())) + $1 * exp(-$1 * $1 / 2)
          / (2 * Double.pi).squareRoot())
    },
    "silu_grad": { g, x in
      let s = 1 / (1 + exp(-x))
      return g * (s + x * s * (1 - s))
    },
    "gelu_tanh_grad": { g, x in
      let a = 2 * (2 / Double.pi).squareRoot()
      let s = 1 / (1 + exp(-a * (x + 0.044715 * x * x * x)))
      return g * (s + x * s * (1 - s) * a * (1 + 3 * 0.044715 * x * x))
    },
  ]

  static let reductions: [String: @Sendable ([Double]) -> Double] = [
    "sum": { $0.reduce(0, +) }, "mean": mean, "prod": { $0.reduce(1, *) }, "max": { $0.max()! },
    "min": { $0.min()! }, "any": { $0.contains { $0 != 0 } ? 1 : 0 },
    "all": { $0.allSatisfy { $0 != 0 } ? 1 : 0 }, "var": variance,
    "std": { variance($0).squareRoot() }, "norm": { $0.reduce(0) { $0 + $1 * $1 }.squareRoot() },
    "logsumexp": { log($0.reduce(0) { $0 + exp($1) }) },
    "count_nonzero": { Double($0.count { $0 != 0 }) }, "median": median,
    "argmax": { Double($0.firstIndex(of: $0.max()!)!) },
    "argmin": { Double($0.firstIndex(of: $0.min()!)!) },
  ]

  private static func median(_ x: [Double]) -> Double {
    let sorted = x.sorted()
    return (sorted[(x.count - 1) / 2] + sorted[x.count / 2]) / 2
  }
  private static func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }
  private static func variance(_ x: [Double]) -> Double {
    let middle = mean(x)
    return mean(x.map { ($0 - middle) * ($0 - middle) })
  }

  /// For each element of `shape`, the row-major position of it in a tensor that is stretched to it.
  static func places(_ shape: [Int], in result: [Int]) -> [Int] {
    (0..<result.reduce(1, *)).map { flat in
      var (rest, place, stride) = (flat, 0, 1)
      for axis in result.indices.reversed() {
        let index = rest % result[axis]
        rest /= result[axis]
        let own = axis - (result.count - shape.count)
        guard own >= 0 else { continue }
        if shape[own] != 1 { place += index * stride }
        stride *= shape[own]
      }
      return place
    }
  }
}

@Suite struct ValueTests {
  static func rows(_ names: some Sequence<String>) -> [RowCase] {
    let names = Set(names)
    return RowCase.all.filter { names.contains($0.op.name) }
  }

  private func run(_ row: RowCase, _ dtype: DType) throws -> (inputs: [Operand], result: Tensor) {
    let inputs = try row.operands(dtype: dtype)
    let result = try TensorContext().apply(row.op, inputs, row.sample.attributes)
    return (inputs, try #require(result.tensor))
  }

  private func compare(_ row: RowCase, _ got: [Double], _ expected: [Double], _ dtype: DType) {
    #expect(got.count == expected.count)
    for (g, e) in zip(got, expected) {
      let tolerance = (dtype == .f64 ? 1e-14 : 2e-6) * max(1, abs(e))
      #expect(g == e || abs(g - e) <= tolerance, "\(row) \(dtype): \(g) instead of \(e)")
    }
  }

  @Test(arguments: rows(Reference.unary.keys), [DType.f32, .f64])
  func unary(_ row: RowCase, _ dtype: DType) throws {
    let (inputs, result) = try run(row, dtype)
    compare(row, result.numbers, inputs[0].values.map(Reference.unary[row.op.name]!), dtype)
  }

  @Test(arguments: rows(Reference.binary.keys), [DType.f32, .f64])
  func binary(_ row: RowCase, _ dtype: DType) throws {
    let (inputs, result) = try run(row, dtype)
    let shape = result.shape.array
    let a = Reference.places(inputs[0].tensor!.shape.array, in: shape).map { inputs[0].values[$0] }
    let b = Reference.places(inputs[1].tensor!.shape.array, in: shape).map { inputs[1].values[$0] }
    compare(row, result.numbers, zip(a, b).map(Reference.binary[row.op.name]!), dtype)
  }

  @Test(
    arguments: rows(Reference.reductions.keys).filter { $0.sample.attributes.count < 3 },
    [DType.f32, .f64])
  func reductions(_ row: RowCase, _ dtype: DType) throws {
    let (inputs, result) = try run(row, dtype)
    let shape = inputs[0].tensor!.shape.array
    var axes = Array(shape.indices)
    switch row.sample.attributes.first {
    case .int(let axis): axes = [axis < 0 ? axis + shape.count : axis]
    case .ints(let list): axes = list
    default: break
    }
    let kept = shape.indices.map { axes.contains($0) ? 1 : shape[$0] }
    var groups = [[Double]](repeating: [], count: result.count)
    for (place, group) in Reference.places(kept, in: shape).enumerated() {
      groups[group].append(inputs[0].values[place])
    }
    compare(row, result.numbers, groups.map(Reference.reductions[row.op.name]!), dtype)
  }

  @Test(arguments: rows(["matmul"]), [DType.f32, .f64, .i32, .i64])
  func products(_ row: RowCase, _ dtype: DType) throws {
    let inputs = try row.operands(dtype: dtype)
    let result = try #require(
      try TensorContext().binary(Ops.matmul, inputs[0], inputs[1]).tensor)
    var (a, b) = (inputs[0].tensor!.shape.array, inputs[1].tensor!.shape.array)
    var shape = result.shape.array
    if a.count == 1 {
      a = [1] + a
      shape.insert(1, at: shape.count - (b.count > 1 ? 1 : 0))
    }
    if b.count == 1 {
      b.append(1)
      shape.append(1)
    }
    let (rows, depth, columns) = (shape[shape.count - 2], a[a.count - 1], shape[shape.count - 1])
    let batch = Array(shape.dropLast(2))
    let ofA = Reference.places(Array(a.dropLast(2)), in: batch)
    let ofB = Reference.places(Array(b.dropLast(2)), in: batch)
    var expected: [Double] = []
    for item in ofA.indices {
      for i in 0..<rows {
        for j in 0..<columns {
          var sum = 0.0
          for p in 0..<depth {
            sum +=
              inputs[0].values[(ofA[item] * rows + i) * depth + p]
              * inputs[1].values[(ofB[item] * depth + p) * columns + j]
          }
          expected.append(sum)
        }
      }
    }
    compare(row, result.numbers, expected, dtype)
  }

  @Test(arguments: rows(["softmax", "log_softmax"]), [DType.f32, .f64])
  func softmaxes(_ row: RowCase, _ dtype: DType) throws {
    let (inputs, result) = try run(row, dtype)
    let shape = inputs[0].tensor!.shape.array
    guard case .int(var axis) = row.sample.attributes[0] else { return }
    if axis < 0 { axis += shape.count }
    let inner = shape[(axis + 1)...].reduce(1, *)
    let x = inputs[0].values
    let expected = x.indices.map { place in
      let start = place / (inner * shape[axis]) * inner * shape[axis] + place % inner
      let total = (0..<shape[axis]).reduce(0.0) { $0 + exp(x[start + $1 * inner]) }
      return row.op === Ops.softmax ? exp(x[place]) / total : x[place] - log(total)
    }
    compare(row, result.numbers, expected, dtype)
  }

  @Test func crossEntropies() throws {
    let c = TensorContext()
    let logits: [Double] = [1, 2, 0.5, -1, 0, 3]
    let x = Operand(try Tensor(logits, shape: [2, 3], dtype: .f64))
    let hard = try c.apply(Ops.crossEntropy, [x, Operand(try Tensor([1, 2]))])
    func logSoftmax(_ row: Int, _ column: Int) -> Double {
      logits[row * 3 + column] - log((0..<3).reduce(0.0) { $0 + exp(logits[row * 3 + $1]) })
    }
    #expect(abs(hard.values[0] + (logSoftmax(0, 1) + logSoftmax(1, 2)) / 2) < 1e-14)
    let targets = try c.apply(Ops.oneHot, [Operand(try Tensor([1, 2]))], [.int(3), .dtype(.f64)])
    let soft = try c.apply(Ops.crossEntropy, [x, targets])
    #expect(abs(soft.values[0] - hard.values[0]) < 1e-14)
  }

  /// Fused rows equal the composition they stand for.
  @Test func fusedLayersEqualTheirParts() throws {
    let c = TensorContext()
    for row in Self.rows(["linear"]) {
      let inputs = try row.operands()
      let fused = try c.apply(Ops.linear, inputs, row.sample.attributes)
      var parts = try c.binary(Ops.matmul, inputs[0], inputs[1])
      if inputs.count > 2 { parts = try c.binary(Ops.add, parts, inputs[2]) }
      if case .string(let name)? = row.sample.attributes.first {
        parts = try c.unary(try #require(Ops.named(name)), parts)
      }
      compare(row, fused.values, parts.values, .f64)
    }
  }
}
