// What the door to the ops costs beside the kernels: small tensors, tracked or not, and whole training steps.
import NNKernels
import NNTensor

let dispatchBench = Bench(
  name: "dispatch", summary: "the cost of applying ops, recording them and going back"
) { options in
  let report = Report(title: "dispatch (per op unless said)", options: options)
  do throws(TensorError) {
    try DispatchBench(report: report).run()
  } catch {
    print("error: \(error.message)")
  }
}

private struct DispatchBench {
  let report: Report
  let context = TensorContext()

  func run() throws(TensorError) {
    let x = Operand(try Tensor([1, 2, 3, 4], shape: [4]))
    let y = Operand(try Tensor([0.5, 1, 1.5, 2], shape: [4]))
    let matrix = Operand(try Tensor(filling: [4, 4], with: 0.5, dtype: .f32))
    each("add", "4 + 4") { c throws(TensorError) in _ = try c.binary(Ops.add, x, y) }
    each("mul", "4 * number") { c throws(TensorError) in _ = try c.binary(Ops.mul, x, Operand(2)) }
    each("tanh", "4") { c throws(TensorError) in _ = try c.unary(Ops.tanh, x) }
    each("add row", "4x4 + 4") { c throws(TensorError) in _ = try c.binary(Ops.add, matrix, x) }
    each("matmul", "4x4") { c throws(TensorError) in _ = try c.binary(Ops.matmul, matrix, matrix) }
    each("sum", "4x4") { c throws(TensorError) in
      _ = try c.apply(Ops.sum, [matrix], [.int(0), .bool(false)])
    }
    each("index", "4x4") { c throws(TensorError) in
      _ = try c.apply(Ops.index, [matrix], [.index([.at(1)])])
    }
    chain("add tracked", x, y, Ops.add, walksBack: false)
    chain("mul + backward", x, y, Ops.mul, walksBack: true)
    try trainingSteps()
  }

  /// Measures one call of `body` in a loop of a thousand.
  private func each(
    _ name: String, _ size: String, _ body: (TensorContext) throws(TensorError) -> Void
  ) {
    guard report.wants(name, size) else { return }
    let timing = measure { for _ in 0..<1000 { try? body(context) } }
    row(name, size, timing, 1000)
  }

  /// Measures a thousand ops in a row on a tape.
  private func chain(_ name: String, _ x: Operand, _ y: Operand, _ op: Op, walksBack: Bool) {
    guard report.wants(name, "4") else { return }
    let timing = measure {
      let tape = context.beginTape()
      guard let start = try? context.watch(x, on: tape) else { return }
      var z = start
      for _ in 0..<1000 { z = (try? context.binary(op, z, y)) ?? z }
      context.end(tape)
      if walksBack { _ = try? context.gradients(of: z, tape: tape, wrt: [start]) }
    }
    row(name, "4", timing, 1000)
  }

  private func row(_ name: String, _ size: String, _ timing: Timing, _ calls: Double) {
    let one = Timing(median: timing.median / calls, best: timing.best / calls)
    report.row(name, size, threads: 1, one)
  }

  // MARK: - Training

  /// A step of Adam on a network of two layers for each thread count.
  private func trainingSteps() throws(TensorError) {
    guard report.wants("mlp step", "128x784-128-10") else { return }
    var network = try Network(context)
    for threads in report.options.threads {
      nnk_set_threads(Int32(threads))
      let timing = measure { network.step() }
      report.row("mlp step", "128x784-128-10", threads: threads, timing)
    }
  }
}

/// A classifier of two layers with its optimizer's state.
private struct Network {
  let context: TensorContext
  var parameters: [Tensor] = []
  var m: [Tensor] = []
  var v: [Tensor] = []
  let x: Operand
  let labels: Operand
  var count = 0

  init(_ context: TensorContext) throws(TensorError) {
    self.context = context
    for shape: Shape in [[784, 128], [128], [128, 10], [10]] {
      let drawn = try context.apply(Ops.randn, [], [.ints(shape.array), .dtype(.f32)])
      guard let weights = try context.binary(Ops.mul, drawn, Operand(0.05)).tensor else { continue }
      parameters.append(weights)
      m.append(try Tensor(filling: shape, with: 0, dtype: .f32))
      v.append(try Tensor(filling: shape, with: 0, dtype: .f32))
    }
    x = try context.apply(Ops.rand, [], [.ints([128, 784]), .dtype(.f32)])
    labels = try context.apply(Ops.randint, [], [.int(0), .int(10), .ints([128]), .dtype(.i32)])
  }

  mutating func step() {
    do throws(TensorError) { try tryStep() } catch { preconditionFailure(error.message) }
  }

  private mutating func tryStep() throws(TensorError) {
    let tape = context.beginTape()
    var watched: [Operand] = []
    for parameter in parameters {
      watched.append(try context.watch(Operand(parameter), on: tape))
    }
    let hidden = try context.apply(Ops.linear, [x, watched[0], watched[1]], [.string("relu")])
    let scores = try context.apply(Ops.linear, [hidden, watched[2], watched[3]], [.none])
    let loss = try context.apply(Ops.crossEntropy, [scores, labels])
    context.end(tape)
    let gradients = try context.gradients(of: loss, tape: tape, wrt: watched)
    watched = []
    count += 1
    for place in parameters.indices {
      guard let gradient = gradients[place].tensor else { continue }
      try context.adamStep(
        &parameters[place], gradient: gradient, m: &m[place], v: &v[place], step: count, lr: 1e-3)
    }
  }
}
