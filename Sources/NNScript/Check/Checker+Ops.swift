// Applies tensor ops to what is known of their operands, by the ops' own rules.
import NNSyntax
import NNTensor

extension Checker {
  /// The result of an op with one result on numbers and tensors.
  func apply(
    _ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute] = [], origins: [Int]? = nil,
    at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    if op.isElementwise, let number = try number(op, operands) { return number }
    let results = try results(op, operands, attributes, origins, at: place)
    // Of numbers alone some make a number.
    if op.isComposed, operands.allSatisfy(\.isNumber) { return .unknown }
    return results?.first.map { .tensor($0) } ?? .tensor(TensorFacts(nil, nil))
  }

  /// The result of an elementwise op of numbers alone; nil where tensors are among the operands.
  private func number(_ op: Op, _ operands: [AbstractValue]) throws(Flow) -> AbstractValue? {
    guard (1...2).contains(operands.count) else { return nil }
    var numbers: [Double]? = []
    for operand in operands {
      guard case .number(let number) = operand else { return nil }
      if let number { numbers?.append(number) } else { numbers = nil }
    }
    let standIns = numbers ?? operands.map { _ in 1 }
    let value =
      standIns.count == 1 ? op.value(of: standIns[0]) : op.value(of: standIns[0], standIns[1])
    guard let value else { return .tensor(TensorFacts(.bool, Dims())) }
    return .number(numbers == nil ? nil : value)
  }

  /// What is known of all results of an op; nil where not even their number is.
  func results(
    _ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute], _ origins: [Int]?,
    at place: Code.Place
  ) throws(Flow) -> [TensorFacts]? {
    do throws(TensorError) {
      try op.checkArity(operands.count)
    } catch {
      if attributes.contains(.unknown) { throw .ended }
      try fail(ScriptError(error), at: place)
    }
    if op.isComposed { return try composedResults(op, operands, attributes, origins, at: place) }
    do throws(TensorError) {
      let dtype = try resultType(op, operands, attributes)
      return try facts(of: op, operands, attributes, dtype)
    } catch {
      // Integers divided by zero fail first.
      let mayFailFirst = op === Ops.mod || op === Ops.floorDiv
      if mayFailFirst, !operands.contains(where: \.isFloatTensor) { throw .ended }
      let found = origins.map { ScriptError(error, operands: $0) } ?? ScriptError(error)
      try fail(found, at: place)
    }
  }

  /// The same for ops that are composed of others: what their rule refuses is tried out on zeros, since it is the others that fail.
  private func composedResults(
    _ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute], _ origins: [Int]?,
    at place: Code.Place
  ) throws(Flow) -> [TensorFacts]? {
    let dtype = (try? resultType(op, operands, attributes)) ?? nil
    do throws(TensorError) {
      return try facts(of: op, operands, attributes, dtype)
    } catch {
      if let happened = tryOut(op, operands, attributes),
        happened.kind == "shape" || happened.kind == error.kind
      {
        try fail(
          origins.map { ScriptError(happened, operands: $0) } ?? ScriptError(happened), at: place)
      }
      throw .ended
    }
  }

  /// The results by the row's shape rule; of several, the first has the element type.
  private func facts(
    of op: Op, _ operands: [AbstractValue], _ attributes: [Attribute], _ dtype: DType?
  ) throws(TensorError) -> [TensorFacts]? {
    guard let shapes = try op.checkShapes(operands.map(\.shape), attributes: attributes) else {
      return op.outputs.map { count in
        (0..<count).map { TensorFacts($0 == 0 ? dtype : nil, nil) }
      }
    }
    return shapes.enumerated().map { TensorFacts($0.offset == 0 ? dtype : nil, $0.element) }
  }

  /// The error of an op on zeros of the operands' shapes; nil where there is none, where too little is known or they are large.
  private func tryOut(_ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute])
    -> TensorError?
  {
    let random = vm.context.random
    defer { vm.context.random = random }
    var inputs: [Operand] = []
    for operand in operands {
      guard let zeros = zeros(for: operand) else { return nil }
      inputs.append(zeros)
    }
    do throws(TensorError) {
      _ = try vm.context.applyMany(op, inputs, attributes)
      return nil
    } catch {
      return error
    }
  }

  private func zeros(for operand: AbstractValue) -> Operand? {
    switch operand {
    case .number(let number): return Operand(number ?? 1)
    case .tensor(let facts):
      guard let dtype = facts.dtype, let shape = facts.shape, let count = facts.count,
        count <= 1 << 16
      else { return nil }
      let sizes = shape.array.compactMap(\.known)
      guard sizes.count == shape.rank else { return nil }
      return try? vm.context.apply(Ops.zeros, [], [.ints(sizes), .dtype(dtype)])
    default: return nil
    }
  }

  /// The element type of an op's first result, where it is known.
  private func resultType(_ op: Op, _ operands: [AbstractValue], _ attributes: [Attribute])
    throws(TensorError) -> DType?
  {
    var types: [OperandType] = []
    var isVague = false
    for operand in operands {
      switch operand {
      case .number(let number):
        types.append(OperandType(number: number))
        if number == nil { isVague = true }
      case .tensor(let facts):
        guard let dtype = facts.dtype else { return op.dtypes.result(attributes) }
        types.append(OperandType(dtype))
      default: return nil
      }
    }
    // Whether a number is whole decides the type beside integers.
    if isVague, !types.allSatisfy({ $0.dtype?.isFloat ?? true }) { return nil }
    if attributes.contains(.unknown), !op.dtypes.looksAtOneAttribute(among: attributes) {
      return nil
    }
    return try op.dtypes.result(of: types, attributes).result
  }

  // MARK: Operands

  /// A value as an operand: a number, a tensor or unknown; nil for what cannot become one.
  ///
  /// A list that is wholly known goes the way of the run, so that it fails as there; `caller` wants the tensor.
  func operand(
    _ value: AbstractValue, wantsIntegers: Bool = false, for caller: String, at place: Code.Place
  ) throws(Flow) -> AbstractValue? {
    switch value {
    case .number, .tensor, .unknown: return value
    case .column: return .tensor(TensorFacts(nil, [.unknown]))
    case .bool: return .tensor(TensorFacts(.bool, Dims()))
    case .count:
      return .tensor(TensorFacts(wantsIntegers ? .i32 : .f32, [.unknown], hasRows: true))
    case .list, .tuple, .range:
      if case .range(let range?) = value, range.count > 1024 {
        return .tensor(TensorFacts(wantsIntegers ? .i32 : .f32, [SymbolicDim(range.count)]))
      }
      guard let slot = slot(value) else {
        if knownElements(of: value)?.contains(where: \.isNoElement) == true { throw .ended }
        return stacked(value, wantsIntegers: wantsIntegers, depth: 0)
      }
      defer { release(slot) }
      let maker = TensorMaker(vm: vm, caller: caller)
      let made = try at(place) { try maker.operand(slot, wantsIntegers: wantsIntegers) }
      return made.map { self.value(ofPlain: Slot($0)) }
    default: return nil
    }
  }

  /// The tensor that a nested list becomes.
  func stacked(_ value: AbstractValue, wantsIntegers: Bool, depth: Int) -> AbstractValue {
    guard let elements = knownElements(of: value), depth < 8, !elements.isEmpty else {
      return .tensor(TensorFacts(nil, nil))
    }
    var joint: TensorFacts?
    for element in elements {
      guard canVisit(),
        let facts = facts(ofElement: element, wantsIntegers: wantsIntegers, depth: depth)
      else {
        return .tensor(TensorFacts(nil, nil))
      }
      if let known = joint?.shape, let shape = facts.shape, known.rank != shape.rank {
        return .tensor(TensorFacts(nil, nil))
      }
      joint = joint.map { $0.joined(with: facts) } ?? facts
    }
    guard let joint, var shape = joint.shape, shape.rank < 8 else {
      return .tensor(TensorFacts(nil, nil))
    }
    shape.insert(SymbolicDim(elements.count), at: 0)
    return .tensor(TensorFacts(joint.dtype, shape))
  }

  private func facts(ofElement value: AbstractValue, wantsIntegers: Bool, depth: Int)
    -> TensorFacts?
  {
    switch value {
    case .number(let number):
      guard wantsIntegers else { return TensorFacts(.f32, Dims()) }
      return TensorFacts(number.map { $0 == $0.rounded() ? .i32 : .f32 } ?? nil, Dims())
    case .bool: return TensorFacts(.bool, Dims())
    case .tensor(let facts): return facts
    case .column: return TensorFacts(nil, [.unknown])
    case .list, .tuple, .range:
      if case .tensor(let facts) = stacked(value, wantsIntegers: wantsIntegers, depth: depth + 1) {
        return facts
      }
      return nil
    default: return nil
    }
  }
}

extension AbstractValue {
  /// Whether it is certain that no tensor can be made of a list with it.
  fileprivate var isNoElement: Bool {
    switch self {
    case .nil, .string, .dict, .function, .native, .transform, .model, .instance, .bound, .module:
      true
    default: false
    }
  }

  fileprivate var isFloatTensor: Bool {
    if case .tensor(let facts) = self { return facts.dtype?.isFloat == true }
    return false
  }

  /// The shape of an operand; nil where its rank is not known.
  fileprivate var shape: Dims<SymbolicDim>? {
    switch self {
    case .number: Dims()
    case .tensor(let facts): facts.shape
    default: nil
    }
  }
}

extension DTypeRule {
  /// The result's type, where it does not depend on the operands'.
  fileprivate func result(_ attributes: [Attribute]) -> DType? {
    switch self {
    case .fixed(let dtype): return dtype
    case .compare, .logical: return .bool
    case .attribute(let index, _):
      if index < attributes.count, case .dtype(let dtype) = attributes[index] { return dtype }
      return nil
    default: return nil
    }
  }

  /// Whether it reads one attribute, or none, and that is known.
  fileprivate func looksAtOneAttribute(among attributes: [Attribute]) -> Bool {
    switch self {
    case .attribute(let index, _): index >= attributes.count || attributes[index] != .unknown
    case .custom: false
    default: true
    }
  }
}

extension Op {
  /// Whether it is composed of other ops, which check their own operands.
  fileprivate var isComposed: Bool {
    switch forward {
    case .composed, .composedMany: true
    default: false
    }
  }
}
