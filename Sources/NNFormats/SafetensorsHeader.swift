// The header of a safetensors file, checked against the file before any tensor is made.

import NNTensor

/// What the header of a safetensors file says (https://huggingface.co/docs/safetensors).
///
/// Layout: the header's length as a little-endian u64, the header as a JSON object, the data. Each tensor's
/// `data_offsets` count from the end of the header.
struct SafetensorsHeader {
  /// One tensor of the file.
  struct Entry {
    let name: String
    let dtype: StoredType
    let shape: [Int]
    /// Its bytes, as offsets in the whole file.
    let range: Range<Int>
  }

  /// The tensors in the header's order.
  private(set) var entries: [Entry] = []
  private(set) var metadata: [(key: String, value: String)] = []

  private let file: String
  private let dataStart: Int

  /// Longest header, as in the format's own implementation.
  private static let longest = 100_000_000

  /// Reads and checks the header of a whole file.
  init(_ bytes: [UInt8], file: String) throws(FileFormatError) {
    self.file = file
    guard bytes.count >= 8 else {
      throw FileFormatError(file, "is not a safetensors file: it has only \(bytes.count) bytes")
    }
    let length = bytes[..<8].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
    guard length <= Self.longest, Int(length) <= bytes.count - 8 else {
      throw FileFormatError(
        file,
        "says its header has \(length) bytes, but \(bytes.count - 8) follow: it is truncated or no safetensors file"
      )
    }
    dataStart = 8 + Int(length)
    let text = Array(bytes[8..<dataStart])
    guard text.first == UInt8(ascii: "{") else {
      throw FileFormatError(file, "is not a safetensors file: its header does not begin with \"{\"")
    }
    let members = try parse(text)
    for member in members {
      if member.key == "__metadata__" {
        metadata = try readMetadata(member.value)
      } else {
        entries.append(try entry(member, size: bytes.count))
      }
    }
    try checkLayout(end: bytes.count)
  }

  private func parse(_ text: [UInt8]) throws(FileFormatError) -> [JSON.Member] {
    let value: JSON
    do throws(JSONError) {
      value = try JSON.parse(text)
    } catch {
      throw FileFormatError(file, "its header is not valid JSON: \(error.message)")
    }
    guard case .object(let members) = value else {
      throw FileFormatError(file, "its header is no JSON object")
    }
    if let twice = firstRepeated(members) {
      throw FileFormatError(file, "names \"\(twice)\" twice")
    }
    return members
  }

  private func firstRepeated(_ members: [JSON.Member]) -> String? {
    var seen: Set<String> = []
    return members.first { !seen.insert($0.key).inserted }?.key
  }

  private func readMetadata(_ value: JSON) throws(FileFormatError) -> [(key: String, value: String)]
  {
    guard case .object(let members) = value else {
      throw FileFormatError(file, "its __metadata__ is not an object")
    }
    var result: [(key: String, value: String)] = []
    for member in members {
      guard case .string(let text) = member.value else {
        throw FileFormatError(file, "its metadata \"\(member.key)\" is not a string")
      }
      result.append((member.key, text))
    }
    return result
  }

  /// One tensor's description: exactly `dtype`, `shape` and `data_offsets`.
  private func entry(_ member: JSON.Member, size: Int) throws(FileFormatError) -> Entry {
    let name = member.key
    guard case .object(let fields) = member.value, fields.count == 3 else { throw malformed(name) }
    var dtype: StoredType?
    var shape: [Int]?
    var offsets: [Int]?
    for field in fields {
      switch (field.key, field.value) {
      case ("dtype", .string(let text)): dtype = try storedType(text, of: name)
      case ("shape", .array(let items)): shape = try sizes(items, of: name)
      case ("data_offsets", .array(let items)): offsets = try sizes(items, of: name)
      default: throw malformed(name)
      }
    }
    guard let dtype, let shape, let offsets, offsets.count == 2 else { throw malformed(name) }
    guard shape.count <= Shape.maximumRank else {
      throw FileFormatError(
        file,
        "tensor \"\(name)\" has \(shape.count) axes, at most \(Shape.maximumRank) are supported")
    }
    try check(name, dtype, shape, offsets, available: size - dataStart)
    return Entry(
      name: name, dtype: dtype, shape: shape, range: dataStart + offsets[0]..<dataStart + offsets[1]
    )
  }

  private func malformed(_ name: String) -> FileFormatError {
    FileFormatError(
      file, "the description of tensor \"\(name)\" is not {dtype, shape, data_offsets}")
  }

  private func storedType(_ text: String, of name: String) throws(FileFormatError) -> StoredType {
    guard let type = StoredType(rawValue: text) else {
      let known = StoredType.allCases.map(\.rawValue).joined(separator: ", ")
      throw FileFormatError(file, "tensor \"\(name)\" has dtype \(text), supported are \(known)")
    }
    return type
  }

  /// Whole numbers from 0 up to 2^53.
  private func sizes(_ items: [JSON], of name: String) throws(FileFormatError) -> [Int] {
    var result: [Int] = []
    for item in items {
      guard case .number(let number) = item, number >= 0, number < 0x1p53,
        number == number.rounded()
      else {
        throw FileFormatError(
          file, "tensor \"\(name)\" has a size or offset that is not a whole number from 0")
      }
      result.append(Int(number))
    }
    return result
  }

  /// Checks that the bytes lie in the file and are as many as dtype and shape need.
  private func check(
    _ name: String, _ dtype: StoredType, _ shape: [Int], _ offsets: [Int], available: Int
  ) throws(FileFormatError) {
    guard offsets[0] <= offsets[1] else {
      throw FileFormatError(file, "tensor \"\(name)\" ends before it begins: \(offsets)")
    }
    guard offsets[1] <= available else {
      throw FileFormatError(
        file,
        "tensor \"\(name)\" ends at byte \(offsets[1]) of \(available) bytes of data: the file is truncated"
      )
    }
    var needed = dtype.size
    for size in shape {
      let (product, overflow) = needed.multipliedReportingOverflow(by: size)
      guard !overflow else {
        throw FileFormatError(file, "tensor \"\(name)\" is too large: \(shape)")
      }
      needed = product
    }
    guard needed == offsets[1] - offsets[0] else {
      throw FileFormatError(
        file,
        "tensor \"\(name)\" of dtype \(dtype.rawValue) and shape \(shape) needs \(needed) bytes, has \(offsets[1] - offsets[0])"
      )
    }
  }

  /// Checks that the tensors cover the data without gaps or overlaps.
  private func checkLayout(end: Int) throws(FileFormatError) {
    var position = dataStart
    for entry in entries.sorted(by: {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }) {
      guard entry.range.lowerBound == position else {
        let problem =
          entry.range.lowerBound < position
          ? "overlaps the one before it" : "leaves a gap before it"
        throw FileFormatError(file, "the data of tensor \"\(entry.name)\" \(problem)")
      }
      position = entry.range.upperBound
    }
    guard position == end else {
      throw FileFormatError(file, "has \(end - position) bytes that belong to no tensor")
    }
  }
}
