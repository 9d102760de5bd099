// `progress`: a bar with rate and remaining time while a loop runs over a sequence.

extension Builtins {
  /// Shows how far a loop has come.
  static let progress = NativeFunction(
    "progress", "values, label = \"\", keep = true",
    documentation:
      "The same values as a lazy sequence that shows a bar on the terminal while a loop runs over it. A function as label is asked for its text whenever the bar is drawn; with `keep: false` the bar is wiped away at the end.",
    example: "for i in progress(0..100, \"warming up\") { }"
  ) { call in
    let keeps = try call.optional(2, call.bool) ?? true
    guard try indexableLength(call[0], vm: call.vm) == nil else {
      return try progress(over: call[0], label: call[1], keeps: keeps, vm: call.vm)
    }
    let list = Slot(ListObject(heap: call.heap, owned: try call.ownedElements(of: 0)))
    defer { release(list) }
    return try progress(over: list, label: call[1], keeps: keeps, vm: call.vm)
  }

  private static func progress(
    over source: Slot, label: Slot, keeps: Bool, vm: VM
  ) throws -> Slot {
    let isLive = label.isCallable
    let fixed = isLive || label.isNil || label.isUndefined ? "" : try ValueText.plain(label, in: vm)
    let bar = ProgressBar(label: fixed, keeps: keeps, host: vm.host)
    let held = isLive ? [source, label] : [source]
    return sequence("progress", of: held, heap: vm.heap) { vm, held, index in
      if bar.isShown {
        if index == 0 { bar.begin(count: try length(held[0], vm)) }
        if let now = bar.advance(to: index) {
          if isLive { bar.label = try text(from: held[1], vm) }
          bar.draw(at: now)
        }
      }
      return try element(of: held[0], at: index, vm: vm)
    }
  }

  /// What a function without arguments gives, as text.
  private static func text(from function: Slot, _ vm: VM) throws -> String {
    let value = try vm.call(function, [])
    defer { release(value) }
    return try ValueText.plain(value, in: vm)
  }
}

/// One bar on the terminal's error stream. Without a terminal it shows nothing.
///
/// It belongs to one engine, which runs on one thread at a time.
package final class ProgressBar: @unchecked Sendable {
  var label: String
  private let keeps: Bool
  private let host: Host
  let isShown: Bool
  private var start = 0.0
  private var lastDrawn = -1.0
  private var done = 0
  private var count = 0
  private var isOpen = false

  /// Seconds between two drawings.
  private static let interval = 0.1
  private static let largestBar = 40

  init(label: String, keeps: Bool, host: Host) {
    self.label = label
    self.keeps = keeps
    self.host = host
    isShown = host.isTerminal(.error)
  }

  deinit { finish() }

  /// Starts over for a loop of so many turns.
  func begin(count: Int) {
    finish()
    self.count = count
    start = host.seconds()
    lastDrawn = -1
    isOpen = true
  }

  /// Notes that the loop now works on the element at `index`; gives the time if the bar is to be drawn.
  func advance(to index: Int) -> Double? {
    done = index
    let now = host.seconds()
    guard isOpen, now - lastDrawn >= Self.interval || lastDrawn < 0 else { return nil }
    lastDrawn = now
    return now
  }

  /// Draws the bar as far as the loop has come.
  func draw(at now: Double) { draw(done: done, at: now) }

  /// Draws the bar a last time, full if the loop reached the last element, and ends its line, or wipes it away.
  private func finish() {
    guard isOpen else { return }
    isOpen = false
    guard keeps else { return host.writeError("\r\u{1b}[K") }
    draw(done: done + 1 >= count ? count : done, at: host.seconds())
    host.writeError("\n")
  }

  private func draw(done: Int, at now: Double) {
    let text = Self.line(
      label: label, done: done, count: count, seconds: now - start, width: host.terminalWidth())
    host.writeError("\r" + text + "\u{1b}[K")
  }

  /// A line such as `epoch 1  42% ━━━━━━━      197/469  61.2/s  0:04`, fitted to a width.
  package static func line(
    label: String, done: Int, count: Int, seconds: Double, width: Int
  ) -> String {
    let share = count == 0 ? 1 : Double(done) / Double(count)
    let percent = String(Int(share * 100))
    let head = label.isEmpty ? "" : label + "  "
    let left = head + String(repeating: " ", count: max(0, 3 - percent.count)) + percent + "% "
    var right = " \(done)/\(count)"
    if done > 0, seconds > 0 {
      let rate = Double(done) / seconds
      right +=
        "  \(rounded(rate))/s  " + clock(done < count ? Double(count - done) / rate : seconds)
    }
    let room = min(largestBar, width - left.count - right.count - 1)
    guard room > 3 else { return String((left + right).prefix(max(0, width - 1))) }
    let filled = Int(share * Double(room))
    return left + String(repeating: "━", count: filled)
      + String(repeating: " ", count: room - filled) + right
  }

  /// Three digits or so: `0.25`, `61.2`, `1830`.
  private static func rounded(_ rate: Double) -> String {
    let scale = rate < 1 ? 100.0 : rate < 100 ? 10 : 1
    return NumberText.shortest((rate * scale).rounded() / scale)
  }

  /// Minutes and seconds, with hours where there are any: `0:04`, `1:02:03`.
  private static func clock(_ seconds: Double) -> String {
    let total = Int(min(seconds.rounded(), 1e9))
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (total / 3600, total / 60 % 60)
    return (hours > 0 ? "\(hours):\(two(minutes))" : "\(minutes)") + ":" + two(total % 60)
  }
}
