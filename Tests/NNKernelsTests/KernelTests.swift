// The suite that holds all suites of the kernels, and what it takes to run a test on every instruction set.
import NNKernels
import Testing

/// All tests of this target are in suites inside of this one, so that they run one after the other: instruction set
/// and thread count belong to the whole process.
@Suite(.serialized)
struct KernelTests {
  /// The levels that this machine has.
  static let isaLevels: [Int32] = {
    let best = nnk_select_isa(-1)
    return Array(0...best)
  }()
  /// The best of them.
  static let bestISA: Int32 = isaLevels.last ?? 0
}

/// Runs `body` with an instruction set, at most what the machine has, and goes back to the best.
func withISA<R>(_ level: Int32, _ body: () throws -> R) rethrows -> R {
  nnk_select_isa(level)
  defer { nnk_select_isa(-1) }
  return try body()
}

/// Runs `body` with a number of threads and goes back to the default.
func withThreads<R>(_ count: Int, _ body: () throws -> R) rethrows -> R {
  nnk_set_threads(Int32(count))
  defer { nnk_set_threads(0) }
  return try body()
}
