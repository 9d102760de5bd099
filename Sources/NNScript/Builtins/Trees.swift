// Functions over nested values: `tree_map`.

extension Builtins {
  /// Functions over trees of lists, tuples and dicts.
  static let trees: [NativeFunction] = [
    NativeFunction(
      "tree_map", "f, tree, others...",
      documentation:
        "The structure of `tree` with each leaf replaced by `f(leaf, others' leaves...)`. Lists, tuples and dicts are structure, everything else is a leaf; a leaf that is nil stays nil.",
      example: "tree_map(x => 2 * x, {a: 1, b: [2, 3]})  # {a: 2, b: [4, 6]}"
    ) { call in
      let mapping = TreeMapping(
        vm: call.vm, function: try call.callable(0), meter: WalkMeter(call.vm, "tree_map"))
      return try mapping.map([call[1]] + Array(call.rest(2)), path: [])
    }
  ]
}

/// One run of `tree_map`.
private struct TreeMapping {
  let vm: VM
  let function: Slot
  let meter: WalkMeter

  /// Nested deeper than this is an error: far beyond any data, far below what the stack takes.
  private static let deepest = 500

  /// Maps values of the same structure; the caller owns the result.
  func map(_ trees: [Slot], path: [String]) throws -> Slot {
    guard path.count < Self.deepest else {
      throw ScriptError(.recursion, "tree_map: nested more than \(Self.deepest) deep")
    }
    let first = trees[0]
    try meter.visit(first)
    switch first.tag {
    case Tag.list:
      return Slot(ListObject(heap: vm.heap, owned: try mapElements(trees, path)))
    case Tag.tuple:
      return Slot(TupleObject(heap: vm.heap, owned: try mapElements(trees, path)))
    case Tag.dict: return try mapEntries(trees, path)
    case Tag.none: return .nil
    default: return try vm.call(function, trees)
    }
  }

  private func mapElements(_ trees: [Slot], _ path: [String]) throws -> [Slot] {
    let count = trees[0].elements?.count ?? 0
    for (index, other) in trees.enumerated().dropFirst() {
      guard other.tag == trees[0].tag, let size = other.elements?.count else {
        throw mismatch(path, index, "\(trees[0].describedType)", "\(other.describedType)")
      }
      guard size == count else { throw mismatch(path, index, "\(count) elements", "\(size)") }
    }
    var result: [Slot] = []
    do {
      for index in 0..<count {
        let parts = trees.map { $0.elements?[index] ?? .nil }
        result.append(try map(parts, path: path + [String(index)]))
      }
      return result
    } catch {
      for slot in result { release(slot) }
      throw error
    }
  }

  private func mapEntries(_ trees: [Slot], _ path: [String]) throws -> Slot {
    let first = trees[0].object(DictObject.self)
    for (index, other) in trees.enumerated().dropFirst() {
      guard let dict = other.asDict else {
        throw mismatch(path, index, "a dict", "\(other.describedType)")
      }
      guard dict.size == first.size else {
        throw mismatch(path, index, "\(first.size) keys", "\(dict.size)")
      }
    }
    return try DictObject.build(heap: vm.heap, capacity: first.size) { result in
      try first.visitEntries { key, value in
        var parts = [value]
        for (index, other) in trees.enumerated().dropFirst() {
          guard let part = other.object(DictObject.self)[key] else {
            throw mismatch(path, index, "the key \(ValueText.described(key))", "no such key")
          }
          parts.append(part)
        }
        result.set(key, owned: try map(parts, path: path + [ValueText.key(key)]))
      }
    }
  }

  private func mismatch(_ path: [String], _ index: Int, _ expected: String, _ found: String)
    -> ScriptError
  {
    let place = path.isEmpty ? "" : " at \(path.joined(separator: "."))"
    return ScriptError(
      .argument,
      "tree_map: tree \(index + 1) differs from the first\(place): expected \(expected), found \(found)"
    )
  }
}
