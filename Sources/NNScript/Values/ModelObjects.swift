// Models: the definition with its layout, and the instances with their fields.

/// What a field of a model is for.
enum FieldKind: UInt8 {
  /// A constructor argument.
  case argument
  case constant
  case variable
  /// Trained: differentiation and optimizers see it.
  case parameter
  /// Kept and saved, never trained.
  case state
}

/// Names, kinds and order of a model's members: fields first (constructor arguments, then the body's), methods after them.
final class ModelLayout {
  struct Field {
    let name: String
    let kind: FieldKind
    /// True unless the name starts with `_`.
    var isPublic: Bool { !name.hasPrefix("_") }
  }

  /// What a walk over a model needs of a field.
  struct WalkedField: BitwiseCopyable {
    let index: Int
    let kind: FieldKind
  }

  let fields: [Field]
  let methodNames: [String]
  /// The fields that a walk over the model looks into.
  let walked: [WalkedField]
  /// Interned names of all members: an instruction remembers the index at which it found its name.
  let keys: UnsafeMutablePointer<Slot>
  /// Which fields take any value after construction; the others are checked or refused.
  let isStorable: UnsafeMutablePointer<Bool>
  let memberCount: Int
  let fieldCount: Int
  let argumentCount: Int
  /// The paths of the fields for each place that instances have in other models, by the bits of the path above.
  var pathTables: [UInt64: ModelPaths] = [:]
  private let heap: Heap

  init(heap: Heap, fields: [Field], methodNames: [String]) {
    self.heap = heap
    self.fields = fields
    self.methodNames = methodNames
    walked = fields.indices.compactMap {
      let isHidden = fields[$0].kind == .argument && !fields[$0].isPublic
      return isHidden ? nil : WalkedField(index: $0, kind: fields[$0].kind)
    }
    memberCount = fields.count + methodNames.count
    fieldCount = fields.count
    argumentCount = fields.prefix { $0.kind == .argument }.count
    keys = .allocate(capacity: max(memberCount, 1))
    isStorable = .allocate(capacity: max(fieldCount, 1))
    for (index, field) in fields.enumerated() {
      (isStorable + index).initialize(to: field.kind == .variable || field.kind == .state)
    }
    for (index, name) in (fields.map(\.name) + methodNames).enumerated() {
      (keys + index).initialize(to: heap.intern(name))
    }
  }

  deinit {
    for index in 0..<memberCount { release(keys[index]) }
    keys.deallocate()
    isStorable.deallocate()
  }

  /// The index of a member by its interned name; a field hides a constructor argument of its name.
  func find(_ key: Slot) -> Int? {
    for index in (0..<memberCount).reversed() where keys[index].bits == key.bits { return index }
    return nil
  }

  func find(_ name: String) -> Int? {
    fields.lastIndex { $0.name == name }
      ?? methodNames.firstIndex(of: name).map { $0 + fields.count }
  }
}

/// A model as a value: calling it makes an instance.
final class ModelObject: HeapObject {
  let name: String
  let documentation: String?
  let layout: ModelLayout
  /// A function that takes the new instance and the constructor's arguments and fills the fields.
  private(set) var constructor: Slot
  /// One function per `layout.methodNames`; each takes the instance as its first parameter.
  private(set) var methods: [Slot]
  private let callIndex: Int?

  /// A model definition; the counts of `constructor` and `methods` move in.
  init(
    heap: Heap, name: String, documentation: String?, layout: ModelLayout, owned constructor: Slot,
    methods: [Slot]
  ) {
    self.name = name
    self.documentation = documentation
    self.layout = layout
    self.constructor = constructor
    self.methods = methods
    callIndex = layout.methodNames.firstIndex(of: "call")
    super.init(heap: heap, tag: Tag.model)
  }

  /// The method that makes instances callable, borrowed.
  var callMethod: Slot? { callIndex.map { methods[$0] } }

  /// A method by name, borrowed.
  func method(_ name: String) -> Slot? {
    layout.methodNames.firstIndex(of: name).map { methods[$0] }
  }

  /// True if instances can be iterated and indexed: the model has `len` and `get`.
  var isSequence: Bool { method("len") != nil && method("get") != nil }

  override func visitChildren(_ body: (Slot) -> Void) {
    body(constructor)
    for method in methods { body(method) }
  }

  override func dropChildren() {
    let old = methods + [constructor]
    methods = []
    constructor = .nil
    for slot in old { release(slot) }
  }
}

/// An instance of a model: one slot per field of its layout.
final class InstanceObject: HeapObject {
  unowned(unsafe) let model: ModelObject
  let layout: Unmanaged<ModelLayout>
  let fields: UnsafeMutablePointer<Slot>
  private(set) var fieldCount: Int
  /// Optimizers skip the parameters of a frozen instance.
  var isFrozen = false
  /// The paths of its fields where it was last found in a model.
  var lastPaths: ModelPaths?

  /// An instance whose fields are all undefined.
  init(heap: Heap, model: ModelObject) {
    self.model = model
    layout = .passUnretained(model.layout)
    fieldCount = model.layout.fields.count
    fields = .allocate(capacity: max(fieldCount, 1))
    fields.initialize(repeating: .undefined, count: fieldCount)
    super.init(heap: heap, tag: Tag.instance)
    retain(Slot(model))
  }

  deinit { fields.deallocate() }

  override func visitChildren(_ body: (Slot) -> Void) {
    if fieldCount >= 0 { body(Slot(model)) }
    for index in 0..<max(fieldCount, 0) { body(fields[index]) }
  }

  override func dropChildren() {
    let old = fieldCount
    if old < 0 { return }
    fieldCount = -1
    for index in 0..<old { release(fields[index]) }
    release(Slot(model))
  }
}
