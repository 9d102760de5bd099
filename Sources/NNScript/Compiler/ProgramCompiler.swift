// Compiles a whole program: functions and models of the top level first, so that they can be used before they are defined.
import NNSyntax

extension FunctionCompiler {
  /// The code of a program's top level. Its result is the value of the last statement, if that is an expression.
  static func compile(program: Program, name: String, context: CompileContext) -> Code {
    compile(
      name: name, documentation: nil, span: program.span, layout: program.layout, context: context,
      isProgram: true
    ) { compiler in
      compiler.hoistDefinitions(program)
      compiler.topLevel(program)
    }
  }

  private func hoistDefinitions(_ program: Program) {
    for statement in program.statements {
      temporaries {
        let register = temporary()
        switch statement {
        case .function(let node):
          guard let variable = node.variable else { return }
          closure(node, into: register)
          initialize(variable, taking: register)
          hoisted.insert(ObjectIdentifier(node))
        case .model(let node):
          builder.emitWide(.makeModel, register, compile(model: node))
          initialize(node.variable, taking: register)
          hoisted.insert(ObjectIdentifier(node))
        default: break
        }
      }
    }
  }

  /// True for a definition of the top level, which has been emitted already.
  func isHoisted(_ node: AnyObject) -> Bool { hoisted.contains(ObjectIdentifier(node)) }

  private func topLevel(_ program: Program) {
    for (index, statement) in program.statements.enumerated() {
      if index == program.statements.count - 1, case .expression(let value) = statement {
        temporaries { returnRegister(operand(value), at: value.span) }
        return
      }
      compile(statement)
    }
    returnNil(at: program.span.endPoint)
  }
}
