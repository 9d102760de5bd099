// A progress bar for bytes that arrive.

/// Draws one line on the error stream when that is a terminal; otherwise says once what goes on.
struct ByteBar {
  let label: String
  /// Bytes expected in all.
  let total: Int
  let host: Host

  /// Bytes of the parts that are complete.
  private var done = 0
  private let isTerminal: Bool

  init(label: String, total: Int, host: Host) {
    self.label = label
    self.total = total
    self.host = host
    isTerminal = host.isTerminal(.error)
    if !isTerminal { host.writeError("\(label) (\(Self.megabytes(total)))\n") }
  }

  /// Shows that so many bytes of the current part have come.
  func show(_ received: Int) {
    guard isTerminal else { return }
    let reached = min(done + received, total)
    let text = " \(Self.megabytes(reached)) of \(Self.megabytes(total))"
    let width = max(4, min(40, host.terminalWidth() - label.count - text.count - 4))
    let filled = total > 0 ? width * reached / total : width
    let bar = String(repeating: "█", count: filled) + String(repeating: "·", count: width - filled)
    host.writeError("\r\(label) \(bar)\(text)")
  }

  /// Counts a part as complete.
  mutating func advance(_ bytes: Int) {
    done += bytes
    show(0)
  }

  /// Leaves the line.
  func finish() {
    if isTerminal { host.writeError("\n") }
  }

  private static func megabytes(_ bytes: Int) -> String {
    let tenths = (bytes + 50_000) / 100_000
    return "\(tenths / 10).\(tenths % 10) MB"
  }
}
