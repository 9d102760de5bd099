// Operators on everything that is not two plain numbers.
import NNSyntax
import NNTensor

extension VM {
  /// Runs an arithmetic or comparison instruction. Temporaries are moved out of their registers, and so is a variable that the result replaces,
  /// so that a tensor nobody else holds can be updated in place.
  @inline(never) func arithmetic(_ word: UInt32, _ base: Registers, _ code: Unmanaged<Code>) throws
  {
    // The verifier checks that every opcode byte is a case.
    let op = unsafeBitCast(UInt8(truncatingIfNeeded: word), to: Opcode.self)
    let target = base + Int(word >> 8 & 255)
    let left = base + Int(word >> 16 & 255)
    let (constants, firstTemporary, lastUse) = code._withUnsafeGuaranteedRef {
      ($0.constants, base + $0.firstTemporary, $0.hasLastUses ? self.lastUse(in: $0) : nil)
    }
    let isConstant = op.layout == .registersAndConstant
    let right = (isConstant ? constants : base) + Int(word >> 24)
    let result: Slot
    if left.pointee.isTensor || right.pointee.isTensor {
      result = try tensorOperator(
        op, left, right,
        takesLeft: left == target
          ? canReplace(left.pointee, right.pointee)
          : left >= firstTemporary || lastUse?.left == true,
        takesRight: !isConstant && right != target
          && (right >= firstTemporary || lastUse?.right == true))
    } else {
      result = try operate(op, left.pointee, right.pointee)
      if left >= firstTemporary { assign(.nil, to: left) }
      if !isConstant && right >= firstTemporary { assign(.nil, to: right) }
    }
    assign(result, to: target)
  }

  /// What the running instruction reads for the last time.
  private func lastUse(in code: Code) -> Code.LastUse? {
    code.lastUse(at: frames[depth - 1].pc - code.words - 1)
  }

  /// True if `x = x op y` may work in place: the result surely has x's shape, and nothing can fail that would leave x empty.
  private func canReplace(_ x: Slot, _ y: Slot) -> Bool {
    guard x.isTensor, !context.debugNaNs else { return false }
    guard y.isTensor else { return y.isNumber }
    let (shape, other) = (x.tensor.shape, y.tensor.shape)
    if x.tensor.dtype != y.tensor.dtype || other.rank > shape.rank { return false }
    let offset = shape.rank - other.rank
    return other.indices.allSatisfy { other[$0] == shape[offset + $0] }
  }

  /// Applies an operator with at least one tensor operand, taking those operands out of their registers that it may.
  private func tensorOperator(
    _ op: Opcode, _ left: Registers, _ right: Registers, takesLeft: Bool, takesRight: Bool
  ) throws -> Slot {
    let first = left.pointee
    let second = right.pointee
    guard let row = op.tensorOp, isOperand(first), isOperand(second) else {
      let result = try operateOnOther(op, first, second)
      if takesLeft { assign(.nil, to: left) }
      if takesRight { assign(.nil, to: right) }
      return result
    }
    markPosition()
    try checkCancellation()
    do {
      if left == right { return Slot(try context.binary(row, Operand(first), Operand(second))) }
      let a = takesLeft ? take(left) : Operand(first)
      let b = takesRight ? take(right) : Operand(second)
      return Slot(try context.binary(row, a, b))
    } catch {
      throw ScriptError(error)
    }
  }

  /// Tells the tapes which instruction the next op belongs to.
  @inline(__always) func markPosition() {
    let frame = frames[depth - 1]
    context.position = frame.code._withUnsafeGuaranteedRef {
      $0.positionBase &+ UInt32(truncatingIfNeeded: frame.pc - $0.words)
    }
  }

  private func take(_ register: Registers) -> Operand {
    let slot = register.pointee
    register.pointee = .nil
    guard slot.isTensor else { return Operand(slot.number, handle: slot.handle) }
    let tensor = Unmanaged<Tensor>.fromOpaque(slot.pointer).takeRetainedValue()
    return Operand(tensor, handle: slot.handle)
  }

  @inline(__always) private func isOperand(_ slot: Slot) -> Bool { slot.isTensor || slot.isNumber }

  // MARK: Everything but tensors

  /// The result, owned, of an operator on borrowed operands.
  func operate(_ op: Opcode, _ left: Slot, _ right: Slot) throws -> Slot {
    if left.isNumber && right.isNumber {
      if left.handle.isNone && right.handle.isNone {
        if let result = numbers(op, left.number, right.number) { return result }
      } else if let row = op.tensorOp {
        return try trackedNumbers(op, row, left, right)
      }
    }
    return try operateOnOther(op, left, right)
  }

  private func numbers(_ op: Opcode, _ x: Double, _ y: Double) -> Slot? {
    switch op {
    case .add, .addK: Slot(x + y)
    case .subtract, .subtractK: Slot(x - y)
    case .multiply, .multiplyK: Slot(x * y)
    case .divide, .divideK: Slot(x / y)
    case .floorDivide, .floorDivideK: Slot(Arithmetic.floorDivide(x, y))
    case .remainder, .remainderK: Slot(Arithmetic.remainder(x, y))
    case .power: Slot(power(x, y))
    case .less: Slot(x < y)
    case .lessEqual: Slot(x <= y)
    case .equal: Slot(x == y)
    case .notEqual: Slot(x != y)
    default: nil
    }
  }

  /// Comparing tracked numbers gives a bool; other operators go on the tape.
  private func trackedNumbers(_ op: Opcode, _ row: Op, _ left: Slot, _ right: Slot) throws -> Slot {
    switch op {
    case .less, .lessEqual, .equal, .notEqual:
      try checkUnbatched(left)
      try checkUnbatched(right)
      return numbers(op, left.number, right.number) ?? .nil
    default: break
    }
    do {
      return Slot(try context.binary(row, Operand(left), Operand(right)))
    } catch {
      throw ScriptError(error)
    }
  }

  private func operateOnOther(_ op: Opcode, _ left: Slot, _ right: Slot) throws -> Slot {
    switch op {
    case .equal, .notEqual:
      return Slot(try Equality.areEqual(left, right, in: self) == (op == .equal))
    case .less, .lessEqual:
      if let a = left.asString, let b = right.asString {
        let isBefore = b.value.utf8.lexicographicallyPrecedes(a.value.utf8)
        return Slot(op == .less ? a.value.utf8.lexicographicallyPrecedes(b.value.utf8) : !isBefore)
      }
    case .contains: return Slot(try contains(right, left))
    case .concatenate: return try concatenate(left, right)
    default:
      if let result = try listOperator(op, left, right) { return result }
    }
    throw operatorError(op, left, right)
  }

  /// Arithmetic of a list with a tensor or a number is tensor arithmetic.
  private func listOperator(_ op: Opcode, _ left: Slot, _ right: Slot) throws -> Slot? {
    guard let row = op.tensorOp, left.meta == Tag.list || right.meta == Tag.list,
      isOperand(left) || isOperand(right)
    else { return nil }
    let maker = TensorMaker(vm: self, caller: op.symbol)
    guard let a = try maker.operand(left), let b = try maker.operand(right) else { return nil }
    do {
      return Slot(try context.binary(row, a, b))
    } catch {
      throw ScriptError(error)
    }
  }

  private func operatorError(_ op: Opcode, _ left: Slot, _ right: Slot) -> ScriptError {
    .operatorMismatch(op.symbol, sketch(of: left), sketch(of: right))
  }

  /// `element in container`
  private func contains(_ container: Slot, _ element: Slot) throws -> Bool {
    switch container.tag {
    case Tag.list, Tag.tuple:
      return try container.elements?.contains { try Equality.areEqual($0, element, in: self) }
        ?? false
    case Tag.dict:
      return element.isKey && container.object(DictObject.self).find(element) != nil
    case Tag.string:
      if let text = element.asString {
        return TextSearch.find(text.value, in: container.object(StringObject.self).value) != nil
      }
    case Tag.range:
      guard let number = plainNumber(element) else { return false }
      let range = container.object(RangeObject.self)
      guard let whole = Int(exactly: number), whole.magnitude < 1 << 60 else { return false }
      let steps = (whole - range.start) / range.step
      return range.start + steps * range.step == whole && steps >= 0 && steps < range.length
    default: break
    }
    throw ScriptError(
      .type, "`in` does not work on \(container.describedType)",
      notes: [.init(operand: 1, text: briefDescription(of: container))])
  }

  /// `a ++ b` of lists, tuples or strings.
  private func concatenate(_ left: Slot, _ right: Slot) throws -> Slot {
    if let a = left.asString, let b = right.asString {
      try checkRoom(a.value.utf8.count + b.value.utf8.count)
      return heap.string(a.value + b.value)
    }
    guard left.tag == right.tag, let a = left.elements, let b = right.elements else {
      throw operatorError(.concatenate, left, right)
    }
    try checkRoom((a.count + b.count) * 16)
    let joined = (Array(a) + Array(b)).map { retained($0) }
    return left.meta == Tag.list
      ? Slot(ListObject(heap: heap, owned: joined)) : Slot(TupleObject(heap: heap, owned: joined))
  }

  // MARK: Comparison jumps, negation, conditions

  /// The outcome of a jump that compares.
  @inline(never) func compare(_ word: UInt32, _ base: Registers, _ code: Unmanaged<Code>) throws
    -> Bool
  {
    // The verifier checks that every opcode byte is a case.
    let jump = unsafeBitCast(UInt8(truncatingIfNeeded: word), to: Opcode.self)
    let (op, isConstant, isSwapped) = jump.comparison
    let first = base + Int(word >> 8 & 255)
    let second = Int(word >> 16 & 255)
    let constant = code._withUnsafeGuaranteedRef { $0.constants }
    let left = first.pointee
    let right = isConstant ? constant[second] : base[second]
    if op == .equal, left.isNil || right.isNil {
      let isEqual = left.isNil && right.isNil
      releaseTemporary(first, base, code)
      if !isConstant { releaseTemporary(base + second, base, code) }
      return isEqual
    }
    let result =
      isSwapped ? try comparison(op, right, left) : try comparison(op, left, right)
    releaseTemporary(first, base, code)
    if !isConstant { releaseTemporary(base + second, base, code) }
    defer { release(result) }
    return try condition(result)
  }

  private func comparison(_ op: Opcode, _ left: Slot, _ right: Slot) throws -> Slot {
    guard left.isTensor || right.isTensor, let row = op.tensorOp, isOperand(left), isOperand(right)
    else { return try operate(op, left, right) }
    do {
      return Slot(try context.binary(row, Operand(left), Operand(right)))
    } catch {
      throw ScriptError(error)
    }
  }

  @inline(never) func negate(_ word: UInt32, _ base: Registers, _ code: Unmanaged<Code>) throws {
    let source = base + Int(word >> 16 & 255)
    let value = source.pointee
    guard isOperand(value) else {
      throw ScriptError.notNegatable(sketch(of: value))
    }
    let isTaken = source - base >= code._withUnsafeGuaranteedRef { $0.firstTemporary }
    do {
      let result = Slot(try context.unary(Ops.neg, isTaken ? take(source) : Operand(value)))
      assign(result, to: base + Int(word >> 8 & 255))
    } catch {
      throw ScriptError(error)
    }
  }

  /// The truth of a condition: a bool or a one-element bool tensor.
  func condition(_ slot: Slot) throws -> Bool {
    if slot.isBool { return slot.bool }
    if let tensor = slot.asTensor {
      try checkUnbatched(slot)
      if tensor.dtype == .bool && tensor.count == 1 { return tensor.number(at: 0) != 0 }
    }
    throw ScriptError.notACondition(sketch(of: slot))
  }
}

extension Opcode {
  /// The operator of a comparing jump, whether its second operand is a constant, and whether its operands change sides.
  fileprivate var comparison: (op: Opcode, isConstant: Bool, isSwapped: Bool) {
    switch self {
    case .jumpLess: (.less, false, false)
    case .jumpLessEqual: (.lessEqual, false, false)
    case .jumpLessK: (.less, true, false)
    case .jumpLessEqualK: (.lessEqual, true, false)
    case .jumpGreaterK: (.less, true, true)
    case .jumpGreaterEqualK: (.lessEqual, true, true)
    case .jumpEqualK: (.equal, true, false)
    default: (.equal, false, false)
    }
  }

  /// The row of the op table that an operator means for tensors.
  var tensorOp: Op? {
    switch self {
    case .add, .addK: Ops.add
    case .subtract, .subtractK: Ops.sub
    case .multiply, .multiplyK: Ops.mul
    case .divide, .divideK: Ops.div
    case .floorDivide, .floorDivideK: Ops.floorDiv
    case .remainder, .remainderK: Ops.mod
    case .power: Ops.pow
    case .matmul: Ops.matmul
    case .less: Ops.less
    case .lessEqual: Ops.lessEqual
    case .equal: Ops.equal
    case .notEqual: Ops.notEqual
    default: nil
    }
  }

  /// How the operator is written.
  var symbol: String {
    switch self {
    case .add, .addK: "+"
    case .subtract, .subtractK: "-"
    case .multiply, .multiplyK: "*"
    case .divide, .divideK: "/"
    case .floorDivide, .floorDivideK: "//"
    case .remainder, .remainderK: "%"
    case .power: "**"
    case .matmul: "@"
    case .concatenate: "++"
    case .contains: "in"
    case .less: "<"
    case .lessEqual: "<="
    case .equal: "=="
    case .notEqual: "!="
    default: "\(self)"
    }
  }
}

extension Operand {
  /// A number or tensor slot, borrowed, as an operand.
  @inline(__always) init(_ slot: Slot) {
    if slot.isTensor {
      self.init(slot.tensor, handle: slot.handle)
    } else {
      self.init(slot.number, handle: slot.handle)
    }
  }
}
