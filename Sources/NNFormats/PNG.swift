// The PNG format: pictures of bytes, written without loss (https://www.w3.org/TR/png-3/).

import CZlib

/// A picture of 8 bits a channel.
package struct PNG {
  /// Rows.
  package let height: Int
  /// Pixels a row.
  package let width: Int
  /// 1 for grey, 2 for grey and opacity, 3 for red, green and blue, 4 for these and opacity.
  package let channels: Int

  /// Largest width and height that the format allows.
  private static let largest = Int(Int32.max)

  package init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// The bytes of the file for pixels in rows from the top, channels last.
  package func encoded(
    _ pixels: UnsafeRawBufferPointer, file: String
  ) throws(FileFormatError) -> [UInt8] {
    guard (1...Self.largest).contains(height), (1...Self.largest).contains(width) else {
      throw FileFormatError(file, "a picture of \(height) by \(width) pixels cannot be a PNG")
    }
    precondition(pixels.count == height * width * channels, "the caller gives all pixels")
    var bytes: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    append("IHDR", header, to: &bytes)
    append("IDAT", try compressed(filtered(pixels), file: file), to: &bytes)
    append("IEND", [], to: &bytes)
    return bytes
  }

  /// Sizes, 8 bits, the colour type, and zeros for compression, filters and no interlace.
  private var header: [UInt8] {
    let colorType: UInt8 = [0, 4, 2, 6][channels - 1]
    return bigEndian(UInt32(width)) + bigEndian(UInt32(height)) + [8, colorType, 0, 0, 0]
  }

  /// Length, name, contents and checksum.
  private func append(_ name: String, _ contents: [UInt8], to bytes: inout [UInt8]) {
    let body = Array(name.utf8) + contents
    bytes += bigEndian(UInt32(contents.count)) + body
    bytes += bigEndian(UInt32(crc32_z(0, body, body.count)))
  }

  private func bigEndian(_ value: UInt32) -> [UInt8] {
    [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
  }

  // MARK: - Filters

  /// Every row behind the number of its filter: of none, left, up and average the one whose bytes have the smallest sum,
  /// taken as signed, which is the format's own advice.
  private func filtered(_ pixels: UnsafeRawBufferPointer) -> [UInt8] {
    let size = width * channels
    var result: [UInt8] = []
    result.reserveCapacity((size + 1) * height)
    for row in 0..<height {
      var best: [UInt8] = []
      var least = Int.max
      for filter in UInt8(0)...3 {
        let line = filteredRow(row, filter, pixels)
        let sum = line.reduce(0) { $0 + Int(Int8(bitPattern: $1).magnitude) }
        if sum < least { (best, least) = ([filter] + line, sum) }
      }
      result += best
    }
    return result
  }

  private func filteredRow(
    _ row: Int, _ filter: UInt8, _ pixels: UnsafeRawBufferPointer
  ) -> [UInt8] {
    let size = width * channels
    let start = row * size
    return [UInt8](unsafeUninitializedCapacity: size) { line, count in
      for place in 0..<size {
        let left = place >= channels ? pixels[start + place - channels] : 0
        let up = row > 0 ? pixels[start + place - size] : 0
        let guess: UInt8 =
          switch filter {
          case 0: 0
          case 1: left
          case 2: up
          default: UInt8((Int(left) + Int(up)) / 2)
          }
        line[place] = pixels[start + place] &- guess
      }
      count = size
    }
  }

  /// The bytes as a zlib stream.
  private func compressed(_ bytes: [UInt8], file: String) throws(FileFormatError) -> [UInt8] {
    var size = compressBound(UInt(bytes.count))
    var code = Z_OK
    let result = [UInt8](unsafeUninitializedCapacity: Int(size)) { buffer, count in
      code = compress2(buffer.baseAddress, &size, bytes, UInt(bytes.count), Z_DEFAULT_COMPRESSION)
      count = code == Z_OK ? Int(size) : 0
    }
    guard code == Z_OK else { throw FileFormatError(file, "cannot be compressed: out of memory") }
    return result
  }
}
