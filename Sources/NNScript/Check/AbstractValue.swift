// What the checker knows of values before a program runs.
import NNSyntax
import NNTensor

/// A value as far as it is known before the run.
indirect enum AbstractValue {
  case unknown
  case `nil`
  case bool(Bool?)
  case number(Double?)
  case string(String?)
  case tensor(TensorFacts)
  case tuple([AbstractValue])
  /// A tuple of any number of values, each of which is no more than this; whether there is one for certain.
  case elements(AbstractValue, isFilled: Bool)
  case list(AbstractContainer)
  case dict(AbstractContainer)
  case range(AbstractRange?)
  /// A range from this number whose end is not known, but has a first number for certain.
  case count(from: Int)
  /// A column of a table: a tensor with one axis, or a list of strings.
  case column
  case function(AbstractFunction)
  case native(NativeFunction)
  case transform(AbstractTransform)
  case model(AbstractModel)
  case instance(AbstractInstance)
  case bound(AbstractInstance, AbstractFunction)
  case module(AbstractModule)
  case sequence(AbstractSequence)
}

/// What is known of a tensor.
struct TensorFacts: Equatable {
  var dtype: DType?
  /// Nil where not even the rank is known.
  var shape: Dims<SymbolicDim>?
  /// Whether the first axis is certain not to be empty, though its size is unknown.
  var hasRows = false

  init(_ dtype: DType?, _ shape: Dims<SymbolicDim>?, hasRows: Bool = false) {
    self.dtype = dtype
    self.shape = shape
    self.hasRows = hasRows
  }

  /// The number of elements, where it is known.
  var count: Int? { shape.flatMap { $0.product(0..<$0.rank).known } }

  /// What is known of a value that is one of the two.
  func joined(with other: TensorFacts) -> TensorFacts {
    var result = TensorFacts(
      dtype == other.dtype ? dtype : nil, nil, hasRows: hasRows && other.hasRows)
    guard let a = shape, let b = other.shape, a.rank == b.rank else { return result }
    var joint = a
    for axis in a.indices where a[axis] != b[axis] { joint[axis] = .unknown }
    result.shape = joint
    return result
  }
}

/// A range with known bounds.
struct AbstractRange: Equatable {
  let start: Int
  /// The first number that is not in it.
  let end: Int
  let isInclusive: Bool
  var step = 1

  /// The whole numbers in it.
  var numbers: StrideTo<Int> { stride(from: start, to: end, by: step) }
  var count: Int {
    step > 0 ? max(0, (end - start + step - 1) / step) : max(0, (start - end - step - 1) / -step)
  }
}

extension AbstractValue {
  /// Whether two values are known to be the same, or equally little is known of both.
  func isSame(as other: AbstractValue) -> Bool {
    switch (self, other) {
    case (.unknown, .unknown), (.nil, .nil): true
    case (.bool(let a), .bool(let b)): a == b
    case (.number(let a), .number(let b)): a == b || a?.isNaN == true && b?.isNaN == true
    case (.string(let a), .string(let b)): a == b
    case (.tensor(let a), .tensor(let b)): a == b
    case (.range(let a), .range(let b)): a == b
    case (.tuple(let a), .tuple(let b)):
      a.count == b.count && zip(a, b).allSatisfy { $0.isSame(as: $1) }
    case (.elements(let a, let x), .elements(let b, let y)): x == y && a.isSame(as: b)
    case (.count(let a), .count(let b)): a == b
    case (.column, .column): true
    case (.list(let a), .list(let b)), (.dict(let a), .dict(let b)): a === b
    case (.function(let a), .function(let b)): a.isSame(as: b)
    case (.native(let a), .native(let b)): a === b
    case (.transform(let a), .transform(let b)): a === b
    case (.model(let a), .model(let b)): a === b
    case (.instance(let a), .instance(let b)): a === b
    case (.bound(let a, let f), .bound(let b, let g)): a === b && f === g
    case (.module(let a), .module(let b)): a === b
    case (.sequence(let a), .sequence(let b)): a === b
    default: false
    }
  }

  /// Whether the tuples in it hold no more than `left` values, each counted as often as it is there.
  func fits(_ left: inout Int) -> Bool {
    guard case .tuple(let elements) = self else { return true }
    left -= elements.count
    for element in elements where left >= 0 {
      if !element.fits(&left) { return false }
    }
    return left >= 0
  }

  /// Whether it is certain not to be a number or tensor; nil where that is not known.
  var isOperand: Bool? {
    switch self {
    case .unknown, .column: nil
    case .number, .tensor: true
    default: false
    }
  }

  var isNumber: Bool {
    if case .number = self { return true }
    return false
  }

  /// A known number.
  var constant: Double? {
    if case .number(let number) = self { return number }
    return nil
  }

  /// Whether it can be called, where that is known.
  var isCallable: Bool? {
    switch self {
    case .unknown: nil
    case .function, .native, .transform, .model, .bound: true
    case .instance(let instance): instance.model.method("call") != nil
    default: false
    }
  }

  /// What messages say of it; nil where its type is not known.
  var sketch: ValueSketch? {
    let kind: ValueSketch.Kind
    switch self {
    case .unknown, .column: return nil
    case .nil: kind = .none
    case .number: kind = .number
    case .string: kind = .string
    case .list: kind = .list
    case .dict: kind = .dict
    case .instance: kind = .instance
    case .tensor(let facts): kind = .tensor(facts.dtype, facts.shape)
    default: kind = .other
    }
    guard let name = typeName else { return nil }
    let article = "aeiouAEIOU".contains(name.first ?? "x") ? "an " : "a "
    return ValueSketch(kind: kind, describedType: kind == .none ? name : article + name)
  }

  /// What `type(x)` gives, where it is known.
  var typeName: String? {
    switch self {
    case .unknown, .column: nil
    case .nil: "nil"
    case .bool: "bool"
    case .number: "number"
    case .string: "string"
    case .tensor: "tensor"
    case .tuple, .elements: "tuple"
    case .list: "list"
    case .dict: "dict"
    case .range, .count: "range"
    case .function, .native, .transform, .bound: "function"
    case .model: "model"
    case .instance(let instance): instance.model.name
    case .module: "module"
    case .sequence: "sequence"
    }
  }
}

extension AbstractValue {
  /// Adds the values and places it holds.
  func takeApart(_ values: inout [AbstractValue], _ places: inout [Place]) {
    switch self {
    case .tuple(let elements): values += elements
    case .list(let container), .dict(let container): places.append(container.contents)
    case .function(let function): places += function.captures
    case .transform(let transform): values += transform.parts
    case .elements(let element, _): values.append(element)
    case .bound(let instance, let function):
      places += instance.fields
      places += function.captures
    case .instance(let instance): places += instance.fields
    case .model(let model): places += model.captures
    case .sequence(let sequence):
      values += sequence.sources
      if case .map(let function) = sequence.kind { values.append(function) }
    default: return
    }
  }
}
