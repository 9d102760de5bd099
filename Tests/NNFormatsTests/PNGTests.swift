// Tests of the PNG encoder: its chunks, and the pixels that an independent reading of them gives.
import CZlib
import NNFormats
import Testing

/// A reader of PNG files written from the specification, for 8 bits a channel and no interlace.
private struct DecodedPNG {
  struct Broken: Error {}

  var height = 0
  var width = 0
  var channels = 0
  var pixels: [UInt8] = []
  var chunks: [String] = []

  init(_ bytes: [UInt8]) throws {
    guard bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) else {
      throw Broken()
    }
    var position = 8
    var data: [UInt8] = []
    while position < bytes.count {
      let length = number(bytes[position..<position + 4])
      let body = Array(bytes[position + 4..<position + 8 + length])
      let sum = number(bytes[position + 8 + length..<position + 12 + length])
      guard sum == Self.checksum(body) else { throw Broken() }
      let name = String(decoding: body[..<4], as: UTF8.self)
      chunks.append(name)
      if name == "IHDR" { try readHeader(Array(body[4...])) }
      if name == "IDAT" { data += body[4...] }
      position += 12 + length
    }
    try readRows(try Self.inflated(data, count: height * (1 + width * channels)))
  }

  private func number(_ bytes: ArraySlice<UInt8>) -> Int { bytes.reduce(0) { $0 << 8 | Int($1) } }

  /// CRC-32 bit by bit, as the specification's appendix has it.
  private static func checksum(_ bytes: [UInt8]) -> Int {
    var sum: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? 0xEDB8_8320 ^ sum >> 1 : sum >> 1 }
    }
    return Int(~sum)
  }

  private mutating func readHeader(_ fields: [UInt8]) throws {
    width = number(fields[0..<4])
    height = number(fields[4..<8])
    guard let channels = [0: 1, 4: 2, 2: 3, 6: 4][Int(fields[9])], fields[8] == 8,
      fields[10...].allSatisfy({ $0 == 0 })
    else { throw Broken() }
    self.channels = channels
  }

  private static func inflated(_ data: [UInt8], count: Int) throws -> [UInt8] {
    var size = UInt(count)
    var result = [UInt8](repeating: 0, count: count)
    guard uncompress(&result, &size, data, UInt(data.count)) == Z_OK, size == count else {
      throw Broken()
    }
    return result
  }

  private mutating func readRows(_ rows: [UInt8]) throws {
    let size = width * channels
    pixels = [UInt8](repeating: 0, count: height * size)
    for row in 0..<height {
      let filter = rows[row * (size + 1)]
      for place in 0..<size {
        let left = place >= channels ? Int(pixels[row * size + place - channels]) : 0
        let up = row > 0 ? Int(pixels[(row - 1) * size + place]) : 0
        let guess =
          try [0: 0, 1: left, 2: up, 3: (left + up) / 2][Int(filter)] ?? { throw Broken() }()
        let byte = rows[row * (size + 1) + 1 + place]
        pixels[row * size + place] = byte &+ UInt8(guess)
      }
    }
  }
}

@Suite struct PNGTests {
  private func encoded(_ pixels: [UInt8], _ height: Int, _ width: Int, _ channels: Int) throws
    -> [UInt8]
  {
    try pixels.withUnsafeBytes { buffer in
      try PNG(height: height, width: width, channels: channels).encoded(buffer, file: "a.png")
    }
  }

  @Test(arguments: 1...4) func pixelsComeBack(channels: Int) throws {
    for (height, width) in [(1, 1), (1, 9), (7, 1), (13, 17), (64, 33)] {
      let smooth = (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 * 3 / 2) }
      var generator = Seeded(seed: UInt64(height))
      let noise = smooth.map { _ in UInt8.random(in: 0...255, using: &generator) }
      for pixels in [smooth, noise, smooth.map { _ in 200 }] {
        let png = try DecodedPNG(try encoded(pixels, height, width, channels))
        #expect(png.chunks == ["IHDR", "IDAT", "IEND"])
        #expect([png.height, png.width, png.channels] == [height, width, channels])
        #expect(png.pixels == pixels)
      }
    }
  }

  @Test func smoothPicturesBecomeSmall() throws {
    let pixels = (0..<256 * 256).map { UInt8(truncatingIfNeeded: $0 / 256 + $0 % 256) }
    #expect(try encoded(pixels, 256, 256, 1).count < 2000)
  }

  @Test(arguments: [(0, 4), (4, 0), (-1, 4), (4, 1 << 31)])
  func sizesThatNoPNGHas(height: Int, width: Int) throws {
    #expect(throws: FileFormatError.self) { try encoded([], height, width, 1) }
  }
}
