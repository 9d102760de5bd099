// `summary(net, x)`: a table of a model's layers with their parameters.
import NNTensor

extension Builtins {
  /// Prints what a model is made of.
  static let summary = NativeFunction(
    "summary", "net, x = nil",
    documentation:
      "Prints a table of the layers of a model with the shapes and numbers of their parameters; with `x`, also with the shape of what each of them makes of it.",
    example: "summary(net, zeros(1, 784))"
  ) { call in
    let net = try call.instance(0)
    var summary = ModelSummary(net, heap: call.heap)
    guard call.has(1) else {
      try call.vm.write(summary.text)
      return .nil
    }
    let output = try summary.watch(call.vm.context) { try call.vm.call(call[0], [call[1]]) }
    defer { release(output) }
    let shapes = "\(ModelSummary.shape(of: call[1])) -> \(ModelSummary.shape(of: output))\n"
    try call.vm.write(summary.text + shapes)
    return .nil
  }
}

/// The table of one model.
private struct ModelSummary {
  /// One layer: a model instance that has parameters of its own.
  private struct Row {
    var cells: [String]
    var count: Int
    /// The shape of the last result that was made with its parameters.
    var output = ""
  }

  private var rows: [Row] = []
  /// The row that a parameter belongs to.
  private var rowOfParameter: [ObjectIdentifier: Int] = [:]
  private var hasOutputs = false

  init(_ net: InstanceObject, heap: Heap) {
    var last: InstanceObject?
    for place in ModelWalk.parameters(of: net, heap: heap) {
      guard let tensor = place.value.asTensor else { continue }
      let field = place.instance.model.layout.fields[place.field].name
      let shape = "\(field) \(tensor.shape)"
      if last === place.instance {
        rows[rows.count - 1].cells[2] += ", " + shape
        rows[rows.count - 1].count += tensor.count
      } else {
        let path = String(place.name.dropLast(field.count + 1))
        let name = place.instance.model.name + (place.isFrozen ? " (frozen)" : "")
        rows.append(Row(cells: [path.isEmpty ? "." : path, name, shape], count: tensor.count))
      }
      rowOfParameter[ObjectIdentifier(tensor)] = rows.count - 1
      last = place.instance
    }
  }

  /// Calls the model and notes what each layer makes: the result of the last op that is given one of its parameters.
  mutating func watch(_ context: TensorContext, _ body: () throws -> Slot) rethrows -> Slot {
    let rowOfParameter = rowOfParameter
    var outputs: [Int: String] = [:]
    let result = try context.observing(
      { _, operands, results in
        for tensor in operands.compactMap({ $0.tensor }) {
          guard let row = rowOfParameter[ObjectIdentifier(tensor)] else { continue }
          outputs[row] = results[0].tensor.map { "\($0.shape)" } ?? "[]"
        }
      }, body)
    for (row, output) in outputs { rows[row].output = output }
    hasOutputs = true
    return result
  }

  /// The shape of a tensor; the type of anything else.
  static func shape(of slot: Slot) -> String {
    slot.asTensor.map { "\($0.shape)" } ?? slot.typeName
  }

  /// The rows under a head, with the total below.
  var text: String {
    let total = rows.reduce(0) { $0 + $1.count }
    let lines =
      [cells(["layer", "model", "parameters"], "output", "count")]
      + rows.map { cells($0.cells, $0.output, grouped($0.count)) }
      + [cells(["total", "", ""], "", grouped(total))]
    let last = lines[0].count - 1
    let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      let left = (0..<last).map { padding(cells[$0], to: widths[$0]) }.joined(separator: "  ")
      let gap = String(repeating: " ", count: widths[last] - cells[last].count)
      return left + "  " + gap + cells[last] + "\n"
    }.joined()
  }

  /// A line's cells, with that of the output where there are outputs.
  private func cells(_ first: [String], _ output: String, _ count: String) -> [String] {
    first + (hasOutputs ? [output] : []) + [count]
  }

  private func padding(_ text: String, to width: Int) -> String {
    text + String(repeating: " ", count: width - text.count)
  }

  /// A count with commas between thousands.
  private func grouped(_ count: Int) -> String {
    var digits = Array(String(count))
    var place = digits.count - 3
    while place > 0 {
      digits.insert(",", at: place)
      place -= 3
    }
    return String(digits)
  }
}
