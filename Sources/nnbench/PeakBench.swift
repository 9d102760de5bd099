// What the processor can do at most: multiply-adds in registers, for every instruction set.
import NNKernels

let peakBench = Bench(name: "peak", summary: "f32 multiply-adds in registers, per instruction set")
{ options in
  let report = Report(title: "peak", options: options)
  let chosen = ["portable": 0, "avx2": 1, "avx512": 2][String(cString: nnk_isa_name())] ?? 0
  for level in Int32(0)...2 where nnk_select_isa(level) == level {
    let name = String(cString: nnk_isa_name())
    for threads in options.threads where report.wants(name, "registers") {
      nnk_set_threads(Int32(threads))
      let timing = measure { nnk_parallel(threads, peakChunk, nil) }
      let operations = nnk_bench_fma_peak(peakRounds) * Double(threads)
      report.row(name, "registers", threads: threads, timing, work: operations, unit: "GFLOP/s")
    }
  }
  nnk_select_isa(Int32(chosen))
}

/// How many rounds of multiply-adds a thread does per call: about 150 microseconds.
private let peakRounds = 100_000

/// One thread's share, as a job of the pool.
private func peakChunk(_ context: UnsafeMutableRawPointer?, _ chunk: Int, _ chunks: Int) {
  _ = nnk_bench_fma_peak(peakRounds)
}
