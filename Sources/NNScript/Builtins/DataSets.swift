// Data sets that are found on the machine or fetched, and the files they lie in.
import NNFormats
import NNTensor

extension Builtins {
  /// The natives beneath the library's data sets.
  static let dataSets: [NativeFunction] = [
    NativeFunction(
      "mnist_files", "",
      documentation: """
        The MNIST digits as ((images, labels), (images, labels)), for training and for testing; \
        nil if they are not here and cannot be fetched.
        """,
      example: "let ((x, y), _) = mnist_files()"
    ) { call in
      let outcome = try call.vm.lent { host throws(HostError) in try MNIST.load(host) }
      switch outcome {
      case .found(let mnist):
        return call.tuple([call.pair(mnist.train), call.pair(mnist.test)])
      case .unavailable(let reason):
        call.vm.host.writeError(
          "note: MNIST is not here, drawn digits take its place (\(reason))\n")
        return .nil
      }
    },
    NativeFunction(
      "data_folders", "",
      documentation:
        "The folders in which data sets are looked for: `$NNSCRIPT_DATA`, `data` and the user's cache.",
      example: "data_folders()"
    ) { call in
      let host = call.vm.host
      let own = host.environment("NNSCRIPT_DATA").flatMap { $0.isEmpty ? nil : $0 }
      return call.strings([own, "data", host.cacheFolder()].compactMap { $0 })
    },
    NativeFunction(
      "read_bytes", "path",
      documentation: "The bytes of a file, decompressed where it is gzipped: `u8[N]`.",
      example: "read_bytes(\"digits.bin.gz\").size"
    ) { call in
      let bytes = try call.fileBytes(0)
      return Slot(
        try bytes.withUnsafeBytes { bytes in
          try Tensor(copying: bytes, shape: [bytes.count], dtype: .u8)
        })
    },
    NativeFunction(
      "csv", "path, separator = \",\", header = true, dtype = \"f32\"",
      documentation: """
        The columns of a table of comma-separated values, as a dict by the names in its first line (by number without a \
        header). A column of whole numbers is an i32 (or i64) tensor, of others one of `dtype` with nan where a cell is \
        empty, any other column a list of strings.
        """,
      example: "let table = csv(\"iris.csv\")"
    ) { call in
      let separator = try call.optional(1, call.text) ?? ","
      guard separator.utf8.count == 1, let byte = separator.utf8.first,
        ![0x0A, 0x0D, 0x22].contains(byte)
      else { throw call.argumentError(1, "a separator is one character such as \",\" or \";\"") }
      let hasHeader = try call.optional(2, call.bool) ?? true
      let dtype = try call.optional(3, call.text) ?? "f32"
      guard let dtype = DType(name: dtype), !dtype.isInteger, dtype != .bool else {
        throw call.argumentError(3, "fractions are f32 or f64")
      }
      let (path, bytes) = (try call.text(0), try call.fileBytes(0))
      let table = try call.vm.decoded { () throws(FileFormatError) in
        try CSV(bytes, name: path, separator: byte, hasHeader: hasHeader)
      }
      return try call.dict(of: table, dtype)
    },
  ]
}

extension NativeCall {
  fileprivate func pair(_ split: MNIST.Split) -> Slot {
    tuple([Slot(split.images), Slot(split.labels)])
  }

  /// A tuple of owned values.
  fileprivate func tuple(_ items: [Slot]) -> Slot { Slot(TupleObject(heap: heap, owned: items)) }

  /// The bytes of the file whose path is an argument, decompressed.
  fileprivate func fileBytes(_ index: Int) throws -> [UInt8] {
    let path = try text(index)
    let raw = try vm.lent { host throws(HostError) in try host.readFile(path) }
    let reader = try vm.decoded { () throws(FileFormatError) in try ByteReader(raw, name: path) }
    guard reader.isCompressed else { return raw }
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 20)
    while true {
      try vm.checkRoom(bytes.count + piece.count)
      let count = try vm.decoded { () throws(FileFormatError) in try reader.fill(&piece) }
      bytes += piece[..<count]
      if count < piece.count { return bytes }
    }
  }

  /// A table's columns by name.
  fileprivate func dict(of table: CSV, _ dtype: DType) throws -> Slot {
    try DictObject.build(heap: heap, capacity: table.columns.count) { dict in
      for (index, column) in table.columns.enumerated() {
        let value: Slot
        switch column {
        case .text(let texts): value = strings(texts)
        case .numbers(let numbers, let isWhole):
          let isSmall = numbers.allSatisfy { abs($0) <= Double(Int32.max) }
          let type = isWhole ? (isSmall ? DType.i32 : .i64) : dtype
          value = Slot(try Tensor(numbers, shape: [numbers.count], dtype: type))
        }
        if table.names.isEmpty {
          dict.set(Slot(index), owned: value)
        } else {
          dict.set(table.names[index], owned: value)
        }
      }
    }
  }
}
