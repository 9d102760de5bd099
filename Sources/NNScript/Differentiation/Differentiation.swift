// The builtins that differentiate in reverse: grad, value_and_grad, vjp, and what goes with them.
import NNTensor

/// Builtins that take functions and give their derivatives.
enum Differentiation {
  static let functions: [NativeFunction] = [
    grad, valueAndGrad, vjp, jvp, vmap, customGrad, checkpoint, debugNaNs,
  ]

  private static let grad = NativeFunction(
    "grad", "f, wrt = 0",
    documentation: """
      The function that computes the gradient of `f`, whose result must be a scalar, in argument `wrt` (an index or a tuple of them).
      The gradient has the argument's own structure; for a model it is a dict from parameter path to tensor.
      """,
    example: "grad(x => x ** 3)(2)"
  ) { call in try derived(call, gradOf) }

  private static let valueAndGrad = NativeFunction(
    "value_and_grad", "f, wrt = 0",
    documentation: """
      The function that computes `(value, gradient)` of `f` in argument `wrt`. Where `f` returns `(loss, aux...)`, the value is that tuple.
      """,
    example: "let (loss, g) = value_and_grad(fn(net, x, y) { cross_entropy(net(x), y) })(net, x, y)"
  ) { call in try derived(call, valueAndGradOf) }

  /// A function that calls the native's first argument differentiated; `captured` are that function and the indices.
  private static func derived(_ call: NativeCall, _ native: NativeFunction) throws -> Slot {
    let function = try call.callable(0)
    let wrt = try indices(call)
    let captured = [retained(function)] + wrt.map { Slot($0) }
    return Slot(NativeObject(heap: call.heap, function: native, owned: captured))
  }

  private static let gradOf = NativeFunction("grad(f)", "arguments...", body: gradBody)
  private static let valueAndGradOf = NativeFunction(
    "value_and_grad(f)", "arguments...", body: valueAndGradBody)

  /// The indices in `wrt`: one number or a tuple or list of them.
  private static func indices(_ call: NativeCall) throws -> [Int] {
    guard call.has(1) else { return [0] }
    let elements = call[1].elements.map(Array.init) ?? [call[1]]
    let indices = elements.compactMap { call.vm.plainNumber($0).flatMap { Int(exactly: $0) } }
    guard indices.count == elements.count, indices.allSatisfy({ $0 >= 0 }), !indices.isEmpty,
      Set(indices).count == indices.count
    else {
      throw call.typeError(1, expected: "the index of an argument, or a tuple of different ones")
    }
    return indices
  }

  private static let gradBody: NativeFunction.Body = { call in
    var run = try differentiated(call, "grad")
    defer {
      release(run.value)
      run.discard()
    }
    _ = try run.scalarOutput("grad")
    return try run.gradient()
  }

  private static let valueAndGradBody: NativeFunction.Body = { call in
    var run = try differentiated(call, "value_and_grad")
    defer { run.discard() }
    do {
      _ = try run.scalarOutput("value_and_grad")
      let gradient = try run.gradient()
      return Slot(TupleObject(heap: call.heap, owned: [run.value, gradient]))
    } catch {
      release(run.value)
      throw error
    }
  }

  /// Runs the captured function on the arguments, those of the captured indices tracked.
  private static func differentiated(_ call: NativeCall, _ name: String) throws
    -> DifferentiatedCall
  {
    let captured = call.captured
    let wrt = captured.dropFirst().map { Int($0.number) }
    let arguments = Array(call.rest(0))
    for index in wrt {
      guard index < arguments.count else {
        throw ScriptError(
          .argument, "\(name) differentiates argument \(index), but \(arguments.count) are given",
          help: "the first argument has index 0")
      }
      try checkDifferentiable(arguments[index], name)
    }
    return try DifferentiatedCall(call.vm, captured[0], arguments, wrt: wrt)
  }

  /// Throws for an argument that has no gradient at all.
  static func checkDifferentiable(_ argument: Slot, _ name: String) throws {
    switch argument.tag {
    case Tag.tensor, Tag.trackedTensor:
      let dtype = argument.tensor.dtype
      if dtype.isFloat { return }
      throw ScriptError(
        .type, "\(name) cannot differentiate in a tensor of \(dtype.name)",
        help: "convert it with to(x, \"f32\")")
    case Tag.number, Tag.trackedNumber, Tag.list, Tag.tuple, Tag.dict, Tag.instance: return
    default:
      throw ScriptError(
        .type, "\(name) cannot differentiate in \(argument.describedType)",
        help: "it takes numbers, float tensors, models, and lists, tuples and dicts of them")
    }
  }

  // MARK: vjp

  private static let vjp = NativeFunction(
    "vjp", "f, arguments...",
    documentation: """
      `(value, pullback)` of `f` at the arguments. `pullback(g)` gives the gradients of the arguments for a gradient `g` of the value's shape: bare for one
      argument, a tuple for several. It can be called again.
      """,
    example: "let (y, back) = vjp(x => x * 3, tensor([1, 2]))"
  ) { call in
    let function = try call.callable(0)
    let arguments = Array(call.rest(1))
    for argument in arguments { try checkDifferentiable(argument, "vjp") }
    var run = try DifferentiatedCall(call.vm, function, arguments, wrt: Array(arguments.indices))
    do {
      try run.checkFloat("vjp")
      guard run.output != nil, run.value.isTensor || run.value.isNumber else {
        throw ScriptError(
          .type,
          "vjp needs a function that returns a number or a tensor, not \(run.value.describedType)")
      }
    } catch {
      release(run.value)
      run.discard()
      throw error
    }
    let value = run.value
    let pullback = Pullback(run)
    let native = NativeFunction("pullback", "g") { call in try pullback.apply(call) }
    return Slot(
      TupleObject(
        heap: call.heap, owned: [value, Slot(NativeObject(heap: call.heap, function: native))]))
  }

  private static let debugNaNs = NativeFunction(
    "debug_nans", "on, f = nil",
    documentation: """
      Makes every tensor op fail that makes a NaN, or an infinite value of finite ones, forwards and backwards: the error names the line, the op and what
      it was given. With `f`, only while `f()` runs, whose value it gives.
      """,
    example: "debug_nans(true)"
  ) { call in
    let context = call.vm.context
    let isOn = try call.bool(0)
    guard call.has(1) else {
      context.debugNaNs = isOn
      return .nil
    }
    let function = try call.callable(1)
    let old = context.debugNaNs
    context.debugNaNs = isOn
    defer { context.debugNaNs = old }
    return try call.callBack(function)
  }
}

/// The way back of one `vjp`: keeps the tape as long as the script keeps the function.
///
/// An engine is confined to one thread at a time, and so is all it makes; natives are `Sendable` because most are shared.
private final class Pullback: @unchecked Sendable {
  private var run: DifferentiatedCall
  /// The batched call it was made in: its values mean nothing outside.
  private let batch: BatchTrace?

  init(_ run: consuming DifferentiatedCall) {
    batch = run.vm.context.innermostBatch
    self.run = run
  }

  deinit { run.discard() }

  func apply(_ call: NativeCall) throws -> Slot {
    if let batch, !batch.isActive {
      throw ScriptError(
        .argument, "the pullback was made inside a call of vmap that has ended",
        help: "use it inside, and return what it gives")
    }
    let slot = call[0]
    guard slot.isTensor || slot.isNumber else {
      throw call.typeError(0, expected: "a tensor or number of the value's shape")
    }
    let seed = Operand(slot)
    guard let tracked = run.output else { preconditionFailure("vjp has checked the result") }
    let output = run.tape.lowered(tracked)
    let wanted = call.vm.context.shape(of: output)
    let found = call.vm.context.shape(of: seed)
    guard wanted == found || seed.isNumber && wanted.rank == 0 else {
      throw ScriptError.notASeed("\(wanted)", "\(found)")
    }
    return try run.gradient(seed: try fitted(seed, output, call.vm.context), keepsEntries: true)
  }

  /// The seed as a number or tensor of the output's type.
  private func fitted(_ seed: Operand, _ output: Operand, _ context: TensorContext) throws
    -> Operand
  {
    do throws(TensorError) {
      guard let tensor = output.tensor else {
        return seed.isNumber ? seed : try context.apply(Ops.item, [seed])
      }
      if seed.tensor?.dtype == tensor.dtype { return seed }
      let full = seed.isNumber ? try context.apply(Ops.fullLike, [output, seed]) : seed
      return try context.apply(Ops.to, [full], [.dtype(tensor.dtype)])
    } catch {
      throw ScriptError(error)
    }
  }
}
