// Finds the file a mistyped path may have meant.

extension FileSystem {
  /// The path in the same folder whose name is nearest to that of `path`, nil when none is near enough.
  func similarPath(to path: String) -> String? {
    let wanted = path.split(separator: "/").last.map(String.init) ?? path
    guard let names = try? list(FileSystem.parent(of: path)) else { return nil }
    if names.contains(wanted + ".nn") { return path + ".nn" }
    guard let name = Suggestion.nearest(to: wanted, among: names.prefix(2000)) else { return nil }
    return path.dropLast(wanted.count) + name
  }
}
