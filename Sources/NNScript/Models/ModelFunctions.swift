// Functions over whole models: `params`, `freeze`, `with_params`, `training`.
import NNTensor

extension Builtins {
  /// What can be asked of and done to a model as a whole.
  static let models: [NativeFunction] = [
    NativeFunction(
      "params", "net",
      documentation:
        "A dict from path to tensor of a model's parameters, those of models inside it included.",
      example: "params(net).keys()  # [\"l1.weight\", \"l1.bias\"]"
    ) { call in
      guard let tree = try TensorTree(call[0], in: call.vm, "params") else {
        throw call.instanceError(0)
      }
      let dict = DictObject(heap: call.heap, capacity: tree.leaves.count)
      for leaf in tree.leaves where !leaf.value.isNil {
        dict.set(leaf.path, owned: retained(leaf.value))
      }
      return Slot(dict)
    },
    NativeFunction(
      "freeze", "net",
      documentation:
        "Keeps optimizers from changing a model's parameters; gradients in them are zero.",
      example: "freeze(net.l1)"
    ) { call in
      try call.setFrozen(true)
      return .nil
    },
    NativeFunction(
      "unfreeze", "net", documentation: "Undoes `freeze`.", example: "unfreeze(net.l1)"
    ) { call in
      try call.setFrozen(false)
      return .nil
    },
    NativeFunction(
      "with_params", "net, parameters, f",
      documentation:
        "What `f()` gives while a model has other parameters: a dict by path, as `params` gives it. Afterwards it has its own again.",
      example: "with_params(net, {\"l1.bias\": zeros(3)}, () => net(x))"
    ) { call in try call.callWithParameters() },
    NativeFunction(
      "set_params", "net, parameters",
      documentation:
        "Gives a model other parameters, which stay: a dict by path, as `params` gives it; those not in it keep their values.",
      example: "set_params(net, {\"l1.bias\": zeros(3)})"
    ) { call in
      let places = ModelWalk.parameters(of: try call.instance(0), heap: call.heap)
      try call.dict(1).visitEntries { key, value in
        let place = try call.place(of: key, in: places)
        let new = try call.vm.parameterValue(value, place.name, replacing: place.value)
        assign(new, to: place.instance.fields + place.field)
      }
      return .nil
    },
    NativeFunction(
      "training", "",
      documentation:
        "Whether a model is being trained: true while one is among the arguments that are differentiated.",
      example: "if training() { dropout(x, 0.5) } else { x }"
    ) { call in Slot(call.vm.isTraining) },
    NativeFunction(
      "with_training", "is_training, f",
      documentation: "What `f()` gives while `training()` is as said.",
      example: "with_training(false, () => net(x))"
    ) { call in
      let saved = call.vm.isTraining
      call.vm.isTraining = try call.bool(0)
      defer { call.vm.isTraining = saved }
      return try call.callBack(try call.callable(1))
    },
  ]
}

extension NativeCall {
  /// A model instance argument.
  func instance(_ index: Int) throws -> InstanceObject {
    if let instance = self[index].asInstance { return instance }
    throw instanceError(index)
  }

  fileprivate func instanceError(_ index: Int) -> ScriptError {
    let help = self[index].meta == Tag.model ? "call it first, to make an instance" : nil
    return typeError(index, expected: "a model instance", help: help)
  }

  /// Swaps parameters for those of a dict during one call.
  fileprivate func callWithParameters() throws -> Slot {
    let places = ModelWalk.parameters(of: try instance(0), heap: heap)
    let values = try dict(1)
    let function = try callable(2)
    var swapped: [(place: ModelPlace, own: Slot)] = []
    defer {
      for (place, own) in swapped.reversed() {
        assign(own, to: place.instance.fields + place.field)
      }
    }
    try values.visitEntries { key, value in
      let place = try place(of: key, in: places)
      let new = try vm.parameterValue(value, place.name, replacing: place.value)
      swapped.append((place, place.value))
      place.instance.fields[place.field] = new
    }
    return try callBack(function)
  }

  /// The parameter of argument 0 that a key of argument 1 names.
  fileprivate func place(of key: Slot, in places: [ModelPlace]) throws -> ModelPlace {
    if let place = try places.first(where: { try Equality.areEqual($0.path, key, in: vm) }) {
      return place
    }
    throw argumentError(
      1, "the model has no parameter \(ValueText.described(key))",
      help: key.asString.flatMap { Suggestion.help(for: $0.value, among: places.map(\.name)) })
  }

  /// Marks an instance and all below it.
  fileprivate func setFrozen(_ isFrozen: Bool) throws {
    let root = try instance(0)
    root.isFrozen = isFrozen
    for place in ModelWalk.places(of: root, heap: heap) { place.instance.isFrozen = isFrozen }
  }
}
