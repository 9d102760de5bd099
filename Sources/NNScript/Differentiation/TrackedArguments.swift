// The arguments of a differentiated call: their tracked stand-ins, and how their gradients are put together.
import NNTensor

/// How the gradient of an argument is built: in the argument's own structure, a dict of paths for a model.
indirect enum GradientLayout {
  /// The gradient of a leaf, by its place among all leaves.
  case leaf(Int)
  /// Nothing to differentiate: nil.
  case none
  case list([GradientLayout])
  case tuple([GradientLayout])
  case dict(keys: [Slot], [GradientLayout])
  /// A model: its parameters are the leaves from `first` on.
  case model([ModelPlace], first: Int)
}

/// Watches the numbers and float tensors inside arguments on a trace.
///
/// Containers are copied with tracked leaves; a model's parameters are swapped in place until `restore`. A frozen parameter is
/// among the leaves untracked, so that its gradient is zero.
struct TrackedArguments {
  private let vm: VM
  private let watcher: (Operand) throws -> Operand
  /// The watched values.
  private(set) var leaves: [Operand] = []
  /// What they were before, where the caller asks for it.
  private(set) var sources: [Operand] = []
  private let keepsSources: Bool
  /// Whether a model is among the arguments.
  private(set) var hasModel = false
  private var swaps = ParameterSwaps()
  private var keptKeys: [Slot] = []
  /// Counts what is in containers, from the first one on.
  private var meter: WalkMeter?

  /// `watcher` gives the tracked stand-in of a value.
  init(
    vm: VM, keepsSources: Bool = false, watcher: @escaping (Operand) throws -> Operand
  ) {
    self.vm = vm
    self.keepsSources = keepsSources
    self.watcher = watcher
  }

  /// The argument with its leaves tracked, as an owned slot, and the layout of its gradient.
  mutating func track(_ argument: Slot) throws -> (Slot, GradientLayout) {
    switch argument.tag {
    case Tag.number, Tag.trackedNumber, Tag.tensor, Tag.trackedTensor:
      return try trackLeaf(argument)
    case Tag.list, Tag.tuple: return try trackElements(argument)
    case Tag.dict: return try trackDict(argument.object(DictObject.self))
    case Tag.instance:
      return (retained(argument), try swapParameters(of: argument.object(InstanceObject.self)))
    default: return (retained(argument), .none)
    }
  }

  private mutating func trackLeaf(_ value: Slot) throws -> (Slot, GradientLayout) {
    try meter?.visit(value)
    if let tensor = value.asTensor, !tensor.dtype.isFloat { return (retained(value), .none) }
    let watched = try watch(Operand(value))
    return (Slot(watched), .leaf(leaves.count - 1))
  }

  private mutating func watch(_ value: Operand) throws -> Operand {
    let watched = try watcher(value)
    leaves.append(watched)
    if keepsSources { sources.append(value) }
    return watched
  }

  /// Counts a container.
  private mutating func visit(_ container: Slot) throws {
    let meter = meter ?? WalkMeter(vm, "the differentiated arguments")
    self.meter = meter
    try meter.visit(container)
    guard NativeStack.hasRoom else {
      throw ScriptError(.recursion, "an argument is nested too deeply to be differentiated")
    }
  }

  private mutating func trackElements(_ container: Slot) throws -> (Slot, GradientLayout) {
    try visit(container)
    var tracked: [Slot] = []
    var layouts: [GradientLayout] = []
    do {
      for element in Array(container.elements ?? .init(start: nil, count: 0)) {
        let (slot, layout) = try track(element)
        tracked.append(slot)
        layouts.append(layout)
      }
    } catch {
      for slot in tracked { release(slot) }
      throw error
    }
    if container.tag == Tag.list {
      return (Slot(ListObject(heap: vm.heap, owned: tracked)), .list(layouts))
    }
    return (Slot(TupleObject(heap: vm.heap, owned: tracked)), .tuple(layouts))
  }

  private mutating func trackDict(_ dict: DictObject) throws -> (Slot, GradientLayout) {
    try visit(Slot(dict))
    var keys: [Slot] = []
    var layouts: [GradientLayout] = []
    let copy = try DictObject.build(heap: vm.heap, capacity: dict.size) { copy in
      try dict.visitEntries { key, value in
        let (slot, layout) = try track(value)
        copy.set(key, owned: slot)
        keys.append(key)
        keptKeys.append(retained(key))
        layouts.append(layout)
      }
    }
    return (copy, .dict(keys: keys, layouts))
  }

  private mutating func swapParameters(of instance: InstanceObject) throws -> GradientLayout {
    hasModel = true
    let places = ModelWalk.parameters(of: instance, heap: vm.heap)
    let first = leaves.count
    leaves.reserveCapacity(first + places.count)
    keptKeys.reserveCapacity(keptKeys.count + places.count)
    swaps.reserve(places.count)
    for place in places {
      keptKeys.append(retained(place.path))
      let old = place.value
      guard old.isTensor else {
        throw ScriptError(
          .type, "the parameter '\(place.name)' holds \(old.describedType), not a tensor")
      }
      if place.isFrozen {
        leaves.append(Operand(old).plain)
        if keepsSources { sources.append(Operand(old).plain) }
        continue
      }
      swaps.swap(place, for: Slot(try watch(Operand(old))))
    }
    return .model(places, first: first)
  }

  /// Puts the models' own parameters back; call it on every way out.
  mutating func restore() { swaps.restore() }

  /// Releases what the layouts hold; call it when no gradient will be built any more.
  mutating func discardKeys() {
    for key in takeKeys() { release(key) }
  }

  /// What the layouts hold, which the caller releases when no gradient will be built any more.
  mutating func takeKeys() -> [Slot] {
    let keys = keptKeys
    keptKeys = []
    return keys
  }
}

extension GradientLayout {
  /// The gradient in the argument's structure, owned; the leaves' gradients are borrowed.
  func build(_ gradients: [Operand], heap: Heap) -> Slot {
    switch self {
    case .leaf(let index): return Slot(gradients[index])
    case .none: return .nil
    case .list(let layouts):
      return Slot(ListObject(heap: heap, owned: layouts.map { $0.build(gradients, heap: heap) }))
    case .tuple(let layouts):
      return Slot(TupleObject(heap: heap, owned: layouts.map { $0.build(gradients, heap: heap) }))
    case .dict(let keys, let layouts):
      let dict = DictObject(heap: heap, capacity: keys.count)
      for (key, layout) in zip(keys, layouts) {
        dict.add(key, owned: layout.build(gradients, heap: heap))
      }
      return Slot(dict)
    case .model(let places, let first):
      let dict = DictObject(heap: heap, capacity: places.count)
      for index in places.indices {
        dict.setInterned(places[index].path, owned: Slot(gradients[first + index]))
      }
      return Slot(dict)
    }
  }
}
