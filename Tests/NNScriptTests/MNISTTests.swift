// Looking for MNIST on a made-up machine: folders, the cache, fetching, and files with defects.
import NNScript
import NNTensor
import Testing

struct MNISTTests {
  /// The files and network of a made-up machine.
  private final class Machine {
    var files: [String: [UInt8]] = [:]
    var network: [String: [UInt8]]?
    var fetched: [String] = []
    var errors = ""

    /// A host that lends this machine, with `/data` as its data folder and `/cache` as its cache.
    func host() -> Host {
      var host = Host()
      host.environment = { $0 == "NNSCRIPT_DATA" ? "/data" : nil }
      host.cacheFolder = { "/cache" }
      host.makeFolder = { _ throws(HostError) in }
      host.entry = { self.files[$0] == nil ? nil : .file }
      host.readFile = { path throws(HostError) in self.files[path]! }
      host.writeFile = { path, bytes throws(HostError) in self.files[path] = bytes }
      host.writeError = { self.errors += $0 }
      host.fetch = { url, most, progress throws(HostError) in
        self.fetched.append(url)
        guard let bytes = self.network?[url] else {
          throw HostError("cannot fetch \(url): no network")
        }
        progress(bytes.count)
        return bytes
      }
      return host
    }

    /// Puts a small data set into a folder.
    func add(_ folder: String, train: Int = 3, test: Int = 2, suffix: String = "") {
      for (stem, count) in [("train", train), ("t10k", test)] {
        let size: [UInt8] = [0, 0, 0, UInt8(count)]
        files["\(folder)/\(stem)-images-idx3-ubyte\(suffix)"] =
          [0, 0, 8, 3] + size + [0, 0, 0, 28, 0, 0, 0, 28]
          + [UInt8](repeating: 7, count: 784 * count)
        files["\(folder)/\(stem)-labels-idx1-ubyte\(suffix)"] =
          [0, 0, 8, 1] + size + (0..<count).map { UInt8($0) }
      }
    }
  }

  private func found(_ machine: Machine) throws -> MNIST? {
    guard case .found(let mnist) = try MNIST.load(machine.host()) else { return nil }
    return mnist
  }

  private func message(_ machine: Machine) -> String? {
    #expect(throws: HostError.self) { try MNIST.load(machine.host()) }?.message
  }

  @Test func findsItInTheDataFolderFirst() throws {
    let machine = Machine()
    machine.add("/data/mnist", train: 4)
    machine.add("data/mnist", train: 5)
    machine.add("/cache/mnist", train: 6)
    let mnist = try #require(try found(machine))
    #expect(mnist.train.images.shape[0] == 4)
    #expect(mnist.train.labels.shape[0] == 4)
    #expect(mnist.test.images.shape[0] == 2)
    #expect(machine.fetched.isEmpty)
  }

  @Test(arguments: ["data/mnist", "/cache/mnist"])
  func findsItElsewhere(folder: String) throws {
    let machine = Machine()
    machine.add(folder)
    #expect(try found(machine)?.train.images.shape[0] == 3)
    #expect(machine.fetched.isEmpty)
  }

  @Test func withoutFilesAndNetworkItIsUnavailable() throws {
    let machine = Machine()
    guard case .unavailable(let reason) = try MNIST.load(machine.host()) else {
      Issue.record("there is nothing to be found")
      return
    }
    #expect(reason.hasSuffix("train-images-idx3-ubyte.gz: no network"))
    #expect(machine.errors == "fetching MNIST (11.6 MB)\n")
    #expect(machine.files.isEmpty)
  }

  @Test func whatTheNetworkGivesIsChecked() throws {
    let machine = Machine()
    let url = "https://ossci-datasets.s3.amazonaws.com/mnist/train-images-idx3-ubyte.gz"
    machine.network = [url: Array("<html>log in first</html>".utf8)]
    guard case .unavailable(let reason) = try MNIST.load(machine.host()) else {
      Issue.record("a web page is no data set")
      return
    }
    #expect(reason == "\(url) gave another file than expected (its SHA-256 sum differs)")
    #expect(machine.files.isEmpty)
  }

  @Test func onlyWhatTheCacheLacksIsFetched() throws {
    let machine = Machine()
    machine.add("/cache/mnist")
    machine.files["/cache/mnist/t10k-labels-idx1-ubyte"] = nil
    _ = try MNIST.load(machine.host())
    #expect(
      machine.fetched == ["https://ossci-datasets.s3.amazonaws.com/mnist/t10k-labels-idx1-ubyte.gz"]
    )
  }

  @Test func defectsNameTheFile() {
    let machine = Machine()
    machine.add("/data/mnist")
    let labels = "/data/mnist/train-labels-idx1-ubyte"
    let images = "/data/mnist/train-images-idx3-ubyte"
    let good = machine.files
    machine.files[labels] = nil
    #expect(
      message(machine) == "/data/mnist has a part of MNIST, but no train-labels-idx1-ubyte.gz")
    machine.files[labels] = [0, 0, 8, 1, 0, 0, 0, 2, 1, 1]
    #expect(message(machine) == "\(labels): has 2 labels for 3 images")
    machine.files[labels] = [0, 0, 8, 1, 0, 0, 0, 3, 1, 1, 11]
    #expect(message(machine) == "\(labels): label 2 is 11, but there are 10 classes")
    machine.files = good
    machine.files[images]!.removeLast(5)
    #expect(
      message(machine)
        == "\(images): says its shape is [3, 28, 28], but the file is too small for that")
    machine.files[images] = [0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 1, 0, 0, 0, 1, 9, 9, 9]
    #expect(message(machine) == "\(images): has images of 1x1, expected 28x28")
    machine.files[images] = good[labels]
    #expect(message(machine) == "\(images): has 1 axes, but images have 3")
  }

  @Test func aDefectInTheCacheSaysHowToMendIt() {
    let machine = Machine()
    machine.add("/cache/mnist")
    let path = "/cache/mnist/train-images-idx3-ubyte"
    machine.files[path]!.removeLast()
    let error = #expect(throws: HostError.self) { try MNIST.load(machine.host()) }
    #expect(error?.help == "delete \(path); it is fetched again")
  }

  @Test func cancellationIsNoReasonToFallBack() {
    let machine = Machine()
    var host = machine.host()
    host.fetch = { _, _, _ throws(HostError) in throw HostError("cancelled", kind: .cancelled) }
    let error = #expect(throws: HostError.self) { try MNIST.load(host) }
    #expect(error?.kind == .cancelled)
  }
}
