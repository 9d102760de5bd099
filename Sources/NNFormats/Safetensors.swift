// The safetensors format: named tensors and text metadata in one file that needs no code to read.

import NNTensor

/// The contents of a safetensors file.
package struct Safetensors {
  /// Tensors in the file's order, or the order they are to be written in.
  package var tensors: [(name: String, tensor: Tensor)]
  /// Free text by key, in order.
  package var metadata: [(key: String, value: String)]

  package init(
    tensors: [(name: String, tensor: Tensor)], metadata: [(key: String, value: String)] = []
  ) {
    self.tensors = tensors
    self.metadata = metadata
  }

  /// Reads a whole file. F16 and BF16 become f32.
  ///
  /// - Throws: what is wrong with the file: it is truncated, the header malformed, the data overlapping or unclaimed.
  package init(_ bytes: [UInt8], file: String) throws(FileFormatError) {
    let header = try SafetensorsHeader(bytes, file: file)
    guard Checksum.agrees(with: bytes) else {
      throw FileFormatError(file, "is corrupt: the checksum does not match the data")
    }
    metadata = header.metadata
    tensors = []
    for entry in header.entries {
      let tensor = try allocate(entry.shape, entry.dtype.dtype, for: file)
      let isValid = bytes.withUnsafeBytes { buffer in
        entry.dtype.read(UnsafeRawBufferPointer(rebasing: buffer[entry.range]), into: tensor.data)
      }
      guard isValid else {
        throw FileFormatError(
          file, "tensor \"\(entry.name)\" of dtype BOOL holds bytes other than 0 and 1")
      }
      tensors.append((entry.name, tensor))
    }
  }

  /// The bytes of the file. The same contents always give the same bytes.
  ///
  /// Tensors with larger elements come first, otherwise the order is kept, so that all data is aligned.
  /// With a checksum, reading notices any byte that was changed.
  package func encoded(
    file: String, hasChecksum: Bool = false
  ) throws(FileFormatError) -> [UInt8] {
    let sorted = tensors.enumerated().sorted { a, b in
      (b.element.tensor.dtype.size, a.offset) < (a.element.tensor.dtype.size, b.offset)
    }.map(\.element)
    let notes = hasChecksum ? [(Checksum.key, Checksum.blank)] + metadata : metadata
    let header = try encodedHeader(sorted, notes, file: file)
    var bytes: [UInt8] = []
    bytes.reserveCapacity(8 + header.count + sorted.reduce(0) { $0 + $1.tensor.byteCount })
    for shift in stride(from: 0, to: 64, by: 8) {
      bytes.append(UInt8(truncatingIfNeeded: header.count >> shift))
    }
    bytes += header
    for (_, tensor) in sorted {
      bytes += UnsafeRawBufferPointer(start: tensor.data, count: tensor.byteCount)
    }
    if hasChecksum { Checksum.enter(into: &bytes) }
    return bytes
  }

  /// The header as JSON, padded with spaces to a multiple of 8 bytes.
  private func encodedHeader(
    _ sorted: [(name: String, tensor: Tensor)], _ metadata: [(key: String, value: String)],
    file: String
  ) throws(FileFormatError) -> [UInt8] {
    var members: [JSON.Member] = []
    if !metadata.isEmpty {
      members.append(
        .init("__metadata__", .object(metadata.map { .init($0.key, .string($0.value)) })))
    }
    var names: Set<String> = ["__metadata__"]
    var position = 0
    for (name, tensor) in sorted {
      guard names.insert(name).inserted else {
        throw FileFormatError(file, "cannot hold two tensors named \"\(name)\"")
      }
      let end = position + tensor.byteCount
      members.append(.init(name, description(of: tensor, at: position..<end)))
      position = end
    }
    do throws(JSONError) {
      var text = Array(try JSON.object(members).text().utf8)
      while text.count % 8 != 0 { text.append(UInt8(ascii: " ")) }
      return text
    } catch {
      throw FileFormatError(file, error.message)
    }
  }

  private func description(of tensor: Tensor, at range: Range<Int>) -> JSON {
    .object([
      .init("dtype", .string(StoredType(tensor.dtype).rawValue)),
      .init("shape", .array((0..<tensor.shape.rank).map { .number(Double(tensor.shape[$0])) })),
      .init(
        "data_offsets",
        .array([.number(Double(range.lowerBound)), .number(Double(range.upperBound))])),
    ])
  }
}
