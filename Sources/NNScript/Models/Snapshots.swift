// `snapshot` and `restore`: what a model has learned, kept aside and put back.

extension Builtins {
  /// Keeps and puts back parameters and states.
  static let snapshots: [NativeFunction] = [
    NativeFunction(
      "snapshot", "net",
      documentation:
        "A dict from path to value of a model's parameters and states as they are now; later training does not change it.",
      example: "let best = snapshot(net)"
    ) { call in
      let net = try call.instance(0)
      return try DictObject.build(heap: call.heap) { dict in
        for place in learned(by: net, heap: call.heap) {
          dict.set(place.path, owned: try DeepCopy.copy(place.value, in: call.vm))
        }
      }
    },
    NativeFunction(
      "restore", "net, values",
      documentation: "Gives a model the parameters and states of a `snapshot`.",
      example: "restore(net, best)"
    ) { call in
      let places = learned(by: try call.instance(0), heap: call.heap)
      let values = try call.dict(1)
      if let missing = places.first(where: { values[$0.path] == nil }) {
        throw call.argumentError(
          1, "the snapshot has no \(missing.kind == .state ? "state" : "param") '\(missing.name)'",
          help: "it belongs to another model")
      }
      for place in places {
        guard let value = values[place.path] else { continue }
        let new =
          place.kind == .state
          ? try DeepCopy.copy(value, in: call.vm)
          : try call.vm.parameterValue(value, place.name, replacing: place.value)
        assign(new, to: place.instance.fields + place.field)
      }
      return .nil
    },
  ]

  /// The parameters and states of a model, without parameters that it was made without.
  private static func learned(by net: InstanceObject, heap: Heap) -> [ModelPlace] {
    ModelWalk.places(of: net, heap: heap).filter { $0.kind == .state || !$0.value.isNil }
  }
}
