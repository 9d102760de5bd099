// Natives that walk over nested values. A few containers that hold each other many times stand for more values than any machine
// can visit, so every walk pays for what it looks at and may look at so much.

extension VM {
  /// Pays for values that a native looks at, as a loop of the script would: throws where the script must stop.
  @inline(__always) func pay(_ count: Int = 1) throws {
    fuel &-= count
    if fuel < 0 { try payMore() }
  }

  @inline(never) private func payMore() throws {
    while fuel < 0 {
      try interrupts.check(heap: heap)
      fuel += try interrupts.nextSlice()
    }
  }
}

/// Counts what one walk looks at that makes something of each value, and ends it where that would be absurdly much.
final class WalkMeter {
  private unowned(unsafe) let vm: VM
  /// What walks, for the message.
  private let name: String
  /// What it costs to look at one value.
  private let cost: Int
  /// Whether the script pays; a host that looks at what a stopped one left does not.
  private let pays: Bool
  private var total = 0

  /// Containers cost more memory than what is in them.
  private static let containerFactor = 16
  /// Elements that may be looked at where each costs 1.
  private static let most = 1 << 24

  /// A walk that makes much of each value, such as a path, has a cost above 1.
  init(_ vm: VM, _ name: String, cost: Int = 1, pays: Bool = true) {
    self.vm = vm
    self.name = name
    self.cost = cost
    self.pays = pays
  }

  /// Throws where one value more is too much, or the script must stop.
  func visit(_ value: Slot) throws {
    switch value.tag {
    case Tag.list, Tag.tuple, Tag.dict: total += cost * Self.containerFactor
    default: total += cost
    }
    if pays { try vm.pay(cost) }
    guard total > Self.most else { return }
    let values = Self.most / cost
    throw ScriptError(
      .limit,
      "\(name): there are more than \(values) values or \(values / Self.containerFactor) lists to go through",
      help:
        "a list that is in others many times counts each time; numbers are one value as a tensor"
    )
  }
}

/// Pairs of containers that a comparison has met. The first ones are not written down: most comparisons end before.
struct MetPairs {
  private struct Pair: Hashable {
    let left: UInt64
    let right: UInt64
  }

  private var pairs: Set<Pair> = []
  private var count = 0

  private static let unrecorded = 256

  /// False for a pair that is known to have been here.
  mutating func insert(_ left: UInt64, _ right: UInt64) -> Bool {
    count += 1
    if count <= Self.unrecorded { return true }
    return pairs.insert(Pair(left: left, right: right)).inserted
  }

  /// Whether a pair is known to have been here.
  func contains(_ left: UInt64, _ right: UInt64) -> Bool {
    !pairs.isEmpty && pairs.contains(Pair(left: left, right: right))
  }
}
