// IDX files of images and labels, and what every malformed one says.
import NNFormats
import NNTensor
import Testing

struct IDXTests {
  /// The bytes of an IDX file.
  private func file(_ axes: [Int], _ data: [UInt8], type: UInt8 = 8) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, type, UInt8(axes.count)]
    for axis in axes {
      bytes += stride(from: 24, through: 0, by: -8).map { UInt8(axis >> $0 & 0xFF) }
    }
    return bytes + data
  }

  private let pixels = (0..<24).map { UInt8($0 * 10) }

  private func imagesMessage(_ bytes: [UInt8]) -> String? {
    #expect(throws: FileFormatError.self) { try IDX.images(bytes, name: "i") }?.message
  }

  private func labelsMessage(_ bytes: [UInt8]) -> String? {
    #expect(throws: FileFormatError.self) { try IDX.labels(bytes, name: "l", classes: 10) }?.message
  }

  @Test(arguments: [false, true])
  func readsImages(gzip: Bool) throws {
    let plain = file([2, 3, 4], pixels)
    let tensor = try IDX.images(gzip ? compressed(plain) : plain, name: "i")
    #expect(tensor.dtype == .u8)
    #expect((0..<tensor.shape.rank).map { tensor.shape[$0] } == [2, 3, 4, 1])
    #expect(Array(UnsafeRawBufferPointer(start: tensor.data, count: 24)) == pixels)
  }

  @Test(arguments: [false, true])
  func readsLabels(gzip: Bool) throws {
    let plain = file([5], [9, 0, 3, 1, 2])
    let tensor = try IDX.labels(gzip ? compressed(plain) : plain, name: "l", classes: 10)
    #expect(tensor.dtype == .i32)
    #expect((0..<tensor.shape.rank).map { tensor.shape[$0] } == [5])
    let labels = UnsafeBufferPointer(
      start: tensor.data.assumingMemoryBound(to: Int32.self), count: 5)
    #expect(Array(labels) == [9, 0, 3, 1, 2])
  }

  @Test func readsAnyNumberOfAxes() throws {
    for axes in [[24], [6, 4], [1, 2, 1, 3, 1, 2, 1, 2]] {
      let tensor = try IDX.tensor(file(axes, pixels), name: "a")
      #expect((0..<tensor.shape.rank).map { tensor.shape[$0] } == axes)
      #expect(Array(UnsafeRawBufferPointer(start: tensor.data, count: 24)) == pixels)
    }
    for count in [0, 9, 255] {
      let bytes = file([Int](repeating: 1, count: count), [1])
      let error = #expect(throws: FileFormatError.self) { try IDX.tensor(bytes, name: "a") }
      #expect(error?.message == "a: has \(count) axes, expected 1 to 8")
    }
  }

  @Test func wrongHeadersAreNamed() {
    #expect(imagesMessage([]) == "i: ends too early")
    #expect(imagesMessage([0, 0, 8]) == "i: ends too early")
    #expect(imagesMessage([0, 0, 8, 3, 0, 0, 0, 1]) == "i: ends too early")
    #expect(
      imagesMessage([1, 0, 8, 3] + pixels)
        == "i: is not an IDX file: it does not begin with two zero bytes")
    #expect(
      imagesMessage(file([2, 3, 4], pixels, type: 13))
        == "i: holds elements of IDX type 13, expected 8 (unsigned bytes)")
    #expect(imagesMessage(file([24], pixels)) == "i: has 1 axes, but images have 3")
    #expect(labelsMessage(file([2, 3, 4], pixels)) == "l: has 3 axes, but labels have 1")
    #expect(imagesMessage(file([0, 3, 4], [])) == "i: has an axis of size 0: [0, 3, 4]")
  }

  @Test func wrongSizesAreNamed() {
    let short = file([2, 3, 4], Array(pixels.dropLast()))
    #expect(
      imagesMessage(short)
        == "i: says its shape is [2, 3, 4], but the file is too small for that")
    #expect(
      imagesMessage(compressed(short))
        == "i: says its shape is [2, 3, 4], but its data ends after 23 of 24 bytes")
    let long = file([2, 3, 4], pixels + [0])
    #expect(imagesMessage(long) == "i: has data after its end")
    #expect(imagesMessage(compressed(long)) == "i: has data after its end")
  }

  @Test func sizesBeyondTheFileAreRefusedBeforeAnyAllocation() {
    let most = Int(UInt32.max)
    let huge = file([most, most, most], pixels)
    for bytes in [huge, compressed(huge), file([most, 28, 28], pixels)] {
      #expect(imagesMessage(bytes)?.hasSuffix("but the file is too small for that") == true)
    }
  }

  @Test func labelsBeyondTheClassesAreNamed() {
    #expect(labelsMessage(file([3], [1, 10, 2])) == "l: label 1 is 10, but there are 10 classes")
  }

  @Test func truncatedGzipIsNamed() {
    let bytes = compressed(file([2, 3, 4], pixels))
    #expect(
      imagesMessage(Array(bytes.dropLast(9)))
        == "i: is truncated: the compressed data ends too early")
    #expect(
      imagesMessage(Array(bytes.dropLast()))
        == "i: is truncated: the compressed data ends too early")
  }

  @Test func damagedFilesNeverTrap() {
    var random = Seeded(seed: 4)
    var failures = 0
    for round in 0..<3000 {
      var bytes = file([2, 3, 4], pixels)
      if round % 2 == 0 { bytes = compressed(bytes) }
      random.damage(&bytes)
      do { _ = try IDX.images(bytes, name: "i") } catch { failures += 1 }
      _ = try? IDX.labels(bytes, name: "l", classes: 10)
    }
    #expect(failures > 1500)
  }
}
