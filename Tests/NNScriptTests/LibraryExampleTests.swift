// The library's documentation: every public definition says what it does, with shapes and an example, and every example runs.
import Foundation
import NNScript
import NNSyntax
import Testing

/// One documented definition of a library file.
private struct Definition: Sendable, CustomTestStringConvertible {
  let file: String
  let line: Int
  let name: String
  let documentation: String

  var place: String { "\(file):\(line)" }

  /// Whether it is a part of plots that programs do not see.
  var isInternal: Bool { ["axis.nn", "canvas.nn", "figure.nn", "lettering.nn"].contains(file) }

  var fileText: String {
    Self.files.first { $0.0 == file }?.1.joined(separator: "\n") ?? ""
  }

  var testDescription: String { "\(place) \(name)" }

  /// The code between the backticks behind `Example:`.
  var example: String? {
    guard let mark = documentation.range(of: "Example: `") else { return nil }
    let rest = documentation[mark.upperBound...]
    return rest.firstIndex(of: "`").map { String(rest[..<$0]) }
  }

  /// All public definitions at the top level of the library's files.
  static let all: [Definition] = files.flatMap { name, lines in
    publicLines(lines, indent: "").map { definition(in: lines, at: $0, of: name) }
  }

  /// The methods of public models that can be called from outside.
  static let methods: [Definition] = files.flatMap { name, lines in
    publicLines(lines, indent: "    ").filter { line in
      let model = lines[..<line].last { $0.hasPrefix("model ") || $0.hasPrefix("fn ") } ?? ""
      return model.hasPrefix("model ") && !model.hasPrefix("model _")
    }
    .map { definition(in: lines, at: $0, of: name) }
  }

  private static let files: [(String, [String])] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("stdlib")
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasSuffix(".nn") }.sorted().map { name in
      let text = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      return (name, (text ?? "").components(separatedBy: "\n"))
    }
  }()

  /// The lines at this indentation that define something whose name has no underscore in front.
  private static func publicLines(_ lines: [String], indent: String) -> [Int] {
    lines.indices.filter { index in
      ["fn ", "model ", "let "].contains { keyword in
        let start = indent + keyword
        guard lines[index].hasPrefix(start) else { return false }
        if !indent.isEmpty, keyword != "fn " { return false }
        return lines[index].dropFirst(start.count).first.map { $0.isLetter } ?? false
      }
    }
  }

  /// The definition on a line, with the `##` lines right before it.
  private static func definition(in lines: [String], at line: Int, of file: String) -> Definition {
    var first = line
    while first > 0, lines[first - 1].trimmingCharacters(in: .whitespaces).hasPrefix("##") {
      first -= 1
    }
    let comment = lines[first..<line].map {
      $0.trimmingCharacters(in: .whitespaces).dropFirst(2).trimmingCharacters(in: .whitespaces)
    }
    let words = lines[line].split { !($0.isLetter || $0.isNumber || $0 == "_") }
    return Definition(
      file: file, line: line + 1, name: String(words[1]),
      documentation: comment.joined(separator: "\n"))
  }
}

@Suite struct LibraryExampleTests {
  @Test func thereAreManyDefinitions() {
    #expect(Definition.all.count > 130)
    #expect(Definition.methods.count > 60)
  }

  @Test func everyMethodIsDocumented() {
    #expect(Definition.methods.filter { $0.documentation.isEmpty }.map(\.testDescription) == [])
  }

  @Test(arguments: Definition.all)
  private func hasShapesAndAnExampleThatRuns(_ definition: Definition) throws {
    if !definition.isInternal {
      #expect(definition.documentation.contains("Shapes: "), "\(definition.testDescription)")
    }
    let example = try #require(definition.example, "\(definition.testDescription) has no example")
    #expect(example.contains(definition.name))
    let own = definition.isInternal ? definition.fileText : ""
    #expect(failure(of: example, own) == nil, "\(example)")
  }

  /// What goes wrong when an example runs inside a function, after the text of its file if that is not visible otherwise.
  private func failure(of example: String, _ own: String) -> String? {
    let imports = example.hasPrefix("import plot; ") ? "import plot" : ""
    let code = example.replacingOccurrences(of: "import plot; ", with: "")
    let source = [imports, own, Self.prelude, "fn example() {", code, "}", "example()", ""]
      .joined(separator: "\n")
    let interpreter = Interpreter(host: machine(), path: "example.nn")
    defer { interpreter.tearDown() }
    switch interpreter.run(source: Array(source.utf8), name: "example.nn") {
    case .finished: return nil
    case .refused(let found): return found.map(\.message).joined(separator: "\n")
    case .failed(let error, _): return error.message
    default: return "it ended early"
    }
  }

  /// What examples may use without defining it.
  private static let prelude = """
    let images = to(rand(40, 28, 28, 1) * 255, "u8")
    let x = to(images, "f32") / 255
    let y = randint(0, 10, [40])
    let train = Dataset(images, y)
    let test = Dataset(images[:20], y[:20])
    let net = Sequential(Flatten(), Linear(784, 10))
    let g = grad(net => cross_entropy(net(x), y))(net)
    let opt = SGD(net)
    let series = {name: "", x: arange(3, dtype: "f64"), y: arange(3, dtype: "f64"), mark: "line"}
    let x_axis = {low: 0, high: 2, ticks: [(0, "0"), (2, "2")], logarithmic: false}
    let y_axis = x_axis
    let chart = {title: "", xlabel: "", ylabel: "", x: x_axis, y: y_axis, series: [series]}
    """

  /// A machine that keeps its files in memory, with a few examples of each data set.
  private func machine() -> NNScript.Host {
    let files = Files()
    var host = NNScript.Host()
    host.environment = { $0 == "NNSCRIPT_DATA" ? "/data" : nil }
    host.seconds = { 0 }
    host.entry = { files.contents[$0] == nil ? nil : .file }
    host.makeFolder = { _ throws(HostError) in }
    host.readFile = { path throws(HostError) in
      guard let bytes = files.contents[path] else { throw HostError("cannot read \(path)") }
      return bytes
    }
    host.writeFile = { path, bytes throws(HostError) in files.contents[path] = bytes }
    return host
  }

  private final class Files {
    var contents: [String: [UInt8]] = [
      "/data/names/names.txt": Array("ada\nbela\n".utf8),
      "/data/tinyshakespeare/input.txt": Array("First Citizen:\nSpeak.\n".utf8),
      "/data/cifar10/data_batch_1.bin": [UInt8](repeating: 1, count: 2 * 3073),
      "/data/cifar10/test_batch.bin": [UInt8](repeating: 2, count: 3073),
    ]

    init() {
      for set in ["mnist", "fashion_mnist"] {
        for (stem, count) in [("train", UInt8(3)), ("t10k", 2)] {
          contents["/data/\(set)/\(stem)-images-idx3-ubyte"] =
            [0, 0, 8, 3, 0, 0, 0, count, 0, 0, 0, 28, 0, 0, 0, 28]
            + [UInt8](repeating: 7, count: 784 * Int(count))
          contents["/data/\(set)/\(stem)-labels-idx1-ubyte"] =
            [0, 0, 8, 1, 0, 0, 0, count] + [UInt8](repeating: 9, count: Int(count))
        }
      }
    }
  }
}
