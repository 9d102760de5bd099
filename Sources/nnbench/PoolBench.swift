// What it costs to start a parallel region, empty and with a little work in it.
import NNKernels

let poolBench = Bench(name: "pool", summary: "starting a region on the thread pool") { options in
  let report = Report(title: "pool", options: options)
  for threads in options.threads {
    nnk_set_threads(Int32(threads))
    for chunks in [1, 2, 8, 64] where report.wants("empty region", "\(chunks) chunks") {
      let timing = measure { nnk_parallel(chunks, { _, _, _ in }, nil) }
      report.row("empty region", "\(chunks) chunks", threads: threads, timing)
    }
    for rounds in [1000, 10_000, 100_000] where report.wants("8 chunks of work", "\(rounds) rounds")
    {
      var each = rounds / 8
      let timing = measure { nnk_parallel(8, workChunk, &each) }
      report.row("8 chunks of work", "\(rounds) rounds", threads: threads, timing)
    }
  }
}

/// A chunk that computes for a number of rounds.
private func workChunk(_ context: UnsafeMutableRawPointer?, _ chunk: Int, _ chunks: Int) {
  _ = nnk_bench_fma_peak(context?.load(as: Int.self) ?? 0)
}
