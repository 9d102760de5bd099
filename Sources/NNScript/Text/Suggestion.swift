// Finds the name that was probably meant where an unknown one was written.

/// Nearest names by edit distance, for "did you mean" help lines.
package enum Suggestion {
  /// The candidate nearest to `name`, if it is near enough to be a slip of the keyboard.
  ///
  /// Near enough is one edit for up to four letters, two up to eight, three beyond; names that differ in case only
  /// are always near. Among equals the first wins. Where none is near, a name that goes on after this one is meant,
  /// such as `glorot_uniform` by `glorot`.
  package static func nearest(to name: String, among candidates: some Sequence<String>) -> String? {
    let wanted = Array(name.unicodeScalars)
    guard !wanted.isEmpty, wanted.count <= 64 else { return nil }
    let (lowered, length) = (name.lowercased(), name.utf8.count)
    var limit = wanted.count <= 4 ? 1 : wanted.count <= 8 ? 2 : 3
    var best: String?
    for candidate in candidates where candidate != name {
      if candidate.utf8.count == length, candidate.lowercased() == lowered { return candidate }
      let other = Array(candidate.unicodeScalars)
      guard abs(other.count - wanted.count) <= limit else { continue }
      let found = distance(wanted, other)
      // A name of which nothing is left is no likely slip.
      guard found < min(wanted.count, other.count) else { continue }
      if found < limit || (found == limit && best == nil) {
        best = candidate
        limit = found
      }
    }
    return best ?? candidates.first { continues(name, in: $0) }
  }

  /// Whether a candidate begins with the name: with a short one only as a whole word.
  private static func continues(_ name: String, in candidate: String) -> Bool {
    candidate.count > name.count && candidate.lowercased().hasPrefix(name.lowercased())
      && (name.count >= 4 || name.count >= 2 && candidate.dropFirst(name.count).first == "_")
  }

  /// `did you mean 'x'?`, if some candidate is near.
  package static func help(for name: String, among candidates: some Sequence<String>) -> String? {
    nearest(to: name, among: candidates).map { "did you mean '\($0)'?" }
  }

  /// How many insertions, removals, replacements and swaps of neighbours lead from one name to the other.
  static func distance(_ a: [Unicode.Scalar], _ b: [Unicode.Scalar]) -> Int {
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in a.indices {
      var row = [i + 1]
      row.reserveCapacity(b.count + 1)
      for j in b.indices {
        var cost = min(last[j + 1] + 1, row[j] + 1, last[j] + (a[i] == b[j] ? 0 : 1))
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          cost = min(cost, beforeLast[j - 1] + 1)
        }
        row.append(cost)
      }
      beforeLast = last
      last = row
    }
    return last[b.count]
  }
}
