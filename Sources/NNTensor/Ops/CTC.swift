// Connectionist temporal classification: losses of label sequences whose places in time are not known.
import NNKernels

extension Ops {
  static let ctcLosses: [Op] = [ctc, ctcLoss, ctcSlope]

  package static let ctc: Op = Op(
    "ctc",
    [
      Parameter("logits", .tensor), Parameter("labels", .tensor, wantsIntegers: true),
      Parameter("lengths", .tensor, Attribute.none, wantsIntegers: true),
      Parameter("blank", .int, .int(0)),
    ],
    summary:
      "-log of the probability that steps [batch, time, classes] spell labels [batch, width] (padded with -1): one loss for each item; lengths are how many steps count.",
    example: "mean(ctc(logits, labels))",
    samples: [
      Sample([2, 5, 4], [2, 2], from: [.any, .index(below: 3)], with: [.int(3)]),
      Sample([4, 3], [1], from: [.any, .index(below: 2)], with: [.int(-1)]),
      Sample([1, 2, 2], [1, 0], from: [.any, .index(below: 1)], with: [.int(1)]),
      Sample([0, 3, 2], [0, 1], from: [.any, .index(below: 1)], with: [.int(1)]),
    ],
    dtypes: .custom { operands, _ throws(TensorError) in operands[0].dtype == .f64 ? .f64 : .f32 },
    shape: CTCRule(),
    forward: .composed { c, operands, attributes throws(TensorError) in
      let shape = c.shape(of: operands[0])
      let problem = try CTCProblem(c, operands, attributes)
      var logs = try c.apply(logSoftmax, [operands[0]], [.int(-1)])
      if shape.rank == 2 { logs = try c.reshaped(logs, [1, shape[0], shape[1]]) }
      let losses = try c.apply(
        ctcLoss, [logs, Operand(problem.labels), Operand(problem.lengths)],
        [.int(problem.blank)])
      return shape.rank == 2 ? try c.reshaped(losses, []) : losses
    })

  /// The losses from log-probabilities, with lengths given; labels and lengths are i32 and checked.
  static let ctcLoss: Op = Op(
    "ctc_loss",
    [
      Parameter("logs", .tensor), Parameter("labels", .tensor), Parameter("lengths", .tensor),
      Parameter("blank", .int),
    ],
    summary: "The losses of label sequences from log-probabilities.", shape: CTCRule(),
    saves: .allOperands, isInternal: true, batch: .merged([0, 1, 2]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      guard call.withKernelCall({ nnk_ctc(&$0, output.data) }) else {
        throw .outOfMemory(call.tensor(0).shape, .f64)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let c = call.context
      let slope = try c.apply(
        ctcSlope, [call.input(0), call.input(1), call.input(2)], call.attributes)
      return Gradients(try c.mul(c.columns(call.cotangent), slope))
    })

  /// The derivatives of the losses in the log-probabilities.
  static let ctcSlope: Op = Op(
    "ctc_slope",
    [
      Parameter("logs", .tensor), Parameter("labels", .tensor), Parameter("lengths", .tensor),
      Parameter("blank", .int),
    ],
    summary: "The derivatives of the losses of label sequences.", shape: SameShape(),
    saves: .allOperands, isInternal: true, tangent: .symmetric, batch: .merged([0, 1, 2]),
    forward: .custom { call throws(TensorError) in
      let output = try call.makeOutput()
      guard call.withKernelCall({ nnk_ctc_slope(&$0, output.data) }) else {
        throw .outOfMemory(call.tensor(0).shape, .f64)
      }
      return Operand(output)
    },
    gradient: { call throws(TensorError) in
      let blank = call.attribute(0).int ?? 0
      return try call.composed { c, inputs throws(TensorError) in
        guard let labels = inputs[1].tensor, let lengths = inputs[2].tensor else {
          preconditionFailure("ctc makes tensors of labels and lengths")
        }
        let problem = CTCProblem(labels: labels, lengths: lengths, blank: blank)
        let tape = c.beginTape()
        defer { c.end(tape) }
        let logs = try c.watch(inputs[0], on: tape)
        let total = try c.apply(sum, [problem.losses(c, logs)])
        c.end(tape)
        return try c.gradients(of: total, tape: tape, wrt: [logs])[0]
      }
    })
}

extension ForwardCall {
  /// Runs a kernel on the operands of the internal rows.
  fileprivate func withKernelCall(_ body: (inout nnk_ctc_call) -> Bool) -> Bool {
    let (logs, labels, lengths) = (tensor(0), tensor(1), tensor(2))
    var kernel = nnk_ctc_call(
      type: logs.dtype.kernelType, logs: UnsafeRawPointer(logs.data),
      labels: UnsafePointer(labels.data.assumingMemoryBound(to: Int32.self)),
      lengths: UnsafePointer(lengths.data.assumingMemoryBound(to: Int32.self)),
      batch: logs.shape[0], steps: logs.shape[1], classes: logs.shape[2], width: labels.shape[1],
      blank: attribute(0).int ?? 0)
    return body(&kernel)
  }
}

/// Label sequences and lengths as the kernels take them.
struct CTCProblem {
  /// i32 [batch, width], padded with -1.
  let labels: Tensor
  /// i32 [batch].
  let lengths: Tensor
  let blank: Int

  init(labels: Tensor, lengths: Tensor, blank: Int) {
    self.labels = labels
    self.lengths = lengths
    self.blank = blank
  }

  /// Reads and checks the operands of the public row.
  init(
    _ c: TensorContext, _ operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) {
    if operands.dropFirst().contains(where: { c.isBatched($0) }) {
      throw TensorError(
        "type", "ctc: inside vmap labels and lengths must be the same for all examples",
        help: "ctc takes a batch itself: logits [batch, time, classes], labels [batch, width]")
    }
    let shape = c.shape(of: operands[0])
    let query = ShapeQuery(
      name: "ctc", operands: operands.map { c.shape(of: $0) }, attributes: attributes)
    _ = try CTCRule()(query)
    let classes = shape[shape.rank - 1]
    let steps = shape[shape.rank - 2]
    let given = query.attribute(0).int ?? 0
    guard given >= -classes, given < classes else {
      throw TensorError("index", "ctc: there is no class \(given) of \(classes) to be the blank")
    }
    blank = given < 0 ? given + classes : given
    guard let labels = operands[1].tensor else {
      throw TensorError("type", "ctc: labels are an integer tensor")
    }
    let batch = shape.rank == 2 ? 1 : shape[0]
    let width = labels.shape[labels.shape.rank - 1]
    let integers = try labels.integersOnly("ctc").converted(to: .i32)
    self.labels = Tensor(sharing: integers, shape: [batch, width])
    if operands.count > 2, let given = operands[2].tensor {
      let integers = try given.integersOnly("ctc").converted(to: .i32)
      lengths = Tensor(sharing: integers, shape: [batch])
    } else if operands.count > 2 {
      lengths = try Tensor(filling: [batch], with: operands[2].number, dtype: .i32)
    } else {
      lengths = try Tensor(filling: [batch], with: Double(steps), dtype: .i32)
    }
    try check(classes: classes, steps: steps)
  }

  private func check(classes: Int, steps: Int) throws(TensorError) {
    for place in 0..<labels.count {
      let label = labels.integer(at: place)
      if label >= classes {
        throw TensorError(
          "index", "ctc: label \(label) is out of range for \(classes) classes",
          help: "they go from 0 to \(classes - 1), without the blank")
      }
      if label == blank {
        throw TensorError(
          "argument", "ctc: label \(label) is the blank", help: "blank: n chooses another class")
      }
    }
    for place in 0..<lengths.count {
      let length = lengths.integer(at: place)
      guard length >= 0, length <= steps else {
        throw TensorError("argument", "ctc: a length is from 0 to \(steps) steps, not \(length)")
      }
    }
  }

  /// A logarithm of a probability that is as good as 0, for which sums and gradients stay finite.
  private static let never = -1e30

  /// The losses [batch] composed of ops, one step after the other: what the kernels compute, to differentiate again.
  func losses(_ c: TensorContext, _ logs: Operand) throws(TensorError) -> Operand {
    let shape = c.shape(of: logs)
    let dtype = logs.tensor?.dtype ?? .f32
    let (batch, steps, states) = (shape[0], shape[1], 2 * labels.shape[1] + 1)
    let classes = try table(batch, states, .i32) { Double(self.state($0, $1).label) }
    let isReal = try table(batch, states, .bool) { self.state($0, $1).isReal ? 1 : 0 }
    let maySkip = try table(batch, states, .bool) { self.maySkip($0, $1) ? 1 : 0 }
    let isLast = try table(batch, states, .bool) { self.isLast($0, $1) ? 1 : 0 }
    let never = Operand(try Tensor(CTCProblem.never, dtype: dtype))
    let emitted = try c.apply(Ops.gather, [logs, spread(classes, steps)], [.int(-1)])
    var alpha = try Operand(table(batch, states, dtype) { $1 == 0 ? 0 : CTCProblem.never })
    for step in 0..<steps {
      let column = try c.apply(Ops.index, [emitted], [.index([.all, .at(step)])])
      // In front of the first step a path is at the first state, and may begin with the first label.
      let ways = try c.apply(
        Ops.stack,
        [
          alpha, moved(c, alpha, by: 1, never),
          c.select(Operand(maySkip), moved(c, alpha, by: 2, never), never),
        ], [.int(0)])
      let sum = try c.add(c.apply(Ops.logsumexp, [ways], [.int(0), .bool(false)]), column)
      let next = try c.select(Operand(isReal), sum, never)
      let counts = try Tensor(shape: [batch, 1], dtype: .bool)
      for item in 0..<batch { counts.set(step < lengths.integer(at: item) ? 1 : 0, at: item) }
      alpha = try c.select(Operand(counts), next, alpha)
    }
    let ends = try c.select(Operand(isLast), alpha, never)
    return try c.neg(c.apply(Ops.logsumexp, [ends], [.int(-1), .bool(false)]))
  }

  /// A state's class, and whether the item has that state at all.
  private func state(_ item: Int, _ state: Int) -> (label: Int, isReal: Bool) {
    if state % 2 == 0 { return (blank, state < 2 * length(item) + 1) }
    let label = labels.integer(at: item * labels.shape[1] + state / 2)
    return (Swift.max(label, 0), state / 2 < length(item))
  }

  /// How many labels an item has.
  private func length(_ item: Int) -> Int {
    let width = labels.shape[1]
    return (0..<width).first { labels.integer(at: item * width + $0) < 0 } ?? width
  }

  private func maySkip(_ item: Int, _ state: Int) -> Bool {
    guard state % 2 == 1, state > 1 else { return false }
    return self.state(item, state).label != self.state(item, state - 2).label
  }

  private func isLast(_ item: Int, _ state: Int) -> Bool {
    let last = 2 * length(item)
    return state == last || state == last - 1
  }

  /// A table [batch, states].
  private func table(
    _ batch: Int, _ states: Int, _ dtype: DType, _ value: (Int, Int) -> Double
  ) throws(TensorError) -> Tensor {
    let result = try Tensor(shape: [batch, states], dtype: dtype)
    for item in 0..<batch {
      for state in 0..<states { result.set(value(item, state), at: item * states + state) }
    }
    return result
  }

  /// A table repeated for each step.
  private func spread(_ table: Tensor, _ steps: Int) throws(TensorError) -> Operand {
    let (batch, states) = (table.shape[0], table.shape[1])
    let column = Tensor(sharing: table, shape: [batch, 1, states])
    return Operand(try column.stretched(to: [batch, steps, states]))
  }

  /// States moved up, with `never` entering from below.
  private func moved(
    _ c: TensorContext, _ alpha: Operand, by count: Int, _ never: Operand
  ) throws(TensorError) -> Operand {
    let shape = c.shape(of: alpha)
    let entering = Swift.min(count, shape[1])
    let below = try c.apply(
      Ops.broadcastTo, [never], [.ints([shape[0], entering]), .none])
    let rest = try c.slice(alpha, axis: 1, 0, shape[1] - entering)
    return try c.apply(Ops.concat, [below, rest], [.int(1)])
  }
}

extension IndexItem {
  /// A whole axis.
  fileprivate static var all: IndexItem { .slice(start: nil, stop: nil, step: nil) }
}

/// One loss for each item. Operands: [batch, time, classes], [batch, width], [batch]; or all of them without the batch.
private struct CTCRule: ShapeRule {
  func callAsFunction<D: Dimension>(_ query: ShapeQuery<D>) throws(TensorError) -> Dims<D> {
    let (logits, labels) = (query.operands[0], query.operands[1])
    guard logits.rank == 2 || logits.rank == 3 else {
      throw query.error("logits are [batch, time, classes] or [time, classes], not \(logits)")
    }
    let leading = logits.prefix(logits.rank - 2)
    guard labels.rank == leading.rank + 1,
      leading.indices.allSatisfy({ leading[$0].mayEqual(labels[$0]) })
    else {
      throw query.error(
        "labels of shape \(labels) for logits of shape \(logits) (expected \(leading.rank == 1 ? "[\(leading[0]), width]" : "[width]"))",
        showing: [0, 1])
    }
    guard query.operands.count > 2 else { return leading }
    let lengths = query.operands[2]
    let fits =
      lengths.rank == leading.rank
      && leading.indices.allSatisfy { lengths[$0].mayEqual(leading[$0]) }
    guard fits else {
      throw query.error(
        "lengths of shape \(lengths) for logits of shape \(logits) (expected \(leading))",
        showing: [0, 2])
    }
    return leading
  }
}
