// The interface between scripts and functions written in Swift.
import NNTensor

/// Names, defaults and kinds of a function's parameters.
struct Signature: Sendable {
  struct Parameter: Sendable, Equatable {
    let name: String
    /// The default as shown by `help`; nil if the argument is required. The native itself decides what an absent argument means.
    let defaultText: String?
    /// Takes all remaining positional arguments, as a list.
    var isRest = false
    /// Can only be given by name.
    var isNamedOnly = false
  }

  let parameters: [Parameter]
  /// The same for binding arguments.
  let list: ParameterList

  init(_ parameters: [Parameter]) {
    self.parameters = parameters
    list = ParameterList(
      names: parameters.map(\.name),
      isRequired: parameters.map { $0.defaultText == nil && !$0.isRest },
      restIndex: parameters.firstIndex { $0.isRest })
  }

  /// Reads a signature as scripts write it: `x, axis = nil, keepdims = false` or `values...`. Parameters after the rest go by name only.
  init(_ text: String) {
    var parameters: [Parameter] = []
    for part in Self.splitParameters(text) {
      let sides = part.split(separator: "=", maxSplits: 1).map(Self.trim)
      let isRest = sides[0].hasSuffix("...")
      let isAfterRest = parameters.contains { $0.isRest }
      parameters.append(
        Parameter(
          name: isRest ? String(sides[0].dropLast(3)) : sides[0],
          defaultText: sides.count > 1 ? sides[1] : nil, isRest: isRest, isNamedOnly: isAfterRest))
    }
    self.init(parameters)
  }

  /// Splits at commas outside brackets and quotes.
  private static func splitParameters(_ text: String) -> [Substring] {
    var depth = 0
    var isQuoted = false
    return text.split { character in
      switch character {
      case "\"": isQuoted.toggle()
      case "(", "[", "{": depth += 1
      case ")", "]", "}": depth -= 1
      case ",": return depth == 0 && !isQuoted
      default: break
      }
      return false
    }
  }

  private static func trim(_ text: Substring) -> String {
    var text = text.drop { $0 == " " }
    while text.last == " " { text.removeLast() }
    return String(text)
  }

  /// The parameters as `help` shows them: `x, axis = nil`.
  var text: String {
    parameters.map { $0.name + ($0.isRest ? "..." : $0.defaultText.map { " = " + $0 } ?? "") }
      .joined(separator: ", ")
  }
}

/// A function written in Swift. Natives are shared by all engines; what they know of one comes with the call.
final class NativeFunction: Sendable {
  /// Arguments are borrowed, the result is owned: return a new object, or `retained(argument)`.
  typealias Body = @Sendable (inout NativeCall) throws -> Slot

  let name: String
  let signature: Signature
  let documentation: String
  let example: String
  let body: Body
  let parameterCount: Int
  /// True if arguments in the order of the parameters need no preparation.
  let isPlain: Bool

  init(
    _ name: String, _ signature: Signature, documentation: String = "", example: String = "",
    body: @escaping Body
  ) {
    self.name = name
    self.signature = signature
    self.documentation = documentation
    self.example = example
    self.body = body
    parameterCount = signature.list.count
    isPlain = signature.list.restIndex == nil
  }

  /// A native with its signature as text: `NativeFunction("sum", "x, axis = nil") { call in ... }`.
  convenience init(
    _ name: String, _ signature: String, documentation: String = "", example: String = "",
    body: @escaping Body
  ) {
    self.init(
      name, Signature(signature), documentation: documentation, example: example, body: body)
  }
}

/// One call of a native: its arguments in the order of the signature's parameters, and the way back into the engine.
struct NativeCall {
  unowned(unsafe) let vm: VM
  unowned(unsafe) let object: NativeObject
  /// One slot per parameter, borrowed; undefined where no argument was given. A rest parameter is a list.
  let arguments: UnsafeMutablePointer<Slot>

  var function: NativeFunction { object.function }
  /// What the native object holds beside its code.
  var captured: [Slot] { object.captured }
  var heap: Heap { vm.heap }
  var count: Int { function.signature.parameters.count }

  @inline(__always) subscript(index: Int) -> Slot { arguments[index] }

  /// True if an argument was given and is not nil.
  func has(_ index: Int) -> Bool { !arguments[index].isUndefined && !arguments[index].isNil }

  /// Takes an argument's count: for an op that may write into a temporary in place.
  func take(_ index: Int) -> Slot {
    let slot = arguments[index]
    arguments[index] = .nil
    return slot
  }

  /// The positional arguments a rest parameter took.
  func rest(_ index: Int) -> UnsafeMutableBufferPointer<Slot> {
    arguments[index].elements ?? UnsafeMutableBufferPointer(start: nil, count: 0)
  }

  func name(of index: Int) -> String { function.signature.parameters[index].name }

  /// A new string as the result.
  func string(_ text: String) -> Slot { heap.string(text) }

  /// The error for an argument of the wrong type, pointing at the argument.
  func typeError(_ index: Int, expected: String, help: String? = nil) -> ScriptError {
    let found = arguments[index].isUndefined ? "nothing" : arguments[index].describedType
    return .wrongArgument(
      function.name, name(of: index), index, expected: expected, found: found, help: help)
  }

  /// An error of kind `argument`, pointing at the argument.
  func argumentError(_ index: Int, _ message: String, help: String? = nil) -> ScriptError {
    ScriptError(
      .argument, "\(function.name): \(message)", help: help,
      notes: [.init(operand: index, text: vm.briefDescription(of: arguments[index]))])
  }

  /// A number; a 0-d tensor is accepted as its number.
  func number(_ index: Int) throws -> Double {
    if let number = vm.plainNumber(arguments[index]) { return number }
    throw typeError(index, expected: "a number")
  }

  /// A whole number; a 0-d integer tensor is accepted.
  func int(_ index: Int) throws -> Int {
    guard let number = vm.plainNumber(arguments[index]) else {
      throw typeError(index, expected: "a whole number")
    }
    guard let int = Int(exactly: number) else {
      throw argumentError(
        index, "'\(name(of: index))' must be a whole number, not \(NumberText.shortest(number))")
    }
    return int
  }

  /// A count: a whole number from 0 on.
  func size(_ index: Int) throws -> Int {
    let int = try int(index)
    if int < 0 { throw argumentError(index, "'\(name(of: index))' must not be negative") }
    return int
  }

  func bool(_ index: Int) throws -> Bool {
    guard let bool = arguments[index].asBool else { throw typeError(index, expected: "a bool") }
    return bool
  }

  func text(_ index: Int) throws -> String {
    guard let string = arguments[index].asString else {
      throw typeError(index, expected: "a string")
    }
    return string.value
  }

  func list(_ index: Int) throws -> ListObject {
    guard let list = arguments[index].asList else { throw typeError(index, expected: "a list") }
    return list
  }

  func dict(_ index: Int) throws -> DictObject {
    guard let dict = arguments[index].asDict else { throw typeError(index, expected: "a dict") }
    return dict
  }

  /// A dict key: a string or a whole number.
  func key(_ index: Int) throws -> Slot {
    guard arguments[index].isKey else {
      throw typeError(index, expected: "a key (a string or a whole number)")
    }
    return arguments[index]
  }

  /// Something that can be called, borrowed.
  func callable(_ index: Int) throws -> Slot {
    guard arguments[index].isCallable else { throw typeError(index, expected: "a function") }
    return arguments[index]
  }

  /// `read(index)` where the argument was given and is not nil.
  func optional<Value>(_ index: Int, _ read: (Int) throws -> Value) rethrows -> Value? {
    has(index) ? try read(index) : nil
  }

  /// Calls a script or native function with borrowed arguments; the caller owns the result.
  func callBack(_ callee: Slot, _ arguments: Slot...) throws -> Slot {
    try vm.call(callee, arguments)
  }
}
