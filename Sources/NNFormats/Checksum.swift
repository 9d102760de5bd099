// The checksum of a safetensors file: a CRC-32 among its metadata over every other byte.

import CZlib

/// Enters and checks the checksum, which counts as zeros in its own sum.
enum Checksum {
  /// Its name among the metadata.
  static let key = "nnscript.crc32"
  /// What stands for it until it is known.
  static let blank = "00000000"

  /// Writes the sum of a whole file, whose header holds the blank, in the blank's place.
  static func enter(into bytes: inout [UInt8]) {
    guard let place = place(in: bytes) else { return }
    bytes.replaceSubrange(place, with: hexadecimal(sum(of: bytes, without: place)))
  }

  /// True for a file without a checksum and for one with the right one.
  static func agrees(with bytes: [UInt8]) -> Bool {
    guard let place = place(in: bytes) else { return true }
    return Array(bytes[place]) == hexadecimal(sum(of: bytes, without: place))
  }

  /// Where its digits are: it is the first thing in the header.
  private static func place(in bytes: [UInt8]) -> Range<Int>? {
    let before = Array("{\"__metadata__\":{\"\(key)\":\"".utf8)
    let start = 8 + before.count
    guard bytes.count >= start + blank.utf8.count, bytes[8..<start].elementsEqual(before) else {
      return nil
    }
    return start..<start + blank.utf8.count
  }

  private static func sum(of bytes: [UInt8], without place: Range<Int>) -> UInt {
    bytes.withUnsafeBytes { buffer in
      let base = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
      let before = crc32_z(0, base, place.lowerBound)
      let blanked = crc32_z(before, Array(blank.utf8), place.count)
      return crc32_z(blanked, base.map { $0 + place.upperBound }, bytes.count - place.upperBound)
    }
  }

  private static func hexadecimal(_ sum: UInt) -> [UInt8] {
    let digits = Array("0123456789abcdef".utf8)
    return stride(from: 28, through: 0, by: -4).map { digits[Int(sum >> UInt($0)) & 15] }
  }
}
