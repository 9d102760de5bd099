// Data sets of a few examples in the forms that the samples read, so that each of them runs in a moment.
import Foundation

/// A folder for `$NNSCRIPT_DATA` with a little of everything.
enum SampleData {
  static func write(in folder: Folder) throws {
    try mnist(in: folder.url.appendingPathComponent("mnist"))
    try cifar(in: folder.url.appendingPathComponent("cifar10"))
    try text(
      String(repeating: speeches, count: 4),
      in: folder.url.appendingPathComponent("tinyshakespeare"),
      named: "input.txt")
    try text(names, in: folder.url.appendingPathComponent("names"), named: "names.txt")
  }

  /// Images with a bright bar whose place tells the label.
  private static func mnist(in folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, count) in [("train", 400), ("t10k", 100)] {
      var images = header(3, [count, 28, 28])
      var labels = header(1, [count])
      for i in 0..<count {
        labels.append(UInt8(i % 10))
        for y in 0..<28 {
          for x in 0..<28 {
            images.append(
              y / 2 == 2 + i % 10 && x > 3 ? UInt8(200 + i % 50) : UInt8((i * x + y) % 20))
          }
        }
      }
      try images.write(to: folder.appendingPathComponent("\(name)-images-idx3-ubyte"))
      try labels.write(to: folder.appendingPathComponent("\(name)-labels-idx1-ubyte"))
    }
  }

  /// Records of a label and the red, green and blue planes of a picture, brighter the higher the label.
  private static func cifar(in folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    for (name, count) in [("data_batch_1", 80), ("test_batch", 20)] {
      var records = Data()
      for i in 0..<count {
        records.append(UInt8(i % 10))
        for k in 0..<3072 { records.append(UInt8(20 * (i % 10) + k % 20)) }
      }
      try records.write(to: folder.appendingPathComponent("\(name).bin"))
    }
  }

  /// The head of an IDX file of bytes; sizes are four bytes each, the highest first.
  private static func header(_ rank: UInt8, _ sizes: [Int]) -> Data {
    var bytes = Data([0, 0, 8, rank])
    for size in sizes { bytes.append(contentsOf: [0, 0, UInt8(size / 256), UInt8(size % 256)]) }
    return bytes
  }

  private static func text(_ text: String, in folder: URL, named name: String) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try Data(text.utf8).write(to: folder.appendingPathComponent(name))
  }

  private static let names = """
    ada
    bela
    carl
    dora
    emil
    frida
    gustav
    hanna
    ida
    jonas
    karla
    """

  /// Eight speakers with three lines each.
  private static var speeches: String {
    var text = ""
    for (i, speaker) in "ABCDEFGH".enumerated() {
      text += "\(speaker):\n"
      for k in 0..<3 { text += "word\(i) and word\(i + k), sir; what of it?\n" }
      text += "\n"
    }
    return text
  }
}
