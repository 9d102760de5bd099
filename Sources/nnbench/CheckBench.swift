// What the static checker adds to the start of a program: each sample parsed, resolved and compiled with it and without.
import NNScript

let checkBench = Bench(
  name: "check", summary: "the static checker on each sample, beside parsing and compiling it"
) { options in
  CheckBench(filter: options.filter).run()
}

private struct CheckBench {
  let filter: String
  private let host = Host.system()
  /// The least of so many times is taken.
  private let repetitions = 15

  func run() {
    print("\ncheck\n" + left("program", 30) + right("ms without", 12) + right("ms more", 12))
    for name in ((try? host.listFolder("samples")) ?? []).sorted() where name.hasSuffix(".nn") {
      guard filter.isEmpty || name.contains(filter),
        let source = try? host.readFile("samples/" + name)
      else { continue }
      let (plain, checked) = (time(source, name, false), time(source, name, true))
      print(left(name, 30) + right(fixed(plain, 2), 12) + right(fixed(checked - plain, 2), 12))
    }
  }

  /// The milliseconds that a new engine takes for a program without running it.
  private func time(_ source: [UInt8], _ name: String, _ checks: Bool) -> Double {
    var least = Double.infinity
    for _ in 0..<repetitions {
      let interpreter = Interpreter(host: host, path: "samples/" + name)
      interpreter.checksShapes = checks
      least = min(least, microseconds { _ = interpreter.check(source: source, name: name) } / 1000)
      interpreter.tearDown()
    }
    return least
  }
}
