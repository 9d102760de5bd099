// Reads the reference vectors in `reference/*.txt`, which `reference/generate.py` writes.
import Foundation
import NNTensor

/// What one array must be.
struct ReferenceArray: Sendable {
  let shape: [Int]
  let values: [Double]

  /// A shape in brackets, then base64 of the upper six bytes of each f64.
  init(_ text: Substring) {
    let end = text.firstIndex(of: "]")!
    shape = text[text.index(after: text.startIndex)..<end].split(separator: ",").map { Int($0)! }
    let bytes = [UInt8](Data(base64Encoded: String(text[text.index(after: end)...]))!)
    values = stride(from: 0, to: bytes.count, by: 6).map { start in
      let bits = (0..<6).reduce(UInt64(0)) { $0 | UInt64(bytes[start + $1]) << UInt64(16 + 8 * $1) }
      return Double(bitPattern: bits)
    }
  }
}

/// One application of a row and what torch says its results and gradients are.
struct ReferenceCase: Sendable, CustomStringConvertible {
  let name: String
  /// What the operands are drawn from, beside the name.
  let number: Int
  /// The line, without results, for messages.
  let description: String
  let inputs: [ReferenceInput]
  private let arguments: [Substring]
  let results: [ReferenceArray]
  /// By operand; nil where the row has no gradient, an element nil for operands without.
  let gradients: [ReferenceArray?]?

  init(_ line: Substring) {
    let fields = line.split(separator: "|", omittingEmptySubsequences: false).map {
      $0.split(separator: " ")
    }
    name = String(fields[0][0])
    number = Int(fields[0][1])!
    description =
      "\(name)#\(number) \(fields[1].joined(separator: " ")) \(fields[2].joined(separator: " "))"
    inputs = fields[1].map { ReferenceInput($0) }
    arguments = fields[2]
    results = fields[3].map { ReferenceArray($0) }
    let isWithout = fields[4].allSatisfy { $0 == "-" }
    gradients = isWithout ? nil : fields[4].map { $0 == "-" ? nil : ReferenceArray($0) }
  }

  /// The arguments that are not tensors; `d*` is the float type under test.
  func attributes(_ dtype: DType) -> [Attribute] {
    arguments.map { text in
      let rest = text.dropFirst()
      switch text.first {
      case "b": return .bool(rest == "1")
      case "i": return .int(Int(rest)!)
      case "l": return .ints(rest.split(separator: ",").map { Int($0)! })
      case "n": return .number(Double(rest)!)
      case "d": return .dtype(DType(name: rest) ?? dtype)
      case "s": return .string(rest.replacingOccurrences(of: "~", with: " "))
      case "z":
        return .sizes(
          rest.split(separator: ",").map { part in
            let sides = part.split(separator: "=")
            return NamedSize(String(sides[0]), Int(sides[1])!)
          })
      case "x":
        let items = rest.split(separator: ",", omittingEmptySubsequences: false)
        return .index(items.map(Self.item))
      default: return .none
      }
    }
  }

  private static func item(_ text: Substring) -> IndexItem {
    let rest = text.dropFirst()
    switch text.first {
    case "@": return .at(Int(rest)!)
    case "n": return .newAxis
    case "e": return .ellipsis
    case "m": return .mask(operand: Int(rest)!)
    case "t": return .integers(operand: Int(rest)!)
    default:
      let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
      return .slice(start: parts[0], stop: parts[1], step: parts[2])
    }
  }

  /// All cases, by row.
  static let byRow: [String: [ReferenceCase]] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("reference")
    let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    var rows: [String: [ReferenceCase]] = [:]
    for file in files.sorted() where file.hasSuffix(".txt") {
      let path = folder.appendingPathComponent(file).path
      guard let text = try? String(contentsOfFile: path, encoding: .utf8) else { continue }
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let found = ReferenceCase(line)
        rows[found.name, default: []].append(found)
      }
    }
    return rows
  }()
}
