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
  private var seen = SeenObjects()
  /// Nested containers, with the least depth they were found at: what they hold is found there once.
  private var containersSeen: [UInt64: Int] = [:]
  private let heap: Heap
  private let parametersOnly: Bool

  /// Room for the places of a small network without growing.
  private static let usualPlaces = 16
  private static let deepestContainer = 16
  /// Models nested deeper are not found; no stack is at risk.
  private static let deepestModel = 1000

  /// All parameters and states below an instance.
  static func places(of instance: InstanceObject, heap: Heap) -> [ModelPlace] {
    var walk = ModelWalk(heap: heap, parametersOnly: false)
    walk.visit(instance, prefix: .undefined, depth: 0)
    return walk.places
  }

  /// The parameters below an instance.
  static func parameters(of instance: InstanceObject, heap: Heap) -> [ModelPlace] {
    var walk = ModelWalk(heap: heap, parametersOnly: true)
    walk.visit(instance, prefix: .undefined, depth: 0)
    return walk.places
  }

  private init(heap: Heap, parametersOnly: Bool) {
    self.heap = heap
    self.parametersOnly = parametersOnly
    places.reserveCapacity(Self.usualPlaces)
  }

  private mutating func visit(_ instance: InstanceObject, prefix: Slot, depth: Int) {
    guard depth < Self.deepestModel, seen.insert(instance) else { return }
    let paths = instance.paths(under: prefix, heap: heap)
    for field in instance.model.layout.walked {
      let value = instance.fields[field.index]
      switch field.kind {
      case .parameter where parametersOnly && value.isNil: break
      case .state where parametersOnly: break
      case .parameter, .state:
        places.append(
          ModelPlace(
            instance: instance, field: field.index, kind: field.kind, path: paths[field.index]))
      case .argument, .constant, .variable:
        if value.isObject {
          visit(value: value, path: paths[field.index], depth: depth, containers: 0)
        }
      }
    }
  }

  private mutating func visit(value: Slot, path: Slot, depth: Int, containers: Int) {
    guard value.isObject, containers < Self.deepestContainer else { return }
    if let instance = value.asInstance {
      visit(instance, prefix: path, depth: depth + 1)
      return
    }
    if containers > 1 {
      if let least = containersSeen[value.bits], least <= containers { return }
      containersSeen[value.bits] = containers
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

/// A set of objects that is small most of the time: a list that is searched, a hash table beyond.
private struct SeenObjects {
  private var few = InlineArray<16, UInt64>(repeating: 0)
  private var fewCount = 0
  private var many: Set<UInt64> = []

  /// False if the object is in it already.
  mutating func insert(_ object: HeapObject) -> Bool {
    let bits = Slot(object).bits
    for index in 0..<fewCount where few[index] == bits { return false }
    guard fewCount < few.count else { return many.insert(bits).inserted }
    few[fewCount] = bits
    fewCount += 1
    return true
  }
}
