// The process's standard streams: output flushed at line ends, input by lines, both at ease with a pipe that closes.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// A buffered output stream that shows every finished line at once.
final class OutputStream {
  private let file: Int32
  private let isCancelled: () -> Bool
  private var pending: [UInt8] = []

  /// Bytes kept back at most while no line ends.
  private static let capacity = 1 << 16

  init(file: Int32, isCancelled: @escaping () -> Bool) {
    self.file = file
    self.isCancelled = isCancelled
    pending.reserveCapacity(Self.capacity)
  }

  /// Adds text and, when a line ends in it or the buffer is full, shows all there is.
  func write(_ text: String) throws(HostError) {
    pending.append(contentsOf: text.utf8)
    if pending.count >= Self.capacity || text.utf8.contains(0x0A) { try flush() }
  }

  /// Shows what is kept back.
  func flush() throws(HostError) {
    var done = 0
    defer { pending.removeAll(keepingCapacity: pending.capacity <= 1 << 20) }
    while done < pending.count {
      let count = pending.withUnsafeBytes { buffer in
        writeBytes(file, buffer.baseAddress! + done, buffer.count - done)
      }
      if count >= 0 {
        done += count
        continue
      }
      switch errno {
      case EINTR: if isCancelled() { throw FileSystem.cancelled("writing output") }
      case EAGAIN: waitUntilReady(POLLOUT)
      case EPIPE: throw HostError("the reader of the output has gone", kind: .closedPipe)
      case let code: throw HostError("cannot write output: \(FileSystem.reason(code))")
      }
    }
  }

  private func waitUntilReady(_ event: Int32) {
    var entry = pollfd(fd: file, events: Int16(event), revents: 0)
    poll(&entry, 1, -1)
  }
}

/// A buffered input stream read line by line.
final class InputStream {
  private let file: Int32
  private let isCancelled: () -> Bool
  private var buffer = [UInt8](repeating: 0, count: 1 << 16)
  private var unread = 0..<0

  /// Longest line in bytes, so that an endless one is an error and not all memory.
  private static let longestLine = 1 << 30

  init(file: Int32, isCancelled: @escaping () -> Bool) {
    self.file = file
    self.isCancelled = isCancelled
  }

  /// The next line without its end (`\n` or `\r\n`), nil at the end of the input. Bytes that are not UTF-8 become U+FFFD.
  func readLine() throws(HostError) -> String? {
    var line: [UInt8] = []
    while true {
      if unread.isEmpty, try !fill() { return line.isEmpty ? nil : text(of: line) }
      if let end = buffer[unread].firstIndex(of: 0x0A) {
        line += buffer[unread.lowerBound..<end]
        unread = end + 1..<unread.upperBound
        return text(of: line)
      }
      line += buffer[unread]
      unread = 0..<0
      if line.count > Self.longestLine {
        throw HostError("cannot read input: a line is longer than 1 GiB")
      }
    }
  }

  /// All that is left of the input.
  func readAll() throws(HostError) -> [UInt8] {
    var all: [UInt8] = []
    while true {
      all += buffer[unread]
      if all.count > Self.longestLine { throw HostError("cannot read input: it is over 1 GiB") }
      if try !fill() { return all }
    }
  }

  /// Reads the next bytes into the empty buffer; false at the end.
  private func fill() throws(HostError) -> Bool {
    unread = 0..<0
    while true {
      let count = buffer.withUnsafeMutableBytes { readBytes(file, $0.baseAddress!, $0.count) }
      if count >= 0 {
        unread = 0..<count
        return count > 0
      }
      switch errno {
      case EINTR: if isCancelled() { throw FileSystem.cancelled("waiting for input") }
      case EAGAIN:
        var entry = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
        poll(&entry, 1, -1)
      case let code: throw HostError("cannot read input: \(FileSystem.reason(code))")
      }
    }
  }

  private func text(of line: [UInt8]) -> String {
    String(decoding: line.last == 0x0D ? line.dropLast() : line[...], as: UTF8.self)
  }
}

private func writeBytes(_ file: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
  write(file, bytes, count)
}

private func readBytes(_ file: Int32, _ bytes: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(file, bytes, count)
}
