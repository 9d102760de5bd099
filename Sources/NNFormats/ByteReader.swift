// Reads the bytes of a file front to back, decompressing gzip or zlib as it goes.

import CZlib

/// A file's contents, taken piece by piece; compressed ones (gzip or zlib) are decompressed straight into the caller's buffer.
package final class ByteReader {
  /// The file's name, for errors.
  package let name: String
  private let bytes: [UInt8]
  private var position = 0
  private var stream = z_stream()
  private var state = State.plain

  private enum State {
    /// Not compressed.
    case plain
    /// Inside a compressed member.
    case inflating
    /// After the last compressed member.
    case ended
  }

  /// A deflate stream grows at most this many times (zlib's documented bound is 1032:1).
  private static let largestRatio = 1040

  /// - Parameters:
  ///   - bytes: the file as it lies on the disk; gzip and zlib are recognised by their first bytes.
  ///   - name: its name, for errors.
  package init(_ bytes: [UInt8], name: String) throws(FileFormatError) {
    self.bytes = bytes
    self.name = name
    guard Self.isGzip(bytes[...]) || Self.isZlib(bytes) else { return }
    // 15 is the largest window, 32 accepts both a gzip and a zlib header.
    let code = inflateInit2_(&stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    guard code == Z_OK else { throw FileFormatError(name, "cannot be decompressed: out of memory") }
    state = .inflating
  }

  deinit { inflateEnd(&stream) }

  /// Most bytes that can still come; what a header claims beyond this is wrong, and need not be allocated to find out.
  package var mostRemaining: Int {
    switch state {
    case .plain: bytes.count - position
    case .inflating:
      (bytes.count - position).multipliedReportingOverflow(by: Self.largestRatio).partialValue + 64
    case .ended: 0
    }
  }

  /// Whether the file is compressed.
  package var isCompressed: Bool { state != .plain }

  /// Fills `buffer` with the next bytes and returns how many there were, fewer only at the end.
  package func read(into buffer: UnsafeMutableRawBufferPointer) throws(FileFormatError) -> Int {
    guard isCompressed else { return copy(into: buffer) }
    var filled = 0
    while filled < buffer.count, state == .inflating {
      filled += try inflate(into: UnsafeMutableRawBufferPointer(rebasing: buffer[filled...]))
    }
    return filled
  }

  /// The next `count` bytes, or an error when fewer are left.
  package func read(_ count: Int) throws(FileFormatError) -> [UInt8] {
    guard count <= mostRemaining else { throw FileFormatError(name, "ends too early") }
    var result = [UInt8](repeating: 0, count: count)
    let got = try fill(&result)
    guard got == count else { throw FileFormatError(name, "ends too early") }
    return result
  }

  /// Checks that nothing is left and that the compressed data's own checksum is right.
  package func expectEnd() throws(FileFormatError) {
    var extra: [UInt8] = [0]
    if try fill(&extra) > 0 { throw FileFormatError(name, "has data after its end") }
  }

  /// Fills an array from its start and returns how many bytes there were, fewer only at the end.
  package func fill(_ array: inout [UInt8]) throws(FileFormatError) -> Int {
    let result = array.withUnsafeMutableBytes { buffer in
      Result { () throws(FileFormatError) in try read(into: buffer) }
    }
    return try result.get()
  }

  private func copy(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let count = min(buffer.count, bytes.count - position)
    bytes.withUnsafeBytes { source in
      buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: source[position..<position + count]))
    }
    position += count
    return count
  }

  /// One call of zlib; returns how many bytes it gave.
  private func inflate(into buffer: UnsafeMutableRawBufferPointer) throws(FileFormatError) -> Int {
    let room = min(buffer.count, 1 << 30)
    let given = min(bytes.count - position, 1 << 30)
    let code = bytes.withUnsafeBytes { source in
      let start = source.baseAddress! + position
      stream.next_in = UnsafeMutablePointer(mutating: start.assumingMemoryBound(to: UInt8.self))
      stream.avail_in = UInt32(given)
      stream.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self)
      stream.avail_out = UInt32(room)
      return CZlib.inflate(&stream, Z_NO_FLUSH)
    }
    position += given - Int(stream.avail_in)
    switch code {
    case Z_OK: break
    case Z_STREAM_END: try endMember()
    case Z_BUF_ERROR:
      throw FileFormatError(name, "is truncated: the compressed data ends too early")
    case Z_MEM_ERROR: throw FileFormatError(name, "cannot be decompressed: out of memory")
    default: throw FileFormatError(name, "is corrupt: \(reason)")
    }
    return room - Int(stream.avail_out)
  }

  /// After one compressed member comes another, padding with zeros, or nothing.
  private func endMember() throws(FileFormatError) {
    let rest = bytes[position...]
    if Self.isGzip(rest) {
      inflateReset(&stream)
    } else if rest.allSatisfy({ $0 == 0 }) {
      state = .ended
    } else {
      throw FileFormatError(name, "is corrupt: other data follows the compressed data")
    }
  }

  /// What zlib found wrong.
  private var reason: String {
    switch stream.msg.map({ String(cString: $0) }) {
    case "incorrect data check"?, "incorrect length check"?: "the checksum does not match the data"
    case let text?: text
    case nil: "it is not valid compressed data"
    }
  }

  private static func isGzip(_ bytes: ArraySlice<UInt8>) -> Bool {
    bytes.starts(with: [0x1F, 0x8B])
  }

  /// A zlib header: method 8, largest window, and the two bytes as a number divisible by 31.
  private static func isZlib(_ bytes: [UInt8]) -> Bool {
    bytes.count >= 2 && bytes[0] == 0x78 && (Int(bytes[0]) << 8 | Int(bytes[1])) % 31 == 0
  }
}
