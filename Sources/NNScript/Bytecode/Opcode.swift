// The instruction set of the virtual machine.

/// The operation in the low byte of an instruction word; the other bytes are the operands a, b and c, or a and a 16-bit number (bx).
///
/// Operands are registers of the frame unless said otherwise. Registers from `Code.firstTemporary` on hold temporaries: each is written once and used once.
/// Arithmetic, comparison and `unpack` use up temporaries that are counted; instructions that end in `Take` move their value out of its register;
/// the compiler follows the others with `release`. Jump offsets are signed and count from the word after the offset.
enum Opcode: UInt8, CaseIterable {
  // Values
  case move, take, loadConstant, loadNil, loadBool, loadBuiltin, release
  // Variables: globals (bx), cells in registers (b), captured values and cells of the running function (b)
  case getGlobal, setGlobal, setGlobalTake, takeGlobal, peekGlobal
  case newCell, getCell, setCell, setCellTake, takeCell
  case getCapture, getCaptureCell, setCaptureCell, setCaptureCellTake, takeCaptureCell
  case thisFunction, closure, makeModel
  // Arithmetic: a = b op c, K: c is a constant
  case add, subtract, multiply, divide, floorDivide, remainder
  case addK, subtractK, multiplyK, divideK, floorDivideK, remainderK
  case power, matmul, concatenate, contains
  case less, lessEqual, equal, notEqual, negate, not
  // Jumps: compare a with b (K: a constant), go on at the offset in the next word if the outcome is c
  case jumpLess, jumpLessEqual, jumpEqual
  case jumpLessK, jumpLessEqualK, jumpGreaterK, jumpGreaterEqualK, jumpEqualK
  case jump, jumpBack, jumpIf, jumpIfGiven, jumpIfCallable, jumpUnlessTensor
  // Calls: a = callee, b = number of arguments, c = register of the result
  case call, callSpecial, callMember, callMemberSpecial
  case returnValue, returnNil, throwValue
  // Containers: b = first register, c = count
  case newList, newTuple, newDict, appendTake, appendAll, putPairs, listToTuple, newRange,
    newRangeClosed
  // Elements: a = b[c]
  case getIndex, setIndex, setIndexTake, takeIndex, getSlice, setSlice
  // Members: a = b.name, the name's constant and a cache in the next words
  case getMember, setMember, setMemberTake, takeMember
  // Fields of the running method's instance by position c
  case getField, setField, setFieldTake, takeField, initField, bindMethod, loadMethod
  // Loops
  case rangePrepare, rangeLoop, iteratePrepare, iterateNext
  case unpack, interpolate
  // Shape types and dimension names
  case checkParameters, checkResult
  case importModule
}

/// How the words after an opcode are laid out, for the disassembler and the verifier.
extension Opcode {
  /// The number of words after the instruction's own.
  var extraWords: Int {
    switch self {
    case .jumpLess, .jumpLessEqual, .jumpEqual, .jumpLessK, .jumpLessEqualK, .jumpGreaterK,
      .jumpGreaterEqualK, .jumpEqualK, .jump, .jumpBack, .jumpIf, .jumpIfGiven, .jumpIfCallable,
      .jumpUnlessTensor, .rangePrepare, .rangeLoop, .iterateNext:
      1
    case .callSpecial, .getSlice, .setSlice, .interpolate: 1
    case .getMember, .setMember, .setMemberTake, .takeMember, .callMember: 2
    case .callMemberSpecial: 3
    default: 0
    }
  }

  /// True if the first extra word is a jump offset.
  var isJump: Bool {
    switch self {
    case .jumpLess, .jumpLessEqual, .jumpEqual, .jumpLessK, .jumpLessEqualK, .jumpGreaterK,
      .jumpGreaterEqualK, .jumpEqualK, .jump, .jumpBack, .jumpIf, .jumpIfGiven, .jumpIfCallable,
      .jumpUnlessTensor, .rangePrepare, .rangeLoop, .iterateNext:
      true
    default: false
    }
  }

  var isCall: Bool {
    switch self {
    case .call, .callSpecial, .callMember, .callMemberSpecial: true
    default: false
    }
  }

  /// True if nothing after it runs unless something jumps there.
  var endsFlow: Bool {
    switch self {
    case .jump, .jumpBack, .returnValue, .returnNil, .throwValue: true
    default: false
    }
  }

  /// What the operand bytes are.
  enum Layout: Equatable {
    /// Registers in a, then b, then c, as many as said.
    case registers(Int)
    /// A register and a 16-bit index of a constant, global, child or table entry.
    case registerAndIndex
    /// Registers a and b, a constant in c.
    case registersAndConstant
    /// A register in a, a constant in b.
    case compareConstant
    /// Registers a and b, a small number in c.
    case registersAndNumber
    /// A register in a, a small number in b.
    case registerAndNumber
    /// a = result; b registers from the first, c of them.
    case span
    /// a = callee with b arguments after it, result in c.
    case call
    case none
  }

  var layout: Layout {
    switch self {
    case .loadNil, .release, .newCell, .jumpIfGiven, .jumpIfCallable, .jumpUnlessTensor,
      .returnValue, .throwValue, .thisFunction, .iteratePrepare, .listToTuple:
      .registers(1)
    case .move, .take, .getCell, .setCell, .setCellTake, .takeCell, .negate, .not, .appendTake,
      .appendAll, .getMember, .setMember, .setMemberTake, .takeMember, .iterateNext, .rangeLoop:
      .registers(2)
    case .add, .subtract, .multiply, .divide, .floorDivide, .remainder, .power, .matmul,
      .concatenate, .contains, .less, .lessEqual, .equal, .notEqual, .getIndex, .setIndex,
      .setIndexTake, .takeIndex, .getSlice:
      .registers(3)
    case .setSlice: .registers(3)
    case .addK, .subtractK, .multiplyK, .divideK, .floorDivideK, .remainderK: .registersAndConstant
    case .jumpLess, .jumpLessEqual, .jumpEqual: .registers(2)
    case .jumpLessK, .jumpLessEqualK, .jumpGreaterK, .jumpGreaterEqualK, .jumpEqualK:
      .compareConstant
    case .loadConstant, .loadBuiltin, .getGlobal, .setGlobal, .setGlobalTake, .takeGlobal,
      .peekGlobal, .closure, .makeModel, .checkResult, .importModule:
      .registerAndIndex
    case .loadBool, .getCapture, .getCaptureCell, .setCaptureCell, .setCaptureCellTake,
      .takeCaptureCell, .jumpIf:
      .registerAndNumber
    case .newList, .newTuple, .newDict, .putPairs, .unpack, .interpolate: .span
    case .newRange, .newRangeClosed: .registers(3)
    case .getField, .setField, .setFieldTake, .takeField, .initField, .bindMethod, .loadMethod,
      .rangePrepare:
      .registersAndNumber
    case .call, .callSpecial, .callMember, .callMemberSpecial: .call
    case .jump, .jumpBack, .returnNil, .checkParameters: .none
    }
  }
}
