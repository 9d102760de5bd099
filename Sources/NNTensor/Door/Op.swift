// The row of an op: everything the run time, the checker, the help and the tests know about it.
import NNKernels

/// One tensor operation.
///
/// Rows are compared by identity; `Ops` holds the table of them.
package final class Op: Sendable {
  package let name: String
  /// The signature, in call order.
  package let parameters: [Parameter]
  /// One sentence for help and reference.
  package let summary: String
  /// One line of the language that uses it.
  package let example: String
  /// Operands and arguments that tests and benches try it with.
  package let samples: [Sample]
  /// Which element types the operands are brought to and the result has.
  package let dtypes: DTypeRule
  /// Whether only gradient rules call it, not scripts.
  package let isInternal: Bool
  /// How many results there are; nil if the arguments decide.
  package let outputs: Int?
  let shape: ShapeRuleBox
  package let forward: Forward
  /// The gradient rule; nil where the op is not differentiable (its inputs get zeros).
  let gradient: Gradient?
  /// How the forward derivative is computed.
  let tangent: Tangent
  /// How it is applied to many examples at once.
  let batching: Batching
  /// Whether its results are drawn from the generator, also where the operands are equal.
  package let isRandom: Bool
  /// Which operands and results the gradient reads.
  let saves: Saved
  /// Whether numbers stay numbers on their way into `forward`; otherwise they become tensors of rank 0 first.
  let takesNumbers: Bool
  /// The kernel of an elementwise op of one or two operands, otherwise 0.
  let kernel: UInt32
  /// How many operands that kernel has; 0 for ops that are not elementwise.
  let kernelArity: UInt8
  /// How that kernel's operand types decide the result's.
  let elementType: ElementType
  /// Whether the row is not in the table but was made for one use.
  let isOwn: Bool
  /// How many operands it takes.
  let arity: ClosedRange<Int>

  package init(
    _ name: String, _ parameters: [Parameter], summary: String, example: String = "",
    samples: [Sample] = [], dtypes: DTypeRule = .same, shape: some ShapeRule, outputs: Int? = 1,
    saves: Saved = [], takesNumbers: Bool = false, isInternal: Bool = false, isOwn: Bool = false,
    isRandom: Bool = false, tangent: Tangent? = nil, batch: Batching? = nil, forward: Forward,
    gradient: Gradient? = nil
  ) {
    self.name = name
    self.parameters = parameters
    self.summary = summary
    self.example = example
    self.samples = samples
    self.dtypes = dtypes
    self.shape = ShapeRuleBox(shape)
    self.outputs = outputs
    self.saves = saves
    self.takesNumbers = takesNumbers
    self.isInternal = isInternal
    self.forward = forward
    self.gradient = gradient
    self.isOwn = isOwn
    switch forward {
    case .unary(let code): (kernel, kernelArity) = (code.rawValue, 1)
    case .binary(let code): (kernel, kernelArity) = (code.rawValue, 2)
    default: (kernel, kernelArity) = (0, 0)
    }
    self.tangent = tangent ?? (kernelArity == 0 ? .transposed : .symmetric)
    batching = batch ?? (kernelArity == 0 ? .loop : .elementwise)
    self.isRandom = isRandom
    elementType = ElementType(dtypes)
    arity = Op.arity(parameters)
  }

  /// How many operands a signature allows.
  private static func arity(_ parameters: [Parameter]) -> ClosedRange<Int> {
    let operands = parameters.filter { $0.isOperand }
    let required = operands.count { $0.standard == nil }
    let isOpen = parameters.contains { $0.kind == .tensors || $0.kind == .index }
    return required...(isOpen ? Int.max : operands.count)
  }

  /// Refuses a number of operands that the signature does not allow.
  package func checkArity(_ count: Int) throws(TensorError) {
    guard !arity.contains(count) else { return }
    throw TensorError(
      "argument", "\(name) takes \(arity.lowerBound) operands, not \(count)")
  }

  /// Whether one elementwise kernel computes it.
  @inline(__always) package var isElementwise: Bool { kernelArity != 0 }

  /// Whether a gradient can pass through it.
  package var isDifferentiable: Bool { gradient != nil }
  /// Whether it has a list of results instead of one.
  package var hasManyResults: Bool { outputs != 1 }
}

/// The dtype rules of elementwise ops, as far as their fast paths need to know.
enum ElementType: UInt8, Sendable {
  /// The result has the operands' type where they agree.
  case same
  /// The same for floats; others go the general way.
  case float
  /// The result is bool.
  case bool
  /// Always the general way.
  case other

  init(_ rule: DTypeRule) {
    switch rule {
    case .promote, .custom: self = .same
    case .float: self = .float
    case .compare: self = .bool
    default: self = .other
    }
  }

  /// The result's type for operands of one type; nil for the general way. Bools have no arithmetic.
  @inline(__always) func result(_ dtype: DType) -> DType? {
    switch self {
    case .same: dtype == .bool ? nil : dtype
    case .float: dtype.isFloat ? dtype : nil
    case .bool: dtype == .bool ? nil : .bool
    case .other: nil
    }
  }
}

/// Which values a gradient rule reads, and the tape must therefore keep.
package struct Saved: OptionSet, Sendable {
  package let rawValue: UInt32
  package init(rawValue: UInt32) { self.rawValue = rawValue }

  /// The operands of these positions.
  package static func operand(_ position: Int) -> Saved { Saved(rawValue: 1 << position) }
  /// The first two operands.
  package static let operands: Saved = [.operand(0), .operand(1)]
  /// Every operand.
  package static let allOperands = Saved(rawValue: 0x3fff)
  /// The (first) result.
  package static let output = Saved(rawValue: 0x8000)
  /// The results after the first.
  package static let further = Saved(rawValue: 0x10000)
}

/// How an op computes.
package enum Forward: Sendable {
  /// One elementwise kernel of one operand.
  case unary(nnk_unary_op)
  /// One elementwise kernel of two operands with broadcasting.
  case binary(nnk_binary_op)
  /// Anything else with one result.
  case custom(@Sendable (inout ForwardCall) throws(TensorError) -> Operand)
  /// Anything with several results.
  case many(@Sendable (inout ForwardCall) throws(TensorError) -> [Operand])
  /// Composed of other ops, which record themselves.
  case composed(@Sendable (TensorContext, [Operand], [Attribute]) throws(TensorError) -> Operand)
  /// The same with several results.
  case composedMany(
    @Sendable (TensorContext, [Operand], [Attribute]) throws(TensorError) -> [Operand])
}

/// A gradient rule: from what the forward pass saved and the results' cotangents to the operands' cotangents.
package typealias Gradient = @Sendable (GradientCall) throws(TensorError) -> Gradients

/// One way to call an op, for tests, benches and documentation.
package struct Sample: Sendable {
  /// Where the elements of a sample operand come from.
  package enum Domain: Sendable {
    /// Between -2 and 2, away from 0 and from each other.
    case any
    /// Between 0.2 and 2.
    case positive
    /// Between -0.9 and 0.9.
    case unit
    /// Symmetric positive definite matrices.
    case definite
    /// Rising from -1.5 in steps of 0.7 and a little more.
    case rising
    /// Between 0.1 and 0.9.
    case probability
    /// Between 1.2 and 3.
    case above
    /// Whole numbers from 0 up to a limit, as i32.
    case index(below: Int)
    /// True and false.
    case bool
    /// A plain number.
    case number(Double)
  }

  package var shapes: [[Int]]
  package var domains: [Domain]
  package var attributes: [Attribute]

  /// Operands of the given shapes and domains; the last domain goes on for further operands.
  package init(
    _ shapes: [Int]..., from domains: [Domain] = [.any], with attributes: [Attribute] = []
  ) {
    self.shapes = shapes
    self.domains = domains
    self.attributes = attributes
  }
}
