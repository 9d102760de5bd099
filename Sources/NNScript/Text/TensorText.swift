// Prints tensors as NumPy does: nested brackets, rows under each other, right-aligned columns.
import NNSyntax
import NNTensor

/// Lays out the elements of one tensor.
struct TensorText {
  private let tensor: Tensor
  private let isOneLine: Bool
  private let isSummarized: Bool
  private var style = NumberStyle.shortest
  private var columnWidth = 0
  private var text = ""

  /// Tensors with more elements show only the ends of each axis.
  private static let largestFull = 1000
  /// How many elements of each end a summarised axis shows.
  private static let edge = 3

  /// The elements as `print` shows them; the number alone for a tensor of rank 0.
  static func lines(_ tensor: Tensor) -> String {
    if tensor.shape.rank == 0 { return scalar(tensor) }
    var writer = TensorText(tensor, isOneLine: false, indentation: 0)
    return writer.finish()
  }

  /// The elements under dtype and shape, as the REPL shows them: `f32[2, 2] [[1, 2],` and the other rows below.
  static func described(_ tensor: Tensor) -> String {
    let head = signature(tensor) + " "
    if tensor.shape.rank == 0 { return head + scalar(tensor) }
    var writer = TensorText(tensor, isOneLine: false, indentation: head.count)
    return head + writer.finish()
  }

  /// The form inside containers: the number for rank 0, otherwise dtype, shape and elements on one line.
  static func oneLine(_ tensor: Tensor) -> String {
    if tensor.shape.rank == 0 { return scalar(tensor) }
    var writer = TensorText(tensor, isOneLine: true, indentation: 0)
    return signature(tensor) + " " + writer.finish()
  }

  /// dtype and shape: `f32[2, 2]`.
  static func signature(_ tensor: Tensor) -> String {
    "\(tensor.dtype.name)\(tensor.shape)"
  }

  /// The shortest digits of a tensor of rank 0.
  static func scalar(_ tensor: Tensor) -> String {
    switch tensor.dtype {
    case .bool: tensor.number(at: 0) != 0 ? "true" : "false"
    case .i64: String(tensor.integer(at: 0))
    case .f32: NumberText.shortest(Float(tensor.number(at: 0)))
    default: NumberText.shortest(tensor.number(at: 0))
    }
  }

  private let indentation: Int

  private init(_ tensor: Tensor, isOneLine: Bool, indentation: Int) {
    self.tensor = tensor
    self.isOneLine = isOneLine
    self.indentation = indentation
    // An empty tensor, too, may have many rows.
    let rows = tensor.shape.indices.reduce(1) { $0 &* max(1, tensor.shape[$1]) }
    isSummarized = max(rows, tensor.shape.count) > Self.largestFull || rows < 0
  }

  private mutating func finish() -> String {
    var range = ValueRange()
    visitShown(axis: 0, offset: 0) { range.include(tensor.number(at: $0)) }
    style = tensor.dtype.isFloat ? range.style : .shortest
    if !isOneLine, hasRows {
      var width = 0
      visitShown(axis: 0, offset: 0) { width = max(width, element(at: $0).utf8.count) }
      columnWidth = width
    }
    write(axis: 0, offset: 0)
    return text
  }

  /// Whether there is more than one row, so that there are columns to align.
  private var hasRows: Bool { tensor.shape.product(0..<max(0, tensor.shape.rank - 1)) > 1 }

  /// Calls `body` with the position of each element that is shown.
  private func visitShown(axis: Int, offset: Int, _ body: (Int) -> Void) {
    if axis == tensor.shape.rank { return body(offset) }
    let size = tensor.shape[axis]
    let step = stride(of: axis)
    let hides = hidesMiddle(size)
    for index in 0..<size where !hides || index < Self.edge || index >= size - Self.edge {
      visitShown(axis: axis + 1, offset: offset + index * step, body)
      if hides, index == Self.edge - 1 {
        // Skips the hidden middle without walking over it.
        for last in size - Self.edge..<size {
          visitShown(axis: axis + 1, offset: offset + last * step, body)
        }
        return
      }
    }
  }

  private func hidesMiddle(_ size: Int) -> Bool { isSummarized && size > 2 * Self.edge }

  private func stride(of axis: Int) -> Int {
    var product = 1
    for later in axis + 1..<max(axis + 1, tensor.shape.rank) { product *= tensor.shape[later] }
    return product
  }

  private mutating func write(axis: Int, offset: Int) {
    guard axis < tensor.shape.rank else {
      let element = element(at: offset)
      text += String(repeating: " ", count: max(0, columnWidth - element.utf8.count)) + element
      return
    }
    let size = tensor.shape[axis]
    let step = stride(of: axis)
    text += "["
    var index = 0
    while index < size {
      if index > 0 { separate(axis: axis) }
      if hidesMiddle(size), index == Self.edge {
        text += "..."
        index = size - Self.edge
        continue
      }
      write(axis: axis + 1, offset: offset + index * step)
      index += 1
    }
    text += "]"
  }

  /// Between two elements a comma; between two rows a line end, one more for each rank above.
  private mutating func separate(axis: Int) {
    let remaining = tensor.shape.rank - axis - 1
    if isOneLine || remaining == 0 {
      text += ", "
    } else {
      text += "," + String(repeating: "\n", count: remaining)
      text += String(repeating: " ", count: indentation + axis + 1)
    }
  }

  private func element(at offset: Int) -> String {
    switch tensor.dtype {
    case .bool: return tensor.number(at: offset) != 0 ? "true" : "false"
    case .i64: return String(tensor.integer(at: offset))
    default: break
    }
    return style.text(tensor.number(at: offset))
  }
}

/// How all elements of one tensor are written.
private enum NumberStyle {
  case shortest, whole, fixed, scientific

  private static let fixedSpec = decimals("f")
  private static let scientificSpec = decimals("e")

  private static func decimals(_ type: Character) -> FormatSpec {
    var spec = FormatSpec()
    spec.precision = 4
    spec.type = type
    return spec
  }

  func text(_ value: Double) -> String {
    guard value.isFinite else { return NumberText.special(value) }
    switch self {
    case .shortest, .whole: return NumberText.shortest(value)
    case .fixed: return (try? Self.fixedSpec.format(number: value)) ?? ""
    case .scientific: return (try? Self.scientificSpec.format(number: value)) ?? ""
    }
  }
}

/// What of the shown values decides how they are written.
private struct ValueRange {
  private var isWhole = true
  private var largest = 0.0
  private var smallest = Double.infinity

  mutating func include(_ value: Double) {
    guard value.isFinite else { return }
    if value != value.rounded(.towardZero) { isWhole = false }
    largest = max(largest, value.magnitude)
    if value != 0 { smallest = min(smallest, value.magnitude) }
  }

  /// Four decimals where they show something of every value, as NumPy decides it.
  var style: NumberStyle {
    if largest >= 1e8 { return .scientific }
    if isWhole { return .whole }
    return smallest < 1e-4 ? .scientific : .fixed
  }
}
