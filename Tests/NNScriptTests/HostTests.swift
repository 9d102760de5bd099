// The host that lends the machine: files, folders, fetching, and what their failures say.
import Foundation
import NNScript
import Testing

struct HostTests {
  private let host = Host.system()

  /// Runs `body` with the path of a folder that is removed afterwards.
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = NSTemporaryDirectory() + "nnscript-host-\(UUID().uuidString)"
    try host.makeFolder(folder + "/sub/folder")
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try body(folder)
  }

  private func message(_ body: () throws -> Void) -> String? {
    #expect(throws: HostError.self, performing: body)?.message
  }

  @Test func whatIsWrittenIsRead() throws {
    try withFolder { folder in
      let path = folder + "/a.bin"
      for size in [0, 1, 65_536, 1_000_000] {
        let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        try host.writeFile(path, bytes)
        #expect(try host.readFile(path) == bytes)
      }
      #expect(try host.listFolder(folder) == ["a.bin", "sub"])
    }
  }

  @Test func writingKeepsPermissionsAndFollowsLinks() throws {
    try withFolder { folder in
      let path = folder + "/a"
      try host.writeFile(path, [1])
      #expect(chmod(path, 0o640) == 0)
      #expect(symlink(path, folder + "/link") == 0)
      try host.writeFile(folder + "/link", [2, 3])
      #expect(try host.readFile(path) == [2, 3])
      let attributes = try FileManager.default.attributesOfItem(atPath: path)
      #expect(attributes[.posixPermissions] as? Int == 0o640)
      #expect(try host.listFolder(folder) == ["a", "link", "sub"])
    }
  }

  @Test func failuresNameThePathAndTheReason() throws {
    try withFolder { folder in
      let missing = folder + "/missing"
      #expect(
        message { _ = try host.readFile(missing) }
          == "cannot read \"\(missing)\": no such file or folder")
      #expect(
        message { _ = try host.readFile(folder) } == "cannot read \"\(folder)\": it is a folder")
      #expect(
        message { try host.writeFile(folder, []) } == "cannot write \"\(folder)\": it is a folder")
      let inside = missing + "/file"
      #expect(
        message { try host.writeFile(inside, []) }
          == "cannot write \"\(inside)\": no such file or folder")
      #expect(
        message { _ = try host.listFolder(missing) }
          == "cannot list \"\(missing)\": no such file or folder")
      try host.writeFile(missing, [])
      #expect(
        message { try host.makeFolder(inside) }
          == "cannot make the folder \"\(inside)\": a part of the path is not a folder")
      #expect(
        message { _ = try host.readFile("a\0b") }
          == "cannot read a file whose name contains a zero byte")
    }
  }

  @Test func aFullDiskIsNamed() throws {
    let full = "/dev/full"
    guard host.exists(full) else { return }
    #expect(
      message { try host.writeFile(full, [1]) }
        == "cannot write \"/dev/full\": no space left on the disk")
  }

  @Test func aSimilarNameIsOffered() throws {
    try withFolder { folder in
      try host.writeFile(folder + "/train.nn", [])
      let error = #expect(throws: HostError.self) { try host.readFile(folder + "/trian.nn") }
      #expect(error?.help == "did you mean \"\(folder)/train.nn\"?")
      let bare = #expect(throws: HostError.self) { try host.readFile(folder + "/train") }
      #expect(bare?.help == "did you mean \"\(folder)/train.nn\"?")
    }
  }

  @Test func entriesAreToldApart() throws {
    try withFolder { folder in
      try host.writeFile(folder + "/a", [])
      #expect(host.entry(folder + "/a") == .file)
      #expect(host.entry(folder) == .folder)
      #expect(host.entry("/dev/null") == .other)
      #expect(host.entry(folder + "/b") == nil)
    }
  }

  @Test func fetchesAndRefuses() throws {
    try withFolder { folder in
      let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 >> 3) }
      try host.writeFile(folder + "/a", bytes)
      let url = "file://\(folder)/a"
      var last = 0
      #expect(try host.fetch(url, 300_000) { last = $0 } == bytes)
      #expect(last == bytes.count)
      #expect(
        message { _ = try host.fetch(url, 299_999) { _ in } }
          == "cannot fetch \(url): it is larger than 299999 bytes")
      #expect(
        message { _ = try host.fetch(url + "b", 10) { _ in } }
          == "cannot fetch \(url)b: no such file")
      let unreachable = "http://127.0.0.1:9/a"
      #expect(
        message { _ = try host.fetch(unreachable, 10) { _ in } }
          == "cannot fetch \(unreachable): no network, or the server cannot be reached")
    }
  }

  @Test func cancellationEndsAFetch() throws {
    let cancelled = Host.system(isCancelled: { true })
    let error = #expect(throws: HostError.self) {
      try cancelled.fetch("http://127.0.0.1:9/a", 10) { _ in }
    }
    #expect(error?.kind == .cancelled)
  }

  @Test func anEmptyHostLendsNothing() throws {
    let host = Host()
    #expect(throws: HostError.self) { try host.readFile("/etc/hosts") }
    #expect(throws: HostError.self) { try host.writeFile("/tmp/a", []) }
    #expect(throws: HostError.self) { try host.fetch("file:///etc/hosts", 10_000) { _ in } }
    #expect(host.environment("HOME") == nil)
    #expect(!host.exists("/"))
    #expect(try host.readLine() == nil)
  }

  @Test func theClockAndTheMachineAnswer() throws {
    let start = host.seconds()
    #expect(host.seconds() >= start)
    #expect(try #require(host.memorySize()) > 1 << 24)
    #expect(host.terminalWidth() > 0)
  }
}
