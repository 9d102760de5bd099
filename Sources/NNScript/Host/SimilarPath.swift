// Finds the file a mistyped path may have meant.

extension FileSystem {
  /// The path in the same folder whose name is nearest to that of `path`, nil when none is near enough.
  func similarPath(to path: String) -> String? {
    let folder = FileSystem.parent(of: path)
    let wanted = path.split(separator: "/").last.map(String.init) ?? path
    guard wanted.utf8.count <= 64, let names = try? list(folder) else { return nil }
    let limit = max(1, wanted.utf8.count / 4)
    var best: (name: String, distance: Int)?
    for name in names.prefix(2000) where abs(name.utf8.count - wanted.utf8.count) <= limit {
      let distance = editDistance(name.lowercased(), wanted.lowercased())
      if distance <= limit, distance < best?.distance ?? .max { best = (name, distance) }
    }
    guard let best else {
      let withSuffix = wanted + ".nn"
      return names.contains(withSuffix) ? path + ".nn" : nil
    }
    return String(path.dropLast(wanted.count)) + best.name
  }
}

/// How many bytes must be inserted, removed, replaced or swapped with their neighbour to turn one name into the other.
private func editDistance(_ a: String, _ b: String) -> Int {
  let a = Array(a.utf8)
  let b = Array(b.utf8)
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [i + 1] + [Int](repeating: 0, count: b.count)
    for j in 0..<b.count {
      row[j + 1] = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
      }
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
