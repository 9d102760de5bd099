// The IDX format of MNIST and its relatives (http://yann.lecun.com/exdb/mnist): a magic number, the axes, then the elements.

import NNTensor

/// Reads IDX files of unsigned bytes, gzipped or plain, straight into a tensor's memory.
///
/// Layout, big-endian: two zero bytes, the element type (8 for u8), the number of axes, one 32-bit size per axis, data.
package enum IDX {
  private static let unsignedByte: UInt8 = 0x08

  /// Any array of bytes, with the axes that the file says.
  package static func tensor(_ bytes: [UInt8], name: String) throws(FileFormatError) -> Tensor {
    let reader = try ByteReader(bytes, name: name)
    let axes = try header(reader)
    return try elements(reader, axes, shape: axes)
  }

  /// A batch of images as `u8[N, height, width, 1]`.
  package static func images(_ bytes: [UInt8], name: String) throws(FileFormatError) -> Tensor {
    let reader = try ByteReader(bytes, name: name)
    let axes = try header(reader, axes: 3, kind: "images")
    return try elements(reader, axes, shape: axes + [1])
  }

  /// The labels of a batch as `i32[N]`, each from 0 up to `classes`.
  package static func labels(
    _ bytes: [UInt8], name: String, classes: Int
  ) throws(FileFormatError) -> Tensor {
    let reader = try ByteReader(bytes, name: name)
    let axes = try header(reader, axes: 1, kind: "labels")
    let raw = try elements(reader, axes, shape: axes)
    let source = UnsafeRawBufferPointer(start: raw.data, count: axes[0])
    if let wrong = source.firstIndex(where: { $0 >= classes }) {
      throw FileFormatError(
        name, "label \(wrong) is \(source[wrong]), but there are \(classes) classes")
    }
    let labels = try allocate(axes, .i32, for: name)
    let target = labels.data.assumingMemoryBound(to: Int32.self)
    for (index, label) in source.enumerated() { target[index] = Int32(label) }
    return labels
  }

  /// The sizes of the axes, checked against what the caller expects.
  private static func header(
    _ reader: ByteReader, axes count: Int, kind: String
  ) throws(FileFormatError) -> [Int] {
    let axes = try header(reader)
    guard axes.count == count else {
      throw FileFormatError(reader.name, "has \(axes.count) axes, but \(kind) have \(count)")
    }
    return axes
  }

  /// The sizes of the axes that the file says it has, at least 1 each.
  private static func header(_ reader: ByteReader) throws(FileFormatError) -> [Int] {
    let magic = try reader.read(4)
    guard magic[0] == 0, magic[1] == 0 else {
      throw FileFormatError(
        reader.name, "is not an IDX file: it does not begin with two zero bytes")
    }
    guard magic[2] == unsignedByte else {
      throw FileFormatError(
        reader.name, "holds elements of IDX type \(magic[2]), expected 8 (unsigned bytes)")
    }
    let count = Int(magic[3])
    guard (1...Shape.maximumRank).contains(count) else {
      throw FileFormatError(reader.name, "has \(count) axes, expected 1 to \(Shape.maximumRank)")
    }
    let sizes = try reader.read(4 * count)
    let axes = (0..<count).map { axis in
      sizes[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) }
    }
    guard axes.allSatisfy({ $0 > 0 }) else {
      throw FileFormatError(reader.name, "has an axis of size 0: \(axes)")
    }
    return axes
  }

  /// The rest of the file, which must be exactly the elements of `axes`, as a tensor of `shape`.
  private static func elements(
    _ reader: ByteReader, _ axes: [Int], shape: [Int]
  ) throws(FileFormatError) -> Tensor {
    let (count, overflow) = axes.reduce((1, false)) { size, axis in
      let (product, overflow) = size.0.multipliedReportingOverflow(by: axis)
      return (product, size.1 || overflow)
    }
    guard !overflow, count <= reader.mostRemaining else {
      throw FileFormatError(
        reader.name, "says its shape is \(axes), but the file is too small for that")
    }
    let tensor = try allocate(shape, .u8, for: reader.name)
    let got = try reader.read(into: UnsafeMutableRawBufferPointer(start: tensor.data, count: count))
    guard got == count else {
      throw FileFormatError(
        reader.name, "says its shape is \(axes), but its data ends after \(got) of \(count) bytes")
    }
    try reader.expectEnd()
    return tensor
  }
}
