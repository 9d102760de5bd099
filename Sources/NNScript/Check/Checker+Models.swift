// Models: what is known of an instance when it is made.
import NNSyntax
import NNTensor

extension Checker {
  /// Makes an instance of a model.
  func construct(
    _ model: AbstractModel, _ arguments: CallArguments, at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    let syntax = model.syntax
    let list = parameterList(syntax.parameters, hasReceiver: true)
    guard frames.count < Checker.mostFrames,
      let bound = try bind(list, model.name, arguments, at: place)
    else { return callUnseen(.model(model), arguments) }
    let instance = AbstractInstance(model)
    return try enter(constructorFrame(of: model), at: place) { () throws(Flow) in
      if let variable = syntax.layout.receiver { self.declare(variable, .instance(instance)) }
      try self.declare(syntax.parameters, bound, syntax.layout, list, at: place)
      self.noteEntry(syntax)
      try self.initialise(instance)
      return .instance(instance)
    }
  }

  func constructorFrame(of model: AbstractModel) -> CheckFrame {
    CheckFrame(
      name: model.name, module: model.module, localCount: model.syntax.layout.localCount,
      captures: model.captures, ownFunction: nil, result: nil, mark: trail.count)
  }

  /// Gives an instance its fields, the constructor's arguments from the parameters of the running constructor.
  func initialise(_ instance: AbstractInstance) throws(Flow) {
    let syntax = instance.model.syntax
    for (index, parameter) in syntax.parameters.enumerated() {
      guard case .local(let local) = parameter.variable.storage else { continue }
      set(instance.fields[index], frame.locals[local]?.value ?? .unknown)
    }
    var index = syntax.parameters.count
    for case .field(let field) in syntax.items {
      set(instance.fields[index], try firstValue(of: field))
      index += 1
    }
    for (index, parameter) in syntax.parameters.enumerated() where parameter.name.hasPrefix("_") {
      set(instance.fields[index], .nil)
    }
  }

  /// The value of a field; behind one that is certain to fail the program's own constructor goes on.
  private func firstValue(of field: FieldDecl) throws(Flow) -> AbstractValue {
    let before = doubts
    if isInProgram { frame.running = .expression(field.value) }
    do throws(Flow) {
      let value = try evaluate(field.value)
      return field.kind == .param ? try asParameter(value) : value
    } catch {
      guard case .failed = error, isInProgram else { throw error }
      doubts = before
      return .unknown
    }
  }

  /// What a parameter of a model becomes: a tensor of a number or list.
  private func asParameter(_ value: AbstractValue) throws(Flow) -> AbstractValue {
    switch value {
    case .tensor, .nil, .unknown: return value
    case .number: return .tensor(TensorFacts(.f32, Dims()))
    case .column: return .tensor(TensorFacts(nil, [.unknown]))
    case .list:
      return stacked(value, wantsIntegers: false, depth: 0)
    default: throw .ended
    }
  }
}
