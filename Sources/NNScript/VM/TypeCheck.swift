// What a type annotation asks of a value.
import NNSyntax

/// The check of one annotated parameter or result.
struct TypeCheck {
  enum Expectation {
    case simple(SimpleType)
    /// An instance of the model in a register.
    case model(register: Int, name: String)
    case shape(element: ElementType, dimensions: [Size])
  }

  /// One dimension of a shape type.
  indirect enum Size {
    case ellipsis
    case any
    case number(Int)
    /// A name; its register holds a number once the size is known. A fresh name gets its size from this call.
    case name(String, register: Int, isFresh: Bool)
    case arithmetic(DimensionOperator, Size, Size)
  }

  let name: String
  let register: Int
  let span: Span
  /// The default is nil, so nil is accepted.
  let isOptional: Bool
  let expected: Expectation
}

extension TypeCheck {
  /// The type as it is written: `[B, 784]`, `int[N]`, `number`.
  var text: String {
    switch expected {
    case .simple(let simple): simple.rawValue
    case .model(_, let name): name
    case .shape(let element, let dimensions):
      (element == .float ? "" : element.rawValue) + "["
        + dimensions.map(\.text).joined(separator: ", ") + "]"
    }
  }
}

extension TypeCheck.Size {
  var text: String {
    switch self {
    case .ellipsis: "..."
    case .any: "_"
    case .number(let number): "\(number)"
    case .name(let name, _, _): name
    case .arithmetic(let op, let left, let right):
      "\(left.operandText) \(op.rawValue) \(right.operandText)"
    }
  }

  private var operandText: String {
    if case .arithmetic = self { return "(\(text))" }
    return text
  }
}
