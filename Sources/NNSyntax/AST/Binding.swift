// What the resolver writes into the syntax tree: which variable each name means and where that variable lives.

/// A variable, from its declaration; every name that means it refers to this object.
package final class Variable {
  package enum Kind: Sendable {
    case `let`, `var`, parameter, loop, caught, function, model, module
    /// A name in a shape type that stands for a size in this call.
    case dimension
    /// `self`
    case receiver
  }
  package enum Storage: Sendable {
    case unresolved
    /// In the frame of its function, numbered from 0 in order of declaration; no number is used twice.
    case local(Int)
    /// In the table of its module.
    case global(Int)
  }
  package let name: String
  package let span: Span
  package let kind: Kind
  package var storage: Storage = .unresolved
  /// Whether a function inside the variable's own refers to it.
  package var isCaptured = false
  /// Whether anything assigns to it after its declaration.
  package var isReassigned = false
  /// Whether a function inside the variable's own assigns to it, or one of the file to a top-level variable.
  package var isReassignedInside = false
  /// Whether any name refers to it.
  package var isUsed = false
  /// Whether it must live in a cell: it is captured and may change after it was captured.
  /// A captured variable without this is captured by value.
  package var needsCell: Bool { isCaptured && isReassigned }

  package init(name: String, span: Span, kind: Kind) {
    self.name = name
    self.span = span
    self.kind = kind
  }
}

/// What a name means where it stands.
package indirect enum Binding {
  /// Not known (yet), or an unknown name that has been reported.
  case unresolved
  /// A variable of this function.
  case local(Variable)
  /// A variable of a function around: number `index` of this function's captures.
  case captured(index: Int, Variable)
  /// A variable of the module's top level.
  case global(Variable)
  /// The function that is running, by its own name (a local function never captures itself).
  case thisFunction(Variable)
  /// A field, constructor argument or method of the model around, in the instance that `receiver` means.
  case member(ModelMember, receiver: Binding)
  /// A builtin or library function or constant.
  case builtin(String)
}

/// How a function gets one captured variable when it is made.
package struct Capture {
  package enum Source {
    /// A variable of the function that makes it.
    case local(Variable)
    /// A captured variable of the function that makes it.
    case captured(Int)
    /// The function that makes it.
    case thisFunction
  }
  package let variable: Variable
  package let source: Source

  package init(variable: Variable, source: Source) {
    self.variable = variable
    self.source = source
  }
}

/// The variables of one function, a model's constructor or a program's top level.
package final class FunctionLayout {
  /// The number of local variables, parameters included.
  package var localCount = 0
  package var captures: [Capture] = []
  /// `self`, in methods and constructors.
  package var receiver: Variable?
  /// The dimension names of the parameters' types that this function binds, in order of appearance.
  package var dimensions: [Variable] = []

  package init() {}
}

/// A constructor argument, field or method of a model.
package final class ModelMember {
  package enum Kind: Sendable {
    case argument, param, state, `let`, `var`, method
  }
  package let name: String
  package let span: Span
  package let kind: Kind
  /// The position among the fields (arguments first, then fields in order), or among the methods.
  package let index: Int

  package init(name: String, span: Span, kind: Kind, index: Int) {
    self.name = name
    self.span = span
    self.kind = kind
    self.index = index
  }
}
