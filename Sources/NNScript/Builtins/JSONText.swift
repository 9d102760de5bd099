// JSON to values and back.
import NNFormats
import NNTensor

extension Builtins {
  /// `json_parse` and `to_json`.
  static let json: [NativeFunction] = [
    NativeFunction(
      "json_parse", "text", documentation: "The value a JSON text holds; null is nil.",
      example: #"json_parse("[1, true, null]")  # [1, true, nil]"#
    ) { call in
      let text = try call.text(0)
      do throws(JSONError) {
        return value(of: try JSON.parse(text), heap: call.heap)
      } catch {
        throw ScriptError(.argument, "json_parse: \(error.message)")
      }
    },
    NativeFunction(
      "to_json", "x, indent = nil",
      documentation:
        "The JSON text of a value made of nil, bools, numbers, strings, lists, tuples, dicts and tensors.",
      example: "to_json({a: [1, 2]})  # {\"a\":[1,2]}"
    ) { call in
      let indent = try call.optional(1, call.size)
      if let indent, indent > 16 { throw call.argumentError(1, "an indent is at most 16") }
      let json = try json(of: call[0], depth: 0, WalkMeter(call.vm, "to_json"))
      do throws(JSONError) {
        return call.string(try json.text(indent: indent))
      } catch {
        throw ScriptError(.argument, "to_json: \(error.message)")
      }
    },
  ]

  /// A script value for a JSON value, which is at most `JSON.deepest` deep.
  static func value(of json: JSON, heap: Heap) -> Slot {
    switch json {
    case .null: .nil
    case .bool(let bool): Slot(bool)
    case .number(let number): Slot(number)
    case .string(let text): heap.string(text)
    case .array(let items):
      Slot(ListObject(heap: heap, owned: items.map { value(of: $0, heap: heap) }))
    case .object(let members): dict(of: members, heap: heap)
    }
  }

  private static func dict(of members: [JSON.Member], heap: Heap) -> Slot {
    let dict = DictObject(heap: heap, capacity: members.count)
    for member in members { dict.set(member.key, owned: value(of: member.value, heap: heap)) }
    return Slot(dict)
  }

  /// The JSON form of a script value.
  static func json(of slot: Slot, depth: Int, _ meter: WalkMeter) throws -> JSON {
    guard depth <= JSON.deepest else {
      throw ScriptError(.argument, "to_json: nested more than \(JSON.deepest) deep, or a cycle")
    }
    try meter.visit(slot)
    switch slot.tag {
    case Tag.none: return .null
    case Tag.bool: return .bool(slot.bool)
    case Tag.number, Tag.trackedNumber: return .number(slot.number)
    case Tag.string: return .string(slot.object(StringObject.self).value)
    case Tag.list, Tag.tuple:
      return .array(
        try (slot.elements.map(Array.init) ?? []).map {
          try json(of: $0, depth: depth + 1, meter)
        })
    case Tag.dict: return try json(of: slot.object(DictObject.self), depth: depth, meter)
    case Tag.tensor, Tag.trackedTensor: return json(of: slot.tensor)
    default:
      throw ScriptError(
        .type, "to_json: \(slot.describedType) has no JSON form",
        help: "nil, bools, numbers, strings, lists, tuples, dicts and tensors have one")
    }
  }

  private static func json(
    of dict: DictObject, depth: Int, _ meter: WalkMeter
  ) throws -> JSON {
    var members: [JSON.Member] = []
    try dict.visitEntries { key, value in
      let name = key.asString?.value ?? NumberText.shortest(key.number)
      members.append(JSON.Member(name, try json(of: value, depth: depth + 1, meter)))
    }
    return .object(members)
  }

  /// Nested arrays of a tensor's elements.
  private static func json(of tensor: Tensor) -> JSON {
    func level(_ axis: Int, _ offset: Int, _ count: Int) -> JSON {
      guard axis < tensor.shape.rank else {
        let value = tensor.number(at: offset)
        return tensor.dtype == .bool ? .bool(value != 0) : .number(value)
      }
      let size = tensor.shape[axis]
      let step = size == 0 ? 0 : count / size
      return .array((0..<size).map { level(axis + 1, offset + $0 * step, step) })
    }
    return level(0, 0, tensor.shape.count)
  }
}
