// The arguments of an op that are not tensors.

/// One argument that is not differentiated: an axis, a shape, a dtype and so on, in the order of the row's parameters.
package enum Attribute: Equatable, Sendable {
  /// Left out where the parameter has no other default.
  case none
  case bool(Bool)
  case int(Int)
  case ints([Int])
  case number(Double)
  case dtype(DType)
  case string(String)
  case index([IndexItem])
  /// Named sizes, in the order given.
  case sizes([NamedSize])
  /// The static checker does not know the value.
  case unknown
}

/// A size and the name a pattern has for it.
package struct NamedSize: Equatable, Sendable {
  package let name: String
  package let size: Int

  package init(_ name: String, _ size: Int) {
    self.name = name
    self.size = size
  }
}

/// One item between the brackets of an index.
package enum IndexItem: Equatable, Sendable {
  /// `x[i]`: takes the axis away; negative counts from the end.
  case at(Int)
  /// `x[a:b:c]`, each part optional.
  case slice(start: Int?, stop: Int?, step: Int?)
  /// `nil`: a new axis of size 1.
  case newAxis
  /// `...`: as many full axes as are left.
  case ellipsis
  /// A bool tensor, operand `operand` of the op; takes as many axes as it has.
  case mask(operand: Int)
  /// An integer tensor, operand `operand` of the op.
  case integers(operand: Int)
}

/// What the arguments of an op look like to a caller.
package struct Parameter: Sendable {
  /// What a parameter accepts.
  package enum Kind: Sendable, Equatable {
    /// A tensor or a number: an operand.
    case tensor
    /// A list of tensors: each one operand.
    case tensors
    /// A number that is not differentiated.
    case number
    case int
    case bool
    /// One axis.
    case axis
    /// One axis or several; `none` means all.
    case axes
    /// A list of sizes.
    case shape
    /// A list of sizes, perhaps in pairs; a single one stands for all.
    case pairs
    /// A dict from names to sizes.
    case sizes
    case dtype
    case string
    /// A name, a size, or sizes in nested lists, which become one.
    case padding
    /// The items of an index; the tensors among them are further operands.
    case index
  }

  package let name: String
  package let kind: Kind
  /// What is used when the argument is left out; nil if it is required. An optional tensor is simply not among the operands,
  /// or, where a later one is given, the number that its standard names.
  package let standard: Attribute?
  /// Whether the remaining positional arguments together are this list: `zeros(2, 3)`, `reshape(x, 2, -1)`.
  package let takesRest: Bool
  /// Whether lists of whole numbers given for it become i32 (labels, indices) instead of f32.
  package let wantsIntegers: Bool

  package init(
    _ name: String, _ kind: Kind, _ standard: Attribute? = nil, takesRest: Bool = false,
    wantsIntegers: Bool = false
  ) {
    self.name = name
    self.kind = kind
    self.standard = standard
    self.takesRest = takesRest
    self.wantsIntegers = wantsIntegers
  }

  /// Whether the argument is an operand (or several) and not an attribute.
  package var isOperand: Bool { kind == .tensor || kind == .tensors }
}
