// Checks arguments and results against their annotations and solves the dimension names of a call.
import NNSyntax
import NNTensor

extension VM {
  /// Checks the annotated parameters of the running function. A list where a tensor is wanted is converted.
  @inline(never) func checkParameters(_ code: Unmanaged<Code>, _ base: Registers) throws {
    let code = code.takeUnretainedValue()
    var solver = SizeSolver(base: base)
    for index in 0..<code.parameterCheckCount {
      let check = code.types[index]
      if fits(check, base[check.register], base) { continue }
      do {
        try verify(check, base + check.register, &solver)
      } catch let error as ScriptError {
        throw atCall(error, check, code)
      }
    }
    for failure in solver.solveRest() {
      throw atCall(
        mismatch(failure.check, base[failure.check.register], failure), failure.check, code)
    }
  }

  /// Checks a result, in a register, against the function's annotation.
  @inline(never) func checkResult(
    _ code: Unmanaged<Code>, _ index: Int, _ base: Registers, _ register: Registers
  ) throws {
    let check = code._withUnsafeGuaranteedRef { $0.types[index] }
    if fits(check, register.pointee, base) { return }
    var solver = SizeSolver(base: base)
    do {
      try verify(check, register, &solver)
      for failure in solver.solveRest() { throw mismatch(check, register.pointee, failure) }
    } catch var error as ScriptError {
      error.labels.append((check.span, "declared here"))
      throw error
    }
  }

  /// Whether a value is a tensor of the wanted shape; where it is not, or that takes longer to find out, `verify` tells.
  private func fits(_ check: TypeCheck, _ value: Slot, _ base: Registers) -> Bool {
    guard let wanted = check.plainShape, value.isTensor, value.handle.isNone || !context.isInBatch
    else {
      return false
    }
    return Unmanaged<Tensor>.fromOpaque(value.pointer)._withUnsafeGuaranteedRef {
      wanted.element.accepts($0.dtype) && wanted.accepts($0.shape, names: base)
    }
  }

  /// Checks one value; sizes that cannot be compared yet are left to the solver.
  private func verify(_ check: TypeCheck, _ register: Registers, _ solver: inout SizeSolver) throws
  {
    let value = register.pointee
    if check.isOptional, value.isNil { return }
    switch check.expected {
    case .simple(let simple):
      if !simple.accepts(value) { throw mismatch(check, value) }
    case .model(let wanted, _):
      guard let instance = value.asInstance,
        Slot(instance.model).isIdentical(to: solver.base[wanted])
      else { throw mismatch(check, value) }
    case .shape(let element, let dimensions):
      try convert(register, element)
      let value = register.pointee
      guard value.isTensor || value.isNumber, element.accepts(value) else {
        throw mismatch(check, value)
      }
      let shape = shape(of: value)
      if let failure = solver.match(check, dimensions, shape) {
        throw mismatch(check, value, failure)
      }
    }
  }

  /// Makes a tensor of a list where a shape type wants one.
  private func convert(_ register: Registers, _ element: ElementType) throws {
    guard register.pointee.meta == Tag.list else { return }
    let maker = TensorMaker(vm: self, caller: "type")
    let wantsIntegers = [.int, .i32, .i64, .u8].contains(element)
    if let operand = try maker.operand(register.pointee, wantsIntegers: wantsIntegers) {
      assign(Slot(operand), to: register)
    }
  }

  /// The shape of a tensor or number as the script sees it.
  func shape(of value: Slot) -> Shape {
    guard value.isTensor else { return Shape() }
    return value.handle.isNone ? value.tensor.shape : context.shape(of: Operand(value))
  }

  private func mismatch(_ check: TypeCheck, _ value: Slot, _ failure: SizeSolver.Failure? = nil)
    -> ScriptError
  {
    .mismatch(check, sketch(of: value), known: failure?.known)
  }

  /// Lets an error about an argument point at the call, where the caller is a script.
  private func atCall(_ error: ScriptError, _ check: TypeCheck, _ code: Code) -> ScriptError {
    let error = error.ofArgument(check, function: code.name)
    guard depth >= 2 else { return error }
    let caller = frames[depth - 2]
    let callerCode = caller.code.takeUnretainedValue()
    guard let place = callerCode.place(before: caller.pc - callerCode.words), place.isCall else {
      return error
    }
    return error.atCall(place, check, code.parameters)
  }
}

extension ScriptError {
  /// An error about an argument, with the function's name and the annotation.
  func ofArgument(_ check: TypeCheck, function: String) -> ScriptError {
    var error = self
    error.message = message.replacingPrefix("'\(check.name)'", "\(function): '\(check.name)'")
    error.labels = [(check.span, "declared here")]
    return error
  }

  /// The same at the place of a call in a script.
  func atCall(_ place: Code.Place, _ check: TypeCheck, _ parameters: ParameterList) -> ScriptError {
    var error = self
    error.span = place.span
    let index = parameters.names.firstIndex(of: check.name) ?? 0
    let operand = 1 + index + (parameters.hasReceiver && place.includesReceiver ? 1 : 0)
    if operand < place.operands.count, let note = error.notes.first {
      error.labels.append((place.operands[operand], note.text))
    }
    return error
  }

  /// The same at the place of the instruction that failed.
  func located(at place: Code.Place) -> ScriptError {
    var error = self
    error.span = place.span
    error.labels = notes.compactMap { note in
      let operand = note.operand + (place.isCall ? 1 : 0)
      return operand < place.operands.count ? (place.operands[operand], note.text) : nil
    }
    return error
  }
}

/// Compares shapes with dimensions and finds the sizes of names.
struct SizeSolver {
  /// A dimension and the size it must have.
  struct Failure {
    let check: TypeCheck
    /// What the names in it are known to be, such as `B is 32`.
    let known: String
  }

  let base: Registers
  private var pending: [(check: TypeCheck, dimension: TypeCheck.Size, size: Int)] = []

  init(base: Registers) { self.base = base }

  /// Compares a shape with a type's dimensions; gives what does not fit. Arithmetic on unknown names waits.
  mutating func match(_ check: TypeCheck, _ dimensions: [TypeCheck.Size], _ shape: Shape)
    -> Failure?
  {
    let ellipsis = dimensions.firstIndex { $0.isEllipsis }
    let fixed = dimensions.count - (ellipsis == nil ? 0 : 1)
    guard ellipsis == nil ? shape.rank == fixed : shape.rank >= fixed else {
      return Failure(check: check, known: "")
    }
    for (index, dimension) in dimensions.enumerated() where index != ellipsis {
      let axis =
        ellipsis.map { index > $0 } ?? false ? shape.rank - dimensions.count + index : index
      if !match(check, dimension, shape[axis]) {
        return Failure(check: check, known: known(dimension))
      }
    }
    return nil
  }

  private mutating func match(_ check: TypeCheck, _ dimension: TypeCheck.Size, _ size: Int) -> Bool
  {
    switch dimension {
    case .ellipsis, .any: return true
    case .number(let number): return number == size
    case .name(_, let register, let isFresh):
      if let known = value(register) { return known == size }
      if isFresh { bind(register, size) }
      return isFresh
    case .arithmetic:
      pending.append((check, dimension, size))
      return true
    }
  }

  /// Solves what was left until nothing changes; gives what does not fit.
  mutating func solveRest() -> [Failure] {
    var isChanged = true
    while isChanged {
      isChanged = false
      for (index, entry) in pending.enumerated().reversed() {
        if let known = evaluate(entry.dimension) {
          if known != entry.size {
            return [Failure(check: entry.check, known: self.known(entry.dimension))]
          }
        } else if let (register, size) = solve(entry.dimension, entry.size) {
          guard let size else { return [Failure(check: entry.check, known: "")] }
          bind(register, size)
        } else {
          continue
        }
        pending.remove(at: index)
        isChanged = true
      }
    }
    return []
  }

  private func value(_ register: Int) -> Int? {
    base[register].asNumber.flatMap(Int.init(exactly:))
  }

  private func bind(_ register: Int, _ size: Int) { assign(Slot(size), to: base + register) }

  private func evaluate(_ dimension: TypeCheck.Size) -> Int? {
    switch dimension {
    case .ellipsis, .any: return nil
    case .number(let number): return number
    case .name(_, let register, _): return value(register)
    case .arithmetic(let op, let left, let right):
      guard let a = evaluate(left), let b = evaluate(right) else { return nil }
      return op.result(a, b)
    }
  }

  /// A dimension as `factor * name + constant`; nil if it is not linear in one unknown name.
  private func linear(_ dimension: TypeCheck.Size) -> (register: Int?, factor: Int, constant: Int)?
  {
    if let known = evaluate(dimension) { return (nil, 0, known) }
    switch dimension {
    case .name(_, let register, let isFresh): return isFresh ? (register, 1, 0) : nil
    case .arithmetic(let op, let left, let right):
      guard let a = linear(left), let b = linear(right) else { return nil }
      guard a.register == nil || b.register == nil || a.register == b.register else { return nil }
      let register = a.register ?? b.register
      switch op {
      case .add: return (register, a.factor &+ b.factor, a.constant &+ b.constant)
      case .subtract: return (register, a.factor &- b.factor, a.constant &- b.constant)
      case .multiply where a.register == nil:
        return (register, a.constant &* b.factor, a.constant &* b.constant)
      case .multiply where b.register == nil:
        return (register, a.factor &* b.constant, a.constant &* b.constant)
      default: return nil
      }
    default: return nil
    }
  }

  /// The name that a linear dimension of this size determines, and its size; nil in its place if that is not a whole number from 0 on.
  private func solve(_ dimension: TypeCheck.Size, _ size: Int) -> (register: Int, size: Int?)? {
    guard let form = linear(dimension), let register = form.register, form.factor != 0 else {
      return nil
    }
    let rest = size &- form.constant
    let isWhole = rest % form.factor == 0 && rest / form.factor >= 0
    return (register, isWhole ? rest / form.factor : nil)
  }

  /// What the names of a dimension are known to be.
  private func known(_ dimension: TypeCheck.Size) -> String {
    switch dimension {
    case .name(let name, let register, _): return value(register).map { "\(name) is \($0)" } ?? ""
    case .arithmetic(_, let left, let right):
      return [known(left), known(right)].filter { !$0.isEmpty }.joined(separator: ", ")
    default: return ""
    }
  }
}

extension TypeCheck.Size {
  fileprivate var isEllipsis: Bool {
    if case .ellipsis = self { return true }
    return false
  }
}

extension SimpleType {
  fileprivate func accepts(_ value: Slot) -> Bool {
    switch self {
    case .number: value.isNumber
    case .string: value.meta == Tag.string
    case .bool: value.isBool
    case .list: value.meta == Tag.list
    case .dict: value.meta == Tag.dict
    case .fn: value.isCallable
    case .tuple: value.meta == Tag.tuple
    }
  }
}

extension ElementType {
  /// True if a tensor's dtype, or a number, fits.
  fileprivate func accepts(_ value: Slot) -> Bool {
    guard let tensor = value.asTensor else { return accepts(value.number) }
    return accepts(tensor.dtype)
  }
}

extension String {
  /// The text with a prefix, if it has it, replaced.
  fileprivate func replacingPrefix(_ prefix: String, _ replacement: String) -> String {
    hasPrefix(prefix) ? replacement + dropFirst(prefix.count) : self
  }
}
