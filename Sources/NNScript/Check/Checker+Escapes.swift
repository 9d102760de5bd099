// What code that is not looked into may change: all that can be reached from the values it has got hold of.
import NNSyntax

extension Checker {
  /// Notes that code which is not looked into may have a value, and so may change what can be reached from it.
  func escape(_ value: AbstractValue) {
    guard canDescend() else { return }
    switch value {
    case .unknown, .nil, .bool, .number, .string, .tensor, .range, .count, .column, .native: return
    case .tuple(let elements): for element in elements { escape(element) }
    case .list(let container), .dict(let container): escape(container.contents)
    case .sequence(let sequence):
      for source in sequence.sources { escape(source) }
      if case .map(let function) = sequence.kind { escape(function) }
    case .function(let function): escape(function)
    case .bound(let instance, let function):
      escape(.instance(instance))
      escape(function)
    case .transform(let transform): for part in transform.parts { escape(part) }
    case .elements(let element, _): escape(element)
    case .model(let model): escape(model)
    case .instance(let instance):
      if instance.isEscaped { return }
      instance.isEscaped = true
      for field in instance.fields { escape(field) }
      escape(instance.model)
    case .module(let module):
      for variable in module.file.globals.variables.values { escape(globalPlace(of: variable)) }
    }
  }

  /// The same for a place and what it holds.
  func escape(_ place: Place) {
    if place.isEscaped { return }
    let value = place.stored
    place.isEscaped = true
    escape(value)
  }

  private func escape(_ function: AbstractFunction) {
    if function.isEscaped { return }
    function.isEscaped = true
    for capture in function.captures { escape(capture) }
    escapeGlobals { $0.visit(function.syntax) }
  }

  private func escape(_ model: AbstractModel) {
    if model.isEscaped { return }
    model.isEscaped = true
    for capture in model.captures { escape(capture) }
    for method in model.methods { escape(method) }
    escapeGlobals { $0.visit(model.syntax) }
  }

  private func escapeGlobals(_ visit: (inout NameUses) -> Void) {
    var names = NameUses()
    visit(&names)
    for case .global(let variable) in names.bindings { escape(globalPlace(of: variable)) }
  }

  /// What a call of something that is not looked into gives: all it can reach may have changed.
  func callUnseen(_ callee: AbstractValue, _ arguments: CallArguments) -> AbstractValue {
    escape(callee)
    for value in arguments.all { escape(value) }
    if mayLeave { doubts.insert(.program) }
    return .unknown
  }
}
