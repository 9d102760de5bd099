// Reads the arguments of an op that are not tensors: axes, shapes, dtypes, numbers.
import NNTensor

/// One argument on its way to becoming an attribute.
struct AttributeReader {
  let call: NativeCall
  let index: Int
  let parameter: Parameter

  private var slot: Slot { call[index] }

  /// The attribute, or a type error that points at the argument.
  func read() throws -> Attribute {
    switch parameter.kind {
    case .number: return .number(try call.number(index))
    case .int: return .int(try call.int(index))
    case .bool: return .bool(try call.vm.condition(slot))
    case .axis: return slot.isNil ? .none : .int(try call.int(index))
    case .axes: return try axes()
    case .shape: return .ints(try whole(parameter.takesRest ? unwrappedRest() : slot))
    case .pairs: return .ints(try pairs())
    case .sizes: return .sizes(try namedSizes())
    case .dtype: return .dtype(try dtype())
    case .string: return .string(try call.text(index))
    case .padding: return try padding()
    case .tensor, .tensors, .index:
      preconditionFailure("operands and indices are not attributes of calls")
    }
  }

  /// One axis, several in a tuple or list, or all for nil.
  private func axes() throws -> Attribute {
    let given = parameter.takesRest ? unwrappedRest() : slot
    if given.isNil { return .none }
    if parameter.takesRest, given.elements?.isEmpty == true { return parameter.standard ?? .none }
    return .ints(try whole(given))
  }

  /// A name, a size, or sizes in lists, nested ones joined.
  private func padding() throws -> Attribute {
    if slot.isNil { return parameter.standard ?? .none }
    guard let elements = slot.elements else {
      if call.vm.plainNumber(slot) != nil { return .ints(try whole(slot)) }
      return .string(try call.text(index))
    }
    return .ints(try elements.flatMap { try whole($0) })
  }

  /// The arguments of a rest parameter; one list among them alone stands for all.
  private func unwrappedRest() -> Slot {
    let arguments = call.rest(index)
    if arguments.count == 1, arguments[0].elements != nil || arguments[0].isNil {
      return arguments[0]
    }
    return slot
  }

  /// A whole number, or those of a list, tuple or integer tensor.
  private func whole(_ slot: Slot) throws -> [Int] {
    if let elements = slot.elements { return try elements.map(size) }
    try call.vm.checkUnbatched(slot, "value")
    if let tensor = slot.asTensor, tensor.shape.rank == 1, tensor.dtype.isInteger {
      return (0..<tensor.count).map { tensor.integer(at: $0) }
    }
    return [try size(slot)]
  }

  /// Whole numbers of a list whose elements may be lists of them.
  private func pairs() throws -> [Int] {
    guard let elements = slot.elements, elements.contains(where: { $0.elements != nil }) else {
      return try whole(slot)
    }
    return try elements.flatMap { try whole($0) }
  }

  /// The sizes of a dict, by name.
  private func namedSizes() throws -> [NamedSize] {
    let dict = try call.dict(index)
    var sizes: [NamedSize] = []
    for place in 0..<dict.used {
      let entry = dict.entries[place]
      if entry.key.isUndefined { continue }
      guard let name = entry.key.asString?.value else {
        throw call.argumentError(index, "'\(parameter.name)' names sizes by strings")
      }
      sizes.append(NamedSize(name, try size(entry.value)))
    }
    return sizes
  }

  private func size(_ slot: Slot) throws -> Int {
    if let number = call.vm.plainNumber(slot) {
      if let int = Int(exactly: number) { return int }
      throw call.argumentError(
        index,
        "'\(parameter.name)' takes whole numbers, not \(NumberText.shortest(number))")
    }
    throw ScriptError(
      .type,
      "\(call.function.name): '\(parameter.name)' takes whole numbers, not \(slot.describedType)",
      notes: [.init(operand: index, text: slot.describedType)])
  }

  /// The dtype a string argument names.
  func dtype() throws -> DType {
    let name = try call.text(index)
    if let dtype = DType(name: name) { return dtype }
    throw call.argumentError(
      index, "there is no dtype \(QuotedText.quoted(name))", help: Self.dtypeHelp(for: name))
  }

  /// The dtype probably meant by a name of NumPy's or PyTorch's.
  private static func dtypeHelp(for name: String) -> String {
    let names = DType.allCases.map(\.name)
    let known = [
      "float": "f32", "float32": "f32", "single": "f32", "float64": "f64", "double": "f64",
      "int": "i32", "int32": "i32", "int64": "i64", "long": "i64", "uint8": "u8", "byte": "u8",
      "boolean": "bool",
    ]
    let meant = known[name.lowercased()] ?? Suggestion.nearest(to: name, among: names)
    return meant.map { "did you mean \"\($0)\"?" }
      ?? "dtypes are \(names.joined(separator: ", "))"
  }

  /// A default as `help` shows it.
  static func text(_ attribute: Attribute) -> String {
    switch attribute {
    case .none, .unknown, .index: "nil"
    case .bool(let bool): bool ? "true" : "false"
    case .int(let int): String(int)
    case .ints(let ints): "[" + ints.map(String.init).joined(separator: ", ") + "]"
    case .number(let number): NumberText.shortest(number)
    case .sizes(let sizes):
      "{" + sizes.map { "\($0.name): \($0.size)" }.joined(separator: ", ") + "}"
    case .dtype(let dtype): QuotedText.quoted(dtype.name)
    case .string(let text): QuotedText.quoted(text)
    }
  }
}
