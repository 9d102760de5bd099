// The benchmarks' command: picks benches by name and prints one table for each.
import NNKernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// One benchmark that can be asked for by name.
struct Bench: Sendable {
  let name: String
  let summary: String
  let run: @Sendable (BenchOptions) -> Void
}

/// What the command line says about how to measure.
struct BenchOptions {
  /// The thread counts to measure with.
  var threads = [1, Int(nnk_threads())]
  /// Shows only rows whose name or size contains this.
  var filter = ""
}

/// `nnbench [--threads 1,2] [--isa portable|avx2|avx512] [--filter text] [bench ...]`
@main
struct NNBench {
  static let benches = [
    peakBench, gemmBench, poolBench, memoryBench, mathBench, normBench, attentionBench,
    dispatchBench,
  ]

  static func main() {
    var options = BenchOptions()
    var chosen: [Bench] = []
    var arguments = CommandLine.arguments.dropFirst()
    while let argument = arguments.popFirst() {
      if argument.hasPrefix("--") {
        guard let value = arguments.popFirst(), read(argument, value, into: &options) else {
          return usage()
        }
      } else if let bench = benches.first(where: { $0.name == argument }) {
        chosen.append(bench)
      } else {
        return usage()
      }
    }
    if options.threads.count == 2, options.threads[0] == options.threads[1] {
      options.threads.removeLast()
    }
    for bench in chosen.isEmpty ? benches : chosen { bench.run(options) }
  }

  /// Reads one option; false when it makes no sense.
  static func read(_ option: String, _ value: String, into options: inout BenchOptions) -> Bool {
    switch option {
    case "--threads":
      options.threads = value.split(separator: ",").compactMap { Int($0) }
      return !options.threads.isEmpty && options.threads.allSatisfy { $0 > 0 }
    case "--isa":
      guard let level = ["portable", "avx2", "avx512"].firstIndex(of: value) else { return false }
      return nnk_select_isa(Int32(level)) == Int32(level)
    case "--filter":
      options.filter = value
      return true
    default:
      return false
    }
  }

  /// Says how to call the command and ends it.
  static func usage() {
    print("usage: nnbench [--threads 1,2] [--isa portable|avx2|avx512] [--filter text] [bench ...]")
    for bench in benches {
      print(
        "  \(bench.name)\(String(repeating: " ", count: max(1, 10 - bench.name.count)))\(bench.summary)"
      )
    }
    exit(2)
  }
}
