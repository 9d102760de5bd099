// The table that a benchmark prints, one row at a time.

/// A table with one row per measurement.
struct Report {
  let options: BenchOptions

  /// Prints the title and the column heads.
  init(title: String, options: BenchOptions) {
    self.options = options
    print("\n\(title)")
    print(
      left("name", 20) + left("size", 20) + right("threads", 8) + right("us median", 12)
        + right("us best", 12)
        + right("rate", 16) + right("% peak", 8))
  }

  /// Whether a row is wanted, to be asked before measuring it.
  func wants(_ name: String, _ size: String) -> Bool {
    options.filter.isEmpty || name.contains(options.filter) || size.contains(options.filter)
  }

  /// Prints a row. `work` is what one call does, in thousands of units a microsecond makes giga-units a second
  /// (operations or bytes); `peak` is what the machine could do at most, in the same giga-units.
  func row(
    _ name: String, _ size: String, threads: Int, _ timing: Timing, work: Double = 0,
    unit: String = "",
    peak: Double = 0
  ) {
    let rate = work / timing.median / 1000
    print(
      left(name, 20) + left(size, 20) + right("\(threads)", 8) + right(fixed(timing.median, 3), 12)
        + right(fixed(timing.best, 3), 12) + right(work > 0 ? "\(fixed(rate, 1)) \(unit)" : "", 16)
        + right(peak > 0 ? fixed(100 * rate / peak, 1) : "", 8))
  }
}

/// `text` padded on the right to `width`.
func left(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - text.count))
}

/// `text` padded on the left to `width`.
func right(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(0, width - text.count)) + text
}

/// A positive number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
  var scale = 1.0
  for _ in 0..<decimals { scale *= 10 }
  let digits = String(Int((value * scale).rounded()))
  let padded = String(repeating: "0", count: max(0, decimals + 1 - digits.count)) + digits
  return decimals == 0 ? padded : "\(padded.dropLast(decimals)).\(padded.suffix(decimals))"
}
