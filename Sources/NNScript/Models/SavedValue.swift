// Values as named tensors: how models, their states and nested dicts go into a safetensors file and come back in kind.
import NNFormats
import NNTensor

/// What stands at a path of a file beside tensors: it lets a number come back as a number and an empty dict as a dict.
private enum SavedKind {
  case `nil`, number, bool
  case text(String)
  case list(Int)
  case tuple(Int)
  case dict([JSON])

  var json: JSON {
    switch self {
    case .nil: .string("nil")
    case .number: .string("number")
    case .bool: .string("bool")
    case .text(let text): .object([.init("text", .string(text))])
    case .list(let count): .object([.init("list", .number(Double(count)))])
    case .tuple(let count): .object([.init("tuple", .number(Double(count)))])
    case .dict(let keys): .object([.init("dict", .array(keys))])
    }
  }

  init?(_ json: JSON) {
    switch json {
    case .string("nil"): self = .nil
    case .string("number"): self = .number
    case .string("bool"): self = .bool
    case .object(let members):
      guard members.count == 1 else { return nil }
      switch (members[0].key, members[0].value) {
      case ("text", .string(let text)): self = .text(text)
      case ("list", .number(let count)) where Int(exactly: count) != nil: self = .list(Int(count))
      case ("tuple", .number(let count)) where Int(exactly: count) != nil:
        self = .tuple(Int(count))
      case ("dict", .array(let keys)): self = .dict(keys)
      default: return nil
      }
    default: return nil
    }
  }
}

private let kindsKey = "nnscript"

/// A path one step longer.
private func joined(_ path: String, _ key: String) -> String {
  path.isEmpty ? key : path + "." + key
}

/// Collects a value's tensors for a file.
struct ValueSaver {
  private var tensors: [(name: String, tensor: Tensor)] = []
  private var kinds: [JSON.Member] = []
  private let heap: Heap
  private let meter: WalkMeter

  private static let deepest = 100

  /// The contents of a file for a model instance, or for nested dicts, lists and tuples of what can be saved.
  static func contents(of slot: Slot, in vm: VM) throws -> Safetensors {
    var saver = ValueSaver(vm)
    try saver.add(slot, at: "", depth: 0)
    var metadata: [(key: String, value: String)] = []
    if !saver.kinds.isEmpty {
      metadata.append((kindsKey, try text(of: saver.kinds)))
    }
    return Safetensors(tensors: saver.tensors, metadata: metadata)
  }

  private init(_ vm: VM) {
    heap = vm.heap
    meter = WalkMeter(vm, "save", cost: 8)
  }

  private static func text(of kinds: [JSON.Member]) throws -> String {
    do throws(JSONError) {
      return try JSON.object(kinds).text()
    } catch {
      throw ScriptError(.argument, "save: \(error.message)")
    }
  }

  private mutating func add(_ slot: Slot, at path: String, depth: Int) throws {
    guard depth < Self.deepest else {
      throw ScriptError(.argument, "save: nested more than \(Self.deepest) deep, or a cycle")
    }
    try meter.visit(slot)
    switch slot.tag {
    case Tag.tensor, Tag.trackedTensor: tensors.append((path, slot.tensor))
    case Tag.none: note(.nil, path)
    case Tag.number, Tag.trackedNumber:
      tensors.append((path, try Tensor(slot.number, dtype: .f64)))
      note(.number, path)
    case Tag.bool:
      tensors.append((path, try Tensor(slot.bool ? 1 : 0, dtype: .bool)))
      note(.bool, path)
    case Tag.string: note(.text(slot.object(StringObject.self).value), path)
    case Tag.list, Tag.tuple:
      let elements = slot.elements.map { Array($0) } ?? []
      note(slot.meta == Tag.list ? .list(elements.count) : .tuple(elements.count), path)
      for (index, element) in elements.enumerated() {
        try add(element, at: joined(path, String(index)), depth: depth + 1)
      }
    case Tag.dict: try add(slot.object(DictObject.self), at: path, depth: depth)
    case Tag.instance: try add(slot.object(InstanceObject.self), at: path, depth: depth)
    default:
      throw ScriptError(
        .type,
        "save: \(slot.describedType) cannot be saved"
          + (path.isEmpty ? "" : ", found at '\(path)'"),
        help: "models, tensors, numbers, bools, strings and lists and dicts of them can")
    }
  }

  private mutating func add(_ dict: DictObject, at path: String, depth: Int) throws {
    var keys: [JSON] = []
    dict.visitEntries { key, _ in
      keys.append(key.asString.map { .string($0.value) } ?? .number(key.number))
    }
    note(.dict(keys), path)
    try dict.visitEntries { key, value in
      try add(value, at: joined(path, key.asString?.value ?? ValueText.key(key)), depth: depth + 1)
    }
  }

  private mutating func add(_ instance: InstanceObject, at path: String, depth: Int) throws {
    for place in ModelWalk.places(of: instance, heap: heap) {
      if place.kind == .parameter, place.value.isNil { continue }
      try add(place.value, at: joined(path, place.name), depth: depth + 1)
    }
  }

  private mutating func note(_ kind: SavedKind, _ path: String) {
    kinds.append(.init(path, kind.json))
  }
}

/// Gives a file's tensors back as values, and fills models with them.
struct ValueLoader {
  private let heap: Heap
  private let vm: VM
  private var tensors: [String: Tensor] = [:]
  private let order: [String]
  private var kinds: [String: SavedKind] = [:]
  private var used: Set<String> = []
  private var missing: [String] = []
  private var misshapen: [String] = []

  private static let deepest = 100

  init(_ file: Safetensors, vm: VM) {
    self.vm = vm
    heap = vm.heap
    order = file.tensors.map(\.name)
    for (name, tensor) in file.tensors { tensors[name] = tensor }
    guard let text = file.metadata.first(where: { $0.key == kindsKey })?.value,
      let json = try? JSON.parse(text), case .object(let members) = json
    else { return }
    for member in members { kinds[member.key] = SavedKind(member.value) }
  }

  /// All there is: what was saved, if that was a dict or list, else a dict from path to tensor. Owned.
  mutating func everything() throws -> Slot {
    if kinds[""] != nil, let value = try value(at: "", depth: 0) { return value }
    let dict = DictObject(heap: heap, capacity: order.count)
    for name in order {
      let isNumber = if case .number? = kinds[name] { true } else { false }
      guard let tensor = tensors[name] else { continue }
      dict.set(name, owned: isNumber ? Slot(tensor.number(at: 0)) : Slot(tensor))
    }
    return Slot(dict)
  }

  /// The value at a path, owned; nil where there is none.
  private mutating func value(at path: String, depth: Int) throws -> Slot? {
    guard depth < Self.deepest else { return nil }
    switch kinds[path] {
    case .nil?: return .some(.nil)
    case .text(let text)?: return heap.string(text)
    case .number?: return take(path).map { Slot($0.number(at: 0)) }
    case .bool?: return take(path).map { Slot($0.number(at: 0) != 0) }
    case .list(let count)?:
      return try elements(count, at: path, depth).map { Slot(ListObject(heap: heap, owned: $0)) }
    case .tuple(let count)?:
      return try elements(count, at: path, depth).map { Slot(TupleObject(heap: heap, owned: $0)) }
    case .dict(let keys)?: return try dict(keys, at: path, depth)
    case nil: return take(path).map { Slot($0) }
    }
  }

  private mutating func take(_ path: String) -> Tensor? {
    guard let tensor = tensors[path] else { return nil }
    used.insert(path)
    return tensor.count > 0 || kinds[path] == nil ? tensor : nil
  }

  private mutating func elements(_ count: Int, at path: String, _ depth: Int) throws -> [Slot]? {
    var result: [Slot] = []
    for index in 0..<max(0, count) {
      guard let element = try value(at: joined(path, String(index)), depth: depth + 1) else {
        for slot in result { release(slot) }
        return nil
      }
      result.append(element)
    }
    return result
  }

  private mutating func dict(_ keys: [JSON], at path: String, _ depth: Int) throws -> Slot? {
    let dict = DictObject(heap: heap, capacity: keys.count)
    for key in keys {
      let name: String
      let slot: Slot
      switch key {
      case .string(let text): (name, slot) = (text, heap.intern(text))
      case .number(let number): (name, slot) = (NumberText.shortest(number), Slot(number))
      default: continue
      }
      defer { release(slot) }
      guard let value = try value(at: joined(path, name), depth: depth + 1) else {
        release(Slot(dict))
        return nil
      }
      dict.set(slot, owned: value)
    }
    return Slot(dict)
  }

  // MARK: - Filling

  /// Where a value of the file goes.
  private enum Destination {
    case place(ModelPlace)
    case entry(DictObject, key: Slot)
  }

  /// Fills a model instance, or a dict: the instances in it, and its other values; a strict one must fit exactly.
  mutating func fill(_ target: Slot, isStrict: Bool, file: String) throws {
    var changes: [(Destination, Slot)] = []
    collect(target, at: "", depth: 0, into: &changes)
    let extra = order.filter { !used.contains($0) }
    if isStrict, !(missing.isEmpty && misshapen.isEmpty && extra.isEmpty) {
      for (_, value) in changes { release(value) }
      throw misfit(extra: extra, file: file)
    }
    for (destination, value) in changes {
      switch destination {
      case .place(let place): assign(value, to: place.instance.fields + place.field)
      case .entry(let dict, let key): dict.set(key, owned: value)
      }
    }
  }

  private mutating func collect(
    _ target: Slot, at path: String, depth: Int, into changes: inout [(Destination, Slot)]
  ) {
    if let dict = target.asDict, depth < Self.deepest {
      dict.visitEntries { key, value in
        let inner = joined(path, key.asString?.value ?? ValueText.key(key))
        if value.asInstance != nil || value.asDict != nil {
          collect(value, at: inner, depth: depth + 1, into: &changes)
        } else if let found = try? self.value(at: inner, depth: 0) {
          changes.append((.entry(dict, key: key), found))
        } else {
          missing.append(inner)
        }
      }
    }
    guard let instance = target.asInstance else { return }
    for place in ModelWalk.places(of: instance, heap: heap) {
      let name = joined(path, place.name)
      if place.kind == .state {
        if let value = try? value(at: name, depth: 0) {
          changes.append((.place(place), value))
        } else {
          missing.append(name)
        }
      } else if let old = place.value.asTensor, let value = parameter(name, like: old) {
        changes.append((.place(place), value))
      }
    }
  }

  /// A parameter's new value, owned; notes what is wrong with it.
  private mutating func parameter(_ name: String, like old: Tensor) -> Slot? {
    guard let tensor = tensors[name] else {
      missing.append(name)
      return nil
    }
    used.insert(name)
    guard tensor.shape == old.shape else {
      misshapen.append("\(name) is \(tensor.shape), not \(old.shape)")
      return nil
    }
    if tensor.dtype == old.dtype { return Slot(tensor) }
    let cast = try? vm.context.apply(Ops.to, [Operand(tensor)], [.dtype(old.dtype)])
    return cast.map { Slot($0) }
  }

  private func misfit(extra: [String], file: String) -> ScriptError {
    var parts: [String] = []
    if !missing.isEmpty { parts.append("missing " + missing.joined(separator: ", ")) }
    if !extra.isEmpty { parts.append("extra " + extra.joined(separator: ", ")) }
    if !misshapen.isEmpty { parts.append("misshapen " + misshapen.joined(separator: ", ")) }
    return ScriptError(
      .argument,
      "load: \(QuotedText.quoted(file)) does not fit the model: \(parts.joined(separator: "; "))",
      help: "'strict: false' loads what fits")
  }
}
