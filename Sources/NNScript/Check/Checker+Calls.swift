// Calls: what is called, with what, and what a function of a script makes of it.
import NNSyntax
import NNTensor

/// The arguments of a call as far as they are known.
struct CallArguments {
  var positional: [AbstractValue]
  var named: [(name: String, value: AbstractValue)] = []
  /// Whether an unknown number of further positional arguments is among them.
  var isOpen = false

  init(_ positional: [AbstractValue]) { self.positional = positional }

  var all: [AbstractValue] { positional + named.map(\.value) }

  /// The same with another first argument.
  func with(receiver: AbstractValue) -> CallArguments {
    var result = self
    result.positional.insert(receiver, at: 0)
    return result
  }
}

/// What a parameter gets in a call.
enum BoundArgument {
  case missing
  case given(AbstractValue)
  /// All further positional arguments.
  case rest([AbstractValue])
}

extension Checker {
  func evaluate(_ node: CallExpr) throws(Flow) -> AbstractValue {
    switch node.callee {
    case .member(let member) where node.pipeSpan == nil: return try call(member, node)
    case .name(let name):
      let callee = try callee(name)
      let arguments = try evaluate(node.arguments)
      if case .member(let member, _) = name.binding, member.kind == .method {
        return try apply(callee, arguments, at: callPlace(node, receiver: node.callee.span))
      }
      let result = try apply(callee, arguments, at: callPlace(node, receiver: nil))
      if case .builtin("assert") = name.binding, let condition = node.arguments.first {
        assume(condition.value)
      }
      return result
    default:
      let callee = try evaluate(node.callee)
      let arguments = try evaluate(node.arguments)
      return try apply(callee, arguments, at: callPlace(node, receiver: nil))
    }
  }

  private func callPlace(_ node: CallExpr, receiver: Span?) -> Code.Place {
    let spans = [node.callee.span] + (receiver.map { [$0] } ?? []) + node.arguments.map(\.span)
    return Code.Place(
      pc: 0, span: node.span, operands: spans, isCall: true, includesReceiver: receiver != nil)
  }

  /// What a name that is called means: the nearest that can be called.
  private func callee(_ name: NameExpr) throws(Flow) -> AbstractValue {
    var value = load(name.binding)
    for outer in name.outerBindings {
      switch value.isCallable {
      case true?: return value
      case nil: return .unknown
      case false?: value = load(outer)
      }
    }
    return value
  }

  private func evaluate(_ arguments: [Argument]) throws(Flow) -> CallArguments {
    var result = CallArguments([])
    for argument in arguments {
      let value = try evaluate(argument.value)
      if let name = argument.name {
        result.named.append((name, value))
      } else if argument.isSpread {
        if let elements = knownElements(of: value) {
          result.positional += elements
        } else {
          escape(value)
          result.isOpen = true
        }
      } else {
        result.positional.append(value)
      }
    }
    return result
  }

  /// `object.name(arguments)`
  private func call(_ member: MemberExpr, _ node: CallExpr) throws(Flow) -> AbstractValue {
    let fallback = load(member.function)
    let object = try evaluate(member.object)
    let arguments = try evaluate(node.arguments)
    let place = callPlace(node, receiver: member.object.span)
    switch object {
    case .unknown, .column:
      escape(fallback)
      return callUnseen(object, arguments)
    case .instance(let instance):
      if let method = instance.model.method(member.name) {
        return try call(method, instance, arguments, at: place)
      }
      if let field = instance.field(member.name) {
        return try apply(field.value, arguments, at: place)
      }
    case .module:
      return try apply(
        try self.member(member.name, of: object, at: place), arguments, at: place)
    case .dict(let container):
      guard let pairs = container.elements else { break }
      let key = AbstractValue.string(member.name)
      guard case .tuple(let pair)? = pairs.first(where: { $0.key?.isSame(as: key) == true }) else {
        break
      }
      if pair[1].isCallable == true { return try apply(pair[1], arguments, at: place) }
      return callUnseen(object, arguments)
    default: break
    }
    if let native = object.builtinTag.flatMap({ Builtins.member(member.name, tag: $0) }) {
      return try call(native, arguments.with(receiver: object), at: place)
    }
    switch fallback.isCallable {
    case true?: return try apply(fallback, arguments.with(receiver: object), at: place)
    case false? where object.sketch?.kind != .other && !object.hasAttribute(member.name):
      try fail(noMember(member.name, of: object), at: place)
    default:
      escape(fallback)
      return callUnseen(object, arguments)
    }
  }

  /// Calls a value.
  func apply(_ callee: AbstractValue, _ arguments: CallArguments, at place: Code.Place)
    throws(Flow) -> AbstractValue
  {
    switch callee {
    case .unknown, .column: return callUnseen(callee, arguments)
    case .function(let function): return try call(function, nil, arguments, at: place)
    case .bound(let instance, let method):
      return try call(method, instance, arguments, at: place)
    case .instance(let instance):
      if let method = instance.model.method("call") {
        return try call(method, instance, arguments, at: place)
      }
    case .model(let model): return try construct(model, arguments, at: place)
    case .native(let native): return try call(native, arguments, at: place)
    case .transform(let transform): return try call(transform, arguments, at: place)
    default: break
    }
    guard let sketch = callee.sketch else { return callUnseen(callee, arguments) }
    try fail(.notCallable(sketch), at: place)
  }

  // MARK: Functions of scripts

  /// Calls a function or method.
  func call(
    _ function: AbstractFunction, _ receiver: AbstractInstance?, _ arguments: CallArguments,
    at place: Code.Place
  ) throws(Flow) -> AbstractValue {
    if let data = try dataSet(function, at: place) { return data }
    let syntax = function.syntax
    let list = parameterList(syntax.parameters, hasReceiver: receiver != nil)
    var arguments = arguments
    if syntax.kind == .lambda, list.count > 1, arguments.named.isEmpty,
      arguments.positional.count == 1
    {
      guard let parts = lambdaParts(arguments.positional[0], list.count) else {
        return callUnseen(.function(function), arguments)
      }
      arguments = CallArguments(parts)
    }
    guard frames.count < Checker.mostFrames, !isRecursing(syntax),
      let bound = try bind(list, function.name, arguments, at: place)
    else {
      if let receiver { escape(.instance(receiver)) }
      return callUnseen(.function(function), arguments)
    }
    let result = try enter(bodyFrame(of: function), at: place) { () throws(Flow) in
      if let variable = syntax.layout.receiver, let receiver {
        self.declare(variable, .instance(receiver))
      }
      try self.declare(syntax.parameters, bound, syntax.layout, list, at: place)
      self.noteEntry(syntax)
      return try self.run(syntax.body)
    }
    noteRows(of: result, function, arguments)
    return result
  }

  /// Whether a function calls itself more often than is looked into: a function may do so twice, each of those twice again.
  private func isRecursing(_ syntax: Function) -> Bool {
    frames.count { $0.ownFunction?.syntax === syntax } >= Checker.mostRecursions
  }

  /// Notes that all that is certain to happen in a function or model is reported, if it is so here.
  func noteEntry(_ syntax: AnyObject) {
    if silence == 0, doubts.isSubset(of: [.attempt, .data]) {
      entered.insert(ObjectIdentifier(syntax))
    }
  }

  func bodyFrame(of function: AbstractFunction) -> CheckFrame {
    CheckFrame(
      name: function.name, module: function.module,
      localCount: function.syntax.layout.localCount, captures: function.captures,
      ownFunction: function, result: function.syntax.returnType, mark: trail.count)
  }

  /// Runs the body of the function whose frame is the current one.
  func run(_ body: Function.Body) throws(Flow) -> AbstractValue {
    switch body {
    case .block(let block): return try run(block, isTail: true)
    case .expression(let value):
      if isInProgram { frame.running = .expression(value) }
      return try tail(value)
    }
  }

  /// The arguments of a lambda with several parameters that is given one: the parts of a tuple or list; nil where that is not known.
  private func lambdaParts(_ argument: AbstractValue, _ count: Int) -> [AbstractValue]? {
    switch argument {
    case .unknown: return nil
    case .list(let container):
      guard let elements = container.elements else { return nil }
      return elements.count == count ? elements : [argument]
    case .tuple(let elements): return elements.count == count ? elements : [argument]
    default: return [argument]
    }
  }

  /// Runs the body of a function, and joins the states and values with which it may return.
  func enter(
    _ inner: CheckFrame, at place: Code.Place, _ body: () throws(Flow) -> AbstractValue
  ) throws(Flow) -> AbstractValue {
    let before = doubts
    frame.site = place.span
    frames.append(inner)
    defer { frames.removeLast() }
    var value: AbstractValue?
    do throws(Flow) {
      value = try body()
    } catch {
      switch error {
      case .returns: value = inner.returned
      case .ended, .breaks, .continues: break
      case .failed, .stopped: throw error
      }
    }
    doubts = before.union(doubts.intersection(.program))
    guard !inner.exits.isEmpty else {
      guard let value else { throw .ended }
      return value
    }
    var exits = inner.exits
    if let value { exits.append((value, snapshot(since: inner.mark))) }
    rollback(to: inner.mark)
    merge(exits.map(\.state))
    return exits.dropFirst().reduce(exits[0].value) { join($0, $1.value) }
  }

  func parameterList(_ parameters: [NNSyntax.Parameter], hasReceiver: Bool) -> ParameterList {
    ParameterList(
      names: parameters.map(\.name),
      isRequired: parameters.map { $0.defaultValue == nil && !$0.isRest },
      restIndex: parameters.firstIndex(where: \.isRest), hasReceiver: hasReceiver)
  }

  /// What each parameter gets; nil where that is not known.
  func bind(
    _ list: ParameterList, _ name: String, _ arguments: CallArguments, at place: Code.Place
  ) throws(Flow) -> [BoundArgument]? {
    if arguments.isOpen { return nil }
    let positional = arguments.positional
    if list.restIndex == nil, positional.count > list.count {
      try fail(.tooManyArguments(list, name, positional.count), at: place)
    }
    let positionCount = list.restIndex ?? list.count
    var unused = arguments.named
    var result: [BoundArgument] = []
    for index in 0..<list.count {
      let label = unused.firstIndex { $0.name == list.names[index] }
      if index == list.restIndex {
        result.append(.rest(Array(positional.dropFirst(positionCount))))
      } else if index < positionCount, index < positional.count {
        if label != nil { try fail(.givenTwice(list, name, index), at: place) }
        result.append(.given(positional[index]))
      } else if let label {
        result.append(.given(unused.remove(at: label).value))
      } else if list.isRequired[index] {
        try fail(.missingArgument(list, name, index), at: place)
      } else {
        result.append(.missing)
      }
    }
    if let first = unused.first { try fail(.unknownArgument(list, name, first.name), at: place) }
    return result
  }

  /// Gives the parameters their values, defaults included, and checks them against their types.
  func declare(
    _ parameters: [NNSyntax.Parameter], _ bound: [BoundArgument], _ layout: FunctionLayout,
    _ list: ParameterList, at place: Code.Place
  ) throws(Flow) {
    for (parameter, argument) in zip(parameters, bound) {
      switch argument {
      case .given(let value): declare(parameter.variable, value)
      case .rest(let values): declare(parameter.variable, .list(AbstractContainer(values)))
      case .missing: declare(parameter.variable, .nil)
      }
    }
    for (parameter, argument) in zip(parameters, bound) {
      guard case .missing = argument, let value = parameter.defaultValue else { continue }
      declare(parameter.variable, try evaluate(value))
    }
    try checkTypes(of: parameters, layout, list, at: place)
  }
}

extension AbstractValue {
  /// Whether it has an attribute of this name, which is no function.
  func hasAttribute(_ name: String) -> Bool {
    if case .tensor = self { return Builtins.tensorAttributes.contains(name) }
    return false
  }
}
