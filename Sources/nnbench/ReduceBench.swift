// Reductions along the first axis, the last and all, scans, sorts and searches: bytes read a second.
import NNKernels

let reduceBench = Bench(
  name: "reduce", summary: "reductions along each axis, running sums, sorting"
) { options in
  let report = Report(title: "reduce (\(String(cString: nnk_isa_name())))", options: options)
  for side in [100, 1000, 3162] {
    let matrix = Matrix(side)
    defer { matrix.release() }
    for kernel in kernels {
      for axis in Axis.allCases { run(kernel, matrix, axis, report) }
    }
  }
}

/// Which axis of a matrix goes away.
private enum Axis: String, CaseIterable {
  case first, last, all
}

/// A square matrix and room for results.
private struct Matrix: @unchecked Sendable {
  let side: Int
  let x: UnsafeMutablePointer<Float>
  let y: UnsafeMutablePointer<Float>

  init(_ side: Int) {
    self.side = side
    x = filledBlock(side * side, as: Float.self)
    y = filledBlock(side * side, as: Float.self)
    nnk_random_normal(NNK_F32, 1, 0, x, side * side)
  }

  func release() { for block in [x, y] { nnk_block_release(block) } }

  /// The sizes before, of and after an axis.
  func sizes(_ axis: Axis) -> (outer: Int, axis: Int, inner: Int) {
    switch axis {
    case .first: (1, side, side)
    case .last: (side, side, 1)
    case .all: (1, side * side, 1)
    }
  }
}

/// A kernel along an axis.
private struct Kernel: Sendable {
  typealias Sizes = (outer: Int, axis: Int, inner: Int)

  let name: String
  let body: @Sendable (Matrix, Sizes) -> Void

  init(_ name: String, _ body: @escaping @Sendable (Matrix, Sizes) -> Void) {
    self.name = name
    self.body = body
  }

  /// A reduction of `nnk_reduce`.
  init(_ name: String, _ op: nnk_reduce_op) {
    self.init(name) { m, s in
      _ = nnk_reduce(op, NNK_F32, m.x, m.y, s.outer, s.axis, s.inner)
    }
  }
}

private let kernels: [Kernel] = [
  Kernel("sum", NNK_SUM), Kernel("mean", NNK_MEAN), Kernel("prod", NNK_PROD),
  Kernel("max", NNK_MAX), Kernel("argmax", NNK_ARGMAX), Kernel("any", NNK_ANY),
  Kernel("var") { m, s in
    _ = nnk_variance(NNK_F32, m.x, m.y, nil, s.outer, s.axis, s.inner, 0)
  },
  Kernel("logsumexp") { m, s in
    _ = nnk_logsumexp(NNK_F32, m.x, m.y, s.outer, s.axis, s.inner)
  },
  Kernel("softmax") { m, s in
    _ = nnk_softmax(NNK_F32, m.x, m.y, s.outer, s.axis, s.inner)
  },
  Kernel("cumsum") { m, s in
    _ = nnk_cumulative(NNK_SUM, NNK_F32, m.x, m.y, s.outer, s.axis, s.inner, false)
  },
  Kernel("argsort") { m, s in
    m.y.withMemoryRebound(to: Int32.self, capacity: m.side * m.side) {
      _ = nnk_argsort(NNK_F32, m.x, $0, s.outer, s.axis, s.inner, false)
    }
  },
  Kernel("top 5") { m, s in
    m.y.withMemoryRebound(to: Int32.self, capacity: m.side * m.side) {
      _ = nnk_top_places(NNK_F32, m.x, $0, s.outer, s.axis, s.inner, 5, true)
    }
  },
]

private func run(_ kernel: Kernel, _ matrix: Matrix, _ axis: Axis, _ report: Report) {
  let name = "\(kernel.name) \(axis.rawValue)"
  let size = "\(matrix.side)x\(matrix.side)"
  guard report.wants(name, size) else { return }
  for threads in report.options.threads {
    nnk_set_threads(Int32(threads))
    let timing = measure { kernel.body(matrix, matrix.sizes(axis)) }
    let bytes = Double(4 * matrix.side * matrix.side)
    report.row(name, size, threads: threads, timing, work: bytes, unit: "GB/s")
  }
  nnk_set_threads(0)
}
