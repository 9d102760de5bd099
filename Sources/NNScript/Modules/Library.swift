// The library that comes with the language: which of the embedded files defines a name.
import NNStdlib

/// The embedded library files. A file is only looked through for its names here; it is parsed when one of them is used.
enum Library {
  struct File: Sendable {
    let name: String
    let text: String
    /// The public names it defines at top level.
    let names: [String]
  }

  static let files: [File] = (0..<Int(nnstdlib_count())).compactMap { index in
    var name: UnsafePointer<CChar>?
    var length: Int32 = 0
    guard let text = nnstdlib_file(Int32(index), &name, &length), let name else { return nil }
    let bytes = UnsafeRawBufferPointer(start: text, count: Int(length))
    return File(
      name: String(cString: name), text: String(decoding: bytes, as: UTF8.self),
      names: definedNames(bytes))
  }

  /// Files whose names are not visible everywhere, but only through `import`.
  private static let importOnly: Set<String> = ["plot", "axis", "canvas", "figure", "lettering"]

  /// For each name that is visible everywhere, the file that defines it.
  static let fileOfName: [String: Int] = {
    var result: [String: Int] = [:]
    for (index, file) in files.enumerated() where !importOnly.contains(file.name) {
      for name in file.names { result[name] = index }
    }
    return result
  }()

  static func file(named name: String) -> Int? { files.firstIndex { $0.name == name } }

  /// The names after `fn`, `model` and `let` at the beginnings of lines.
  private static func definedNames(_ text: UnsafeRawBufferPointer) -> [String] {
    text.split(separator: UInt8(ascii: "\n")).compactMap { line in
      for keyword in ["fn ", "model ", "let "] where line.starts(with: keyword.utf8) {
        let name = line.dropFirst(keyword.utf8.count).prefix(while: isNameByte)
        let isPrivate = name.first == UInt8(ascii: "_")
        return name.isEmpty || isPrivate ? nil : String(decoding: name, as: UTF8.self)
      }
      return nil
    }
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...:
      true
    default: false
    }
  }
}
