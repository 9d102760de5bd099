// CIFAR-10 and Fashion-MNIST read from a made-up data folder.
import NNScript
import Testing

struct DataSetTests {
  /// What a script prints on a machine whose data folder holds these files.
  private func output(_ files: [String: [UInt8]], _ script: String) -> String {
    var text = ""
    var host = Host()
    host.environment = { $0 == "NNSCRIPT_DATA" ? "/data" : nil }
    host.entry = { files[$0] == nil ? nil : .file }
    host.readFile = { path throws(HostError) in files[path] ?? [] }
    host.write = { part throws(HostError) in text += part }
    let interpreter = Interpreter(host: host, path: "script.nn")
    if case .failed(let error, _) = interpreter.run(source: Array(script.utf8), name: "script.nn") {
      text += error.message
    }
    interpreter.tearDown()
    return text
  }

  /// Records of CIFAR-10: planes of red 10, green 20 and blue 30, the first red pixel 1.
  private func records(_ labels: [UInt8]) -> [UInt8] {
    labels.flatMap { label in
      [label, 1] + [UInt8](repeating: 10, count: 1023) + [UInt8](repeating: 20, count: 1024)
        + [UInt8](repeating: 30, count: 1024)
    }
  }

  @Test func cifarPutsColoursLast() {
    let files = [
      "/data/cifar10/data_batch_1.bin": records([3, 9]),
      "/data/cifar10/data_batch_4.bin": records([0]),
      "/data/cifar10/test_batch.bin": records([7]),
    ]
    let script = """
      let (train, test) = cifar10()
      print(train.x.shape, train.x.dtype, train.y, train.y.dtype, test.y)
      print(train.x[1, 0, 0], train.x[1, 31, 31], cifar10_names[test.y[0]])
      """
    #expect(
      output(files, script)
        == "(3, 32, 32, 3) u8 [3, 9, 0] i32 [7]\n[1, 20, 30] [10, 20, 30] horse\n")
  }

  @Test func cifarOfBrokenFiles() {
    var files = [
      "/data/cifar10/data_batch_1.bin": records([3]) + [1],
      "/data/cifar10/test_batch.bin": records([7]),
    ]
    #expect(output(files, "cifar10()").contains("are not whole records of 3073 bytes"))
    files["/data/cifar10/data_batch_1.bin"] = records([10])
    #expect(output(files, "cifar10()").contains("label 10 is not one of CIFAR-10's"))
    files["/data/cifar10/data_batch_1.bin"] = nil
    #expect(
      output(files, "cifar10()").contains(
        "there is no cifar10/data_batch_1.bin: put it into one of /data, data"))
  }

  @Test func fashionIsReadAsDigitsAre() {
    var files: [String: [UInt8]] = [:]
    for (stem, count) in [("train", UInt8(3)), ("t10k", 2)] {
      files["/data/fashion_mnist/\(stem)-images-idx3-ubyte.gz"] =
        [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28]
        + [UInt8](repeating: 7, count: 784 * Int(count))
      files["/data/fashion_mnist/\(stem)-labels-idx1-ubyte"] =
        [0, 0, 8, 1, 0, 0, 0, count] + [UInt8](repeating: 9, count: Int(count))
    }
    let script = """
      let (train, test) = fashion_mnist()
      print(train.x.shape, test.x.shape, test.y, fashion_names[test.y[0]])
      """
    #expect(output(files, script) == "(3, 28, 28, 1) (2, 28, 28, 1) [9, 9] ankle boot\n")
  }
}
