// Compiles strings, lists, tuples, dicts, ranges and comprehensions.
import NNSyntax

extension FunctionCompiler {
  /// Containers with more elements than this are filled in several steps.
  private static let chunk = 32

  func compile(_ node: StringExpr, into register: Int) {
    if let text = node.constant {
      builder.emitWide(.loadConstant, register, builder.string(text))
      return
    }
    temporaries {
      let first = nextTemporary
      var parts: [Code.TextPart] = []
      var spans: [Span] = []
      for segment in node.segments {
        switch segment {
        case .text(let text): parts.append(.text(text))
        case .interpolation(let value, let format, let span):
          compile(value, into: temporary())
          parts.append(.value(format))
          spans.append(span)
        }
      }
      builder.withParts { $0.texts.append(parts) }
      emit(.interpolate, register, first, spans.count, at: node.span, operands: spans)
      builder.emitWord(builder.parts.texts.count - 1)
    }
  }

  func compile(_ node: ListExpr, into register: Int) {
    temporaries {
      if node.elements.count <= Self.chunk, !node.elements.contains(where: \.isSpread) {
        let first = nextTemporary
        for element in node.elements { compile(element.value, into: temporary()) }
        builder.emit(.newList, register, first, node.elements.count)
      } else {
        let list = temporary()
        builder.emit(.newList, list, nextTemporary, 0)
        for element in node.elements { append(element.value, isSpread: element.isSpread, to: list) }
        builder.emit(.take, register, list)
      }
    }
  }

  private func append(_ value: Expr, isSpread: Bool, to list: Int) {
    temporaries {
      let element = temporary()
      compile(value, into: element)
      if isSpread {
        emit(.appendAll, list, element, at: value.span, operands: [value.span])
      } else {
        builder.emit(.appendTake, list, element)
      }
    }
  }

  func compile(_ node: TupleExpr, into register: Int) {
    temporaries {
      if node.elements.count <= Self.chunk {
        let first = nextTemporary
        for element in node.elements { compile(element, into: temporary()) }
        builder.emit(.newTuple, register, first, node.elements.count)
      } else {
        let list = temporary()
        builder.emit(.newList, list, nextTemporary, 0)
        for element in node.elements { append(element, isSpread: false, to: list) }
        builder.emit(.listToTuple, list)
        builder.emit(.take, register, list)
      }
    }
  }

  func compile(_ node: DictExpr, into register: Int) {
    temporaries {
      let entries = node.entries
      let dict = entries.count <= Self.chunk ? register : temporary()
      var first = nextTemporary
      var count = min(entries.count, Self.chunk)
      for entry in entries[..<count] { pair(entry.key, entry.value) }
      let spans = entries.map(\.key.span)
      emit(.newDict, dict, first, count, at: node.span, operands: Array(spans[..<count]))
      freeTemporaries(to: first)
      while count < entries.count {
        let end = min(count + Self.chunk, entries.count)
        first = nextTemporary
        for entry in entries[count..<end] { pair(entry.key, entry.value) }
        let span = node.span
        emit(.putPairs, dict, first, end - count, at: span, operands: Array(spans[count..<end]))
        freeTemporaries(to: first)
        count = end
      }
      if dict != register { builder.emit(.take, register, dict) }
    }
  }

  /// Compiles a key and a value into the next two temporaries.
  private func pair(_ key: DictExpr.Key, _ value: Expr) {
    let register = temporary()
    switch key {
    case .string(let text, _):
      builder.emitWide(.loadConstant, register, builder.string(text))
    case .number(let number, _):
      builder.emitWide(.loadConstant, register, builder.number(number))
    case .computed(let expression): compile(expression, into: register)
    }
    compile(value, into: temporary())
  }

  func compile(_ node: RangeExpr, into register: Int) {
    temporaries {
      let start = temporary()
      let end = temporary()
      compile(node.start, into: start)
      compile(node.end, into: end)
      emit(
        node.includesEnd ? .newRangeClosed : .newRange, register, start, end, at: node.span,
        operands: [node.start.span, node.end.span])
    }
  }

  func compile(_ node: ComprehensionExpr, into register: Int) {
    temporaries {
      let container = temporary()
      switch node.result {
      case .list: builder.emit(.newList, container, nextTemporary, 0)
      case .dict: builder.emit(.newDict, container, nextTemporary, 0)
      }
      clause(0, of: node, into: container)
      builder.emit(.take, register, container)
    }
  }

  private func clause(_ index: Int, of node: ComprehensionExpr, into container: Int) {
    guard index < node.clauses.count else {
      temporaries { add(node.result, to: container, at: node.span) }
      return
    }
    switch node.clauses[index] {
    case .each(let pattern, let iterable):
      temporaries {
        loop(over: iterable, pattern) { clause(index + 1, of: node, into: container) }
      }
    case .filter(let condition):
      let otherwise = temporaries { jump(unless: condition) }
      clause(index + 1, of: node, into: container)
      builder.land(otherwise)
    }
  }

  private func add(_ result: ComprehensionExpr.Result, to container: Int, at span: Span) {
    switch result {
    case .list(let value):
      let element = temporary()
      compile(value, into: element)
      builder.emit(.appendTake, container, element)
    case .dict(let key, let value):
      let first = nextTemporary
      pair(key, value)
      emit(.putPairs, container, first, 1, at: span, operands: [key.span])
    }
  }
}
