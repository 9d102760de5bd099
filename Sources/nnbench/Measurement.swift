// Timing: how long one call of something takes, and what the processor could do in that time.
import NNKernels

/// How long one call took.
struct Timing {
  /// The median over batches of calls, in microseconds.
  let median: Double
  /// The fastest batch, in microseconds a call.
  let best: Double
}

/// Calls `body` in batches of about a millisecond and gives the time of one call.
func measure(batches: Int = 25, _ body: () -> Void) -> Timing {
  body()
  let once = max(microseconds(body), 0.01)
  let calls = max(1, Int(1000 / once))
  var times: [Double] = []
  for _ in 0..<batches {
    times.append(microseconds { for _ in 0..<calls { body() } } / Double(calls))
  }
  times.sort()
  return Timing(median: times[batches / 2], best: times[0])
}

/// The time `body` takes, in microseconds.
func microseconds(_ body: () -> Void) -> Double {
  let start = ContinuousClock.now
  body()
  let (seconds, attoseconds) = (ContinuousClock.now - start).components
  return Double(seconds) * 1e6 + Double(attoseconds) * 1e-12
}

/// The f32 multiply-add peak of one thread with the chosen instruction set, in GFLOP/s: the best of several runs.
func measuredPeak() -> Double {
  var best = 0.0
  for _ in 0..<8 {
    var operations = 0.0
    let time = microseconds { operations = nnk_bench_fma_peak(1_000_000) }
    best = max(best, operations / time / 1000)
  }
  return best
}
