// Matrix products: squares, the products of a training step with their transposes, and small ones.
import NNKernels

let gemmBench = Bench(name: "gemm", summary: "matrix products, f32 and f64") { options in
  let report = Report(title: "gemm (\(String(cString: nnk_isa_name())))", options: options)
  let peak = measuredPeak()
  for product in gemmProducts where report.wants("gemm f32", product.size) {
    for threads in options.threads {
      nnk_set_threads(Int32(threads))
      report.row(
        "gemm f32", product.size, threads: threads, time(product, as: Float.self, nnk_gemm_f32),
        work: product.operations, unit: "GFLOP/s", peak: peak * Double(threads))
    }
  }
  for product in gemmProducts where report.wants("gemm f64", product.size) {
    for threads in options.threads {
      nnk_set_threads(Int32(threads))
      report.row(
        "gemm f64", product.size, threads: threads, time(product, as: Double.self, nnk_gemm_f64),
        work: product.operations, unit: "GFLOP/s", peak: peak * Double(threads) / 2)
    }
  }
}

/// A product [rows, depth] @ [depth, columns], either operand stored transposed.
private struct Product: Sendable {
  var rows, depth, columns: Int
  var transposedA = false
  var transposedB = false

  var size: String {
    "\(rows)x\(depth)\(transposedA ? "T" : "") @ \(depth)x\(columns)\(transposedB ? "T" : "")"
  }
  var operations: Double { 2 * Double(rows) * Double(depth) * Double(columns) }
}

private let gemmProducts: [Product] =
  [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048].map { Product(rows: $0, depth: $0, columns: $0) }
  + [
    Product(rows: 128, depth: 784, columns: 128),
    Product(rows: 784, depth: 128, columns: 128, transposedA: true),
    Product(rows: 128, depth: 128, columns: 784, transposedB: true),
    Product(rows: 768, depth: 128, columns: 512),
    Product(rows: 128, depth: 128, columns: 10),
    Product(rows: 128, depth: 10, columns: 128, transposedB: true),
    Product(rows: 128, depth: 128, columns: 10, transposedA: true),
    Product(rows: 1, depth: 784, columns: 128),
    Product(rows: 1, depth: 128, columns: 784, transposedB: true),
    Product(rows: 1, depth: 1024, columns: 1024),
    Product(rows: 4, depth: 2, columns: 8),
    Product(rows: 4, depth: 8, columns: 2, transposedB: true),
    Product(rows: 2, depth: 4, columns: 8, transposedA: true),
    Product(rows: 101, depth: 103, columns: 107),
  ]

/// Measures one product with operands of small whole numbers.
private func time<T: BinaryFloatingPoint>(
  _ product: Product, as type: T.Type, _ gemm: (UnsafePointer<nnk_gemm>) -> Void
) -> Timing {
  let a = filledBlock(product.rows * product.depth, as: type)
  let b = filledBlock(product.depth * product.columns, as: type)
  let c = filledBlock(product.rows * product.columns, as: type)
  defer { for block in [a, b, c] { nnk_block_release(block) } }
  let (aRow, aColumn) = product.transposedA ? (1, product.rows) : (product.depth, 1)
  let (bRow, bColumn) = product.transposedB ? (1, product.depth) : (product.columns, 1)
  var arguments = nnk_gemm(
    rows: product.rows, columns: product.columns, depth: product.depth, a: a, a_row: aRow,
    a_column: aColumn, b: b,
    b_row: bRow, b_column: bColumn, c: c, c_row: product.columns, batch: 1, a_batch: 0, b_batch: 0,
    c_batch: 0,
    bias: nil, accumulate: false, activation: Int32(NNK_NO_ACTIVATION))
  return measure { gemm(&arguments) }
}

/// A block with `count` small numbers in it; the caller releases it.
func filledBlock<T: BinaryFloatingPoint>(_ count: Int, as type: T.Type) -> UnsafeMutablePointer<T> {
  guard let block = nnk_block_alloc(count * MemoryLayout<T>.stride) else {
    fatalError("no memory for a benchmark's operand of \(count) elements")
  }
  let elements = block.bindMemory(to: type, capacity: count)
  for i in 0..<count { elements[i] = T(i % 17 - 8) / 8 }
  return elements
}
