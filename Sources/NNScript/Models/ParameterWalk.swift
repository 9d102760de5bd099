// The parameters and states of a network: which fields of which instances they are, and the paths that name them.

/// The fields of one kind below an instance, in declaration order, depth first; each with its path such as `blocks.0.attn.weight`.
///
/// An instance keeps the list of its last walk. A later walk only compares, and makes new paths where the network has changed.
final class FieldPlaces {
  /// One field of one instance.
  struct Place {
    /// The interned path; the list owns one count.
    let path: Slot
    unowned(unsafe) let instance: InstanceObject
    let field: Int

    /// The value in the field, borrowed.
    var value: Slot { instance.fields[field] }
    /// Whether optimizers leave it alone.
    var isFrozen: Bool { instance.isFrozen }
  }

  fileprivate(set) var places: [Place] = []

  deinit { for place in places { release(place.path) } }

  /// The place with a path.
  func find(_ path: Slot) -> Place? {
    places.first { $0.path.bits == path.bits }
      ?? path.asString.flatMap { text in
        places.first { $0.path.object(StringObject.self).isEqual(to: text) }
      }
  }
}

/// A walk over everything that belongs to a network: nested instances in fields, lists, tuples and dicts.
struct ParameterWalk {
  private enum Component {
    case name(Slot)
    case index(Int)
  }

  private let heap: Heap
  private let kind: FieldKind
  private let known: FieldPlaces
  private var fresh: [FieldPlaces.Place] = []
  /// How many of the known places the walk has met again.
  private var matched = 0
  private var isChanged = false
  private var components: [Component] = []
  private var visited: [UInt64] = []

  private init(heap: Heap, kind: FieldKind, known: FieldPlaces) {
    self.heap = heap
    self.kind = kind
    self.known = known
  }

  /// The trained fields below an instance.
  static func parameters(of root: InstanceObject) throws -> FieldPlaces {
    let list = try places(of: root, kind: .parameter, known: root.parameterPlaces)
    root.parameterPlaces = list
    return list
  }

  /// The fields below an instance that are kept but not trained.
  static func states(of root: InstanceObject) throws -> FieldPlaces {
    try places(of: root, kind: .state, known: nil)
  }

  private static func places(
    of root: InstanceObject, kind: FieldKind, known: FieldPlaces?
  ) throws -> FieldPlaces {
    let list = known ?? FieldPlaces()
    var walk = ParameterWalk(heap: root.heap, kind: kind, known: list)
    do {
      try walk.visit(Slot(root))
    } catch {
      for place in walk.fresh { release(place.path) }
      throw error
    }
    if !walk.isChanged, walk.matched == list.places.count { return list }
    walk.forkIfNeeded()
    let changed = FieldPlaces()
    changed.places = walk.fresh
    return changed
  }

  private mutating func visit(_ value: Slot) throws {
    switch value.tag {
    case Tag.instance: try visitInstance(value.object(InstanceObject.self))
    case Tag.list, Tag.tuple:
      guard let elements = value.elements, try enter(value) else { return }
      for index in elements.indices where elements[index].isContainer {
        components.append(.index(index))
        try visit(elements[index])
        components.removeLast()
      }
    case Tag.dict:
      guard try enter(value) else { return }
      try value.object(DictObject.self).forEach { key, element in
        guard element.isContainer else { return }
        components.append(key.isNumber ? .index(Int(key.number)) : .name(key))
        try visit(element)
        components.removeLast()
      }
    default: break
    }
  }

  private mutating func visitInstance(_ instance: InstanceObject) throws {
    guard try enter(Slot(instance)) else { return }
    let layout = instance.model.layout
    for field in 0..<layout.fields.count {
      let value = instance.fields[field]
      if layout.fields[field].kind == kind {
        note(instance, field, layout.keys[field])
      } else if value.isContainer {
        components.append(.name(layout.keys[field]))
        try visit(value)
        components.removeLast()
      }
    }
  }

  /// False if the walk has been here: a shared part counts under its first path.
  private mutating func enter(_ value: Slot) throws -> Bool {
    if visited.contains(value.bits) { return false }
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "the network is nested too deeply")
    }
    visited.append(value.bits)
    return true
  }

  /// Notes a field, under its known path as long as the network is as it was.
  private mutating func note(_ instance: InstanceObject, _ field: Int, _ name: Slot) {
    if !isChanged, matched < known.places.count {
      let place = known.places[matched]
      if place.instance === instance, place.field == field {
        matched += 1
        return
      }
    }
    forkIfNeeded()
    fresh.append(.init(path: path(to: name), instance: instance, field: field))
  }

  /// Copies the places that still hold; from here on the list is made anew.
  private mutating func forkIfNeeded() {
    if isChanged { return }
    isChanged = true
    for place in known.places.prefix(matched) {
      retain(place.path)
      fresh.append(place)
    }
  }

  private func path(to name: Slot) -> Slot {
    var text = ""
    for component in components {
      switch component {
      case .name(let name): text += name.object(StringObject.self).value
      case .index(let index): text += String(index)
      }
      text += "."
    }
    return heap.intern(text + name.object(StringObject.self).value)
  }
}

extension Slot {
  /// Whether a network may go on inside this value.
  fileprivate var isContainer: Bool {
    switch tag {
    case Tag.instance, Tag.list, Tag.tuple, Tag.dict: true
    default: false
    }
  }
}
