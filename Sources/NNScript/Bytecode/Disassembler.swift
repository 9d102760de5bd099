// Prints bytecode for `--code`.
import NNSyntax

/// Writes the instructions of a function and of those inside it, one to a line, with their lines in the source.
struct Disassembler {
  private let sources: SourceMap
  private var text = ""

  static func text(of code: Code, sources: SourceMap) -> String {
    var disassembler = Disassembler(sources: sources)
    disassembler.write(code)
    return disassembler.text
  }

  private init(sources: SourceMap) { self.sources = sources }

  private mutating func write(_ code: Code) {
    text += "\(code.name): \(code.registerCount) registers, \(code.firstTemporary) variables\n"
    var pc = 0
    var lastLine = 0
    while pc < code.wordCount {
      let line = line(of: code, pc)
      text += pad("\(pc)", 5) + (line == lastLine ? pad("", 5) : pad("\(line)", 5)) + "  "
      lastLine = line
      pc += writeInstruction(code, pc)
      text += "\n"
    }
    for handler in code.handlers {
      text +=
        "  errors in \(handler.range) go to \(handler.target), the error in r\(handler.register)\n"
    }
    for child in code.children {
      text += "\n"
      write(child)
    }
  }

  private func line(of code: Code, _ pc: Int) -> Int {
    guard let span = code.place(before: pc + 1)?.span, let file = sources.file(of: span) else {
      return 0
    }
    return file.location(at: Int(span.start)).line
  }

  private func pad(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }

  /// Writes an instruction and gives how many words it has.
  private mutating func writeInstruction(_ code: Code, _ pc: Int) -> Int {
    let word = code.words[pc]
    guard let op = Opcode(rawValue: UInt8(truncatingIfNeeded: word)) else {
      text += "?"
      return 1
    }
    let name = "\(op)"
    text += name + String(repeating: " ", count: max(1, 22 - name.count)) + operands(op, word, code)
    if op.isJump {
      let offset = Int(Int32(bitPattern: code.words[pc + 1]))
      text += " -> \(pc + 2 + offset)"
    } else if op.hasMemberWords {
      text += " ." + constant(code, Int(code.words[pc + 1]))
    }
    return 1 + op.extraWords
  }

  private func operands(_ op: Opcode, _ word: UInt32, _ code: Code) -> String {
    let (a, b, c) = (Int(word >> 8 & 255), Int(word >> 16 & 255), Int(word >> 24))
    let index = Int(word >> 16)
    switch op.layout {
    case .registers(1): return "r\(a)"
    case .registers(2): return op.isJump ? "r\(a) r\(b) \(c)" : "r\(a) r\(b)"
    case .registers: return "r\(a) r\(b) r\(c)"
    case .registerAndIndex: return "r\(a) " + indexText(op, index, code)
    case .registersAndConstant: return "r\(a) r\(b) \(constant(code, c))"
    case .compareConstant: return "r\(a) \(constant(code, b)) \(c)"
    case .registersAndNumber: return "r\(a) r\(b) \(c)"
    case .registerAndNumber: return "r\(a) \(b)"
    case .span: return "r\(a) r\(b)+\(c)"
    case .call: return "r\(a)+\(b) -> r\(c)"
    case .none: return ""
    }
  }

  private func indexText(_ op: Opcode, _ index: Int, _ code: Code) -> String {
    switch op {
    case .loadConstant, .loadBuiltin, .importModule: constant(code, index)
    case .getGlobal, .setGlobal, .setGlobalTake, .takeGlobal, .peekGlobal:
      code.module.name(of: index)
    case .closure: code.children[index].name
    case .makeModel: code.models[index].name
    default: "\(index)"
    }
  }

  private func constant(_ code: Code, _ index: Int) -> String {
    let slot = code.constants[index]
    return slot.asString?.value ?? slot.asNumber.map(NumberText.shortest) ?? slot.typeName
  }
}

extension Opcode {
  /// True if a member's name and its cache follow.
  var hasMemberWords: Bool {
    switch self {
    case .getMember, .setMember, .setMemberTake, .takeMember, .callMember, .callMemberSpecial: true
    default: false
    }
  }
}
