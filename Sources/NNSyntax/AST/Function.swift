// Functions, models and the types of their parameters in the syntax tree.

/// A function in any of its forms: `fn f(a) { }`, `fn f(a) = e`, `fn(a) { }`, `a => e`, a method.
package final class Function {
  package enum Kind: Sendable {
    case declaration, anonymous, lambda, method
  }
  package enum Body {
    case block(Block)
    case expression(Expr)
  }
  package let kind: Kind
  /// The variable that a declaration declares.
  package let variable: Variable?
  /// The name of a declaration or method.
  package let name: String?
  package let nameSpan: Span?
  package let parameters: [Parameter]
  package let returnType: TypeAnnotation?
  package let body: Body
  package let doc: String?
  package let span: Span
  /// Filled by the resolver.
  package let layout = FunctionLayout()

  package init(
    kind: Kind, variable: Variable?, name: String?, nameSpan: Span?, parameters: [Parameter],
    returnType: TypeAnnotation?, body: Body, doc: String?, span: Span
  ) {
    self.kind = kind
    self.variable = variable
    self.name = name
    self.nameSpan = nameSpan
    self.parameters = parameters
    self.returnType = returnType
    self.body = body
    self.doc = doc
    self.span = span
  }
}

/// A parameter: `name: type = default` or `name...`
package final class Parameter {
  package let variable: Variable
  package let type: TypeAnnotation?
  package let defaultValue: Expr?
  package let isRest: Bool
  /// Whether it stands after the rest parameter and so is given by name only.
  package let isNamedOnly: Bool
  package let span: Span

  package var name: String { variable.name }

  package init(
    variable: Variable, type: TypeAnnotation?, defaultValue: Expr?, isRest: Bool,
    isNamedOnly: Bool, span: Span
  ) {
    self.variable = variable
    self.type = type
    self.defaultValue = defaultValue
    self.isRest = isRest
    self.isNamedOnly = isNamedOnly
    self.span = span
  }
}

/// `model Name(parameters) { fields and methods }`
package final class ModelDecl {
  package enum Item {
    case field(FieldDecl)
    case method(Function)
  }
  package let variable: Variable
  package let parameters: [Parameter]
  package let items: [Item]
  package let doc: String?
  package let span: Span
  /// Filled by the resolver: the layout of the constructor (defaults and field initialisers run in it).
  package let layout = FunctionLayout()
  /// Filled by the resolver: constructor arguments (but those that a field of the same name replaces), fields and
  /// methods, in order.
  package var members: [ModelMember] = []

  package var name: String { variable.name }

  package init(
    variable: Variable, parameters: [Parameter], items: [Item], doc: String?, span: Span
  ) {
    self.variable = variable
    self.parameters = parameters
    self.items = items
    self.doc = doc
    self.span = span
  }
}

/// `param name = e`, and the same with `state`, `let` and `var`, in a model.
package final class FieldDecl {
  package enum Kind: String, Sendable {
    case param, state, `let`, `var`
  }
  package let kind: Kind
  package let name: String
  package let nameSpan: Span
  package let value: Expr
  package let doc: String?
  package let span: Span

  package init(
    kind: Kind, name: String, nameSpan: Span, value: Expr, doc: String?, span: Span
  ) {
    self.kind = kind
    self.name = name
    self.nameSpan = nameSpan
    self.value = value
    self.doc = doc
    self.span = span
  }
}

/// The type of a parameter or result.
package enum TypeAnnotation {
  case simple(SimpleType, Span)
  /// A model, as `Linear` or `module.Linear`.
  case model(Expr)
  case shape(ShapeType)

  package var span: Span {
    switch self {
    case .simple(_, let span): span
    case .model(let path): path.span
    case .shape(let shape): shape.span
    }
  }
}

package enum SimpleType: String, CaseIterable, Sendable {
  case number, string, bool, list, dict, fn, tuple
}

/// The element type before the brackets of a shape; `float` is what no name means.
package enum ElementType: String, CaseIterable, Sendable {
  case float, f32, f64, int, i32, i64, u8, bool, any
}

/// `[B, 784]`, `int[B]`, `[..., D]`
package final class ShapeType {
  package let element: ElementType
  package let dimensions: [Dimension]
  package let span: Span

  package init(element: ElementType, dimensions: [Dimension], span: Span) {
    self.element = element
    self.dimensions = dimensions
    self.span = span
  }
}

/// One dimension of a shape type.
package indirect enum Dimension {
  /// `...`, any number of dimensions; at most once in a shape.
  case ellipsis(Span)
  /// `_`, any size
  case any(Span)
  case size(Int, Span)
  case name(NameExpr)
  case arithmetic(DimensionOperator, Dimension, Dimension, Span)

  package var span: Span {
    switch self {
    case .ellipsis(let span), .any(let span), .size(_, let span), .arithmetic(_, _, _, let span):
      span
    case .name(let node): node.span
    }
  }
}

package enum DimensionOperator: String, Sendable {
  case add = "+"
  case subtract = "-"
  case multiply = "*"
  case floorDivide = "//"
}
