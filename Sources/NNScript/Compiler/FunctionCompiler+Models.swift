// Compiles models: the constructor with its field initialisers, and the methods.
import NNSyntax

extension FunctionCompiler {
  /// Compiles a model; gives the index of its template.
  func compile(model: ModelDecl) -> Int {
    let constructor = compile(constructor: model)
    var methods: [Int] = []
    var methodNames: [String] = []
    for case .method(let method) in model.items {
      methods.append(compile(function: method, name: "\(model.name).\(method.name ?? "fn")"))
      methodNames.append(method.name ?? "fn")
    }
    let template = Code.ModelTemplate(
      name: model.name, documentation: model.doc, fields: fields(of: model),
      methodNames: methodNames, constructor: constructor, methods: methods)
    builder.withParts { $0.models.append(template) }
    return builder.parts.models.count - 1
  }

  private func fields(of model: ModelDecl) -> [ModelLayout.Field] {
    var fields = model.parameters.map { ModelLayout.Field(name: $0.name, kind: .argument) }
    for case .field(let field) in model.items {
      let kind: FieldKind =
        switch field.kind {
        case .param: .parameter
        case .state: .state
        case .let: .constant
        case .var: .variable
        }
      fields.append(ModelLayout.Field(name: field.name, kind: kind))
    }
    return fields
  }

  /// The constructor takes the new instance and the arguments, stores the arguments in the first fields and fills the others in order.
  private func compile(constructor model: ModelDecl) -> Int {
    child(model) {
      Self.compile(
        name: model.name, documentation: model.doc, span: model.span, layout: model.layout,
        context: context
      ) { inner in
        inner.outerRegister = { [unowned self] in register(of: $0) }
        inner.isConstructor = true
        inner.parameters(model.parameters, layout: model.layout)
        inner.fieldInitialisers(of: model)
      }
    }
  }

  private func fieldInitialisers(of model: ModelDecl) {
    let instance = model.layout.receiver.map { register(of: $0) } ?? 0
    for (index, parameter) in model.parameters.enumerated() {
      temporaries {
        let copy = temporary()
        builder.emit(.move, copy, register(of: parameter.variable))
        emit(.initField, instance, copy, index, at: parameter.span)
      }
    }
    var index = model.parameters.count
    for case .field(let field) in model.items {
      temporaries {
        let value = temporary()
        compile(field.value, into: value)
        emit(
          .initField, instance, value, index, at: field.span,
          operands: [field.nameSpan, field.value.span])
      }
      index += 1
    }
    dropPrivateArguments(of: model, instance)
    temporaries {
      let result = temporary()
      builder.emit(.move, result, instance)
      builder.emit(.returnValue, result)
    }
  }

  /// An argument whose name begins with `_` is there for the initialisers; the instance does not hold it.
  private func dropPrivateArguments(of model: ModelDecl, _ instance: Int) {
    for (index, parameter) in model.parameters.enumerated() where parameter.name.hasPrefix("_") {
      temporaries {
        let nothing = temporary()
        builder.emit(.loadNil, nothing)
        emit(.initField, instance, nothing, index, at: parameter.span)
      }
    }
  }
}
