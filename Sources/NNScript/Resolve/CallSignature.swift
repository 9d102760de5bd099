// What is known before a run about how a function is called, and the check of a call against it.
import NNSyntax

/// The parameters of a function, as far as calls of it can be checked before they run.
package struct CallSignature: Sendable {
  package struct Parameter: Sendable {
    package let name: String
    package let isRequired: Bool
    package var isRest = false
    package var isNamedOnly = false

    package init(
      name: String, isRequired: Bool, isRest: Bool = false, isNamedOnly: Bool = false
    ) {
      self.name = name
      self.isRequired = isRequired
      self.isRest = isRest
      self.isNamedOnly = isNamedOnly
    }
  }
  package let parameters: [Parameter]
  /// Where the function is declared, if that is in a script.
  package let declaration: Span?
  /// Whether it makes an instance of a model.
  package let isModel: Bool

  package init(parameters: [Parameter], declaration: Span? = nil, isModel: Bool = false) {
    self.parameters = parameters
    self.declaration = declaration
    self.isModel = isModel
  }

  package init(_ function: Function) {
    self.init(parameters: Self.parameters(function.parameters), declaration: function.nameSpan)
  }

  package init(_ model: ModelDecl) {
    self.init(
      parameters: Self.parameters(model.parameters), declaration: model.variable.span, isModel: true
    )
  }

  private static func parameters(_ parameters: [NNSyntax.Parameter]) -> [Parameter] {
    parameters.map {
      Parameter(
        name: $0.name, isRequired: $0.defaultValue == nil && !$0.isRest, isRest: $0.isRest,
        isNamedOnly: $0.isNamedOnly)
    }
  }

  /// What is wrong with a call, if anything is.
  func problem(with call: CallExpr, of name: String) -> Diagnostic? {
    let hasSpread = call.arguments.contains(where: \.isSpread)
    let positional = call.arguments.filter { $0.name == nil }
    let positions = parameters.prefix { !$0.isRest && !$0.isNamedOnly }
    let hasRest = parameters.contains(where: \.isRest)
    var given = Set(hasSpread ? [] : positions.prefix(positional.count).map(\.name))
    if !hasSpread, !hasRest, positional.count > positions.count {
      return tooMany(call, positional, positions.count, name)
    }
    for argument in call.arguments {
      guard let label = argument.name else { continue }
      guard let parameter = parameters.first(where: { $0.name == label }), !parameter.isRest else {
        return unknownName(label, argument, name)
      }
      if !given.insert(label).inserted { return givenTwice(label, argument, name) }
    }
    if hasSpread { return nil }
    let missing = parameters.filter { $0.isRequired && !$0.isRest && !given.contains($0.name) }
    return missing.isEmpty ? nil : self.missing(missing.map(\.name), call, name)
  }

  private var labels: [DiagnosticLabel] {
    declaration.map { [DiagnosticLabel(span: $0, text: "declared here")] } ?? []
  }

  private func tooMany(
    _ call: CallExpr, _ positional: [Argument], _ limit: Int, _ name: String
  ) -> Diagnostic {
    let takes = limit == 0 ? "no arguments" : limit == 1 ? "1 argument" : "\(limit) arguments"
    let named = parameters.filter(\.isNamedOnly).map(\.name)
    var help = named.isEmpty ? [] : ["give these by name: \(named.joined(separator: ", "))"]
    if isModel, call.pipeSpan != nil {
      help = ["to pipe into a new `\(name)`, write parentheses: `x |> (\(name)(...))`"]
    }
    return Diagnostic(
      "`\(name)` takes \(takes), but \(positional.count) \(positional.count == 1 ? "is" : "are") given",
      at: positional[limit].span, labels: labels, help: help)
  }

  private func unknownName(_ label: String, _ argument: Argument, _ name: String) -> Diagnostic {
    let names = parameters.filter { !$0.isRest }.map(\.name)
    let help =
      if let near = Suggestion.nearest(to: label, among: names) {
        "did you mean `\(near)`?"
      } else {
        names.isEmpty
          ? "it takes no arguments by name" : "it takes \(names.joined(separator: ", "))"
      }
    return Diagnostic(
      "`\(name)` has no parameter `\(label)`", at: argument.nameSpan ?? argument.span,
      labels: labels, help: [help])
  }

  private func givenTwice(_ label: String, _ argument: Argument, _ name: String) -> Diagnostic {
    Diagnostic(
      "`\(name)` is given the argument `\(label)` twice", at: argument.span,
      label: "it is given by its position already", labels: labels)
  }

  private func missing(_ names: [String], _ call: CallExpr, _ name: String) -> Diagnostic {
    let list = names.map { "`\($0)`" }.joined(separator: ", ")
    return Diagnostic(
      "`\(name)` needs the argument\(names.count == 1 ? "" : "s") \(list)", at: call.span,
      labels: labels)
  }
}
