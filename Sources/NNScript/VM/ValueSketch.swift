// What messages about mistakes say of values, for those at hand in a run and those that are only foreseen before it.
import NNSyntax
import NNTensor

/// What a message says of a value.
struct ValueSketch {
  /// The kinds of values that helps tell apart.
  enum Kind: Equatable {
    case none, number, string, list, dict, instance, other
    /// Sizes may be unknown where the value is foreseen.
    case tensor(DType?, Dims<SymbolicDim>?)
  }

  let kind: Kind
  /// The type with its article: "a number", "nil".
  let describedType: String

  /// A short text for a label: the type, or for a tensor its dtype and shape.
  var brief: String {
    guard case .tensor(let dtype, let shape) = kind else { return describedType }
    return (dtype?.name ?? "?") + (shape?.description ?? "[...]")
  }

  var isTensor: Bool {
    if case .tensor = kind { return true }
    return false
  }

  /// The shape of a tensor, where it is known.
  var shape: Dims<SymbolicDim>? {
    if case .tensor(_, let shape) = kind { return shape }
    return nil
  }
}

extension VM {
  /// What messages say of a value at hand.
  func sketch(of slot: Slot) -> ValueSketch {
    let kind: ValueSketch.Kind =
      switch slot.tag {
      case Tag.none: .none
      case Tag.number, Tag.trackedNumber: .number
      case Tag.string: .string
      case Tag.list: .list
      case Tag.dict: .dict
      case Tag.instance: .instance
      case Tag.tensor, Tag.trackedTensor:
        .tensor(slot.tensor.dtype, Dims(shape(of: slot).array.map { SymbolicDim($0) }))
      default: .other
      }
    let type = slot.isUndefined ? "nothing" : slot.describedType
    return ValueSketch(kind: kind, describedType: type)
  }
}

extension ScriptError {
  /// An operator whose operands are of types that it does not work on.
  static func operatorMismatch(_ symbol: String, _ left: ValueSketch, _ right: ValueSketch)
    -> ScriptError
  {
    var help: String?
    if left.kind == .string || right.kind == .string {
      switch symbol {
      case "+": help = "put strings together with \"{a}{b}\" or `++`"
      case "*": help = "repeat(text, n) repeats a string"
      default: break
      }
    } else if left.kind == .list && right.kind == .list {
      help = "`++` joins lists, push(x) adds an element, tensor(x) makes a tensor for arithmetic"
    } else if left.kind == .none || right.kind == .none {
      help = "a function without a value at its end gives nil"
    }
    return ScriptError(
      .type,
      "`\(symbol)` does not work on \(left.describedType) and \(right.describedType)", help: help,
      notes: [.init(operand: 0, text: left.brief), .init(operand: 1, text: right.brief)])
  }

  /// A minus sign before something that is no number and no tensor.
  static func notNegatable(_ value: ValueSketch) -> ScriptError {
    ScriptError(
      .type, "`-` does not work on \(value.describedType)",
      notes: [.init(operand: 0, text: value.brief)])
  }

  /// A condition that is neither true nor false.
  static func notACondition(_ value: ValueSketch) -> ScriptError {
    let help: String? =
      switch value.kind {
      case .number: "compare it: `x != 0`"
      case .string, .list, .dict: "compare its length: `len(x) > 0`"
      case .none: "compare it: `x != nil`"
      case .tensor(.bool, _):
        "any(x) or all(x) gives one bool, logical_and(a, b) works elementwise"
      case .tensor: "compare it: `x != 0`"
      case .instance, .other: nil
      }
    let found = value.isTensor ? value.brief : value.describedType
    return ScriptError(
      .type, "a condition must be a bool, not \(found)", help: help,
      notes: [.init(operand: 0, text: value.brief)])
  }

  /// A call of something that cannot be called.
  static func notCallable(_ value: ValueSketch) -> ScriptError {
    ScriptError(
      .type, "\(value.describedType) cannot be called",
      help: value.kind == .instance ? "its model has no `call` method" : nil,
      notes: [.init(operand: 0, text: value.describedType)])
  }

  /// A loop over something that has no elements.
  static func notIterable(_ value: ValueSketch) -> ScriptError {
    var help: String?
    if value.kind == .number { help = "a range counts: `for i in 0..n`" }
    if value.kind == .instance { help = "a model with `fn len()` and `fn get(i)` can be iterated" }
    return ScriptError(
      .type, "\(value.describedType) cannot be iterated", help: help,
      notes: [.init(operand: 0, text: value.brief)])
  }

  /// A member that a value does not have; `names` are those it has.
  static func noMember(_ name: String, of value: ValueSketch, names: [String]) -> ScriptError {
    var help =
      ForeignName.memberHelp(name, of: value.kind) ?? Suggestion.help(for: name, among: names)
    if value.kind == .none { help = "a function without a value at its end gives nil" }
    let isDict = value.kind == .dict
    return ScriptError(
      isDict ? .key : .name,
      isDict
        ? "the dict has no key '\(name)'" : "\(value.describedType) has no member '\(name)'",
      help: help, notes: [.init(operand: 0, text: value.brief)])
  }

  /// `x.T` of a tensor with fewer axes than two.
  static func notTransposable(_ shape: String) -> ScriptError {
    ScriptError(
      .shape, "'T' needs two axes or more, not shape \(shape)",
      help: "reshape(x, -1, 1) makes a column", notes: [.init(operand: 0, text: shape)])
  }

  /// A function to be differentiated whose result is not a scalar.
  static func notScalar(_ caller: String, _ result: String, hasOneElement: Bool) -> ScriptError {
    ScriptError(
      .shape, "\(caller) needs a scalar result, not \(result)",
      help: hasOneElement
        ? "item(x) or sum(x) makes a scalar of one element"
        : "reduce it with sum or mean, or use vjp or jacobian for a result that is not a scalar")
  }

  /// A gradient given to a pullback that has not the shape of the function's result.
  static func notASeed(_ wanted: String, _ found: String) -> ScriptError {
    ScriptError(
      .shape, "the pullback needs a gradient of the value's shape \(wanted), not \(found)",
      notes: [.init(operand: 0, text: found)])
  }

  /// A tangent that has not the shape of its argument.
  static func notATangent(_ wanted: String, _ found: String) -> ScriptError {
    ScriptError(
      .shape, "jvp: a tangent has the shape of its argument, \(wanted), not \(found)",
      notes: [.init(operand: 2, text: found)])
  }

  /// A parameter of a model that is assigned another shape or element type.
  static func notAssignable(_ name: String, _ was: String, _ found: String) -> ScriptError {
    ScriptError(
      .shape, "param '\(name)' is \(was) and cannot become \(found)",
      notes: [.init(operand: 2, text: found)])
  }

  /// An argument of a type that a builtin does not take.
  static func wrongArgument(
    _ function: String, _ parameter: String, _ index: Int, expected: String, found: String,
    help: String? = nil
  ) -> ScriptError {
    ScriptError(
      .type, "\(function): '\(parameter)' must be \(expected), not \(found)", help: help,
      notes: [.init(operand: index, text: found)])
  }

  /// A value that a pattern cannot take apart, or that has another number of parts.
  static func unpacking(_ count: Int, of value: ValueSketch, _ type: String, parts: Int?)
    -> ScriptError
  {
    let place = value.isTensor ? " along its first axis" : ""
    let message =
      parts.map { "the pattern has \(count) parts, the \(type) has \($0)\(place)" }
      ?? "a pattern takes a list, tuple or tensor apart, not \(value.describedType)"
    let help =
      value.kind == .string
      ? "a loop over a dictionary goes through its keys: `.items()` gives (key, value) pairs" : nil
    return ScriptError(
      .type, message, help: help, notes: [.init(operand: 0, text: "\(count) parts")])
  }

  /// An argument or result that is not what its annotation says; `known` is what the names in it stand for.
  static func mismatch(_ check: TypeCheck, _ value: ValueSketch, known: String?) -> ScriptError {
    var isSimple = false
    if case .simple = check.expected { isSimple = true }
    let subject = check.name == "result" ? "the result" : "'\(check.name)'"
    let what = isSimple && value.isTensor ? "the tensor \(value.brief)" : value.brief
    var message = "\(subject) must be \(check.text), not \(what)"
    if let known, !known.isEmpty { message += " (\(known))" }
    return ScriptError(
      known == nil ? .type : .shape, message, help: shapeHelp(check, value, known ?? ""),
      notes: [.init(operand: 0, text: value.brief)])
  }

  private static func shapeHelp(_ check: TypeCheck, _ value: ValueSketch, _ known: String)
    -> String?
  {
    guard case .shape(let element, let dimensions) = check.expected else {
      if case .simple(.number) = check.expected, value.isTensor {
        return "item(x) gives its number"
      }
      return nil
    }
    guard case .tensor(let dtype, let shape) = value.kind else { return nil }
    if let dtype, !element.accepts(dtype) { return "to(x, \"\(element.dtypeName)\") converts it" }
    guard let shape else { return nil }
    if dimensions.count == 2, shape.rank > 2, let size = shape.product(1..<shape.rank).known {
      let isWanted =
        switch dimensions[1] {
        case .number(let number): number == size
        case .name(let name, _, _): known == "\(name) is \(size)"
        default: false
        }
      if isWanted { return "flatten(x) makes it [\(shape[0]), \(size)]" }
    }
    return dimensions.count == shape.rank - 1 ? "x[0] takes one of a batch" : nil
  }
}

extension ElementType {
  /// True if a tensor's dtype fits.
  func accepts(_ dtype: DType) -> Bool {
    switch self {
    case .any: true
    case .float: dtype.isFloat
    case .int: dtype.isInteger
    case .bool: dtype == .bool
    case .f32: dtype == .f32
    case .f64: dtype == .f64
    case .i32: dtype == .i32
    case .i64: dtype == .i64
    case .u8: dtype == .u8
    }
  }

  /// True if a number fits.
  func accepts(_ number: Double) -> Bool {
    self == .int || self == .i32 || self == .i64 || self == .u8
      ? Int(exactly: number) != nil : self != .bool
  }

  /// A dtype that fits.
  var dtypeName: String {
    switch self {
    case .float, .any: "f32"
    case .int: "i32"
    default: rawValue
    }
  }
}
