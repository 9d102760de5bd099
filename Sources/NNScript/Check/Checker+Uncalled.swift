// Looks into functions that nothing is known to call, with arguments of which only the annotations are known: what is certain to
// happen in them is worth a warning.
import NNSyntax
import NNTensor

extension Checker {
  /// Nodes of the syntax tree that are evaluated for this in a program.
  private static let probeSteps = 20_000

  /// Looks into the functions and models of a program's top level in which not all was reported yet.
  func probe(_ program: Program) {
    let open = program.statements.compactMap(defined(by:)).filter {
      !isEntered(globalPlace(of: $0).value)
    }
    if open.isEmpty { return }
    stepsLeft = min(stepsLeft, Checker.probeSteps)
    forgetChanging(program)
    for variable in open {
      switch globalPlace(of: variable).value {
      case .function(let function): probe(function, name: variable.name)
      case .model(let model): probe(model)
      default: continue
      }
    }
  }

  /// The variable of a function or model that a statement defines.
  private func defined(by statement: Stmt) -> Variable? {
    switch statement {
    case .function(let node): return node.variable
    case .model(let node): return node.variable
    case .binding(let node):
      guard !node.isVar, case .function = node.value else { return nil }
      return node.pattern.variables.first
    default: return nil
    }
  }

  private func isEntered(_ value: AbstractValue) -> Bool {
    switch value {
    case .function(let function): isEntered(function.syntax)
    case .model(let model):
      isEntered(model.syntax) && model.methods.allSatisfy { isEntered($0.syntax) }
    default: true
    }
  }

  private func isEntered(_ syntax: AnyObject) -> Bool { entered.contains(ObjectIdentifier(syntax)) }

  /// Forgets what may change at the top level: when these functions are called is not known.
  private func forgetChanging(_ program: Program) {
    for case .binding(let node) in program.statements {
      for variable in node.pattern.variables {
        let place = globalPlace(of: variable)
        escape(place)
        if variable.kind == .var, variable.isReassigned { set(place, .unknown) }
      }
    }
  }

  /// Looks into the functions and models of a program's top level without knowing of each other or of anything else there.
  func probeDefinitions(_ program: Program) {
    stepsLeft = Checker.probeSteps
    for statement in program.statements {
      switch statement {
      case .function(let node): probe(closure(node, name: node.name ?? "fn"))
      case .model(let node): probe(model(node))
      default: continue
      }
    }
  }

  private func probe(_ function: AbstractFunction, name: String? = nil) {
    probe("`\(name ?? function.name)`") { () throws(Flow) in try self.tryOut(function, nil) }
  }

  /// Looks into a constructor and then the methods of an instance that it made.
  private func probe(_ model: AbstractModel) {
    var made: AbstractValue?
    let isReported = isEntered(model.syntax)
    probe("`\(model.name)`") { () throws(Flow) in
      made = try self.silently(if: isReported) { () throws(Flow) in try self.tryOut(model) }
    }
    guard case .instance(let instance)? = made else { return }
    escape(.instance(instance))
    for method in model.methods {
      probe("`\(method.name)`") { () throws(Flow) in try self.tryOut(method, instance) }
    }
  }

  /// Tries something out of which only errors that are certain in itself are reported.
  private func probe(_ name: String, _ body: () throws(Flow) -> Void) {
    let exits = frame.exits
    (doubts, probed) = ([], name)
    do throws(Flow) {
      try body()
    } catch {
      // It ends there, or is too large.
    }
    (doubts, probed) = ([], nil)
    frame.exits = exits
  }

  private func tryOut(_ function: AbstractFunction, _ receiver: AbstractInstance?) throws(Flow) {
    let syntax = function.syntax
    if isEntered(syntax) { return }
    _ = try enter(bodyFrame(of: function), at: place(syntax.span)) { () throws(Flow) in
      if let variable = syntax.layout.receiver, let receiver {
        self.declare(variable, .instance(receiver))
      }
      self.assume(syntax.parameters, syntax.layout)
      return try self.run(syntax.body)
    }
  }

  private func tryOut(_ model: AbstractModel) throws(Flow) -> AbstractValue {
    let syntax = model.syntax
    let instance = AbstractInstance(model)
    return try enter(constructorFrame(of: model), at: place(syntax.span)) { () throws(Flow) in
      if let variable = syntax.layout.receiver { self.declare(variable, .instance(instance)) }
      self.assume(syntax.parameters, syntax.layout)
      try self.initialise(instance)
      return .instance(instance)
    }
  }

  // MARK: Arguments

  /// Gives the parameters of the running function what their annotations say of any argument.
  private func assume(_ parameters: [NNSyntax.Parameter], _ layout: FunctionLayout) {
    for dimension in layout.dimensions { declare(dimension, .number(nil)) }
    for parameter in parameters {
      if parameter.isRest {
        declare(parameter.variable, .list(AbstractContainer(nil)))
      } else if parameter.defaultValue?.isNil == true {
        declare(parameter.variable, .unknown)
      } else {
        declare(parameter.variable, parameter.type.map(value(fitting:)) ?? .unknown)
      }
    }
  }

  /// What is known of every value that fits an annotation.
  private func value(fitting type: TypeAnnotation) -> AbstractValue {
    switch type {
    case .simple(let simple, _):
      switch simple {
      case .number: return .number(nil)
      case .string: return .string(nil)
      case .bool: return .bool(nil)
      case .list: return .list(AbstractContainer(nil))
      case .dict: return .dict(AbstractContainer(nil))
      case .fn, .tuple: return .unknown
      }
    case .model: return .unknown
    case .shape(let shape):
      // A scalar may be a number.
      if shape.dimensions.isEmpty { return .unknown }
      return .tensor(TensorFacts(shape.element.dtype, sizes(of: shape)))
    }
  }

  private func sizes(of type: ShapeType) -> Dims<SymbolicDim>? {
    var sizes: [SymbolicDim] = []
    for dimension in type.dimensions {
      if case .ellipsis = dimension { return nil }
      sizes.append(symbol(of: dimension))
    }
    return sizes.count <= Shape.maximumRank ? Dims(sizes) : nil
  }

  /// A dimension as a size that stands for itself; two of one name are the same size in one call.
  private func symbol(of dimension: NNSyntax.Dimension) -> SymbolicDim {
    if let known = size(of: dimension) { return SymbolicDim(known) }
    guard case .name(let node) = dimension, case .local(let variable) = node.binding,
      case .local(let index) = variable.storage
    else { return .unknown }
    return SymbolicDim(named: node.name, id: index)
  }
}

extension ElementType {
  /// The one element type that fits, if there is only one.
  fileprivate var dtype: DType? {
    switch self {
    case .float, .int, .any: nil
    case .bool: .bool
    case .f32, .f64, .i32, .i64, .u8: DType(name: rawValue)
    }
  }
}
