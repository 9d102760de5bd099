// Tensor memory of training, in a process of its own: tensors die when nothing will read them, and nothing piles up.
import Testing

struct MemoryTests {
  /// A network of eight layers whose activations are much larger than its parameters.
  private static let training = """
    let (rows, width, layers) = (4096, 128, 8)
    model Net() {
        let parts = [Linear(width, width) for i in 0..layers]
        fn call(x) {
            var y = x
            for part in parts { y = relu(part(y)) }
            y
        }
    }
    let (x, y, net) = (randn(rows, width), randn(rows, width), Net())
    let opt = Adam(net)
    let step = value_and_grad(fn(net) { mse(net(x), y) })
    fn train() {
        let (loss, g) = step(net)
        opt.update(net, g)
    }
    train()
    """

  @Test func aTrainingStepKeepsOnlyWhatItReads() throws {
    // Beside what lives between steps: each layer's result, and on the way back one gradient and the next.
    let run = try Command.run(
      "-e",
      Self.training + """

        let before = memory(reset_peak: true).live
        train()
        let needed = before + (layers + 2) * rows * width * 4
        let peak = memory().peak
        print(peak <= 1.3 * needed, peak, needed)
        """)
    #expect(run.output.hasPrefix("true"), "\(run.output)\(run.errors)")
  }

  #if os(Linux)
    @Test func theProcessHoldsLittleBesideItsTensors() throws {
      let run = try Command.run(
        "-e",
        Self.training.replacing("4096", with: "32768") + """

          for i in 0..3 { train() }
          let needed = memory().live + (layers + 2) * rows * width * 4
          let lines = read_text("/proc/self/status").split("\\n")
          let process = 1024 * number(filter(lines, line => line.starts_with("VmHWM"))[0].split()[1])
          print(process <= 1.5 * needed, process, needed)
          """)
      #expect(run.output.hasPrefix("true"), "\(run.output)\(run.errors)")
    }
  #endif

  @Test func theBackwardPassFreesWhatItHasUsed() throws {
    // Twice the layers need not twice the gradients.
    let run = try Command.run(
      "-e",
      """
      let x = randn(1000, 1000)
      fn f(x) {
          var y = x
          for i in 0..20 { y = tanh(y) }
          sum(y)
      }
      grad(f)(x)
      let before = memory(reset_peak: true).live
      grad(f)(x)
      let tensors = (memory().peak - before) / (4 * x.size)
      print(tensors < 23, tensors)
      """)
    #expect(run.output.hasPrefix("true"), "\(run.output)\(run.errors)")
  }

  @Test func nothingPilesUp() throws {
    let run = try Command.run(
      "-e",
      """
      let net = Sequential(Linear(2, 8), tanh, Linear(8, 1))
      let opt = SGD(net, lr: 0.1, momentum: 0.9)
      let step = value_and_grad(fn(net) { mse(net([[0.0, 1], [1, 0]]), [[1.0], [0]]) })
      fn train(steps) {
          for i in 0..steps {
              let (loss, g) = step(net)
              opt.update(net, g)
          }
      }
      train(100)
      let before = memory(reset_peak: true)
      train(100000)
      let after = memory()
      print(after.live == before.live, after.peak - before.live < 20000, after)
      """)
    #expect(run.output.hasPrefix("true true"), "\(run.output)\(run.errors)")
  }
}
