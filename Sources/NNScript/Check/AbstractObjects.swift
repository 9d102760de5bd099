// What can be changed or called, as the checker knows it: places, containers, functions, models and their instances.
import NNSyntax
import NNTensor
import Synchronization

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

  /// How many places there were when it was made.
  let birth = Place.count.wrappingAdd(1, ordering: .relaxed).newValue
  static let count = Atomic(0)

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

  /// Any number of elements, or pairs, each of which is no more than this.
  init(any element: AbstractValue, isFilled: Bool = false) {
    contents = Place(.elements(element, isFilled: isFilled), .nothing)
  }

  /// The elements, or pairs, where they are known.
  var elements: [AbstractValue]? {
    if case .tuple(let elements) = contents.value { return elements }
    return nil
  }

  /// Whether it is certain not to be empty, where the elements are not known one by one.
  var isFilled: Bool {
    if case .elements(_, let isFilled) = contents.value { return isFilled }
    return false
  }

  /// What each element, or pair, is at most, where they are not known one by one.
  var element: AbstractValue {
    if case .elements(let element, _) = contents.value { return element }
    return .unknown
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

/// A function made of another, by `grad` and the like.
final class AbstractTransform {
  enum Kind {
    /// `grad` and `value_and_grad` in these arguments.
    case gradient([Int], givesValue: Bool)
    /// `vmap` over these axes.
    case batch(axes: AbstractValue)
    /// `custom_grad` with this way back.
    case custom(backward: AbstractValue)
    /// What `vjp` gives, from what is known of the function's result and its arguments.
    case pullback(TensorFacts, [AbstractValue])
  }
  let kind: Kind
  /// Nil for what calls no function.
  let function: AbstractValue

  init(_ kind: Kind, of function: AbstractValue) {
    self.kind = kind
    self.function = function
  }

  /// The values it holds.
  var parts: [AbstractValue] {
    switch kind {
    case .gradient: [function]
    case .batch(let axes): [function, axes]
    case .custom(let backward): [function, backward]
    case .pullback(_, let arguments): arguments
    }
  }
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
  /// True where it is certain to have elements to iterate.
  let rows = Place(.bool(false))

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

  var hasRows: Bool {
    if case .bool(true) = rows.stored { return true }
    return false
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

extension AbstractFunction {
  /// Whether both are made of the same text with the same captured variables.
  func isSame(as other: AbstractFunction) -> Bool {
    self === other
      || syntax === other.syntax && captures.count == other.captures.count
        && zip(captures, other.captures).allSatisfy { $0 === $1 }
  }
}
