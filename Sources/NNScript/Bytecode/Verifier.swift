// Checks that bytecode keeps to what the virtual machine relies on without asking.

/// Finds instructions that would read or write outside their frame, tables or code.
struct Verifier {
  private let code: Code
  private var problems: [String] = []
  private var starts: Set<Int> = []

  /// What is wrong with a function and those inside it; empty if nothing is.
  static func problems(in code: Code) -> [String] {
    var verifier = Verifier(code: code)
    verifier.check()
    return verifier.problems + code.children.flatMap { problems(in: $0) }
  }

  private init(code: Code) { self.code = code }

  private mutating func check() {
    if code.firstTemporary > code.registerCount { report(0, "more variables than registers") }
    findStarts()
    for pc in starts.sorted() { check(pc) }
    for handler in code.handlers where !starts.contains(handler.target) {
      report(handler.target, "a handler inside an instruction")
    }
    checkEnd()
  }

  private mutating func report(_ pc: Int, _ problem: String) {
    problems.append("\(code.name) at \(pc): \(problem)")
  }

  private mutating func findStarts() {
    var pc = 0
    while pc < code.wordCount {
      guard let op = Opcode(rawValue: UInt8(truncatingIfNeeded: code.words[pc])) else {
        return report(pc, "no opcode")
      }
      starts.insert(pc)
      pc += 1 + op.extraWords
    }
    if pc != code.wordCount { report(pc, "the last instruction is cut off") }
  }

  private mutating func checkEnd() {
    guard let last = starts.max(),
      let op = Opcode(rawValue: UInt8(truncatingIfNeeded: code.words[last]))
    else { return report(0, "no code") }
    if !op.endsFlow { report(last, "execution runs over the end") }
  }

  private mutating func check(_ pc: Int) {
    let word = code.words[pc]
    guard let op = Opcode(rawValue: UInt8(truncatingIfNeeded: word)) else { return }
    let (a, b, c) = (Int(word >> 8 & 255), Int(word >> 16 & 255), Int(word >> 24))
    switch op.layout {
    case .registers(let count): checkRegisters(pc, [a, b, c].prefix(count))
    case .registerAndIndex:
      checkRegisters(pc, [a])
      checkIndex(pc, op, Int(word >> 16))
    case .registersAndConstant:
      checkRegisters(pc, [a, b])
      checkNumber(pc, c)
    case .compareConstant:
      checkRegisters(pc, [a])
      checkNumber(pc, b)
    case .registersAndNumber: checkRegisters(pc, [a, b])
    case .registerAndNumber: checkRegisters(pc, [a])
    case .span:
      let count = op == .newDict || op == .putPairs ? 2 * c : c
      checkRegisters(pc, [a] + (count > 0 ? [b, b + count - 1] : []))
    case .call: checkRegisters(pc, [a, a + b + 1, c])
    case .none: break
    }
    if op.isJump { checkJump(pc) }
    if op.hasMemberWords { checkName(pc, Int(code.words[pc + 1])) }
    checkTable(pc, op)
  }

  private mutating func checkRegisters(_ pc: Int, _ registers: some Sequence<Int>) {
    for register in registers where register >= code.registerCount {
      report(pc, "register \(register) of \(code.registerCount)")
    }
  }

  private mutating func checkNumber(_ pc: Int, _ index: Int) {
    if index >= code.constantCount || !code.constants[index].isPlainNumber {
      report(pc, "constant \(index) is no number")
    }
  }

  private mutating func checkName(_ pc: Int, _ index: Int) {
    if index >= code.constantCount || code.constants[index].meta != Tag.string {
      report(pc, "constant \(index) is no name")
    }
  }

  private mutating func checkJump(_ pc: Int) {
    let target = pc + 2 + Int(Int32(bitPattern: code.words[pc + 1]))
    if !starts.contains(target) { report(pc, "a jump to \(target)") }
  }

  private mutating func checkIndex(_ pc: Int, _ op: Opcode, _ index: Int) {
    let limit =
      switch op {
      case .loadConstant, .loadBuiltin, .importModule: code.constantCount
      case .closure: code.children.count
      case .makeModel: code.models.count
      case .checkResult: code.types.count
      default: code.module.count
      }
    if index >= limit { report(pc, "index \(index) of \(limit)") }
  }

  private mutating func checkTable(_ pc: Int, _ op: Opcode) {
    let limit: Int
    let index: Int
    switch op {
    case .callSpecial: (limit, index) = (code.callShapes.count, Int(code.words[pc + 1]))
    case .callMemberSpecial: (limit, index) = (code.callShapes.count, Int(code.words[pc + 3]))
    case .getSlice, .setSlice: (limit, index) = (code.slices.count, Int(code.words[pc + 1]))
    case .interpolate: (limit, index) = (code.texts.count, Int(code.words[pc + 1]))
    case .getCapture, .getCaptureCell, .setCaptureCell, .setCaptureCellTake, .takeCaptureCell:
      (limit, index) = (code.captures.count, Int(code.words[pc] >> 16 & 255))
    default: return
    }
    if index >= limit { report(pc, "table entry \(index) of \(limit)") }
  }
}
