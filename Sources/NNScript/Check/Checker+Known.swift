// The natives whose results or effects the checker follows: lengths and types, calls of functions, copies.
import NNSyntax
import NNTensor

extension Checker {
  /// The result of a native that is known by its name; nil for the others and where too little is known.
  func callKnown(_ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    switch native.name {
    case "exit": throw .ended
    case "assert":
      if try truth(of: argument(bound, 0), at: place) == false { throw .ended }
      return .nil
    case "type":
      return .string(argument(bound, 0).typeName)
    case "len": return try length(of: argument(bound, 0), at: place)
    case "tensor": return try tensor(bound, native, at: place)
    case "item": return item(argument(bound, 0))
    case "grad", "value_and_grad", "vmap", "custom_grad", "vjp", "jvp":
      return try differentiate(native, bound, at: place)
    case "with_training", "with_seed", "debug_nans":
      guard case .given(let function) = bound[1], function.isCallable == true else { return nil }
      if native.name == "with_training", argument(bound, 0).sketch != nil,
        argument(bound, 0).typeName != "bool", argument(bound, 0).typeName != "tensor"
      {
        throw .ended
      }
      return try apply(function, CallArguments([]), at: place)
    case "checkpoint":
      return argument(bound, 0).isCallable == true ? argument(bound, 0) : nil
    case "copy":
      var copies: [ObjectIdentifier: AbstractValue] = [:]
      return copy(argument(bound, 0), &copies)
    case "progress":
      // A label may be a function, which is called while the loop runs; those of the library change nothing.
      let label = argument(bound, 1)
      if !isOfLibrary(label) { escape(label) }
      return .sequence(AbstractSequence(.progress, [argument(bound, 0)]))
    default:
      if let result = changed(native, bound) { return result }
      if let result = try sequence(native, bound, at: place) { return result }
      return part(native, bound)
    }
  }

  /// An argument, nil where it is missing.
  func argument(_ bound: [BoundArgument], _ index: Int) -> AbstractValue {
    guard index < bound.count else { return .nil }
    switch bound[index] {
    case .missing: return .nil
    case .given(let value): return value
    case .rest(let values): return .list(AbstractContainer(values))
    }
  }

  // MARK: Lengths and elements

  private func length(of value: AbstractValue, at place: Code.Place) throws(Flow) -> AbstractValue?
  {
    switch value {
    case .unknown, .column, .elements, .count: return .number(nil)
    case .string(let text): return .number(text.map { Double($0.count) })
    case .tuple(let elements): return .number(Double(elements.count))
    case .list(let container), .dict(let container):
      return .number(container.elements.map { Double($0.count) })
    case .range(let range): return .number(range.map { Double($0.count) })
    case .tensor(let facts):
      guard let shape = facts.shape else { return .number(nil) }
      if shape.rank == 0 { throw .ended }
      return .number(shape[0].known.map { Double($0) })
    case .instance(let instance):
      guard let method = instance.model.method("len") else { throw .ended }
      return try call(method, instance, CallArguments([]), at: place)
    default: return nil
    }
  }

  private func item(_ value: AbstractValue) -> AbstractValue? {
    guard case .tensor(let facts) = value else { return value.isOperand == true ? value : nil }
    guard let dtype = facts.dtype else { return .unknown }
    return dtype == .bool ? .bool(nil) : .number(nil)
  }

  /// `tensor(values, dtype)`
  private func tensor(_ bound: [BoundArgument], _ native: NativeFunction, at place: Code.Place)
    throws(Flow) -> AbstractValue?
  {
    var dtype: DType?
    var isKnown = true
    switch argument(bound, 1) {
    case .nil: break
    case .string(let name?): dtype = DType(name: name)
    default: isKnown = false
    }
    switch argument(bound, 0) {
    case .number: return .tensor(TensorFacts(isKnown ? dtype ?? .f32 : nil, Dims()))
    case .tensor(let facts):
      return .tensor(TensorFacts(isKnown ? dtype ?? facts.dtype : nil, facts.shape))
    case let values:
      if let result = try fold(native, bound, at: place) { return result }
      guard case .tensor(let facts)? = try operand(values, for: "tensor", at: place) else {
        if values.sketch != nil { throw .ended }
        return nil
      }
      return .tensor(TensorFacts(isKnown ? dtype ?? facts.dtype : nil, facts.shape))
    }
  }

  // MARK: Copies

  /// A deep copy; what is shared inside stays shared.
  private func copy(_ value: AbstractValue, _ copies: inout [ObjectIdentifier: AbstractValue])
    -> AbstractValue
  {
    guard canVisit() else { return .unknown }
    switch value {
    case .tuple(let elements): return .tuple(elements.map { copy($0, &copies) })
    case .list(let container): return copy(container, &copies) { .list($0) }
    case .dict(let container): return copy(container, &copies) { .dict($0) }
    case .instance(let instance):
      if let known = copies[ObjectIdentifier(instance)] { return known }
      let new = AbstractInstance(instance.model)
      set(new.rows, instance.rows.stored)
      copies[ObjectIdentifier(instance)] = .instance(new)
      for (old, field) in Swift.zip(instance.fields, new.fields) {
        set(field, copy(old.value, &copies))
      }
      return .instance(new)
    default:
      return value
    }
  }

  private func copy(
    _ container: AbstractContainer, _ copies: inout [ObjectIdentifier: AbstractValue],
    _ make: (AbstractContainer) -> AbstractValue
  ) -> AbstractValue {
    if let known = copies[ObjectIdentifier(container)] { return known }
    let new = AbstractContainer(nil)
    copies[ObjectIdentifier(container)] = make(new)
    if let elements = container.elements {
      set(new.contents, .tuple(elements.map { copy($0, &copies) }))
    }
    return make(new)
  }
}
