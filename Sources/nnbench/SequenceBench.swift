// Norms, recurrent layers, attention, dropout and embeddings: the kernels at the shapes of networks and at 10^4 and 10^7 elements.
import NNKernels

let normBench = Bench(
  name: "norm", summary: "layer, RMS, batch and group norm, forward and back"
) { options in
  let report = Report(title: "norms (\(String(cString: nnk_isa_name())))", options: options)
  for (rows, size) in [(100, 100), (768, 128), (4096, 512), (19_531, 512)] {
    let memory = Memory(rows * size)
    report.time("layer_norm", "\(rows)x\(size)", elements: rows * size) {
      _ = nnk_row_norm(
        NNK_F32, memory.a, memory.small, memory.small, memory.c, memory.first,
        memory.second, rows, size, 1e-5, true)
    }
    report.time("layer_norm back", "\(rows)x\(size)", elements: rows * size) {
      _ = nnk_row_norm_grad(
        NNK_F32, memory.b, memory.a, memory.small, memory.first, memory.second, memory.c,
        memory.third, memory.small, rows, size)
    }
    report.time("rms_norm", "\(rows)x\(size)", elements: rows * size) {
      _ = nnk_row_norm(
        NNK_F32, memory.a, memory.small, nil, memory.c, nil, memory.second, rows, size, 1e-5,
        false)
    }
    memory.release()
  }
  for (outer, rows, channels, groups) in [
    (1, 86_528, 32, 32), (1, 6272, 64, 64), (32, 196, 128, 8), (1, 128, 512, 512),
  ] {
    let count = outer * rows * channels
    let memory = Memory(count)
    let shape = "\(outer)x\(rows)x\(channels)/\(groups)"
    report.time("group norm", shape, elements: count) {
      _ = nnk_group_norm(
        NNK_F32, memory.a, memory.small, memory.small, memory.c, memory.first, memory.second,
        outer, rows, channels, groups, 1e-5)
    }
    report.time("group norm back", shape, elements: count) {
      _ = nnk_group_norm_grad(
        NNK_F32, memory.b, memory.a, memory.small, memory.first, memory.second, memory.c,
        memory.third, nil, outer, rows, channels, groups, 1e-5)
    }
    memory.release()
  }
}

let attentionBench = Bench(
  name: "attention",
  summary: "attention, recurrent layers, dropout and embeddings, forward and back"
) { options in
  let report = Report(
    title: "sequences (\(String(cString: nnk_isa_name())))", options: options)
  for (batch, heads, length, dim, isCausal) in [
    (12, 4, 64, 32, true), (2, 8, 512, 64, true), (1, 8, 2048, 64, false),
  ] {
    benchAttention(report, batch, heads, length, dim, isCausal)
  }
  for (name, kind, gates) in [("rnn", NNK_RNN, 1), ("lstm", NNK_LSTM, 4), ("gru", NNK_GRU, 3)] {
    benchRecurrence(report, name, kind, gates)
  }
  let memory = Memory(1 << 20)
  report.time("dropout", "393216", elements: 393_216) {
    _ = nnk_dropout(NNK_F32, 1, 0, 0.1, memory.a, memory.c, 393_216)
  }
  var ids = [Int32](repeating: 0, count: 8192)
  nnk_random_integers(NNK_I32, 1, 0, 0, 10_000, &ids, ids.count)
  report.time("embedding back", "8192 of 10000x64", elements: 8192 * 64) {
    _ = nnk_sum_rows_by_index(NNK_F32, memory.a, 64, NNK_I32, ids, ids.count, memory.c, 10_000)
  }
  memory.release()
}

/// A causal or full attention over heads that lie side by side, in GFLOP/s of the products that are needed.
private func benchAttention(
  _ report: Report, _ batch: Int, _ heads: Int, _ length: Int, _ dim: Int, _ isCausal: Bool
) {
  let count = batch * length * heads * dim
  let memory = Memory(count)
  let further = Memory(count)
  let strides = nnk_head_strides(
    batch: length * heads * dim, head: dim, row: heads * dim)
  var attention = nnk_attention(
    type: NNK_F32, batch: batch, heads: heads, queries: length, keys: length, dim: dim,
    value_dim: dim, q: memory.a, k: memory.b, v: memory.b, q_strides: strides, k_strides: strides,
    v_strides: strides, scale: 0.2, causal: isCausal, allowed: nil, added: nil,
    mask_strides: nnk_head_strides(), mask_column: 0)
  let size = "\(batch)x\(heads)x\(length)x\(dim)\(isCausal ? " causal" : "")"
  let work = Double(4 * batch * heads * length * length * dim) * (isCausal ? 0.5 : 1)
  report.time("attention", size, work: work, unit: "GFLOP/s") {
    _ = nnk_attention_forward(&attention, memory.c, strides, further.c)
  }
  report.time("attention back", size, work: 2.5 * work, unit: "GFLOP/s") {
    _ = nnk_attention_backward(
      &attention, memory.c, memory.a, strides, further.c, further.a, further.b, memory.first)
  }
  memory.release()
  further.release()
}

/// The layer of the MNIST rows benchmark: 128 sequences of 28 steps, 28 features, 128 units.
private func benchRecurrence(
  _ report: Report, _ name: String, _ kind: nnk_cell_kind, _ gates: Int
) {
  let (batch, steps, inputs, units) = (128, 28, 28, 128)
  let states = batch * steps * units
  let memory = Memory(4 * states)
  let further = Memory(4 * states)
  var sequence = nnk_recurrence(
    kind: kind, type: NNK_F32, batch: batch, steps: steps, inputs: inputs, units: units,
    x: memory.a, weight: memory.b, recurrent: memory.small, bias: memory.b, recurrent_bias: nil,
    h0: nil, c0: nil)
  let work = Double(2 * batch * steps * units * gates * (inputs + units))
  report.time(name, "128x28x28 to 128", work: work, unit: "GFLOP/s") {
    _ = nnk_recurrence_forward(
      &sequence, memory.c, memory.first, memory.second, further.a, further.b)
  }
  var given = nnk_recurrence_cotangents(
    y: memory.c, gates: further.a, cells: further.b, dy: nil, dh: memory.first, dc: nil)
  var wanted = nnk_recurrence_gradients(
    dx: nil, dweight: further.c, drecurrent: memory.second, dbias: memory.third,
    drecurrent_bias: nil, dh0: nil, dc0: nil)
  report.time("\(name) back", "128x28x28 to 128", work: 2 * work, unit: "GFLOP/s") {
    _ = nnk_recurrence_backward(&sequence, &given, &wanted)
  }
  memory.release()
  further.release()
}

/// Blocks of small normal numbers, large ones of a count and further ones for parameters and results.
private struct Memory: @unchecked Sendable {
  let a, b, c, small, first, second, third: UnsafeMutablePointer<Float>

  init(_ count: Int) {
    let largest = max(count, 1 << 20)
    func block(_ seed: UInt64) -> UnsafeMutablePointer<Float> {
      let block = filledBlock(largest, as: Float.self)
      nnk_random_normal(NNK_F32, seed, 0, block, largest)
      _ = nnk_scaled_add(NNK_F32, 0.1, block, 0, block, block, largest)
      return block
    }
    (a, b, c, small) = (block(1), block(2), block(3), block(4))
    (first, second, third) = (block(5), block(6), block(7))
  }

  func release() {
    for block in [a, b, c, small, first, second, third] { nnk_block_release(block) }
  }
}

extension Report {
  /// Measures a kernel with every thread count that was asked for; the rate is in elements.
  fileprivate func time(
    _ name: String, _ size: String, elements: Int, _ body: () -> Void
  ) {
    time(name, size, work: Double(elements), unit: "Gelement/s", body)
  }

  fileprivate func time(
    _ name: String, _ size: String, work: Double, unit: String, _ body: () -> Void
  ) {
    guard wants(name, size) else { return }
    for threads in options.threads {
      nnk_set_threads(Int32(threads))
      row(name, size, threads: threads, measure { body() }, work: work, unit: unit)
    }
    nnk_set_threads(0)
  }
}
