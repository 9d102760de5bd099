// Byte pair encoding (Sennrich et al. 2016) over UTF-8 bytes: learns which pairs to merge, encodes and decodes.

/// Two tokens that stand side by side.
struct BytePair: Hashable {
  let left: Int32
  let right: Int32
}

/// Learns merges: again and again the most frequent pair of neighbours becomes a token of its own.
///
/// Tokens 0 to 255 are bytes; merge `i` makes token `256 + i`. Pairs do not cross the pieces of `TextPieces`. Of equally
/// frequent pairs the one with the smaller tokens goes first, so that the result does not depend on hashing.
struct BytePairTrainer {
  private var words: [[Int32]] = []
  private var counts: [Int] = []
  private var pairCounts: [BytePair: Int] = [:]
  /// In which words a pair was ever seen.
  private var places: [BytePair: Set<Int>] = [:]

  init(_ text: UnsafeBufferPointer<UInt8>) {
    var indices: [[UInt8]: Int] = [:]
    TextPieces.forEach(in: text) { piece in
      let key = Array(piece)
      if let index = indices[key] {
        counts[index] += 1
      } else {
        indices[key] = words.count
        words.append(piece.map(Int32.init))
        counts.append(1)
      }
    }
    for index in words.indices { count(words[index], in: index, times: counts[index]) }
  }

  /// Up to `most` merges, fewer where no pair occurs twice; `check` may throw to stop.
  mutating func merges(most: Int, check: () throws -> Void) throws -> [BytePair] {
    var merges: [BytePair] = []
    while merges.count < most, let best = mostFrequent() {
      try check()
      merge(best, into: Int32(256 + merges.count))
      merges.append(best)
    }
    return merges
  }

  private func mostFrequent() -> BytePair? {
    var best: (pair: BytePair, count: Int)?
    for (pair, count) in pairCounts where count >= 2 {
      guard let (found, most) = best else {
        best = (pair, count)
        continue
      }
      if count > most
        || count == most && (pair.left, pair.right) < (found.left, found.right)
      {
        best = (pair, count)
      }
    }
    return best?.pair
  }

  private mutating func merge(_ pair: BytePair, into token: Int32) {
    for index in places.removeValue(forKey: pair) ?? [] {
      let word = words[index]
      let merged = BytePairs.merged(word, pair, into: token)
      guard merged.count < word.count else { continue }
      count(word, in: nil, times: -counts[index])
      words[index] = merged
      count(merged, in: index, times: counts[index])
    }
    pairCounts[pair] = nil
  }

  /// Adds `times` to the pairs of a word, and notes the word's index for them.
  private mutating func count(_ word: [Int32], in index: Int?, times: Int) {
    for (left, right) in zip(word, word.dropFirst()) {
      let pair = BytePair(left: left, right: right)
      let sum = pairCounts[pair, default: 0] + times
      pairCounts[pair] = sum == 0 ? nil : sum
      if let index { places[pair, default: []].insert(index) }
    }
  }
}

/// Encodes and decodes by a list of merges.
struct BytePairs {
  private let ranks: [BytePair: Int32]
  /// The bytes of every token.
  private let tokens: [[UInt8]]
  private var known: [[UInt8]: [Int32]] = [:]

  /// Most bytes that all tokens together may have: merges that double a token each time would take all memory.
  private static let mostBytes = 1 << 28

  /// Nil where a merge names a token that does not exist yet, or the tokens get too long.
  init?(_ merges: [BytePair]) {
    var ranks: [BytePair: Int32] = [:]
    var tokens = (0..<256).map { [UInt8($0)] }
    var total = 0
    for pair in merges {
      let range = 0..<Int32(tokens.count)
      guard range.contains(pair.left), range.contains(pair.right) else { return nil }
      if ranks[pair] == nil { ranks[pair] = Int32(tokens.count) }
      total += tokens[Int(pair.left)].count + tokens[Int(pair.right)].count
      guard total <= Self.mostBytes else { return nil }
      tokens.append(tokens[Int(pair.left)] + tokens[Int(pair.right)])
    }
    self.ranks = ranks
    self.tokens = tokens
  }

  /// The tokens of a text; a piece that comes again is looked up.
  mutating func encode(
    _ text: UnsafeBufferPointer<UInt8>, check: () throws -> Void
  ) rethrows -> [Int32] {
    var result: [Int32] = []
    try TextPieces.forEach(in: text) { piece in
      let key = Array(piece)
      if let tokens = known[key] {
        result += tokens
        return
      }
      try check()
      let tokens = encode(piece: piece.map(Int32.init))
      known[key] = tokens
      result += tokens
    }
    return result
  }

  /// Applies the merges to one piece, the earliest learnt first.
  private func encode(piece: [Int32]) -> [Int32] {
    var piece = piece
    while piece.count > 1 {
      var best: (pair: BytePair, token: Int32)?
      for (left, right) in zip(piece, piece.dropFirst()) {
        let pair = BytePair(left: left, right: right)
        guard let token = ranks[pair], token < best?.token ?? .max else { continue }
        best = (pair, token)
      }
      guard let best else { break }
      piece = Self.merged(piece, best.pair, into: best.token)
    }
    return piece
  }

  /// How many bytes a sequence of tokens has; nil where one does not exist.
  func size(_ ids: [Int]) -> Int? {
    var size = 0
    for id in ids {
      guard tokens.indices.contains(id) else { return nil }
      size += tokens[id].count
    }
    return size
  }

  /// The bytes of a sequence of tokens, all of which exist.
  func decode(_ ids: [Int]) -> [UInt8] { ids.flatMap { tokens[$0] } }

  /// How many tokens there are.
  var count: Int { tokens.count }

  /// A word with each occurrence of a pair replaced by a token.
  static func merged(_ word: [Int32], _ pair: BytePair, into token: Int32) -> [Int32] {
    var result: [Int32] = []
    result.reserveCapacity(word.count)
    var index = 0
    while index < word.count {
      if index + 1 < word.count, word[index] == pair.left, word[index + 1] == pair.right {
        result.append(token)
        index += 2
      } else {
        result.append(word[index])
        index += 1
      }
    }
    return result
  }
}
