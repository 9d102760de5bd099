// The random choices of the fuzzers, repeatable from a seed.

/// SplitMix64 (Steele, Lea, Flood 2014).
package struct FuzzRandom: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = seed }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  /// One of some choices, of which there must be one.
  package mutating func pick<Choices: RandomAccessCollection>(_ choices: Choices) -> Choices.Element
  {
    choices[choices.index(choices.startIndex, offsetBy: below(choices.count))]
  }

  /// True once in `n` times.
  package mutating func chance(_ n: Int) -> Bool { below(n) == 0 }

  /// A number from 0 up to a limit.
  package mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(max(limit, 1))) }
}
