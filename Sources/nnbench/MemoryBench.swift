// What it costs to take and give back a block of tensor memory.
import NNKernels

let memoryBench = Bench(name: "memory", summary: "allocating and releasing tensor memory") {
  options in
  let report = Report(title: "memory", options: options)
  for bytes in [16, 4096, 1 << 20, 64 << 20] where report.wants("alloc + release", "\(bytes) B") {
    let timing = measure {
      for _ in 0..<1000 { nnk_block_release(nnk_block_alloc(bytes)) }
    }
    let one = Timing(median: timing.median / 1000, best: timing.best / 1000)
    report.row("alloc + release", "\(bytes) B", threads: 1, one)
  }
}
