// Reads what a test script of the language expects: the `# expect` comments in it.
import Foundation
import Testing

/// One file of `language/` and the comments that say what running it must do.
///
/// - `# expect: TEXT`: the next line of output; with nothing behind the colon, an empty line.
/// - `# expect error: TEXT`: the run ends in an error whose text has `TEXT` in it (several: all of them).
/// - `# expect kind: NAME`, `# expect at: LINE` or `LINE:COLUMN`, `# expect in: FILE`: the error's kind and place.
/// - `# expect help: TEXT`: one of the error's help lines has `TEXT` in it.
/// - `# expect warning: TEXT`: a warning has `TEXT` in it.
/// - `# expect foreseen: TEXT`: the static checker refuses the program with an error whose text has `TEXT` in it;
///   `# expect unforeseen: REASON`: it does not, for this reason. `# expect warned: TEXT`: it warns of one;
///   `# expect silence: REASON`: it says nothing at all.
/// - `# expect status: N`: the exit status, where 2 means refused before the run.
struct LanguageCase: Sendable, CustomTestStringConvertible {
  let path: String
  let name: String
  var output: [String] = []
  var errors: [String] = []
  var helps: [String] = []
  var warnings: [String] = []
  var foreseen: [String] = []
  var unforeseen: String?
  var warned: [String] = []
  var silence: String?
  var kind: String?
  var place: String?
  var file: String?
  var status: Int32?
  var expectsSomething = false

  var testDescription: String { name }

  /// Whether the run has to end in an error.
  var fails: Bool { !errors.isEmpty || kind != nil }

  init(path: String, name: String, source: String) {
    self.path = path
    self.name = name
    for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
      guard let mark = line.range(of: "# expect") else { continue }
      read(line[mark.upperBound...])
    }
  }

  /// Takes in what stands behind `# expect`.
  private mutating func read(_ text: Substring) {
    guard let colon = text.firstIndex(of: ":") else { return }
    expectsSomething = true
    var value = text[text.index(after: colon)...]
    if value.first == " " { value = value.dropFirst() }
    let found = String(value)
    switch text[..<colon].trimmingCharacters(in: .whitespaces) {
    case "": output.append(found)
    case "error": errors.append(found)
    case "help": helps.append(found)
    case "warning": warnings.append(found)
    case "foreseen": foreseen.append(found)
    case "unforeseen": unforeseen = found
    case "warned": warned.append(found)
    case "silence": silence = found
    case "kind": kind = found
    case "at": place = found
    case "in": file = found
    case "status": status = Int32(found)
    default: preconditionFailure("\(name): unknown expectation\(text)")
    }
  }

  /// Every case below the folder `language/`, in the order of their names; files that expect nothing are helpers.
  static func all() -> [LanguageCase] {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
      .appendingPathComponent("language")
    guard let names = FileManager.default.enumerator(atPath: folder.path) else { return [] }
    return names.compactMap { $0 as? String }.filter { $0.hasSuffix(".nn") }.sorted().compactMap {
      name in
      let path = folder.appendingPathComponent(name).path
      guard let source = try? String(contentsOfFile: path, encoding: .utf8) else { return nil }
      let found = LanguageCase(path: path, name: name, source: source)
      return found.expectsSomething ? found : nil
    }
  }
}
