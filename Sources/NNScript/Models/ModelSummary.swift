// `summary(net, x)`: a table of a model's layers with their parameters.
import NNTensor

extension Builtins {
  /// Prints what a model is made of.
  static let summary = NativeFunction(
    "summary", "net, x = nil",
    documentation:
      "Prints a table of the layers of a model with the shapes and numbers of their parameters; with `x`, also the shape of `net(x)`.",
    example: "summary(net, zeros(1, 784))"
  ) { call in
    let net = try call.instance(0)
    var text = ModelSummary(net, heap: call.heap).text
    if call.has(1) {
      let output = try call.vm.call(call[0], [call[1]])
      defer { release(output) }
      text += "\(ModelSummary.shape(of: call[1])) -> \(ModelSummary.shape(of: output))\n"
    }
    try call.vm.write(text)
    return .nil
  }
}

/// The table of one model.
private struct ModelSummary {
  /// One layer: a model instance that has parameters of its own.
  private struct Row {
    var cells: [String]
    var count: Int
  }

  private var rows: [Row] = []

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
      last = place.instance
    }
  }

  /// The shape of a tensor; the type of anything else.
  static func shape(of slot: Slot) -> String {
    slot.asTensor.map { "\($0.shape)" } ?? slot.typeName
  }

  /// The rows under a head, with the total below.
  var text: String {
    let total = rows.reduce(0) { $0 + $1.count }
    let lines =
      [["layer", "model", "parameters", "count"]] + rows.map { $0.cells + [grouped($0.count)] }
      + [["total", "", "", grouped(total)]]
    let widths = (0..<4).map { column in lines.map { $0[column].count }.max() ?? 0 }
    return lines.map { cells in
      let left = (0..<3).map { padding(cells[$0], to: widths[$0]) }.joined(separator: "  ")
      let gap = String(repeating: " ", count: widths[3] - cells[3].count)
      return left + "  " + gap + cells[3] + "\n"
    }.joined()
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
