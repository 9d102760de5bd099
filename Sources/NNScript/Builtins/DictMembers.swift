// The members of dicts.

extension Builtins {
  /// Members of dicts; each takes the dict first.
  static let dictMembers: [NativeFunction] = [
    NativeFunction(
      "keys", "dict", documentation: "A list of the keys, in the order of insertion.",
      example: "{a: 1, b: 2}.keys()  # [\"a\", \"b\"]"
    ) { call in
      let dict = try call.dict(0)
      let list = ListObject(heap: call.heap, capacity: dict.size)
      dict.visitEntries { key, _ in list.append(owned: retained(key)) }
      return Slot(list)
    },
    NativeFunction(
      "values", "dict", documentation: "A list of the values, in the order of insertion.",
      example: "{a: 1, b: 2}.values()  # [1, 2]"
    ) { call in
      let dict = try call.dict(0)
      let list = ListObject(heap: call.heap, capacity: dict.size)
      dict.visitEntries { _, value in list.append(owned: retained(value)) }
      return Slot(list)
    },
    NativeFunction(
      "items", "dict", documentation: "A list of (key, value) tuples, in the order of insertion.",
      example: "{a: 1}.items()  # [(\"a\", 1)]"
    ) { call in
      let dict = try call.dict(0)
      let list = ListObject(heap: call.heap, capacity: dict.size)
      dict.visitEntries { key, value in
        let pair = TupleObject(heap: call.heap, owned: [retained(key), retained(value)])
        list.append(owned: Slot(pair))
      }
      return Slot(list)
    },
    NativeFunction(
      "get", "dict, key, default = nil",
      documentation: "The value of a key, or the default where the key is missing.",
      example: "{a: 1}.get(\"b\", 0)  # 0"
    ) { call in
      if let value = try call.dict(0)[try call.dictKey(1)] { return retained(value) }
      return call.has(2) ? retained(call[2]) : .nil
    },
    NativeFunction(
      "remove", "dict, key", documentation: "Takes out a key and returns its value.",
      example: "let d = {a: 1}; d.remove(\"a\")  # 1, d is {}"
    ) { call in
      let dict = try call.dict(0)
      let key = try call.dictKey(1)
      if let value = dict.remove(key) { return value }
      throw dict.missingKey(key)
    },
    NativeFunction(
      "contains", "dict, key", documentation: "Whether the dict has this key.",
      example: "{a: 1}.contains(\"a\")  # true"
    ) { call in Slot(try call.dict(0).find(try call.dictKey(1)) != nil) },
  ]
}

extension NativeCall {
  /// A key argument; an integer tensor of rank 0 counts as its number.
  fileprivate func dictKey(_ index: Int) throws -> Slot {
    if self[index].isTensor, let number = vm.plainNumber(self[index]) {
      let slot = Slot(number)
      if slot.isKey { return slot }
    }
    return try key(index)
  }
}

extension DictObject {
  /// The error for a key that is not there, with the nearest one that is.
  func missingKey(_ key: Slot) -> ScriptError {
    var names: [String] = []
    visitEntries { key, _ in
      if names.count < 1000, let name = key.asString { names.append(name.value) }
    }
    let shown = ValueText.described(key)
    let help = key.asString.flatMap { Suggestion.help(for: $0.value, among: names) }
    return ScriptError(.key, "there is no key \(shown)", help: help)
  }
}
