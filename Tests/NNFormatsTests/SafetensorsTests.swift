// Safetensors files written and read back, and what every malformed one says.
import NNFormats
import NNTensor
import Testing

struct SafetensorsTests {
  /// A tensor with counting bytes; bools alternate.
  private func tensor(_ shape: [Int], _ dtype: DType) throws -> Tensor {
    let tensor = try Tensor(shape: Shape(shape), dtype: dtype)
    let bytes = tensor.data.assumingMemoryBound(to: UInt8.self)
    for index in 0..<tensor.byteCount {
      bytes[index] = dtype == .bool ? UInt8(index % 2) : UInt8(index % 64)
    }
    return tensor
  }

  private func bytes(of tensor: Tensor) -> [UInt8] {
    Array(UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount))
  }

  /// A file with this header text and so much data.
  private func file(_ header: String, data: [UInt8]) -> [UInt8] {
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    return length + Array(header.utf8) + data
  }

  private func message(_ header: String, data: [UInt8] = []) -> String? {
    message(file(header, data: data))
  }

  private func message(_ bytes: [UInt8]) -> String? {
    #expect(throws: FileFormatError.self) { try Safetensors(bytes, file: "f") }?.message
  }

  /// The contents in which every dtype and a rank of 0 and 8 occur.
  private func everything() throws -> Safetensors {
    Safetensors(
      tensors: [
        ("flags", try tensor([3], .bool)), ("image", try tensor([2, 2, 1], .u8)),
        ("ids", try tensor([2], .i32)), ("steps", try tensor([], .i64)),
        ("θ.weight", try tensor([2, 3], .f32)),
        ("exact", try tensor([1, 1, 1, 1, 1, 1, 1, 2], .f64)),
        ("none", try tensor([0, 4], .f32)),
      ],
      metadata: [("format", "nnscript"), ("note", "a \"quoted\"\nline")])
  }

  @Test func everyDtypeSurvivesARoundTrip() throws {
    let original = try everything()
    let encoded = try original.encoded(file: "f")
    let decoded = try Safetensors(encoded, file: "f")
    #expect(decoded.metadata.map(\.key) == ["format", "note"])
    #expect(decoded.metadata.map(\.value) == original.metadata.map(\.value))
    #expect(
      decoded.tensors.map(\.name) == [
        "steps", "exact", "ids", "θ.weight", "none", "flags", "image",
      ])
    for (name, tensor) in decoded.tensors {
      let before = try #require(original.tensors.first { $0.name == name }).tensor
      #expect(tensor.dtype == before.dtype)
      #expect(tensor.shape == before.shape)
      #expect(bytes(of: tensor) == bytes(of: before))
    }
    #expect(try decoded.encoded(file: "f") == encoded)
  }

  @Test func theBytesAreThoseOfTheFormat() throws {
    let contents = Safetensors(tensors: [("a", try tensor([2], .u8))])
    let header = #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#
    let padded = header + String(repeating: " ", count: 56 - header.utf8.count)
    #expect(try contents.encoded(file: "f") == file(padded, data: [0, 1]))
  }

  @Test func halvesBecomeFloats() throws {
    let header = """
      {"h":{"dtype":"F16","shape":[6],"data_offsets":[0,12]},\
      "b":{"dtype":"BF16","shape":[2],"data_offsets":[12,16]}}
      """
    let halves: [UInt16] = [0x3C00, 0xC000, 0x0001, 0x7BFF, 0x7C00, 0x8000, 0x3FC0, 0xC2F7]
    let data = halves.flatMap { [UInt8($0 & 0xFF), UInt8($0 >> 8)] }
    let contents = try Safetensors(file(header, data: data), file: "f")
    func floats(_ tensor: Tensor, _ count: Int) -> [Float] {
      #expect(tensor.dtype == .f32)
      return Array(
        UnsafeBufferPointer(start: tensor.data.assumingMemoryBound(to: Float.self), count: count))
    }
    #expect(floats(contents.tensors[0].tensor, 6) == [1, -2, 0x1p-24, 65504, .infinity, 0])
    #expect(floats(contents.tensors[0].tensor, 6)[5].sign == .minus)
    #expect(floats(contents.tensors[1].tensor, 2) == [1.5, -123.5])
  }

  @Test func everyTruncationIsAnError() throws {
    let encoded = try everything().encoded(file: "f")
    for length in 0..<encoded.count { #expect(message(Array(encoded[..<length])) != nil) }
    #expect(message([]) == "f: is not a safetensors file: it has only 0 bytes")
    #expect(
      message([9, 0, 0, 0, 0, 0, 0, 0, 0x7B])
        == "f: says its header has 9 bytes, but 1 follow: it is truncated or no safetensors file")
    #expect(
      message([UInt8](repeating: 0xFF, count: 32))?.hasSuffix(
        "it is truncated or no safetensors file") == true)
  }

  @Test(arguments: [
    ("[]", 0, "is not a safetensors file: its header does not begin with \"{\""),
    (
      "{]", 0,
      "its header is not valid JSON: line 1, column 2: expected a key in double quotes, found ']'"
    ),
    ("{\"a\":1}", 0, "the description of tensor \"a\" is not {dtype, shape, data_offsets}"),
    ("{\"__metadata__\":{\"a\":1}}", 0, "its metadata \"a\" is not a string"),
    ("{\"__metadata__\":[]}", 0, "its __metadata__ is not an object"),
    ("{}", 3, "has 3 bytes that belong to no tensor"),
    (
      #"{"a":{"dtype":"U8","shape":[1]}}"#, 1,
      "the description of tensor \"a\" is not {dtype, shape, data_offsets}"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0]}}"#, 1,
      "the description of tensor \"a\" is not {dtype, shape, data_offsets}"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"shape":[1]}}"#, 1,
      "the description of tensor \"a\" is not {dtype, shape, data_offsets}"
    ),
    (
      #"{"a":{"dtype":"Q4","shape":[1],"data_offsets":[0,1]}}"#, 1,
      "tensor \"a\" has dtype Q4, supported are BOOL, U8, I32, I64, F16, BF16, F32, F64"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}"#, 1,
      "tensor \"a\" has a size or offset that is not a whole number from 0"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1.5]}}"#, 1,
      "tensor \"a\" has a size or offset that is not a whole number from 0"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,1]}}"#, 1,
      "tensor \"a\" has 9 axes, at most 8 are supported"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}"#, 1,
      "tensor \"a\" ends before it begins: [1, 0]"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#, 3,
      "tensor \"a\" ends at byte 4 of 3 bytes of data: the file is truncated"
    ),
    (
      #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4,
      "tensor \"a\" of dtype F32 and shape [2] needs 8 bytes, has 4"
    ),
    (
      #"{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, 4,
      "tensor \"a\" is too large: [4294967296, 4294967296]"
    ),
    (
      #"{"a":{"dtype":"BOOL","shape":[4],"data_offsets":[0,4]}}"#, 4,
      "tensor \"a\" of dtype BOOL holds bytes other than 0 and 1"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}"#,
      3,
      "the data of tensor \"b\" overlaps the one before it"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}}"#,
      3,
      "the data of tensor \"b\" leaves a gap before it"
    ),
    (
      #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"a":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}}"#,
      2,
      "names \"a\" twice"
    ),
  ])
  func refuses(header: String, size: Int, problem: String) {
    #expect(message(header, data: (0..<size).map { UInt8($0) }) == "f: " + problem)
  }

  @Test func writingTwoOfOneNameIsAnError() throws {
    let twice = Safetensors(tensors: [("a", try tensor([1], .u8)), ("a", try tensor([1], .f32))])
    #expect(throws: FileFormatError("f", "cannot hold two tensors named \"a\"")) {
      try twice.encoded(file: "f")
    }
    let reserved = Safetensors(tensors: [("__metadata__", try tensor([1], .u8))])
    #expect(throws: FileFormatError.self) { try reserved.encoded(file: "f") }
  }

  @Test func damagedFilesNeverTrap() throws {
    let encoded = try everything().encoded(file: "f")
    var random = Seeded(seed: 5)
    var failures = 0
    for _ in 0..<3000 {
      var bytes = encoded
      random.damage(&bytes)
      do { _ = try Safetensors(bytes, file: "f") } catch { failures += 1 }
    }
    #expect(failures > 2000)
  }
}

/// Tests of the checksum that a file may have.
@Suite struct ChecksumTests {
  private func file() throws -> [UInt8] {
    let tensor = try Tensor([1, 2, 3, 4], dtype: .i32)
    let file = Safetensors(tensors: [("w", tensor)], metadata: [("note", "hello")])
    return try file.encoded(file: "a", hasChecksum: true)
  }

  @Test func contentsComeBack() throws {
    let file = try Safetensors(try file(), file: "a")
    #expect(file.tensors.map(\.name) == ["w"])
    #expect(file.tensors[0].tensor.integer(at: 3) == 4)
    #expect(file.metadata.contains { $0 == ("note", "hello") })
  }

  @Test func everyChangedByteIsNoticed() throws {
    let good = try file()
    for place in good.indices {
      for bit in 0..<8 {
        var bad = good
        bad[place] ^= 1 << bit
        guard (try? Safetensors(bad, file: "a")) != nil else { continue }
        // Only where the checksum no longer reads as one is there nothing to compare with.
        let name = Array("{\"__metadata__\":{\"nnscript.crc32\":\"".utf8)
        #expect((8..<8 + name.count).contains(place), "byte \(place)")
      }
    }
  }

  @Test func everyShorterFileIsNoticed() throws {
    let good = try file()
    for count in good.indices {
      #expect(throws: FileFormatError.self) { try Safetensors(Array(good[..<count]), file: "a") }
    }
  }
}
