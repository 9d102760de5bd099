// What the resolver is told about the world outside a program: builtins, modules, earlier inputs of a session.
import NNSyntax

/// The names outside a program.
package struct ResolverEnvironment {
  /// A name that exists without being declared.
  package enum Builtin {
    /// A constant, or a function that is not checked before it is called.
    case value
    case function(CallSignature)
  }

  /// What is known of an imported module.
  package enum ImportedModule {
    /// It is looked up when the program runs.
    case unknown
    case missing(message: String, help: [String])
    /// What it declares at its top level, private names included.
    case members([String: CallSignature?])
  }

  package var builtin: (String) -> Builtin?
  /// All builtin names, for suggestions.
  package var builtinNames: () -> [String]
  package var module: (ImportStmt) -> ImportedModule

  package init(
    builtin: @escaping (String) -> Builtin?, builtinNames: @escaping () -> [String],
    module: @escaping (ImportStmt) -> ImportedModule = { _ in .unknown }
  ) {
    self.builtin = builtin
    self.builtinNames = builtinNames
    self.module = module
  }
}

/// The variables at the top level of one module. A session keeps one over all of its inputs.
package final class GlobalTable {
  /// Every variable by its name; one that is declared again in a session takes the index of the one before.
  package fileprivate(set) var variables: [String: Variable] = [:]
  /// How many indices are taken.
  package fileprivate(set) var count = 0
  /// The names in the order of their indices.
  package fileprivate(set) var names: [String] = []
  var facts: [ObjectIdentifier: VariableFacts] = [:]

  package init() {}

  /// What programs that import this module see, private names included, with how each function and model can be
  /// called. What the module itself imports is not among them.
  package var members: [String: CallSignature?] {
    variables.filter { $0.value.kind != .module }
      .mapValues { facts[ObjectIdentifier($0)]?.signature }
  }

  /// Gives a variable its index.
  func declare(_ variable: Variable) {
    if case .global(let index) = variables[variable.name]?.storage {
      variable.storage = .global(index)
    } else {
      variable.storage = .global(count)
      names.append(variable.name)
      count += 1
    }
    variables[variable.name] = variable
  }

  /// A copy to work on, so that a program with errors leaves nothing behind.
  func copy() -> GlobalTable {
    let copy = GlobalTable()
    copy.take(self)
    return copy
  }

  func take(_ other: GlobalTable) {
    variables = other.variables
    count = other.count
    names = other.names
    facts = other.facts
  }
}

/// What is known of a variable's value before the program runs.
struct VariableFacts {
  var signature: CallSignature?
  /// The members of an imported module.
  var members: [String: CallSignature?]?
  /// Whether its value can certainly be called, or certainly cannot.
  var isCallable: Bool?
}
