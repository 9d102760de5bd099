// Plain, gzip and zlib bytes through one reader, and what truncated or corrupt ones say.
import NNFormats
import Testing

struct ByteReaderTests {
  /// All that a reader gives, read in pieces of `step` bytes.
  private func readAll(_ bytes: [UInt8], step: Int = 1 << 16) throws -> [UInt8] {
    let reader = try ByteReader(bytes, name: "a.gz")
    var result: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: step)
    while true {
      let count = try piece.withUnsafeMutableBytes { try reader.read(into: $0) }
      result += piece[..<count]
      if count < step { return result }
    }
  }

  private func message(_ bytes: [UInt8]) -> String? {
    #expect(throws: FileFormatError.self) { try readAll(bytes) }?.message
  }

  private let sample: [UInt8] = (0..<20_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }

  @Test(arguments: [1, 7, 4096, 1 << 16])
  func readsPlainAndCompressed(step: Int) throws {
    #expect(try readAll(sample, step: step) == sample)
    for level in [Int32(0), 1, 9] {
      #expect(try readAll(compressed(sample, level: level), step: step) == sample)
      #expect(try readAll(compressed(sample, gzip: false, level: level), step: step) == sample)
    }
  }

  @Test func readsEmptyAndSeveralMembers() throws {
    #expect(try readAll([]) == [])
    #expect(try readAll(compressed([])) == [])
    #expect(try readAll(compressed(sample) + compressed([1, 2, 3])) == sample + [1, 2, 3])
    #expect(try readAll(compressed(sample) + [0, 0, 0]) == sample)
  }

  @Test func everyTruncationIsAnError() {
    let bytes = compressed(Array(sample[..<300]))
    for length in 2..<bytes.count {
      #expect(
        message(Array(bytes[..<length])) == "a.gz: is truncated: the compressed data ends too early"
      )
    }
  }

  @Test func aWrongChecksumOrLengthIsAnError() {
    let bytes = compressed(sample)
    for place in bytes.count - 8..<bytes.count {
      var wrong = bytes
      wrong[place] ^= 0x10
      #expect(message(wrong) == "a.gz: is corrupt: the checksum does not match the data")
    }
  }

  @Test func otherDefectsAreNamed() {
    #expect(
      message(compressed(sample) + [7])
        == "a.gz: is corrupt: other data follows the compressed data")
    var wrong = compressed(sample)
    wrong[2] = 9
    #expect(message(wrong) == "a.gz: is corrupt: unknown compression method")
  }

  @Test func wantingTooMuchIsAnErrorBeforeAnyAllocation() throws {
    let reader = try ByteReader(compressed(sample), name: "a.gz")
    #expect(throws: FileFormatError("a.gz", "ends too early")) { try reader.read(1 << 60) }
    #expect(reader.mostRemaining >= sample.count)
  }

  @Test func damagedStreamsNeverTrap() throws {
    var random = Seeded(seed: 3)
    let original = (0..<600).map { _ in UInt8.random(in: 0...8, using: &random) }
    var failures = 0
    for round in 0..<3000 {
      var bytes = compressed(original, gzip: round % 2 == 0)
      random.damage(&bytes)
      do { _ = try readAll(bytes) } catch is FileFormatError { failures += 1 }
    }
    #expect(failures > 2000)
  }
}
