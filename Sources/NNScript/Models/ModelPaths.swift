// The paths of a model's fields, made once for each place a model has in others.

/// Interned paths of all fields of an instance that stands under a certain path.
final class ModelPaths {
  /// The path above; held so that its address stays its own.
  fileprivate let prefix: Slot
  private var paths: [Slot]

  /// Joins the prefix, undefined at the top, and each of the names.
  init(prefix: Slot, names: [String], heap: Heap) {
    self.prefix = retained(prefix)
    let start = prefix.asString.map { $0.value + "." } ?? ""
    paths = names.map { heap.intern(start + $0) }
  }

  deinit {
    for path in paths { release(path) }
    release(prefix)
  }

  /// The path of a field, borrowed.
  subscript(field: Int) -> Slot { paths[field] }
}

extension InstanceObject {
  /// The paths of its fields where it stands under `prefix`; remembered, as an instance mostly stays where it is.
  func paths(under prefix: Slot, heap: Heap) -> ModelPaths {
    if let lastPaths, lastPaths.prefix.bits == prefix.bits { return lastPaths }
    let paths = model.layout.paths(under: prefix, heap: heap)
    lastPaths = paths
    return paths
  }
}

extension ModelLayout {
  /// The paths of the fields of an instance that stands under `prefix`, which is undefined at the top.
  func paths(under prefix: Slot, heap: Heap) -> ModelPaths {
    if let known = pathTables[prefix.bits] { return known }
    let made = ModelPaths(prefix: prefix, names: fields.map(\.name), heap: heap)
    pathTables[prefix.bits] = made
    return made
  }
}
