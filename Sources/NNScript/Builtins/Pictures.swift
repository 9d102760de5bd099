// What pictures need from outside the language: PNG files and the width of the terminal.
import NNFormats
import NNTensor

extension Builtins {
  /// Pictures in files and on the terminal.
  static let pictures: [NativeFunction] = [
    NativeFunction(
      "write_png", "path, image",
      documentation:
        "Writes a picture as a PNG file: `u8` of shape [height, width] (grey) or [height, width, channels] with 1 (grey), 2 (grey, opacity), 3 (colour) or 4 channels (colour, opacity).",
      example: "write_png(\"grey.png\", full([8, 8], 128, dtype: \"u8\"))"
    ) { call in
      let path = try call.text(0)
      let image = try call.picture(1)
      let shape = image.shape
      let png = PNG(
        height: shape[0], width: shape[1], channels: shape.rank == 2 ? 1 : shape[2])
      let bytes = try call.vm.decoded { () throws(FileFormatError) in
        try png.encoded(
          UnsafeRawBufferPointer(start: image.data, count: image.byteCount), file: path)
      }
      try call.vm.lent { host throws(HostError) in try host.writeFile(path, bytes) }
      return .nil
    },
    NativeFunction(
      "terminal_width", "",
      documentation: "Columns of the terminal that shows the output; nil where no terminal does.",
      example: "if terminal_width() == nil { print(\"in a file or pipe\") }"
    ) { call in
      let host = call.vm.host
      return host.isTerminal(.output) ? Slot(host.terminalWidth()) : .nil
    },
  ]
}

extension NativeCall {
  /// A tensor argument that is a picture.
  fileprivate func picture(_ index: Int) throws -> Tensor {
    guard let image = self[index].asTensor else {
      throw typeError(index, expected: "a u8 tensor [height, width, channels]")
    }
    let shape = image.shape
    guard shape.rank == 2 || shape.rank == 3 && (1...4).contains(shape[2]) else {
      throw argumentError(
        index, "a picture has shape [height, width] or [height, width, 1 to 4], not \(shape)",
        help: shape.rank == 4 ? "`imshow` draws a batch of pictures as a grid" : nil)
    }
    guard image.dtype == .u8 else {
      throw argumentError(
        index, "a picture is u8, this tensor is \(image.dtype.name)",
        help: "for values in [0, 1] write to(x * 255, \"u8\")")
    }
    return image
  }
}
