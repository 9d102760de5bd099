// The members of lists and tuples.

extension Builtins {
  /// Members of lists; each takes the list first.
  static let listMembers: [NativeFunction] =
    [
      NativeFunction(
        "push", "list, value", documentation: "Appends a value.",
        example: "let xs = [1]; xs.push(2)  # xs is [1, 2]"
      ) { call in
        try call.list(0).append(owned: retained(call[1]))
        return .nil
      },
      NativeFunction(
        "pop", "list, index = -1",
        documentation: "Takes out the last value, or the one at an index, and returns it.",
        example: "[1, 2].pop()  # 2"
      ) { call in
        let list = try call.list(0)
        guard list.size > 0 else { throw ScriptError(.index, "pop: the list is empty") }
        return list.remove(at: call.has(1) ? try call.place(1, in: list.size) : list.size - 1)
      },
      NativeFunction(
        "insert", "list, index, value",
        documentation: "Puts a value before the one at an index; at the length, after the last.",
        example: "let xs = [1, 3]; xs.insert(1, 2)  # xs is [1, 2, 3]"
      ) { call in
        let list = try call.list(0)
        let index = try call.int(1)
        let place = index == list.size ? index : try call.place(1, in: list.size)
        list.insert(owned: retained(call[2]), at: place)
        return .nil
      },
      NativeFunction(
        "remove", "list, index", documentation: "Takes out the value at an index and returns it.",
        example: "[5, 6, 7].remove(0)  # 5"
      ) { call in
        let list = try call.list(0)
        return list.remove(at: try call.place(1, in: list.size))
      },
      NativeFunction(
        "sort", "list, key = nil, reverse = false",
        documentation:
          "Sorts the list in place, by `key(value)` if a key is given. Equal values keep their order.",
        example: "let xs = [3, 1]; xs.sort()  # xs is [1, 3]"
      ) { call in
        let list = try call.list(0)
        let sorted = try call.sortedElements(list.elements, key: 1, reverse: 2)
        guard sorted.count == list.size else {
          for element in sorted { release(element) }
          throw ScriptError(.error, "sort: the list was changed by 'key' while it was sorted")
        }
        for (index, element) in sorted.enumerated() { list.replace(at: index, owned: element) }
        return .nil
      },
      NativeFunction(
        "reverse", "list", documentation: "Reverses the list in place.",
        example: "let xs = [1, 2]; xs.reverse()  # xs is [2, 1]"
      ) { call in
        var elements = try call.list(0).elements
        elements.reverse()
        return .nil
      },
    ] + tupleMembers

  /// Members of tuples, which lists have too.
  static let tupleMembers: [NativeFunction] = [
    NativeFunction(
      "index", "values, value",
      documentation: "The index of the first value that is equal, nil if there is none.",
      example: "[5, 6].index(6)  # 1"
    ) { call in
      guard let elements = call[0].elements else {
        throw call.typeError(0, expected: "a list or tuple")
      }
      let (value, vm) = (call[1], call.vm)
      let found = try elements.firstIndex { try Equality.areEqual($0, value, in: vm) }
      return found.map { Slot($0) } ?? .nil
    },
    NativeFunction(
      "contains", "values, value", documentation: "Whether one of the values is equal.",
      example: "[5, 6].contains(6)  # true"
    ) { call in
      guard let elements = call[0].elements else {
        throw call.typeError(0, expected: "a list or tuple")
      }
      let (value, vm) = (call[1], call.vm)
      return Slot(try elements.contains { try Equality.areEqual($0, value, in: vm) })
    },
    NativeFunction(
      "join", "values, separator = \"\"",
      documentation: "The texts of the values with a separator between them.",
      example: #"["a", "b"].join(", ")  # "a, b""#
    ) { call in
      try call.joined(list: 0, separator: call.optional(1, call.text) ?? "")
    },
    Builtins.map, Builtins.filter,
  ]

  /// Members of ranges.
  static let rangeMembers: [NativeFunction] = [
    NativeFunction(
      "contains", "range, value", documentation: "Whether the range has this number.",
      example: "(0..10).contains(3)  # true"
    ) { call in
      guard let range = call[0].asRange else { throw call.typeError(0, expected: "a range") }
      guard let number = call.vm.plainNumber(call[1]), let value = Int(exactly: number) else {
        return Slot(false)
      }
      return Slot(range.contains(value))
    },
    Builtins.map, Builtins.filter,
  ]
}

extension RangeObject {
  /// Whether a whole number is one of the range's.
  func contains(_ value: Int) -> Bool {
    let count = length
    guard count > 0 else { return false }
    let last = self.value(at: count - 1)
    let (low, high) = step > 0 ? (start, last) : (last, start)
    return value >= low && value <= high && (value - start) % step == 0
  }
}

extension NativeCall {
  /// An index argument, negative ones counted from the end, within `size`.
  func place(_ index: Int, in size: Int) throws -> Int {
    let wanted = try int(index)
    let place = wanted < 0 ? wanted + size : wanted
    guard place >= 0, place < size else {
      throw ScriptError(
        .index, "\(function.name): index \(wanted) is out of range for length \(size)",
        help: size == 0 ? nil : "valid indices are \(-size) to \(size - 1)")
    }
    return place
  }
}
