// The benchmarks' command: picks benches by name and prints one table for each.
import NNFuzz
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
  /// What the fuzzer is to do.
  var fuzz = FuzzOptions()
}

/// `nnbench [--threads 1,2] [--isa portable|avx2|avx512] [--filter text] [bench ...]`,
/// `nnbench fuzz [--count N] [--seed S] [--from N] [--kinds script,ops] [--corpus folder,folder] [--show yes]`
@main
struct NNBench {
  static let benches = [
    peakBench, gemmBench, poolBench, memoryBench, mathBench, normBench, attentionBench,
    dispatchBench, convBench, narrowConvBench, derivativeBench, reduceBench, checkBench,
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
      } else if let bench = (benches + [fuzzBench]).first(where: { $0.name == argument }) {
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
      return readFuzzing(option, value, into: &options.fuzz)
    }
  }

  /// Reads one of the fuzzer's options; false when it makes no sense.
  private static func readFuzzing(
    _ option: String, _ value: String, into options: inout FuzzOptions
  ) -> Bool {
    let parts = value.split(separator: ",").map(String.init)
    switch option {
    case "--count":
      options.count = Int(value) ?? -1
      return options.count >= 0
    case "--seed":
      options.seed = UInt64(value) ?? 0
      return UInt64(value) != nil
    case "--from":
      options.start = Int(value) ?? -1
      return options.start >= 0
    case "--kinds":
      options.kinds = parts.compactMap { Fuzzer.Kind(rawValue: $0) }
      return !options.kinds.isEmpty
    case "--corpus": options.corpus = parts
    case "--show": options.isShowing = true
    default: return false
    }
    return true
  }

  /// Says how to call the command and ends it.
  static func usage() {
    print("usage: nnbench [--threads 1,2] [--isa portable|avx2|avx512] [--filter text] [bench ...]")
    print("       nnbench fuzz [--count N] [--seed S] [--from N] [--kinds script,ops] [--show yes]")
    for bench in benches + [fuzzBench] {
      print(
        "  \(bench.name)\(String(repeating: " ", count: max(1, 10 - bench.name.count)))\(bench.summary)"
      )
    }
    exit(2)
  }
}
