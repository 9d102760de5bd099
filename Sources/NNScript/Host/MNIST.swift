// Finds the MNIST digits on the machine, or fetches them once into the user's cache.

import NNFormats
import NNTensor

/// The MNIST data set: four IDX files (LeCun, Cortes, Burges 1998).
package struct MNIST {
  /// Images `u8[N, 28, 28, 1]` and their labels `i32[N]`.
  package struct Split {
    package let images: Tensor
    package let labels: Tensor
  }

  package let train: Split
  package let test: Split

  /// What looking for the data set came to.
  package enum Outcome {
    case found(MNIST)
    /// It is not on the machine and cannot be fetched; the text says why.
    case unavailable(String)
  }

  /// One of the four files as the original source has it.
  private struct File {
    let stem: String
    let kind: String
    let size: Int
    let sum: String

    /// The original's name.
    var name: String { "\(stem)-\(kind)-ubyte.gz" }

    /// The names under which copies are found: gzipped or plain, with a dash or a dot.
    var names: [String] {
      [name, "\(stem)-\(kind)-ubyte", "\(stem).\(kind)-ubyte.gz", "\(stem).\(kind)-ubyte"]
    }
  }

  private static let trainImages = File(
    stem: "train-images", kind: "idx3", size: 9_912_422,
    sum: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609")
  private static let trainLabels = File(
    stem: "train-labels", kind: "idx1", size: 28_881,
    sum: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c")
  private static let testImages = File(
    stem: "t10k-images", kind: "idx3", size: 1_648_877,
    sum: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6")
  private static let testLabels = File(
    stem: "t10k-labels", kind: "idx1", size: 4_542,
    sum: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6")
  private static let files = [trainImages, trainLabels, testImages, testLabels]

  private static let address = "https://ossci-datasets.s3.amazonaws.com/mnist/"

  /// Reads the digits from `$NNSCRIPT_DATA/mnist`, `data/mnist` or the cache, or fetches them into the cache.
  ///
  /// - Throws: a file that is there but incomplete, corrupt or another one than its name says, and cancellation.
  package static func load(_ host: Host) throws(HostError) -> Outcome {
    var folders = ["data/mnist"]
    if let data = host.environment("NNSCRIPT_DATA"), !data.isEmpty {
      folders.insert(data + "/mnist", at: 0)
    }
    for folder in folders where files.contains(where: { path(of: $0, in: folder, host) != nil }) {
      return .found(try MNIST(folder: folder, host))
    }
    guard let folder = cacheFolder(host) else {
      return .unavailable("there is no folder to keep it in")
    }
    do throws(HostError) {
      try fetchMissing(into: folder, host)
    } catch {
      if error.kind == .cancelled { throw error }
      return .unavailable(error.message)
    }
    return .found(try MNIST(folder: folder, host))
  }

  /// Reads the four files of a folder.
  private init(folder: String, _ host: Host) throws(HostError) {
    train = try Self.split(Self.trainImages, Self.trainLabels, in: folder, host)
    test = try Self.split(Self.testImages, Self.testLabels, in: folder, host)
  }

  /// Reads one half; a defect in it is an error with advice on what to do about the file.
  private static func split(
    _ images: File, _ labels: File, in folder: String, _ host: Host
  ) throws(HostError) -> Split {
    let imagePath = try existing(images, in: folder, host)
    let labelPath = try existing(labels, in: folder, host)
    let imageBytes = try host.readFile(imagePath)
    let labelBytes = try host.readFile(labelPath)
    do throws(FileFormatError) {
      let images = try IDX.images(imageBytes, name: imagePath)
      let labels = try IDX.labels(labelBytes, name: labelPath, classes: 10)
      try check(images, imagePath, labels, labelPath)
      return Split(images: images, labels: labels)
    } catch {
      let isCached = folder == cacheFolder(host)
      throw HostError(
        error.message, help: isCached ? "delete \(error.file); it is fetched again" : nil)
    }
  }

  private static func check(
    _ images: Tensor, _ imagePath: String, _ labels: Tensor, _ labelPath: String
  ) throws(FileFormatError) {
    let shape = images.shape
    guard shape[1] == 28, shape[2] == 28 else {
      throw FileFormatError(imagePath, "has images of \(shape[1])x\(shape[2]), expected 28x28")
    }
    guard shape[0] == labels.shape[0] else {
      throw FileFormatError(labelPath, "has \(labels.shape[0]) labels for \(shape[0]) images")
    }
  }

  private static func cacheFolder(_ host: Host) -> String? {
    host.cacheFolder().map { $0 + "/mnist" }
  }

  /// Where a file stands in a folder.
  private static func path(of file: File, in folder: String, _ host: Host) -> String? {
    file.names.map { "\(folder)/\($0)" }.first { host.exists($0) }
  }

  private static func existing(_ file: File, in folder: String, _ host: Host) throws(HostError)
    -> String
  {
    if let path = path(of: file, in: folder, host) { return path }
    throw HostError("\(folder) has a part of MNIST, but no \(file.name)")
  }

  /// Fetches what the cache lacks; a file gets there only after its checksum was right.
  private static func fetchMissing(into folder: String, _ host: Host) throws(HostError) {
    let missing = files.filter { path(of: $0, in: folder, host) == nil }
    guard !missing.isEmpty else { return }
    try host.makeFolder(folder)
    var bar = ByteBar(
      label: "fetching MNIST", total: missing.reduce(0) { $0 + $1.size }, host: host)
    defer { bar.finish() }
    for file in missing {
      let bytes = try host.fetch(address + file.name, 2 * file.size) { bar.show($0) }
      guard SHA256.hex(of: bytes) == file.sum else {
        throw HostError(
          "\(address + file.name) gave another file than expected (its SHA-256 sum differs)")
      }
      try host.writeFile("\(folder)/\(file.name)", bytes)
      bar.advance(bytes.count)
    }
  }
}
