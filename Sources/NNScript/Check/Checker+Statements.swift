// Executes statements on what is known of their values.
import NNSyntax
import NNTensor

extension Checker {
  /// Runs a block; gives its value.
  func run(_ block: Block, isTail: Bool = false) throws(Flow) -> AbstractValue {
    for (index, statement) in block.statements.enumerated() {
      if index == block.statements.count - 1, case .expression = statement {
        return try run(statement, isTail: isTail)
      }
      _ = try run(statement)
    }
    return isTail ? try checkedResult(.nil, at: block.span.endPoint) : .nil
  }

  /// Evaluates an expression whose value is the function's result.
  func tail(_ value: Expr) throws(Flow) -> AbstractValue {
    if case .if(let node) = value { return try evaluate(node, isTail: true) }
    return try checkedResult(try evaluate(value), at: value.span)
  }

  func execute(_ statement: Stmt) throws(Flow) {
    try step()
    switch statement {
    case .expression(let value): _ = try evaluate(value)
    case .binding(let node):
      let value = try evaluate(node.value)
      try bind(node.pattern, to: value, at: node.value.span)
    case .assign(let node): try assign(node)
    case .function(let node):
      guard let variable = node.variable else { return }
      declare(variable, .function(closure(node, name: node.name ?? "fn")))
    case .model(let node): declare(node.variable, .model(model(node)))
    case .while(let node): try run(node)
    case .for(let node): try run(node)
    case .return(let node):
      let value: AbstractValue = if let value = node.value { try evaluate(value) } else { .nil }
      frame.returned = try checkedResult(value, at: node.value?.span ?? node.span)
      throw .returns
    case .break: throw .breaks
    case .continue: throw .continues
    case .import(let node): try run(node)
    }
  }

  func model(_ node: ModelDecl) -> AbstractModel {
    var methods: [AbstractFunction] = []
    for case .method(let method) in node.items {
      methods.append(closure(method, name: "\(node.name).\(method.name ?? "fn")"))
    }
    return AbstractModel(
      node, captures: captures(node.layout), methods: methods, module: frame.module)
  }

  // MARK: Patterns

  /// Declares the variables of a pattern with the parts of a value.
  func bind(_ pattern: Pattern, to value: AbstractValue, at span: Span) throws(Flow) {
    switch pattern {
    case .discard: return
    case .name(let variable): declare(variable, value)
    case .tuple(let patterns, let patternSpan), .list(let patterns, let patternSpan):
      let parts = try parts(of: value, patterns.count, at: place(span, [patternSpan]))
      for (pattern, part) in zip(patterns, parts) { try bind(pattern, to: part, at: span) }
    }
  }

  /// The parts of a list or tuple of this length, or of a tensor along its first axis.
  private func parts(of value: AbstractValue, _ count: Int, at place: Code.Place) throws(Flow)
    -> [AbstractValue]
  {
    let elements: [AbstractValue]
    switch value {
    case .tuple(let known): elements = known
    case .elements(let element, _): return Array(repeating: element, count: count)
    case .list(let container):
      guard let known = container.elements else {
        return Array(repeating: container.element, count: count)
      }
      elements = known
    case .tensor(let facts):
      guard let shape = facts.shape else {
        return Array(repeating: .tensor(TensorFacts(facts.dtype, nil)), count: count)
      }
      guard shape.rank > 0 else { fallthrough }
      if let size = shape[0].known, size != count, let sketch = value.sketch {
        try fail(.unpacking(count, of: sketch, "tensor", parts: size), at: place)
      }
      let part = AbstractValue.tensor(TensorFacts(facts.dtype, shape.suffix(from: 1)))
      return Array(repeating: part, count: count)
    default:
      guard let sketch = value.sketch else { return Array(repeating: .unknown, count: count) }
      try fail(.unpacking(count, of: sketch, "", parts: nil), at: place)
    }
    if elements.count != count, let sketch = value.sketch {
      try fail(
        .unpacking(count, of: sketch, value.typeName ?? "", parts: elements.count), at: place)
    }
    return elements
  }

  // MARK: Assignment

  private func assign(_ node: AssignStmt) throws(Flow) {
    guard let op = node.op else {
      if let update = node.asUpdate { return try assign(update) }
      if case .index(let target) = node.target {
        let keys = try evaluateItems(target.items)
        return try assign(
          try evaluate(node.value), to: target, keys, at: node.span, node.value.span)
      }
      return try assign(try evaluate(node.value), to: node.target, at: node.span, node.value.span)
    }
    let spans = [node.target.span, node.value.span]
    switch node.target {
    case .name(let name):
      let left = load(name.binding)
      let right = try evaluate(node.value)
      let value = try combine(op, left, right, at: place(node.span, spans))
      try assign(value, to: node.target, at: node.span, node.value.span)
    case .member(let member):
      let right = try evaluate(node.value)
      let object = try evaluate(member.object)
      let left = try self.member(member.name, of: object, at: memberPlace(member))
      let value = try combine(op, left, right, at: place(node.span, spans))
      try assign(value, to: member, object, at: node.span, node.span)
    case .index(let target):
      let keys = try evaluateItems(target.items)
      let right = try evaluate(node.value)
      let left = try element(of: try evaluate(target.object), keys, target)
      let value = try combine(op, left, right, at: place(node.span, spans))
      try assign(value, to: target, keys, at: node.span, node.span)
    case .discard, .sequence: escape(try evaluate(node.value))
    }
  }

  private func assign(_ value: AbstractValue, to target: Target, at span: Span, _ valueSpan: Span)
    throws(Flow)
  {
    switch target {
    case .discard: return
    case .name(let node):
      if case .member(let member, let receiver) = node.binding {
        guard case .instance(let instance) = load(receiver) else { return escape(value) }
        return try setField(instance, member.index, value, at: place(span, [node.span]))
      }
      guard let place = assignedPlace(node.binding) else { return escape(value) }
      set(place, value)
    case .member(let node):
      try assign(value, to: node, try evaluate(node.object), at: span, valueSpan)
    case .index(let node):
      try assign(value, to: node, try evaluateItems(node.items), at: span, valueSpan)
    case .sequence(let targets, let targetSpan):
      let parts = try parts(of: value, targets.count, at: place(valueSpan, [targetSpan]))
      for (target, part) in zip(targets, parts) {
        try assign(part, to: target, at: span, target.span)
      }
    }
  }

  private func assign(
    _ value: AbstractValue, to node: MemberExpr, _ object: AbstractValue, at span: Span,
    _ valueSpan: Span
  ) throws(Flow) {
    let place = place(span, [node.object.span, node.nameSpan, valueSpan])
    switch object {
    case .instance(let instance):
      guard let index = instance.model.fieldNames.lastIndex(of: node.name) else {
        if instance.model.method(node.name) != nil { throw .ended }
        try fail(noMember(node.name, of: object), at: place)
      }
      try setField(instance, index, value, at: place)
    case .dict(let container): put(.string(node.name), value, in: container)
    default: escape(value)
    }
  }

  /// Assigns a field; a parameter keeps its shape and element type.
  private func setField(
    _ instance: AbstractInstance, _ index: Int, _ value: AbstractValue, at place: Code.Place
  ) throws(Flow) {
    let field = instance.fields[index]
    switch field.persistence {
    case .all:
      // Arguments and `let` cannot be assigned; the run says so.
      throw .ended
    case .nothing: set(field, value)
    case .shape:
      guard case .tensor(let old) = field.value else { return set(field, .unknown) }
      guard case .tensor(let new) = value else { return }
      try checkParameter(instance, index, old, new, at: place)
    }
  }

  private func checkParameter(
    _ instance: AbstractInstance, _ index: Int, _ old: TensorFacts, _ new: TensorFacts,
    at place: Code.Place
  ) throws(Flow) {
    guard let a = old.shape, let b = new.shape, let was = old.dtype, let will = new.dtype else {
      return
    }
    let fits = a.rank == b.rank && a.indices.allSatisfy { a[$0].mayEqual(b[$0]) } && was == will
    if fits { return }
    let name = instance.model.fieldNames[index]
    try fail(.notAssignable(name, "\(was.name)\(a)", "\(will.name)\(b)"), at: place)
  }

  // MARK: Imports

  private func run(_ node: ImportStmt) throws(Flow) {
    guard let file = vm.modules.file(of: node, from: frame.module, vm: vm), !file.hasErrors else {
      declare(node.variable, .unknown)
      throw .ended
    }
    let isNew = modules[ObjectIdentifier(file)] == nil
    let module = module(of: file)
    if isNew, file.module.path != nil {
      frame.site = node.sourceSpan
      try run(file)
    }
    declare(node.variable, .module(module))
  }

  /// Runs the top level of an imported file.
  private func run(_ file: ModuleFile) throws(Flow) {
    frames.append(
      CheckFrame(
        name: "<" + file.module.name + ">", module: file.module,
        localCount: file.program.layout.localCount, captures: [], ownFunction: nil, result: nil,
        mark: trail.count))
    defer { frames.removeLast() }
    try runTopLevel(file.program)
  }
}
