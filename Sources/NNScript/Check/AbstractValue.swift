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
  case list(AbstractContainer)
  case dict(AbstractContainer)
  case range(AbstractRange?)
  case function(AbstractFunction)
  case native(NativeFunction)
  case derivative(AbstractDerivative)
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

/// Something that can be assigned: a variable, a field, or what a list or dict holds.
final class Place {
  /// What stays known once code that was not looked into may assign to it.
  enum Persistence {
    /// Nobody else assigns to it.
    case all
    /// A parameter of a model keeps its shape and element type.
    case shape
    case nothing
  }

  let persistence: Persistence
  /// The value it was given last. Only the checker's trail may change it.
  var stored: AbstractValue
  /// Whether code that was not looked into may have got hold of it.
  var isEscaped = false

  init(_ value: AbstractValue, _ persistence: Persistence = .all, isEscaped: Bool = false) {
    stored = value
    self.persistence = persistence
    self.isEscaped = isEscaped
  }

  /// What is known of what it holds.
  var value: AbstractValue {
    guard isEscaped else { return stored }
    switch persistence {
    case .all: return stored
    case .shape: if case .tensor = stored { return stored } else { return .unknown }
    case .nothing: return .unknown
    }
  }
}

/// A list or dict. The contents of a list are a tuple of its elements, those of a dict a tuple of pairs.
final class AbstractContainer {
  let contents: Place

  init(_ elements: [AbstractValue]?) {
    contents = Place(elements.map { .tuple($0) } ?? .unknown, .nothing)
  }

  /// The elements, or pairs, where they are known.
  var elements: [AbstractValue]? {
    if case .tuple(let elements) = contents.value { return elements }
    return nil
  }
}

/// A function of a script with the variables it captured.
final class AbstractFunction {
  let syntax: Function
  let name: String
  let captures: [Place]
  let module: Module
  var isEscaped = false

  init(_ syntax: Function, name: String, captures: [Place], module: Module) {
    self.syntax = syntax
    self.name = name
    self.captures = captures
    self.module = module
  }
}

/// A function made by `grad` or `value_and_grad`.
final class AbstractDerivative {
  let function: AbstractValue
  let arguments: [Int]
  let givesValue: Bool

  init(of function: AbstractValue, arguments: [Int], givesValue: Bool) {
    self.function = function
    self.arguments = arguments
    self.givesValue = givesValue
  }

  var name: String { givesValue ? "value_and_grad" : "grad" }
}

/// A model of a script.
final class AbstractModel {
  let syntax: ModelDecl
  let captures: [Place]
  /// By their position among the methods.
  let methods: [AbstractFunction]
  let module: Module
  var isEscaped = false

  init(_ syntax: ModelDecl, captures: [Place], methods: [AbstractFunction], module: Module) {
    self.syntax = syntax
    self.captures = captures
    self.methods = methods
    self.module = module
  }

  var name: String { syntax.name }

  func method(_ name: String) -> AbstractFunction? {
    methods.first { $0.syntax.name == name }
  }

  /// The names of the fields, the constructor's arguments first.
  var fieldNames: [String] {
    syntax.parameters.map(\.name)
      + syntax.items.compactMap { if case .field(let field) = $0 { field.name } else { nil } }
  }
}

/// An instance of a model.
final class AbstractInstance {
  let model: AbstractModel
  /// Constructor arguments, then the other fields.
  let fields: [Place]
  var isEscaped = false
  /// Whether it is certain to have elements to iterate.
  var hasRows = false

  init(_ model: AbstractModel) {
    self.model = model
    var fields = model.syntax.parameters.map { _ in Place(.unknown, .all) }
    for case .field(let field) in model.syntax.items {
      let persistence: Place.Persistence =
        switch field.kind {
        case .param: .shape
        case .let: .all
        case .state, .var: .nothing
        }
      fields.append(Place(.unknown, persistence))
    }
    self.fields = fields
  }

  /// The field of a name.
  func field(_ name: String) -> Place? {
    model.fieldNames.lastIndex(of: name).map { fields[$0] }
  }
}

/// A lazy sequence over others.
final class AbstractSequence {
  enum Kind {
    case progress, enumerate, zip
    case map(AbstractValue)
  }
  let kind: Kind
  let sources: [AbstractValue]

  init(_ kind: Kind, _ sources: [AbstractValue]) {
    self.kind = kind
    self.sources = sources
  }
}

/// An imported file or library module.
final class AbstractModule {
  let file: ModuleFile
  /// Bindings of a library file that are evaluated when they are first asked for.
  var pending: [ObjectIdentifier: BindingStmt] = [:]

  init(_ file: ModuleFile) { self.file = file }
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
    case (.list(let a), .list(let b)), (.dict(let a), .dict(let b)): a === b
    case (.function(let a), .function(let b)): a.isSame(as: b)
    case (.native(let a), .native(let b)): a === b
    case (.derivative(let a), .derivative(let b)): a === b
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
    case .unknown: nil
    case .number, .tensor: true
    default: false
    }
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
    case .function, .native, .derivative, .model, .bound: true
    case .instance(let instance): instance.model.method("call") != nil
    default: false
    }
  }

  /// What messages say of it; nil where its type is not known.
  var sketch: ValueSketch? {
    let kind: ValueSketch.Kind
    switch self {
    case .unknown: return nil
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
    case .unknown: nil
    case .nil: "nil"
    case .bool: "bool"
    case .number: "number"
    case .string: "string"
    case .tensor: "tensor"
    case .tuple: "tuple"
    case .list: "list"
    case .dict: "dict"
    case .range: "range"
    case .function, .native, .derivative, .bound: "function"
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
    case .derivative(let derivative): values.append(derivative.function)
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

extension AbstractFunction {
  /// Whether both are made of the same text with the same captured variables.
  func isSame(as other: AbstractFunction) -> Bool {
    self === other
      || syntax === other.syntax && captures.count == other.captures.count
        && zip(captures, other.captures).allSatisfy { $0 === $1 }
  }
}
