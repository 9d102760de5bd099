// The builtins about a network's parameters: params, with_params, freeze, unfreeze.
import NNTensor

/// Builtins that look at or change the parameters of models.
enum NetworkFunctions {
  static let functions: [NativeFunction] = [params, withParams, freeze, unfreeze]

  private static let params = NativeFunction(
    "params", "net",
    documentation: """
      The parameters of a model as a dict from path (`"l1.weight"`) to tensor, in declaration order. Of a list, tuple or dict: the tensors and the
      parameters of the models in it.
      """,
    example: "params(net).keys()"
  ) { call in
    try DictObject.build(heap: call.heap) { dict in
      try collect(call[0], path: "", into: dict, call: call)
    }
  }

  private static func collect(
    _ value: Slot, path: String, into dict: DictObject, call: NativeCall
  ) throws {
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "params: the network is nested too deeply")
    }
    switch value.tag {
    case Tag.instance:
      for place in try ParameterWalk.parameters(of: value.object(InstanceObject.self)).places {
        if path.isEmpty {
          dict.set(place.path, owned: retained(place.value))
        } else {
          dict.set(
            path + "." + place.path.object(StringObject.self).value, owned: retained(place.value))
        }
      }
    case Tag.tensor, Tag.trackedTensor:
      if path.isEmpty { throw call.typeError(0, expected: "a model, or a list or dict of tensors") }
      dict.set(path, owned: retained(value))
    case Tag.list, Tag.tuple:
      for (index, element) in Array(value.elements ?? .init(start: nil, count: 0)).enumerated() {
        try collect(element, path: joined(path, String(index)), into: dict, call: call)
      }
    case Tag.dict:
      try value.object(DictObject.self).forEach { key, element in
        let name = key.asString?.value ?? String(Int(key.number))
        try collect(element, path: joined(path, name), into: dict, call: call)
      }
    default:
      if path.isEmpty { throw call.typeError(0, expected: "a model, or a list or dict of tensors") }
    }
  }

  private static func joined(_ path: String, _ name: String) -> String {
    path.isEmpty ? name : path + "." + name
  }

  private static let withParams = NativeFunction(
    "with_params", "net, p, f",
    documentation: """
      The value of `f()`, called while `net` has the parameters in the dict `p` (from path to tensor; paths left out keep theirs).
      The network's own parameters come back on every way out.
      """,
    example: "with_params(net, p, fn() { net(x) })"
  ) { call in
    guard let root = call[0].asInstance else { throw call.typeError(0, expected: "a model") }
    let replacements = try call.dict(1)
    let function = try call.callable(2)
    let places = try ParameterWalk.parameters(of: root)
    var swapped: [(place: FieldPlaces.Place, old: Slot)] = []
    defer {
      for (place, old) in swapped.reversed() { assign(old, to: place.instance.fields + place.field) }
    }
    try replacements.forEach { key, value in
      let place = try self.place(key, places, call)
      try check(value, for: place, call)
      swapped.append((place, place.value))
      place.instance.fields[place.field] = retained(value)
    }
    return try call.callBack(function)
  }

  private static func place(
    _ key: Slot, _ places: FieldPlaces, _ call: NativeCall
  ) throws -> FieldPlaces.Place {
    if let found = places.find(key) { return found }
    let name = key.asString?.value ?? NumberText.shortest(key.number)
    let paths = places.places.map { $0.path.object(StringObject.self).value }
    throw ScriptError(
      .key, "with_params: the network has no parameter '\(name)'",
      help: Suggestion.help(for: name, among: paths), notes: [.init(operand: 1, text: "\"\(name)\"")])
  }

  private static func check(
    _ value: Slot, for place: FieldPlaces.Place, _ call: NativeCall
  ) throws {
    let path = place.path.object(StringObject.self).value
    guard let new = value.asTensor else {
      throw ScriptError(.type, "with_params: '\(path)' must be a tensor, not \(value.describedType)")
    }
    guard let old = place.value.asTensor, old.shape != new.shape || old.dtype != new.dtype else { return }
    throw ScriptError(
      .shape,
      "with_params: '\(path)' is \(old.dtype.name)\(old.shape), the replacement \(new.dtype.name)\(new.shape)"
    )
  }

  private static let freeze = NativeFunction(
    "freeze", "net",
    documentation:
      "Keeps the parameters of a model from being trained: their gradients are zero and optimizers skip them.",
    example: "freeze(net.l1)"
  ) { call in try setFrozen(call, true) }

  private static let unfreeze = NativeFunction(
    "unfreeze", "net", documentation: "Takes back `freeze`.", example: "unfreeze(net.l1)"
  ) { call in try setFrozen(call, false) }

  private static func setFrozen(_ call: NativeCall, _ isFrozen: Bool) throws -> Slot {
    guard let root = call[0].asInstance else { throw call.typeError(0, expected: "a model") }
    root.isFrozen = isFrozen
    for place in try ParameterWalk.parameters(of: root).places { place.instance.isFrozen = isFrozen }
    return .nil
  }
}
