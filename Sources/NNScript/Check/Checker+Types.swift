// Checks arguments and results against their annotations, as far as they are known.
import NNSyntax
import NNTensor

extension Checker {
  /// A size and the dimension it must be, to be compared when its names are known.
  private struct PendingSize {
    let parameter: NNSyntax.Parameter
    let dimension: NNSyntax.Dimension
    let size: Int
  }

  /// Checks the parameters of the running function, of which `place` is the call.
  func checkTypes(
    of parameters: [NNSyntax.Parameter], _ layout: FunctionLayout, _ list: ParameterList,
    at place: Code.Place
  ) throws(Flow) {
    for dimension in layout.dimensions { declare(dimension, .number(nil)) }
    guard let first = parameters.first(where: { $0.type != nil }) else { return }
    var pending: [PendingSize] = []
    for parameter in parameters {
      guard let type = parameter.type, case .local(let index) = parameter.variable.storage,
        let variable = frame.locals[index]
      else { continue }
      var value = variable.value
      if case .nil = value, parameter.defaultValue?.isNil == true { continue }
      if case .shape(let shape) = type, case .list = value {
        value = stacked(value, wantsIntegers: shape.element.wantsIntegers, depth: 0)
        declare(parameter.variable, value)
      }
      var sizes: [(NNSyntax.Dimension, Int)] = []
      let mistake = mismatch(of: value, type, &sizes)
      if let mistake { try refuse(parameter, value, mistake, first, list, at: place) }
      pending += sizes.map { PendingSize(parameter: parameter, dimension: $0.0, size: $0.1) }
    }
    for entry in pending {
      guard let wanted = size(of: entry.dimension), wanted != entry.size,
        case .local(let index) = entry.parameter.variable.storage,
        let value = frame.locals[index]?.value
      else { continue }
      try refuse(entry.parameter, value, known(entry.dimension), first, list, at: place)
    }
  }

  /// Ends the path with the error about an argument, at the call.
  private func refuse(
    _ parameter: NNSyntax.Parameter, _ value: AbstractValue, _ known: String??,
    _ first: NNSyntax.Parameter, _ list: ParameterList, at place: Code.Place
  ) throws(Flow) {
    guard let type = parameter.type, let sketch = value.sketch else { throw .ended }
    let check = typeCheck(parameter.name, type)
    let error = ScriptError.mismatch(check, sketch, known: known ?? nil)
      .ofArgument(check, function: frame.name).atCall(place, check, list)
    try raise(error, here: first.span)
  }

  /// A result, converted as its annotation asks; an error where it certainly does not fit.
  func checkedResult(_ value: AbstractValue, at span: Span) throws(Flow) -> AbstractValue {
    guard let type = frame.result else { return value }
    var value = value
    if case .shape(let shape) = type, case .list = value {
      value = stacked(value, wantsIntegers: shape.element.wantsIntegers, depth: 0)
    }
    var sizes: [(NNSyntax.Dimension, Int)] = []
    var mistake: String?? = mismatch(of: value, type, &sizes)
    if mistake == nil, let wrong = sizes.first(where: { size(of: $0.0).map { $0 } ?? $0.1 != $0.1 })
    {
      mistake = .some(known(wrong.0))
    }
    if let mistake, let sketch = value.sketch {
      try fail(.mismatch(typeCheck("result", type), sketch, known: mistake), at: place(span))
    }
    return value
  }

  /// What is wrong with a value, if something certainly is: nil inside for a wrong type, what names stand for where it is a size.
  private func mismatch(
    of value: AbstractValue, _ type: TypeAnnotation, _ sizes: inout [(NNSyntax.Dimension, Int)]
  ) -> String?? {
    guard value.sketch != nil else { return nil }
    switch type {
    case .simple(let simple, _): return simple.accepts(value) == false ? .some(nil) : nil
    case .model(let path):
      guard case .instance(let instance) = value else { return .some(nil) }
      guard case .model(let wanted) = modelValue(path) else { return nil }
      return wanted === instance.model || wanted.syntax === instance.model.syntax ? nil : .some(nil)
    case .shape(let shape): return mismatch(of: value, shape, &sizes)
    }
  }

  private func modelValue(_ path: Expr) -> AbstractValue {
    if case .name(let node) = path { return load(node.binding) }
    return .unknown
  }

  private func mismatch(
    of value: AbstractValue, _ type: ShapeType, _ sizes: inout [(NNSyntax.Dimension, Int)]
  ) -> String?? {
    let shape: Dims<SymbolicDim>
    switch value {
    case .number(let number):
      if let number, !type.element.accepts(number) { return .some(nil) }
      if number == nil, type.element == .bool { return .some(nil) }
      shape = Dims()
    case .tensor(let facts):
      if let dtype = facts.dtype, !type.element.accepts(dtype) { return .some(nil) }
      guard let known = facts.shape else { return nil }
      shape = known
    case .list, .unknown: return nil
    default: return .some(nil)
    }
    return compare(shape, type.dimensions, &sizes)
  }

  /// Compares a shape with a type's dimensions and gives names their sizes.
  private func compare(
    _ shape: Dims<SymbolicDim>, _ dimensions: [NNSyntax.Dimension],
    _ sizes: inout [(NNSyntax.Dimension, Int)]
  ) -> String?? {
    let ellipsis = dimensions.firstIndex { if case .ellipsis = $0 { true } else { false } }
    let fixed = dimensions.count - (ellipsis == nil ? 0 : 1)
    guard ellipsis == nil ? shape.rank == fixed : shape.rank >= fixed else { return .some("") }
    for (index, dimension) in dimensions.enumerated() where index != ellipsis {
      let isBehind = ellipsis.map { index > $0 } ?? false
      let axis = isBehind ? shape.rank - dimensions.count + index : index
      guard let size = shape[axis].known else { continue }
      switch dimension {
      case .ellipsis, .any: continue
      case .size(let wanted, _): if wanted != size { return .some("") }
      case .name(let node):
        if let wanted = self.size(of: dimension) {
          if wanted != size { return .some(known(dimension)) }
        } else if case .local(let variable) = node.binding, variable.kind == .dimension {
          declare(variable, .number(Double(size)))
        }
      case .arithmetic: sizes.append((dimension, size))
      }
    }
    return nil
  }

  /// The size a dimension stands for, where its names are known.
  func size(of dimension: NNSyntax.Dimension) -> Int? {
    switch dimension {
    case .ellipsis, .any: return nil
    case .size(let size, _): return size
    case .name(let node):
      if case .unresolved = node.binding { return nil }
      return load(node.binding).constant.flatMap { Int(exactly: $0) }
    case .arithmetic(let op, let left, let right, _):
      guard let a = size(of: left), let b = size(of: right) else { return nil }
      return op.result(a, b)
    }
  }

  /// What the names of a dimension are known to be, as messages say it.
  private func known(_ dimension: NNSyntax.Dimension) -> String {
    switch dimension {
    case .name(let node): return size(of: dimension).map { "\(node.name) is \($0)" } ?? ""
    case .arithmetic(_, let left, let right, _):
      return [known(left), known(right)].filter { !$0.isEmpty }.joined(separator: ", ")
    default: return ""
    }
  }

  // MARK: Messages

  /// An annotation as messages write it.
  private func typeCheck(_ name: String, _ type: TypeAnnotation) -> TypeCheck {
    let expected: TypeCheck.Expectation =
      switch type {
      case .simple(let simple, _): .simple(simple)
      case .model(let path): .model(register: 0, name: path.typeText)
      case .shape(let shape):
        .shape(element: shape.element, dimensions: shape.dimensions.map(textSize))
      }
    return TypeCheck(
      name: name, register: 0, span: type.span, isOptional: false, expected: expected)
  }

  private func textSize(_ dimension: NNSyntax.Dimension) -> TypeCheck.Size {
    switch dimension {
    case .ellipsis: return .ellipsis
    case .any: return .any
    case .size(let size, _): return .number(size)
    case .name(let node):
      if case .unresolved = node.binding { return .any }
      return .name(node.name, register: 0, isFresh: false)
    case .arithmetic(let op, let left, let right, _):
      return .arithmetic(op, textSize(left), textSize(right))
    }
  }
}

extension SimpleType {
  /// Whether a value is of this type, where that is known.
  fileprivate func accepts(_ value: AbstractValue) -> Bool? {
    switch (self, value) {
    case (_, .unknown): nil
    case (.number, .number), (.string, .string), (.bool, .bool), (.list, .list), (.dict, .dict),
      (.tuple, .tuple):
      true
    case (.fn, _): value.isCallable
    default: false
    }
  }
}

extension ElementType {
  fileprivate var wantsIntegers: Bool { [.int, .i32, .i64, .u8].contains(self) }
}
