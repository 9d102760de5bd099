// What a type annotation asks of a value.
import NNSyntax
import NNTensor

/// The check of one annotated parameter or result.
final class TypeCheck: Sendable {
  enum Expectation: Sendable {
    case simple(SimpleType)
    /// An instance of the model in a register.
    case model(register: Int, name: String)
    case shape(element: ElementType, dimensions: [Size])
  }

  /// One dimension of a shape type.
  indirect enum Size: Sendable {
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
  /// The shape wanted, where it is of numbers and names only.
  let plainShape: PlainShape?

  init(
    name: String, register: Int, span: Span, isOptional: Bool, expected: Expectation
  ) {
    self.name = name
    self.register = register
    self.span = span
    self.isOptional = isOptional
    self.expected = expected
    plainShape = PlainShape(expected)
  }
}

/// A shape type without arithmetic and with an ellipsis at most in front, in the form that is quickest to compare.
struct PlainShape: Sendable {
  /// One dimension: a size that is known, one that is in a register, or any.
  struct Size: BitwiseCopyable {
    enum Kind: BitwiseCopyable { case any, number, name, freshName }
    var kind = Kind.any
    /// The number, or the register of the name.
    var value = 0
  }

  let element: ElementType
  private var sizes = InlineArray<8, Size>(repeating: Size())
  private let rank: Int
  /// Whether any axes may come before.
  private let isOpen: Bool

  init?(_ expected: TypeCheck.Expectation) {
    guard case .shape(let element, var dimensions) = expected else { return nil }
    if case .ellipsis? = dimensions.first { isOpen = true } else { isOpen = false }
    if isOpen { dimensions.removeFirst() }
    guard dimensions.count <= Shape.maximumRank else { return nil }
    self.element = element
    rank = dimensions.count
    for (axis, dimension) in dimensions.enumerated() {
      switch dimension {
      case .any: break
      case .number(let number): sizes[axis] = Size(kind: .number, value: number)
      case .name(_, let register, let isFresh):
        sizes[axis] = Size(kind: isFresh ? .freshName : .name, value: register)
      case .ellipsis, .arithmetic: return nil
      }
    }
  }

  /// Whether a shape fits. A fresh name that has no size yet gets the one found.
  func accepts(_ shape: Shape, names: Registers) -> Bool {
    let extra = shape.rank - rank
    guard extra == 0 || isOpen && extra > 0 else { return false }
    for axis in 0..<rank {
      let (wanted, size) = (sizes[axis], shape[extra + axis])
      switch wanted.kind {
      case .any: continue
      case .number: if wanted.value != size { return false }
      case .name, .freshName:
        let register = names + wanted.value
        if let known = register.pointee.asNumber {
          if known != Double(size) { return false }
        } else if wanted.kind == .freshName {
          assign(Slot(size), to: register)
        } else {
          return false
        }
      }
    }
    return true
  }
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

extension DimensionOperator {
  /// Its result for two sizes; nil where there is none.
  func result(_ a: Int, _ b: Int) -> Int? {
    switch self {
    case .add: a.addingReportingOverflow(b).partialValue
    case .subtract: a.subtractingReportingOverflow(b).partialValue
    case .multiply: a.multipliedReportingOverflow(by: b).partialValue
    case .floorDivide: b == 0 ? nil : Int(exactly: Arithmetic.floorDivide(Double(a), Double(b)))
    }
  }
}
