// The long fuzz run: random inputs through every stage, with the number of the input that broke something.
import NNFuzz
import NNScript

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// What `nnbench fuzz` is asked to do.
struct FuzzOptions {
  var count = 20_000
  var seed: UInt64 = 1
  /// The first input.
  var start = 0
  var kinds = Fuzzer.Kind.allCases
  /// Folders with programs to break.
  var corpus = ["Tests/NNScriptTests/language", "stdlib"]
  /// Shows each input instead of running it.
  var isShowing = false
}

/// The input that is running: what a signal handler prints.
nonisolated(unsafe) private var runningInput = 0

/// An input may not take longer, in seconds.
private let longest: Double = 10

let fuzzBench = Bench(name: "fuzz", summary: "random inputs through every stage of the language") {
  FuzzRun(options: $0.fuzz).run()
}

/// One long run.
private struct FuzzRun {
  let options: FuzzOptions
  private let host = Host.system()

  init(options: FuzzOptions) { self.options = options }

  func run() {
    let fuzzer = Fuzzer(
      seed: options.seed, corpus: options.corpus.flatMap { programs(below: $0) },
      kinds: options.kinds)
    nameInputOnSignals()
    Fuzzer.limitTensors()
    var problems = 0
    var slowest = (seconds: 0.0, input: 0)
    let start = host.seconds()
    for index in options.start..<(options.start + options.count) {
      let input = fuzzer.input(index)
      if options.isShowing {
        print(String(decoding: input.text, as: UTF8.self))
        continue
      }
      runningInput = index
      alarm(UInt32(longest))
      let begin = host.seconds()
      if let problem = Fuzzer.problem(with: input) {
        problems += 1
        print("seed \(options.seed) input \(index) (\(input.kind)): \(problem)")
      }
      let seconds = host.seconds() - begin
      if seconds > slowest.seconds { slowest = (seconds, index) }
    }
    alarm(0)
    if options.isShowing { return }
    let total = host.seconds() - start
    print(
      "\(options.count) inputs of seed \(options.seed) in \(Int(total)) s: \(problems) problems; "
        + "slowest: input \(slowest.input), \(Int(slowest.seconds * 1000)) ms")
    if problems > 0 { exit(1) }
  }

  /// All programs in a folder and those inside it.
  private func programs(below folder: String) -> [[UInt8]] {
    guard let names = try? host.listFolder(folder) else { return [] }
    return names.flatMap { name -> [[UInt8]] in
      let path = folder + "/" + name
      // Drawing the built-in digits takes seconds.
      if name.hasSuffix(".nn"), let text = try? host.readFile(path) {
        return String(decoding: text, as: UTF8.self).contains("mnist") ? [] : [text]
      }
      return host.entry(path) == .folder ? programs(below: path) : []
    }
  }

  /// A trap or a hang ends the process; say at which input.
  private func nameInputOnSignals() {
    for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGFPE, SIGABRT, SIGALRM] {
      signal(number) { number in
        writeNumber("signal ", Int(number))
        writeNumber(" at input ", runningInput)
        writeNumber("\n", nil)
        _exit(3)
      }
    }
  }
}

/// Writes to the standard error without allocating.
private func writeNumber(_ text: StaticString, _ number: Int?) {
  _ = write(2, text.utf8Start, text.utf8CodeUnitCount)
  guard var rest = number else { return }
  withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 20) { digits in
    var place = digits.count
    repeat {
      place -= 1
      digits[place] = UInt8(48 + rest % 10)
      rest /= 10
    } while rest > 0
    _ = write(2, digits.baseAddress! + place, digits.count - place)
  }
}
