// Resolves programs against a small world of builtins and modules, for the resolver's tests.
import NNScript
import NNSyntax
import Testing

/// A program that has been parsed and resolved.
struct Resolved {
  let sources = SourceMap()
  let program: Program
  let diagnostics: [Diagnostic]

  /// Resolves one text, or a further input of a session.
  init(_ text: String, globals: GlobalTable = GlobalTable(), isSession: Bool = false) {
    let parsed = Parser.parse(sources.add(name: "test.nn", text: text))
    program = parsed.program
    if parsed.hasErrors {
      diagnostics = parsed.diagnostics
    } else {
      diagnostics = Resolver.resolve(
        parsed.program, globals: globals, environment: Self.world, isSession: isSession)
    }
  }

  var rendered: String { DiagnosticRenderer(sources: sources).render(diagnostics) }

  private static let functions: [String: CallSignature] = [
    "softmax": CallSignature(parameters: [
      .init(name: "x", isRequired: true), .init(name: "axis", isRequired: false),
    ]),
    "max": CallSignature(parameters: [.init(name: "x", isRequired: true, isRest: true)]),
  ]

  private static let values: Set<String> = ["print", "ones", "sum", "pi", "mean", "map", "error"]

  private static var world: ResolverEnvironment {
    ResolverEnvironment(
      builtin: { name in
        functions[name].map { .function($0) } ?? (values.contains(name) ? .value : nil)
      },
      builtinNames: { functions.keys.sorted() + values.sorted() },
      module: { node in
        guard node.source == .file("helpers.nn") else {
          return .missing(message: "there is no file `nowhere.nn`", help: [])
        }
        let double = CallSignature(parameters: [.init(name: "x", isRequired: true)])
        return .members(["double": double, "_secret": nil, "count": nil])
      })
  }
}
