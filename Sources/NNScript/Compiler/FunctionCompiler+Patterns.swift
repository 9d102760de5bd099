// Compiles patterns: `let (a, [b, _]) = e` and `(a, b) = (b, a)`.
import NNSyntax

extension FunctionCompiler {
  /// Declares the variables of a pattern with the parts of a value; a temporary source is used up.
  func destructure(_ source: Int, _ pattern: Pattern, at span: Span) {
    switch pattern {
    case .discard: if isTemporary(source) { builder.emit(.release, source) }
    case .name(let variable):
      if isTemporary(source) {
        initialize(variable, taking: source)
      } else {
        temporaries {
          let copy = temporary()
          builder.emit(.move, copy, source)
          initialize(variable, taking: copy)
        }
      }
    case .tuple(let patterns, let patternSpan), .list(let patterns, let patternSpan):
      parts(of: source, patterns.count, at: patternSpan, span) { index, part in
        self.destructure(part, patterns[index], at: span)
      }
    }
  }

  /// Takes a list or tuple apart into temporaries in a row and hands each to `body`.
  func parts(
    of source: Int, _ count: Int, at patternSpan: Span, _ span: Span, _ body: (Int, Int) -> Void
  ) {
    temporaries {
      let first = nextTemporary
      for _ in 0..<count { _ = temporary() }
      emit(.unpack, source, first, count, at: span, operands: [patternSpan])
      for index in 0..<count { body(index, first + index) }
    }
  }
}
