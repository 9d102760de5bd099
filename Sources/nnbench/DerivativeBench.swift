// What transformations cost: a stack of layers with and without checkpoints, gradients of examples, forward mode.
import NNKernels
import NNTensor

let derivativeBench = Bench(
  name: "derivatives",
  summary: "checkpoints (time and peak of live tensors), vmap of grad against a loop, forward mode"
) { options in
  let report = Report(title: "derivatives", options: options)
  do throws(TensorError) {
    try DerivativeBench(report: report).run()
  } catch {
    print("error: \(error.message)")
  }
}

private struct DerivativeBench {
  let report: Report
  let context = TensorContext()
  private let layers = 16

  func run() throws(TensorError) {
    let weight = try random([64, 64])
    let rows = try random([512, 64])
    for isFolded in [false, true] {
      measured(isFolded ? "grad, checkpointed" : "grad, all kept") { () throws(TensorError) in
        try gradient(weight, rows, isFolded: isFolded)
      }
    }
    let examples = try random([256, 64])
    measured("vmap of grad") { () throws(TensorError) in try batched(weight, examples) }
    measured("loop of grad") { () throws(TensorError) in
      for place in 0..<256 {
        let row = try context.apply(Ops.index, [examples], [.index([.at(place)])])
        _ = try gradient(weight, row, isFolded: false, layers: 2)
      }
    }
    measured("jvp") { () throws(TensorError) in try forward(weight, rows, overReverse: false) }
    measured("jvp of grad") { () throws(TensorError) in
      try forward(weight, rows, overReverse: true)
    }
  }

  private func random(_ shape: [Int]) throws(TensorError) -> Operand {
    let x = try context.apply(Ops.randn, [], [.ints(shape), .dtype(.f32)])
    return try context.binary(Ops.div, x, Operand(8))
  }

  /// A row of the time of `body` and of the most bytes of tensors that were alive in it.
  private func measured(_ name: String, _ body: () throws(TensorError) -> Void) {
    guard report.wants(name, "") else { return }
    let before = nnk_memory_info().live
    nnk_reset_peak()
    do throws(TensorError) { try body() } catch { print("error: \(error.message)") }
    let peak = Double(nnk_memory_info().peak - before) / 1e6
    let timing = measure(batches: 9) { try? body() }
    report.row(name, "peak \(fixed(peak, 2)) MB", threads: Int(nnk_threads()), timing)
  }

  private func layer(_ x: Operand, _ weight: Operand) throws(TensorError) -> Operand {
    let h = try context.unary(Ops.gelu, context.binary(Ops.matmul, x, weight))
    return try context.binary(Ops.mul, context.unary(Ops.sin, h), context.unary(Ops.tanh, h))
  }

  private func loss(
    _ weight: Operand, _ x: Operand, isFolded: Bool, layers: Int
  ) throws(TensorError) -> Operand {
    var h = x
    for _ in 0..<layers {
      let input = h
      h =
        isFolded
        ? try context.checkpointed { () throws(TensorError) in try layer(input, weight) }
        : try layer(input, weight)
    }
    return try context.apply(Ops.sum, [h])
  }

  @discardableResult
  private func gradient(
    _ weight: Operand, _ x: Operand, isFolded: Bool, layers: Int? = nil
  ) throws(TensorError) -> Operand {
    let tape = context.beginTape()
    defer { context.end(tape) }
    let watched = try context.watch(weight, on: tape)
    let total = try loss(watched, x, isFolded: isFolded, layers: layers ?? self.layers)
    context.end(tape)
    return try context.gradients(of: total, tape: tape, wrt: [watched])[0]
  }

  private func batched(_ weight: Operand, _ examples: Operand) throws(TensorError) {
    let trace = context.beginBatch(size: 256)
    defer { context.end(trace) }
    let x = try trace.add(examples)
    _ = try trace.stacked(gradient(weight, x, isFolded: false, layers: 2), in: context)
  }

  private func forward(
    _ weight: Operand, _ x: Operand, overReverse: Bool
  ) throws(TensorError) {
    let trace = context.beginJVP()
    defer { context.end(trace) }
    let watched = try context.watch(weight, tangent: weight, on: trace)
    _ =
      overReverse
      ? try gradient(watched, x, isFolded: false)
      : try loss(watched, x, isFolded: false, layers: layers)
  }
}
