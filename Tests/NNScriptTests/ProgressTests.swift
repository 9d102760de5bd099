// Tests of the progress bar: its line, and when it is drawn.
import NNScript
import Testing

@Suite struct ProgressTests {
  @Test func lineShowsShareRateAndTime() {
    let line = ProgressBar.line(label: "epoch 1", done: 50, count: 200, seconds: 10, width: 80)
    #expect(line.hasPrefix("epoch 1   25% ━━━━━━━━━━ "))
    #expect(line.hasSuffix(" 50/200  5/s  0:30"))
    #expect(line.count < 80)
  }

  @Test func lineFitsANarrowTerminal() {
    for width in 0..<40 {
      let line = ProgressBar.line(label: "label", done: 3, count: 7, seconds: 3700, width: width)
      #expect(line.count <= max(0, width - 1))
    }
  }

  @Test func emptyLoopIsComplete() {
    #expect(ProgressBar.line(label: "", done: 0, count: 0, seconds: 0, width: 80).contains("100%"))
  }

  /// What a program writes to its standard error when that is a terminal, or is not.
  private func errorOutput(of program: String, isTerminal: Bool) -> String {
    let sink = Sink()
    var host = Host()
    host.isTerminal = { _ in isTerminal }
    host.seconds = {
      sink.time += 0.25
      return sink.time
    }
    host.writeError = { sink.text += $0 }
    let interpreter = Interpreter(host: host)
    guard case .finished = interpreter.run(source: program, name: "test") else {
      Issue.record("the program failed")
      return ""
    }
    interpreter.tearDown()
    return sink.text
  }

  @Test func barEndsItsLineFull() {
    let text = errorOutput(of: "for i in progress(0..4, \"x\") { }", isTerminal: true)
    #expect(text.hasPrefix("\rx    0% "))
    #expect(text.contains(" 2/4 "))
    #expect(text.hasSuffix("\u{1b}[K\n"))
    #expect(text.contains("100%"))
  }

  @Test func barOfABrokenLoopEndsItsLine() {
    let text = errorOutput(
      of: "for i in progress(0..4) { if i == 1 { break } }", isTerminal: true)
    #expect(text.hasSuffix("\n"))
    #expect(!text.contains("100%"))
  }

  @Test func aLabelMayBeLive() {
    let text = errorOutput(
      of: "var n = 0; for i in progress(0..3, () => \"loss {n}\") { n = 10 * (i + 1) }",
      isTerminal: true)
    #expect(text.hasPrefix("\rloss 0    0% "))
    #expect(text.contains("\rloss 10   33% "))
    #expect(text.contains("\rloss 20   66% "))
  }

  @Test func aBarMayBeWipedAway() {
    let text = errorOutput(of: "for i in progress(0..3, \"x\", keep: false) { }", isTerminal: true)
    #expect(text.hasSuffix("\r\u{1b}[K"))
    #expect(!text.contains("\n"))
  }

  @Test func nothingIsShownWithoutATerminal() {
    #expect(errorOutput(of: "for i in progress(0..4) { }", isTerminal: false) == "")
  }
}

private final class Sink {
  var text = ""
  var time = 0.0
}
