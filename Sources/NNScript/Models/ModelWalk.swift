// Finds the parameters and states of a model and of the models inside it, with their paths.

/// One parameter or state of a model: the instance that has it and the field.
struct ModelPlace {
  unowned(unsafe) let instance: InstanceObject
  let field: Int
  let kind: FieldKind
  /// The path from the outermost model, such as `blocks.0.weight`, borrowed from the layout's table.
  let path: Slot

  /// Whether optimizers leave it alone.
  var isFrozen: Bool { instance.isFrozen }
  var value: Slot { instance.fields[field] }
  var name: String { path.object(StringObject.self).value }
}

/// A walk over a model in the order of declaration, depth first.
///
/// Models are found in fields and in lists, tuples and dicts in fields, to any depth of models and up to `deepestContainer` of containers.
/// A model that is reached twice counts once, under its first path. Constructor arguments whose names start with `_` are not part of a model.
struct ModelWalk {
  private(set) var places: [ModelPlace] = []
  private var seen: Set<UInt64> = []
  private let heap: Heap

  private static let deepestContainer = 16
  /// Models nested deeper are not found; no stack is at risk.
  private static let deepestModel = 1000

  /// All parameters and states below an instance.
  static func places(of instance: InstanceObject, heap: Heap) -> [ModelPlace] {
    var walk = ModelWalk(heap: heap)
    walk.visit(instance, prefix: .undefined, depth: 0)
    return walk.places
  }

  /// The parameters below an instance.
  static func parameters(of instance: InstanceObject, heap: Heap) -> [ModelPlace] {
    places(of: instance, heap: heap).filter { $0.kind == .parameter && !$0.value.isNil }
  }

  private init(heap: Heap) { self.heap = heap }

  private mutating func visit(_ instance: InstanceObject, prefix: Slot, depth: Int) {
    guard depth < Self.deepestModel, seen.insert(Slot(instance).bits).inserted else { return }
    let layout = instance.model.layout
    let paths = layout.paths(under: prefix, heap: heap)
    for (index, field) in layout.fields.enumerated() {
      let value = instance.fields[index]
      switch field.kind {
      case .parameter, .state:
        places.append(
          ModelPlace(instance: instance, field: index, kind: field.kind, path: paths[index]))
      case .argument where !field.isPublic: break
      case .argument, .constant, .variable:
        visit(value: value, path: paths[index], depth: depth, containers: 0)
      }
    }
  }

  private mutating func visit(value: Slot, path: Slot, depth: Int, containers: Int) {
    guard value.isObject, containers < Self.deepestContainer else { return }
    if let instance = value.asInstance {
      visit(instance, prefix: path, depth: depth + 1)
      return
    }
    if let elements = value.elements {
      for (index, element) in elements.enumerated() where element.isObject {
        visit(element, key: String(index), path, depth, containers)
      }
    } else if let dict = value.asDict {
      dict.visitEntries { key, element in
        if element.isObject {
          visit(
            element, key: key.asString?.value ?? ValueText.key(key), path, depth, containers)
        }
      }
    }
  }

  private mutating func visit(
    _ element: Slot, key: String, _ path: Slot, _ depth: Int, _ containers: Int
  ) {
    switch element.tag {
    case Tag.instance, Tag.list, Tag.tuple, Tag.dict: break
    default: return
    }
    let inner = heap.intern(path.object(StringObject.self).value + "." + key)
    defer { release(inner) }
    visit(value: element, path: inner, depth: depth, containers: containers + 1)
  }
}
