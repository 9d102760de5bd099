// Calls of functions written in Swift: tensor ops by their rows, some others by what is known of them, the rest unseen.
import NNSyntax
import NNTensor

extension Checker {
  /// Calls a native.
  func call(_ native: NativeFunction, _ arguments: CallArguments, at place: Code.Place)
    throws(Flow) -> AbstractValue
  {
    guard let bound = try bind(native.signature.list, native.name, arguments, at: place) else {
      return callUnseen(.native(native), arguments)
    }
    if let op = OpBinder.opOfFunction[ObjectIdentifier(native)] {
      return try call(op, native, bound, at: place)
    }
    if Builtins.isReduction(native), case .given(.tensor)? = bound.first,
      let op = Ops.named(native.name)
    {
      return try call(op, native, Array(bound.prefix(3)), at: place)
    }
    if let result = try callKnown(native, bound, at: place) { return result }
    if Checker.foldable.contains(native.name), let result = try fold(native, bound, at: place) {
      return result
    }
    if case .given(let first)? = bound.first, isRefused(first, by: native) { throw .ended }
    if let result = Checker.resultTypes[native.name] {
      if native.name.hasSuffix("_update") {
        for case .dict(let container) in arguments.all { forget(container) }
      }
      return result.value
    }
    return unseen(native, arguments)
  }

  /// A native about which nothing is known: it may keep and change what it is given, and call it.
  private func unseen(_ native: NativeFunction, _ arguments: CallArguments) -> AbstractValue {
    let mayCall = arguments.all.contains { $0.mayHoldFunctions }
    if mayCall { return callUnseen(.native(native), arguments) }
    for value in arguments.all { escape(value) }
    return .unknown
  }

  /// Natives without effects whose results hold nothing of their arguments: run where these are wholly known.
  private static let foldable: Set<String> = [
    "str", "repr", "type", "number", "len", "range", "equal", "upper", "lower", "trim", "replace",
    "starts_with", "ends_with", "contains", "find", "index", "count", "sum", "min", "max", "any",
    "all", "join", "split", "lines", "chars",
  ]

  /// What a native gives that keeps nothing of its arguments and changes nothing that is known.
  private enum ResultType {
    case `nil`, number, string, bool, list, texts, dict, table, plain

    var value: AbstractValue {
      switch self {
      case .nil: .nil
      case .number: .number(nil)
      case .string: .string(nil)
      case .bool: .bool(nil)
      case .list: .list(AbstractContainer(nil))
      case .texts: .list(AbstractContainer(any: .string(nil)))
      case .dict: .dict(AbstractContainer(nil))
      case .table: .dict(AbstractContainer(any: .tuple([.unknown, .column])))
      case .plain: .unknown
      }
    }
  }

  private static let resultTypes: [String: ResultType] = [
    "print": .nil, "str": .string, "repr": .string, "type": .string, "equal": .bool,
    "training": .bool, "time": .number, "seed": .nil, "freeze": .nil, "unfreeze": .nil,
    "params": .dict, "save": .nil, "write_text": .nil, "args": .texts, "env": .plain,
    "input": .plain, "read_text": .string, "read_lines": .texts, "exists": .bool,
    "list_dir": .texts, "upper": .string, "lower": .string, "trim": .string, "replace": .string,
    "starts_with": .bool, "ends_with": .bool, "repeat": .string, "chars": .texts, "lines": .texts,
    "split": .texts, "to_json": .string, "json_parse": .plain, "terminal_width": .number,
    "snapshot": .plain, "random_state": .plain, "memory": .plain, "byte_pairs": .plain,
    "text_pieces": .list, "data_folders": .texts, "mnist_files": .plain, "read_bytes": .plain,
    "write_png": .nil, "csv": .table, "set_params": .nil, "sgd_update": .nil,
    "adam_update": .nil, "help": .nil,
  ]

  /// The natives that refuse a first argument of another type than these.
  private static let firstTypes: [String: Set<String>] = {
    let texts = [
      "byte_pairs", "text_pieces", "read_text", "read_lines", "write_text", "read_bytes", "exists",
      "list_dir", "env", "csv", "json_parse",
    ]
    return Dictionary(uniqueKeysWithValues: texts.map { ($0, ["string"]) })
      .merging(["seed": ["number", "tensor"]]) { first, _ in first }
  }()

  /// Whether a native certainly refuses its first argument.
  private func isRefused(_ first: AbstractValue, by native: NativeFunction) -> Bool {
    switch native.name {
    case "params", "freeze", "unfreeze":
      if case .instance = first { return false }
      return first.typeName != nil
    default:
      guard let type = first.typeName, let types = Checker.firstTypes[native.name] else {
        return false
      }
      return !types.contains(type)
    }
  }

  // MARK: Ops

  /// Calls an op with arguments in the order of its parameters.
  private func call(
    _ op: Op, _ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    let attributes = try attributes(op, native, bound, at: place)
    // An attribute that is not known may be wrong too, and is read first.
    let given = try silently(if: attributes.contains(.unknown)) { () throws(Flow) in
      try self.inputs(op, native, bound, at: place)
    }
    guard let inputs = given else { return unknownResults(op) }
    if attributes.contains(.unknown),
      let known = try partial(op, inputs.values, attributes, bound, at: place)
    {
      return known
    }
    if !op.hasManyResults {
      return try apply(op, inputs.values, attributes, origins: inputs.origins, at: place)
    }
    let results = try results(op, inputs.values, attributes, inputs.origins, at: place)
    guard let results else { return unknownResults(op) }
    let values = results.map { AbstractValue.tensor($0) }
    return op.outputs == nil ? .list(AbstractContainer(values)) : .tuple(values)
  }

  private func unknownResults(_ op: Op) -> AbstractValue {
    guard op.hasManyResults else { return .unknown }
    guard let count = op.outputs else { return .list(AbstractContainer(nil)) }
    return .tuple(Array(repeating: .tensor(TensorFacts(nil, nil)), count: count))
  }

  /// The operands of an op's call and the parameters they came from; nil where their number is not known.
  private func inputs(
    _ op: Op, _ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place
  ) throws(Flow) -> (values: [AbstractValue], origins: [Int])? {
    var values: [AbstractValue] = []
    var origins: [Int] = []
    let operands = op.parameters.indices.filter { op.parameters[$0].isOperand }
    for (position, index) in operands.enumerated() {
      let parameter = op.parameters[index]
      guard let value = given(bound[index]), !(parameter.standard != nil && value.isNil) else {
        continue
      }
      while values.count < position,
        case .number(let neutral)? = op.parameters[operands[values.count]].standard
      {
        origins.append(operands[values.count])
        values.append(.number(neutral))
      }
      if parameter.kind == .tensors {
        guard let list = try tensors(value, parameter, native, index, at: place) else { return nil }
        values += list
        origins += list.map { _ in index }
      } else {
        guard
          let operand = try operand(
            value, wantsIntegers: parameter.wantsIntegers, for: native.name, at: place)
        else {
          try refuse(value, "a tensor, a number or a list of numbers", native, index, at: place)
        }
        values.append(operand)
        origins.append(index)
      }
    }
    return (values, origins)
  }

  /// An argument, those of a rest parameter as a list.
  private func given(_ argument: BoundArgument) -> AbstractValue? {
    switch argument {
    case .missing: nil
    case .given(let value): value
    case .rest(let values): .tuple(values)
    }
  }

  /// The tensors of a list argument; nil where they are not known one by one.
  private func tensors(
    _ value: AbstractValue, _ parameter: NNTensor.Parameter, _ native: NativeFunction, _ index: Int,
    at place: Code.Place
  ) throws(Flow) -> [AbstractValue]? {
    switch value {
    case .tensor(let facts):
      guard let shape = facts.shape, shape.rank > 0, let count = shape[0].known, count <= 64 else {
        return nil
      }
      let row = AbstractValue.tensor(TensorFacts(facts.dtype, shape.suffix(from: 1)))
      return Array(repeating: row, count: count)
    case .list, .tuple:
      guard let elements = knownElements(of: value) else { return nil }
      var operands: [AbstractValue] = []
      for element in elements {
        guard
          let operand = try operand(
            element, wantsIntegers: parameter.wantsIntegers, for: native.name, at: place)
        else {
          return nil
        }
        operands.append(operand)
      }
      return operands
    case .unknown, .column, .count, .range: return nil
    default: try refuse(value, "a list of tensors", native, index, at: place)
    }
  }

  private func refuse(
    _ value: AbstractValue, _ expected: String, _ native: NativeFunction, _ index: Int,
    at place: Code.Place
  ) throws(Flow) -> Never {
    guard let sketch = value.sketch else { throw .ended }
    let name = native.signature.parameters[index].name
    try fail(
      .wrongArgument(native.name, name, index, expected: expected, found: sketch.describedType),
      at: place)
  }

  /// The arguments of an op's call that are not operands, each unknown unless it is wholly known.
  private func attributes(
    _ op: Op, _ native: NativeFunction, _ bound: [BoundArgument], at place: Code.Place
  ) throws(Flow) -> [Attribute] {
    let buffer = ArgumentBuffer(count: native.parameterCount)
    defer { buffer.free() }
    let object = NativeObject(heap: vm.heap, function: native)
    let slot = Slot(object)
    defer { release(slot) }
    let call = NativeCall(vm: vm, object: object, arguments: buffer.first)
    var result: [Attribute] = []
    for (index, parameter) in op.parameters.enumerated() where !parameter.isOperand {
      var attribute = parameter.standard ?? .none
      if case .missing = bound[index] {
      } else if let argument = self.slot(bound[index]) {
        buffer.first[index] = argument
        if !(argument.isNil && parameter.standard != nil) {
          attribute = try silently(if: result.contains(.unknown)) { () throws(Flow) in
            try self.at(place) {
              try AttributeReader(call: call, index: index, parameter: parameter).read()
            }
          }
        }
      } else {
        if bound[index].isNoAttribute(parameter) { throw .ended }
        attribute = .unknown
      }
      result.append(attribute)
    }
    return result
  }

  /// The result of an op that makes or reshapes a tensor where some of the sizes it is given are not known.
  private func partial(
    _ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute], _ bound: [BoundArgument],
    at place: Code.Place
  ) throws(Flow) -> AbstractValue? {
    if op === Ops.permutation {
      return .tensor(
        TensorFacts(try results(op, operands, attributes, nil, at: place)?.first?.dtype, [.unknown])
      )
    }
    guard Checker.sizedOps.contains(op.name),
      let index = op.parameters.firstIndex(where: { $0.kind == .shape }),
      let sizes = sizes(bound[index]), sizes.count <= 8
    else { return nil }
    let result = try results(op, operands, attributes, nil, at: place)
    return .tensor(TensorFacts(result?.first?.dtype, Dims(sizes)))
  }

  private static let sizedOps: Set<String> = ["zeros", "ones", "rand", "randn", "full", "reshape"]

  /// The sizes of a shape argument, unknown where they are not known or -1.
  private func sizes(_ argument: BoundArgument) -> [SymbolicDim]? {
    var given: [AbstractValue]?
    switch argument {
    case .missing: return nil
    case .given(let value): given = knownElements(of: value)
    case .rest(let values):
      given = values
      if values.count == 1, case .number = values[0] {
      } else if values.count == 1 {
        given = knownElements(of: values[0])
      }
    }
    guard let given else { return nil }
    var sizes: [SymbolicDim] = []
    for value in given {
      guard case .number(let number) = value else { return nil }
      let size = number.flatMap { Int(exactly: $0) }
      sizes.append(size.map { $0 >= 0 ? SymbolicDim($0) : .unknown } ?? .unknown)
    }
    return sizes
  }
}

extension BoundArgument {
  /// Whether it is certain that an op does not take it where it wants a number, size, name or the like.
  fileprivate func isNoAttribute(_ parameter: NNTensor.Parameter) -> Bool {
    switch self {
    case .missing: false
    case .given(let value): value.isNoAttribute || parameter.kind == .shape && value.isNoSize
    case .rest(let values): values.contains(where: \.isNoSize)
    }
  }
}

extension AbstractValue {
  fileprivate var isNoAttribute: Bool {
    switch self {
    case .function, .native, .transform, .model, .instance, .bound, .module, .sequence, .dict: true
    default: false
    }
  }

  /// The same for sizes, or a list of them.
  fileprivate var isNoSize: Bool {
    switch self {
    case .string: true
    case .list(let list):
      list.elements?.contains { $0.isNoAttribute || $0.typeName == "string" } ?? false
    default: isNoAttribute
    }
  }

  var isNil: Bool {
    if case .nil = self { return true }
    return false
  }

  /// Whether code of a script may be called through it.
  var mayHoldFunctions: Bool {
    switch self {
    case .nil, .bool, .number, .string, .tensor, .range, .count, .column, .native: false
    case .tuple(let elements): elements.contains { $0.mayHoldFunctions }
    default: true
    }
  }
}
