// Functions over whatever can be iterated: map, filter, reduce, zip, enumerate, sorted and conversions.

extension Builtins {
  static let map = NativeFunction(
    "map", "values, f",
    documentation: "A list of `f(value)` for each value; lazy over a sequence such as `batches`.",
    example: "map([1, 2, 3], x => x * x)  # [1, 4, 9]"
  ) { call in
    let f = try call.callable(1)
    if isSequence(call[0]) { return lazyMap(call[0], f, heap: call.heap) }
    return try call.list(from: 0) { list, element in
      list.append(owned: try call.vm.call(f, [element]))
    }
  }

  static let filter = NativeFunction(
    "filter", "values, f", documentation: "A list of the values for which `f(value)` is true.",
    example: "filter([1, 2, 3], x => x > 1)  # [2, 3]"
  ) { call in
    let f = try call.callable(1)
    return try call.list(from: 0) { list, element in
      let keep = try call.vm.call(f, [element])
      defer { release(keep) }
      if try call.vm.condition(keep) { list.append(owned: retained(element)) }
    }
  }

  /// Functions over collections.
  static let collections: [NativeFunction] = [
    map, filter,
    NativeFunction(
      "reduce", "values, f, initial = nil",
      documentation:
        "Combines the values from the left with `f(total, value)`, beginning with `initial` or the first value.",
      example: "reduce([1, 2, 3], (a, b) => a * b)  # 6"
    ) { call in
      let f = try call.callable(1)
      var total = call.has(2) ? retained(call[2]) : Slot.undefined
      do {
        try call.forEachElement(of: 0) { element in
          if total.isUndefined {
            total = retained(element)
            return
          }
          let next = try call.vm.call(f, [total, element])
          release(total)
          total = next
        }
      } catch {
        release(total)
        throw error
      }
      guard !total.isUndefined else {
        throw call.argumentError(0, "there are no values and no 'initial'")
      }
      return total
    },
    NativeFunction(
      "enumerate", "values, start = 0",
      documentation: "A list of (index, value) tuples; lazy over a sequence such as `batches`.",
      example: #"enumerate(["a", "b"])  # [(0, "a"), (1, "b")]"#
    ) { call in
      let start = try call.optional(1, call.int) ?? 0
      if isSequence(call[0]) { return lazyEnumerate(call[0], from: start, heap: call.heap) }
      var index = start
      return try call.list(from: 0) { list, element in
        list.append(owned: call.tuple(Slot(index), retained(element)))
        index += 1
      }
    },
    NativeFunction(
      "zip", "collections...",
      documentation:
        "A list of tuples of the first values, the second values and so on, as long as the shortest collection.",
      example: #"zip([1, 2], ["a", "b"])  # [(1, "a"), (2, "b")]"#
    ) { call in try call.zip() },
    NativeFunction(
      "sorted", "values, key = nil, reverse = false",
      documentation:
        "A sorted list of the values, by `key(value)` if a key is given. Equal values keep their order.",
      example: "sorted([3, 1, 2], reverse: true)  # [3, 2, 1]"
    ) { call in
      let elements = try call.ownedElements(of: 0)
      defer { for element in elements { release(element) } }
      let sorted = try call.sortedElements(elements, key: 1, reverse: 2)
      return Slot(ListObject(heap: call.heap, owned: sorted))
    },
    NativeFunction(
      "reversed", "values", documentation: "A list of the values from the last to the first.",
      example: "reversed([1, 2, 3])  # [3, 2, 1]"
    ) { call in
      let elements = try call.ownedElements(of: 0)
      return Slot(ListObject(heap: call.heap, owned: elements.reversed()))
    },
    NativeFunction(
      "range", "a, b = nil, step = 1",
      documentation:
        "The whole numbers from `a` (or 0, if it is the only argument) up to but not `b`.",
      example: "list(range(0, 10, 5))  # [0, 5]"
    ) { call in
      let first = try call.int(0)
      let step = try call.optional(2, call.int) ?? 1
      guard step != 0 else { throw call.argumentError(2, "the step must not be 0") }
      let end = try call.optional(1, call.int)
      let limit = 1 << 53
      for bound in [first, end ?? 0, step] where bound.magnitude > limit {
        throw ScriptError(.argument, "range: bounds and step must be within 2^53")
      }
      let range = RangeObject(
        heap: call.heap, start: end == nil ? 0 : first, end: end ?? first, step: step)
      return Slot(range)
    },
    NativeFunction(
      "tuple", "values", documentation: "A tuple of the values.",
      example: "tuple([1, 2])  # (1, 2)"
    ) { call in
      if call[0].meta == Tag.tuple { return retained(call[0]) }
      return Slot(TupleObject(heap: call.heap, owned: try call.ownedElements(of: 0)))
    },
    NativeFunction(
      "dict", "pairs = {}", documentation: "A dict of (key, value) pairs, or a copy of a dict.",
      example: "dict([(\"a\", 1)])  # {a: 1}"
    ) { call in try call.dict() },
    NativeFunction(
      "len", "x",
      documentation:
        "How many elements, characters or entries there are; the size of a tensor's first axis.",
      example: "len([1, 2, 3])  # 3"
    ) { call in Slot(try call.length(0)) },
  ]
}

extension NativeCall {
  /// A new tuple of two owned slots.
  func tuple(_ first: Slot, _ second: Slot) -> Slot {
    Slot(TupleObject(heap: heap, owned: CollectionOfOne(first) + [second]))
  }

  /// A new list filled by `body` once for each element of an argument, which `body` borrows.
  func list(from index: Int, _ body: (ListObject, Slot) throws -> Void) throws -> Slot {
    try ListObject.build(heap: heap) { list in
      try forEachElement(of: index) { try body(list, $0) }
    }
  }

  /// Zips the collections of a rest parameter; one sequence among them makes the result lazy.
  fileprivate func zip() throws -> Slot {
    let collections = Array(rest(0))
    guard collections.contains(where: Builtins.isSequence) else {
      return try zipToList(collections)
    }
    for collection in collections where try Builtins.indexableLength(collection, vm: vm) == nil {
      throw ScriptError(
        .type, "zip: \(collection.describedType) cannot go together with a sequence",
        help: "make a list of it with list(...)")
    }
    return Builtins.lazyZip(collections, heap: heap)
  }

  private func zipToList(_ collections: [Slot]) throws -> Slot {
    var sources = try collections.map { collection in
      if let elements = try Elements(collection, vm: vm) { return elements }
      throw ScriptError(.type, "zip: \(collection.describedType) cannot be iterated")
    }
    return try ListObject.build(heap: heap) { list in
      while !sources.isEmpty {
        var parts: [Slot] = []
        var isComplete = true
        do {
          for index in sources.indices where isComplete {
            if let part = try sources[index].next() {
              parts.append(part)
            } else {
              isComplete = false
            }
          }
        } catch {
          for part in parts { release(part) }
          throw error
        }
        guard isComplete else {
          for part in parts { release(part) }
          return
        }
        list.append(owned: Slot(TupleObject(heap: heap, owned: parts)))
      }
    }
  }

  /// Sorts borrowed elements by the arguments `key` and `reverse`; the caller owns the result.
  func sortedElements(
    _ elements: some Collection<Slot>, key: Int, reverse: Int
  ) throws -> [Slot] {
    var items = elements.map { (key: retained($0), value: retained($0)) }
    defer { for item in items { release(item.key) } }
    do {
      if let function = try optional(key, callable) {
        for index in items.indices {
          let result = try vm.call(function, [items[index].value])
          release(items[index].key)
          items[index].key = result
        }
      }
      let sign = try optional(reverse, bool) == true ? -1 : 1
      try items.sort { try Ordering.compare($0.key, $1.key, in: vm) * sign < 0 }
    } catch {
      for item in items { release(item.value) }
      throw error
    }
    return items.map(\.value)
  }

  /// A dict of pairs or a copy of one.
  fileprivate func dict() throws -> Slot {
    guard has(0) else { return Slot(DictObject(heap: heap)) }
    if let original = self[0].asDict {
      let copy = DictObject(heap: heap, capacity: original.size)
      original.visitEntries { copy.set($0, owned: retained($1)) }
      return Slot(copy)
    }
    return try DictObject.build(heap: heap) { dict in
      try forEachElement(of: 0) { pair in
        guard let parts = pair.elements, parts.count == 2, parts[0].isKey else {
          throw argumentError(
            0, "expected (key, value) pairs, found \(ValueText.described(pair))",
            help: "keys are strings or whole numbers, as in dict([(\"a\", 1)])")
        }
        dict.set(parts[0], owned: retained(parts[1]))
      }
    }
  }

  /// What `len` gives.
  func length(_ index: Int) throws -> Int {
    let slot = self[index]
    switch slot.tag {
    case Tag.string: return slot.object(StringObject.self).length
    case Tag.dict: return slot.object(DictObject.self).size
    case Tag.tensor, Tag.trackedTensor:
      let shape = vm.shape(of: slot)
      guard shape.rank > 0 else {
        throw argumentError(index, "a tensor of rank 0 has no length")
      }
      return shape[0]
    default: break
    }
    if let length = try Builtins.indexableLength(slot, vm: vm) { return length }
    if let instance = slot.asInstance, let len = instance.model.method("len") {
      let result = try vm.call(len, [slot])
      defer { release(result) }
      if let number = vm.plainNumber(result), let length = Int(exactly: number) { return length }
    }
    throw typeError(index, expected: "something with a length", help: nil)
  }
}
