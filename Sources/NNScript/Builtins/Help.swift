// `help(x)`: what a function, model, module or value is for.

extension Builtins {
  /// Shows documentation.
  static let help = NativeFunction(
    "help", "x = nil",
    documentation: "Prints the signature, description and an example of a function or model.",
    example: "help(softmax)"
  ) { call in
    try call.vm.write(helpText(of: call[0]) + "\n")
    return .nil
  }

  /// The text `help` prints for a value.
  static func helpText(of slot: Slot) -> String {
    switch slot.tag {
    case Tag.undefined, Tag.none: return welcome
    case Tag.native: return helpText(of: slot.object(NativeObject.self).function)
    case Tag.function: return helpText(of: slot.object(FunctionObject.self).code)
    case Tag.boundMethod: return helpText(of: slot.object(BoundMethodObject.self).function)
    case Tag.model: return helpText(of: slot.object(ModelObject.self))
    case Tag.instance: return helpText(of: slot.object(InstanceObject.self).model)
    case Tag.string: return helpText(forName: slot.object(StringObject.self).value)
    default: break
    }
    let members = members(of: slot).map(\.name).sorted()
    let list = members.isEmpty ? "" : "\nmembers: " + members.joined(separator: ", ")
    return slot.describedType + list
  }

  private static let welcome = """
    help(f) describes a function or model: help(print), help(softmax), help(Linear).
    help("name") does the same for a name in quotes; help([]) lists the members of lists.
    """

  /// Signature, description and example of a function written in Swift.
  static func helpText(of function: NativeFunction) -> String {
    var lines = ["\(function.name)(\(function.signature.text))"]
    if !function.documentation.isEmpty { lines.append("    " + function.documentation) }
    if !function.example.isEmpty { lines.append("    example: " + function.example) }
    return lines.joined(separator: "\n")
  }

  private static func helpText(of code: Code) -> String {
    described("fn " + code.name + parameterText(code.parameters), code.documentation)
  }

  private static func helpText(of model: ModelObject) -> String {
    let arguments = model.layout.fields.prefix(model.layout.argumentCount).map(\.name)
    let head = "model \(model.name)(\(arguments.joined(separator: ", ")))"
    let methods = model.layout.methodNames.filter { !$0.hasPrefix("_") }
    let text = described(head, model.documentation)
    return methods.isEmpty ? text : text + "\n    methods: " + methods.joined(separator: ", ")
  }

  private static func parameterText(_ parameters: ParameterList) -> String {
    let names = parameters.names.enumerated().map { index, name in
      if parameters.restIndex == index { return name + "..." }
      return parameters.isRequired[index] ? name : name + " = ..."
    }
    return "(" + names.joined(separator: ", ") + ")"
  }

  private static func described(_ head: String, _ documentation: String?) -> String {
    guard let documentation, !documentation.isEmpty else { return head }
    return ([head] + TextSearch.lines(of: documentation).map { "    " + $0 })
      .joined(separator: "\n")
  }

  /// Help for a name given as text.
  private static func helpText(forName name: String) -> String {
    if let function = function(named: name) { return helpText(of: function) }
    if let constant = constants.first(where: { $0.name == name }) {
      return "\(name) = \(NumberText.shortest(constant.value))\n    \(constant.documentation)"
    }
    let suggestion = Suggestion.help(for: name, among: functionNames)
    return "there is no builtin '\(name)'" + (suggestion.map { "; " + $0 } ?? "")
  }
}
