// The compiled form of one function: instructions, constants, and the tables instructions refer to.
import NNSyntax

/// Bytecode of one function, model constructor or program. Instructions remember where they found a member last time in their own words.
final class Code {
  /// The arguments of a call that are not simply positional.
  struct CallShape {
    /// Which of the arguments are spread.
    let isSpread: [Bool]
    /// The names of the last arguments, interned; positional arguments come first.
    let names: [Slot]
  }

  /// The items between the brackets of `x[1:2, ..., nil]`; each takes the number of registers it says.
  enum SliceItem {
    /// One register.
    case value
    /// Three registers, undefined where a part is missing.
    case slice
    /// No register.
    case ellipsis
  }

  /// A part of an interpolated string; values come from registers in order.
  enum TextPart {
    case text(String)
    case value(FormatSpec?)
  }

  /// Where a captured variable comes from when a closure is made.
  enum CaptureSource {
    case register(Int)
    case capture(Int)
    case thisFunction
  }

  /// A range of instructions whose errors go on at `target`, with the error value in `register`.
  struct Handler {
    let range: Range<Int>
    let target: Int
    let register: Int
    /// Temporaries from here on are dead in the handler.
    let firstDead: Int
  }

  /// A variable that was moved into a register while an instruction of the range works on it: an error puts it back.
  struct Restore {
    enum Place {
      case global(Int)
      case cell(register: Int)
      case captureCell(Int)
      case field(receiver: Int, index: Int)
      case member(object: Int, name: Slot)
      case element(object: Int, key: Int)
    }
    let range: Range<Int>
    let register: Int
    let place: Place
  }

  /// Where an instruction stands in the source, and its operands or arguments.
  struct Place {
    let pc: Int
    let span: Span
    let operands: [Span]
    /// The first operand is the callee, the others are arguments.
    var isCall = false
    /// The second operand is the receiver.
    var includesReceiver = false
  }

  /// An arithmetic instruction whose operands are variables that nothing reads afterwards: it may take their tensors.
  struct LastUse {
    let pc: Int
    let left: Bool
    let right: Bool
  }

  /// A model declared in this function.
  struct ModelTemplate {
    let name: String
    let documentation: String?
    let fields: [ModelLayout.Field]
    let methodNames: [String]
    /// Indices among `children`.
    let constructor: Int
    let methods: [Int]
  }

  let name: String
  let documentation: String?
  let span: Span
  unowned(unsafe) let module: Module

  var words: UnsafeMutablePointer<UInt32>
  let wordCount: Int
  let constants: UnsafeMutablePointer<Slot>
  let constantCount: Int
  /// A number for each instruction of an engine, which tapes remember: this plus its index in the code.
  let positionBase: UInt32
  /// The module's variables; changes when the module grows.
  var globals: UnsafeMutablePointer<Slot>

  let registerCount: Int
  /// Registers before this are variables, to be released when the frame is left.
  let firstTemporary: Int
  let parameters: ParameterList
  let children: [Code]
  let captures: [CaptureSource]
  let callShapes: [CallShape]
  let slices: [[SliceItem]]
  let texts: [[TextPart]]
  let models: [ModelTemplate]
  let types: [TypeCheck]
  let handlers: [Handler]
  let restores: [Restore]
  let places: [Place]
  /// Element assignments whose container cannot be rebound, by position.
  let guarded: [Int]
  /// By position.
  let lastUses: [LastUse]
  let hasLastUses: Bool
  /// The first of `types` are checked by `checkParameters`.
  let parameterCheckCount: Int
  /// A lambda that is given one tuple or list takes its parts.
  let isLambda: Bool

  /// Calls with exactly this many positional arguments need no preparation; -1 if every call does.
  let simpleCount: Int

  init(_ parts: CodeBuilder.Parts, module: Module) {
    self.module = module
    name = parts.name
    documentation = parts.documentation
    span = parts.span
    wordCount = parts.words.count
    words = .allocate(capacity: wordCount)
    words.initialize(from: parts.words, count: wordCount)
    constantCount = parts.constants.count
    constants = .allocate(capacity: max(constantCount, 1))
    constants.initialize(from: parts.constants, count: constantCount)
    globals = module.globals
    positionBase = module.takePositions(parts.words.count)
    registerCount = parts.registerCount
    firstTemporary = parts.firstTemporary
    parameters = parts.parameters
    children = parts.children
    captures = parts.captures
    callShapes = parts.callShapes
    slices = parts.slices
    texts = parts.texts
    models = parts.models
    types = parts.types
    handlers = parts.handlers
    restores = parts.restores
    places = parts.places
    guarded = parts.guarded
    lastUses = parts.lastUses
    hasLastUses = !parts.lastUses.isEmpty
    parameterCheckCount = parts.parameterCheckCount
    isLambda = parts.isLambda
    simpleCount = parts.parameters.simpleCount
    module.codes.append(self)
  }

  deinit {
    words.deallocate()
    constants.deallocate()
  }

  /// Gives up the constants and names, not those of the functions inside; the heap must still be alive.
  func releaseConstants() {
    for index in 0..<constantCount {
      release(constants[index])
      constants[index] = .nil
    }
    for name in callShapes.flatMap(\.names) { release(name) }
    for case .member(_, let name) in restores.map(\.place) { release(name) }
  }

  /// The place of the instruction that was running when the program counter was `pc`.
  func place(before pc: Int) -> Place? {
    let next = places.firstIndex(notBefore: pc, \.pc)
    return next > 0 ? places[next - 1] : nil
  }

  /// What the instruction at `pc` reads for the last time.
  func lastUse(at pc: Int) -> LastUse? {
    let index = lastUses.firstIndex(notBefore: pc, \.pc)
    return index < lastUses.count && lastUses[index].pc == pc ? lastUses[index] : nil
  }

  /// True for an element assignment whose container cannot be rebound.
  func isGuarded(_ pc: Int) -> Bool {
    let index = guarded.firstIndex(notBefore: pc, \.self)
    return index < guarded.count && guarded[index] == pc
  }
}

/// What the parameters of a function are called and which of them must be given.
struct ParameterList: Sendable {
  /// Names, without the receiver.
  var names: [String] = []
  /// Parameters without a default, by position.
  var isRequired: [Bool] = []
  var restIndex: Int?
  /// Methods and constructors have the instance in register 0, before the parameters.
  var hasReceiver = false

  var count: Int { names.count }

  /// The number of arguments, receiver included, with which a call needs no preparation.
  var simpleCount: Int {
    restIndex == nil ? names.count + (hasReceiver ? 1 : 0) : -1
  }
}

extension Array {
  /// The first place whose position is not before `pc`; the positions rise.
  fileprivate func firstIndex(notBefore pc: Int, _ position: (Element) -> Int) -> Int {
    var low = 0
    var high = count
    while low < high {
      let middle = (low + high) / 2
      if position(self[middle]) < pc { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
