// `save` and `load`: models and tensors in safetensors files, images and labels in IDX files.
import NNFormats
import NNTensor

extension Builtins {
  /// Files of tensors.
  static let tensorFiles: [NativeFunction] = [
    NativeFunction(
      "save", "path, value, checksum = false",
      documentation:
        "Writes the parameters and states of a model, or a dict of tensors and models, to a safetensors file; with `checksum`, `load` notices any byte that is changed later.",
      example: "save(\"net.safetensors\", net)"
    ) { call in
      let path = try call.text(0)
      switch call[1].tag {
      case Tag.instance, Tag.dict, Tag.list, Tag.tuple: break
      default: throw call.typeError(1, expected: "a model instance or a dict of tensors")
      }
      let isChecked = try call.optional(2, call.bool) ?? false
      let contents = try ValueSaver.contents(of: call[1], in: call.vm)
      let bytes = try call.vm.decoded { () throws(FileFormatError) in
        try contents.encoded(file: path, hasChecksum: isChecked)
      }
      try call.vm.lent { host throws(HostError) in try host.writeFile(path, bytes) }
      return .nil
    },
    NativeFunction(
      "load", "path, target = nil, strict = true",
      documentation:
        "What a safetensors file holds, as a dict of tensors; with a model, fills that and returns it; with a dict, fills its models and replaces its other values. IDX files give their tensor.",
      example: "load(\"net.safetensors\", net)"
    ) { call in
      let path = try call.text(0)
      let bytes = try call.vm.lent { host throws(HostError) in try host.readFile(path) }
      if let tensor = try call.idx(bytes, path: path) { return Slot(tensor) }
      let file = try call.vm.decoded { () throws(FileFormatError) in
        try Safetensors(bytes, file: path)
      }
      var loader = ValueLoader(file, vm: call.vm)
      guard call.has(1) else { return try loader.everything() }
      guard call[1].asInstance != nil || call[1].asDict != nil else {
        throw call.typeError(1, expected: "a model instance")
      }
      let isStrict = try call.optional(2, call.bool) ?? true
      try loader.fill(call[1], isStrict: isStrict, file: path)
      return retained(call[1])
    },
  ]
}

extension NativeCall {
  /// The tensor of an IDX file, by its name: images `u8[N, height, width]`, labels `i32[N]`.
  fileprivate func idx(_ bytes: [UInt8], path: String) throws -> Tensor? {
    let name = path.split(separator: "/").last.map(String.init) ?? path
    if name.contains("idx1") {
      return try vm.decoded { () throws(FileFormatError) in
        try IDX.labels(bytes, name: path, classes: 256)
      }
    }
    guard name.contains("idx3") else { return nil }
    let images = try vm.decoded { () throws(FileFormatError) in
      try IDX.images(bytes, name: path)
    }
    return try Tensor(copying: images.bytes, shape: images.shape.prefix(3), dtype: images.dtype)
  }
}

extension VM {
  /// Reads or writes a format and turns its errors into the script's.
  func decoded<Result>(_ body: () throws(FileFormatError) -> Result) throws -> Result {
    do throws(FileFormatError) {
      return try body()
    } catch {
      throw ScriptError(.io, error.message)
    }
  }
}
