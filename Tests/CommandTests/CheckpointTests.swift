// Runs that are killed at any moment and go on from their checkpoint: they end as one that was never stopped.
import Foundation
import Testing

@Suite struct CheckpointTests {
  /// A network with dropout and running averages, clipping, a schedule, early stopping and a checkpoint every few steps.
  private static let program = """
    let x = with_seed(1, () => randn(400, 8))
    let y = to(sum(x[:, :4] ** 2, axis: 1) > 4, "i32")
    let net = Sequential(Linear(8, 32), BatchNorm1d(32), relu, Dropout(0.2), Linear(32, 2))
    let history = fit(net, (x, y), Adam(net, lr: 0.01), epochs: 5, batch: 16, validation: 0.2,
        schedule: s => 0.01 * 0.999 ** s, patience: 3, clip: 1, checkpoint: "run.ckpt", every: 3, verbose: false)
    save("net.safetensors", net)
    write_text("history.json", to_json(history))
    """

  private static let results = ["run.ckpt", "net.safetensors", "history.json"]

  /// The bytes of all that a run leaves behind.
  private func results(in folder: Folder) throws -> [Data] {
    try Self.results.map { try Data(contentsOf: folder.url.appendingPathComponent($0)) }
  }

  private func start(in folder: Folder) throws -> Process {
    let process = try Command.prepared(["run.nn"], input: "", folder: folder)
    try process.run()
    return process
  }

  @Test(arguments: 1...5) func aKilledRunEndsInTheSameBytes(number: UInt64) throws {
    let whole = try Folder()
    try whole.write("run.nn", Self.program)
    let started = Date()
    #expect(try Command.wait(for: try start(in: whole), in: whole).status == 0)
    let duration = Date().timeIntervalSince(started)

    let killed = try Folder()
    try killed.write("run.nn", Self.program)
    var moment = number &* 0x9E37_79B9_7F4A_7C15
    for _ in 0..<4 {
      moment = moment &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      let process = try start(in: killed)
      usleep(UInt32(duration * 0.6e6 * Double(moment >> 40) / 0x1p24))
      kill(process.processIdentifier, SIGKILL)
      process.waitUntilExit()
    }
    let last = try Command.wait(for: try start(in: killed), in: killed)
    #expect(last.status == 0, "\(last.errors)")
    #expect(try results(in: killed) == results(in: whole))
    let left = try FileManager.default.contentsOfDirectory(atPath: killed.url.path)
    #expect(!left.contains { $0.hasPrefix("run.ckpt.") }, "no temporary file stays")
  }

  /// A stop in the middle of an epoch whose batches are changed at random, and rates that a callback with a state sets.
  @Test(arguments: [1, 7, 12]) func augmentedBatchesGoOn(stop: Int) throws {
    let program = """
      let x = with_seed(1, () => randn(100, 4))
      let y = to(x[:, 0] > 0, "i32")
      model Slower() {
          state rate = 0.1
          fn on_epoch_end(epoch, logs) {
              rate = rate * 0.5
              opt.lr = rate
          }
      }
      let net = Sequential(Linear(4, 8), relu, Dropout(0.3), Linear(8, 2))
      let opt = SGD(net, 0.1, momentum: 0.9)
      let data = map(batches((x, y), 10, shuffle: true), (x, y) => (x + 0.1 * randn(x.shape...), y))
      let stopper = {on_batch_end: fn(step, logs) { if step == number(env("STOP", "0")) + 1 { exit(3) } }}
      fit(net, data, opt, epochs: 2, callbacks: [Slower(), stopper], checkpoint: "run.ckpt", every: 1, verbose: false)
      save("net.safetensors", net)
      """
    let (whole, stopped) = (try Folder(), try Folder())
    for folder in [whole, stopped] { try folder.write("run.nn", program) }
    let first = try Command.run("run.nn", in: stopped, environment: ["STOP": String(stop)])
    #expect(first.status == 3, "\(first.errors)")
    for folder in [whole, stopped] {
      let run = try Command.run("run.nn", in: folder, environment: ["STOP": "1000"])
      #expect(run.status == 0, "\(run.errors)")
    }
    for name in ["run.ckpt", "net.safetensors"] {
      let files = try [whole, stopped].map {
        try Data(contentsOf: $0.url.appendingPathComponent(name))
      }
      #expect(files[0] == files[1], "\(name)")
    }
  }

  @Test(arguments: [0, 1, 100, 2000, -1]) func aCutCheckpointIsAnError(length: Int) throws {
    let folder = try Folder()
    try folder.write("run.nn", Self.program)
    #expect(try Command.wait(for: try start(in: folder), in: folder).status == 0)
    let file = folder.url.appendingPathComponent("run.ckpt")
    let whole = try Data(contentsOf: file)
    let cut = whole.prefix(length < 0 ? whole.count + length : length)
    try cut.write(to: file)
    let run = try Command.wait(for: try start(in: folder), in: folder)
    #expect(run.status == 1)
    #expect(run.errors.contains("run.ckpt"))
    #expect(run.errors.contains("truncated") || run.errors.contains("is not a safetensors file"))
    #expect(try Data(contentsOf: file) == cut, "a file that cannot be read is left as it is")
  }

  @Test func aChangedCheckpointIsAnError() throws {
    let folder = try Folder()
    try folder.write("run.nn", Self.program)
    #expect(try Command.wait(for: try start(in: folder), in: folder).status == 0)
    let file = folder.url.appendingPathComponent("run.ckpt")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count / 2] ^= 1
    try bytes.write(to: file)
    let run = try Command.wait(for: try start(in: folder), in: folder)
    #expect(run.status == 1)
    #expect(run.errors.contains("run.ckpt: is corrupt: the checksum does not match the data"))
  }
}
