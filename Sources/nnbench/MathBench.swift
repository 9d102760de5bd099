// Elementwise math, reductions, softmax, optimizer steps, random numbers and gathers: nanoseconds an element.
import NNKernels

let mathBench = Bench(
  name: "math", summary: "elementwise math, reductions, softmax, optimizers, random, gathers"
) { options in
  let report = Report(title: "math (\(String(cString: nnk_isa_name())))", options: options)
  for kernel in unaryKernels + binaryKernels + reductions {
    for n in [4, 10_000, 1 << 16, 10_000_000] { run(kernel, n, report) }
  }
  for kernel in rowKernels { run(kernel, kernel.count, report) }
}

/// A kernel over `n` elements of three operands.
private struct MathKernel: Sendable {
  let name: String
  /// The size it is measured at where that is its own.
  var size = ""
  var count = 0
  let body: @Sendable (Operands, Int) -> Void
}

/// Memory that the kernels may use: inputs a and b in -1...1, positive c and d, output y.
private struct Operands: @unchecked Sendable {
  let a, b, c, d, y: UnsafeMutablePointer<Float>

  init(_ count: Int) {
    a = filledBlock(count, as: Float.self)
    b = filledBlock(count, as: Float.self)
    c = filledBlock(count, as: Float.self)
    d = filledBlock(count, as: Float.self)
    y = filledBlock(count, as: Float.self)
    nnk_random_normal(NNK_F32, 1, 0, a, count)
    nnk_random_normal(NNK_F32, 2, 0, b, count)
    nnk_random_uniform(NNK_F32, 3, 0, c, count)
    nnk_random_uniform(NNK_F32, 4, 0, d, count)
  }

  func release() { for block in [a, b, c, d, y] { nnk_block_release(block) } }
}

/// Measures one kernel at one size with every thread count that was asked for.
private func run(_ kernel: MathKernel, _ n: Int, _ report: Report) {
  let size = kernel.size.isEmpty ? "\(n)" : kernel.size
  guard report.wants(kernel.name, size) else { return }
  let operands = Operands(max(n, 100))
  defer { operands.release() }
  for threads in report.options.threads {
    nnk_set_threads(Int32(threads))
    let timing = measure { kernel.body(operands, n) }
    report.row(
      kernel.name, size, threads: threads, timing, work: Double(n), unit: "Gelement/s")
  }
  nnk_set_threads(0)
}

private let unaryKernels: [MathKernel] =
  [
    ("exp", NNK_EXP), ("tanh", NNK_TANH), ("sigmoid", NNK_SIGMOID), ("gelu", NNK_GELU),
    ("gelu_tanh", NNK_GELU_TANH), ("relu", NNK_RELU), ("sin", NNK_SIN), ("erf", NNK_ERF),
    ("silu", NNK_SILU), ("softplus", NNK_SOFTPLUS), ("log", NNK_LOG), ("sqrt", NNK_SQRT),
  ].map { (name, op) in
    let positive = op == NNK_LOG || op == NNK_SQRT
    return MathKernel(name: name) { nnk_unary(op, NNK_F32, positive ? $0.c : $0.a, $0.y, $1) }
  }
  + [("exp f64", NNK_EXP), ("log f64", NNK_LOG), ("tanh f64", NNK_TANH)].map { (name, op) in
    MathKernel(name: name) { nnk_unary(op, NNK_F64, $0.c, $0.y, $1 / 2) }
  }

private let binaryKernels: [MathKernel] =
  [
    ("add", NNK_ADD), ("mul", NNK_MUL), ("div", NNK_DIV), ("maximum", NNK_MAXIMUM),
    ("less", NNK_LESS), ("pow", NNK_POW), ("relu_grad", NNK_RELU_GRAD),
  ].map { (name, op) in
    MathKernel(name: name) { nnk_binary(op, NNK_F32, $0.c, $0.d, $0.y, $1) }
  }
  + [
    MathKernel(name: "add scalar") { nnk_binary_scalar(NNK_ADD, NNK_F32, $0.a, 2, $0.y, $1) },
    MathKernel(name: "axpy") { nnk_axpy(NNK_F32, 0.5, $0.a, $0.y, $1) },
    MathKernel(name: "cast f32 to f64") { nnk_cast(NNK_F32, $0.a, NNK_F64, $0.y, $1 / 2) },
    MathKernel(name: "fill") { nnk_fill(NNK_F32, 1, $0.y, $1) },
  ]

private let reductions: [MathKernel] = [
  ("sum", NNK_SUM), ("max", NNK_MAX), ("argmax", NNK_ARGMAX),
].map { (name, op) in MathKernel(name: name) { nnk_reduce(op, NNK_F32, $0.a, $0.y, 1, $1, 1) } }

/// Kernels over matrices of the shapes that training meets.
private let rowKernels: [MathKernel] = [
  MathKernel(name: "sum rows", size: "128x10", count: 1280) { o, _ in
    nnk_reduce(NNK_SUM, NNK_F32, o.a, o.y, 128, 10, 1)
  },
  MathKernel(name: "sum columns", size: "128x10", count: 1280) { o, _ in
    nnk_reduce(NNK_SUM, NNK_F32, o.a, o.y, 1, 128, 10)
  },
  MathKernel(name: "sum columns", size: "128x784", count: 100_352) { o, _ in
    nnk_reduce(NNK_SUM, NNK_F32, o.a, o.y, 1, 128, 784)
  },
  MathKernel(name: "argmax rows", size: "128x10", count: 1280) { o, _ in
    nnk_reduce(NNK_ARGMAX, NNK_F32, o.a, o.y, 128, 10, 1)
  },
  MathKernel(name: "bias + relu", size: "128x512", count: 65_536) { o, _ in
    nnk_bias_unary(NNK_RELU, NNK_F32, o.a, o.b, o.y, 128, 512)
  },
  MathKernel(name: "add row", size: "128x10", count: 1280) { o, _ in
    nnk_binary_matrix(
      NNK_ADD, NNK_F32, o.a, nnk_steps(row: 10, col: 1), o.b, nnk_steps(row: 0, col: 1), o.y, 128,
      10)
  },
  MathKernel(name: "softmax", size: "128x10", count: 1280) { o, _ in
    nnk_softmax(NNK_F32, o.a, o.y, 128, 10, 1)
  },
  MathKernel(name: "softmax", size: "512x128", count: 65_536) { o, _ in
    nnk_softmax(NNK_F32, o.a, o.y, 512, 128, 1)
  },
  MathKernel(name: "softmax", size: "6553x10", count: 65_530) { o, _ in
    nnk_softmax(NNK_F32, o.a, o.y, 6553, 10, 1)
  },
  MathKernel(name: "log_softmax", size: "512x128", count: 65_536) { o, _ in
    nnk_log_softmax(NNK_F32, o.a, o.y, 512, 128, 1)
  },
  MathKernel(name: "cross entropy", size: "128x10", count: 1280) { o, _ in
    withZeroLabels(128) { nnk_cross_entropy(NNK_F32, o.a, NNK_I32, $0, o.y, o.c, 128, 10) }
  },
  MathKernel(name: "sgd momentum", size: "101770", count: 101_770) { o, n in
    nnk_sgd(NNK_F32, o.a, o.b, o.y, n, 1e-9, 0.9, 0, false)
  },
  MathKernel(name: "adam", size: "101770", count: 101_770) { o, n in
    nnk_adam(NNK_F32, o.a, o.b, o.c, o.d, n, 1e-9, 0.9, 0.999, 1e-8, 0, false, 10)
  },
  MathKernel(name: "transpose", size: "784x128", count: 100_352) { o, _ in
    nnk_transpose(4, o.a, o.y, 1, 784, 128)
  },
  MathKernel(name: "transpose", size: "2048x2048", count: 4_194_304) { o, _ in
    nnk_transpose(4, o.a, o.y, 1, 2048, 2048)
  },
  MathKernel(name: "uniform", size: "65536", count: 65_536) { o, n in
    nnk_random_uniform(NNK_F32, 1, 0, o.y, n)
  },
  MathKernel(name: "normal", size: "65536", count: 65_536) { o, n in
    nnk_random_normal(NNK_F32, 1, 0, o.y, n)
  },
  MathKernel(name: "permutation", size: "60000", count: 60_000) { o, n in
    o.y.withMemoryRebound(to: Int32.self, capacity: n) {
      _ = nnk_random_permutation(1, 0, $0, n)
    }
  },
  MathKernel(name: "gather u8 images", size: "128x784 of 60000", count: 12_000_000) { o, _ in
    imageIndices.withUnsafeBufferPointer { indices in
      guard let first = indices.baseAddress else { return }
      _ = o.a.withMemoryRebound(to: UInt8.self, capacity: 60_000 * 784) { images in
        nnk_gather_rows_u8_f32(images, 60_000, 784, NNK_I32, first, 128, 1 / 255, o.y)
      }
    }
  },
]

/// 128 of 60,000 images in random order.
private let imageIndices: [Int32] = {
  var order = [Int32](repeating: 0, count: 60_000)
  nnk_random_permutation(1, 0, &order, order.count)
  return Array(order.prefix(128))
}()

/// Calls `body` with that many labels of class 0.
private func withZeroLabels(_ count: Int, _ body: (UnsafeRawPointer) -> Int) {
  withUnsafeTemporaryAllocation(of: Int32.self, capacity: count) { labels in
    labels.initialize(repeating: 0)
    guard let base = labels.baseAddress else { return }
    _ = body(base)
  }
}
