// Axes as arguments: one, several or all, counted from either end.

/// Reads axis arguments against a rank.
enum Axes {
  /// One axis counted from the front.
  static func one(
    _ attribute: Attribute, rank: Int, standard: Int? = nil, in name: String
  ) throws(TensorError) -> Int {
    switch attribute {
    case .int(let axis): return try checked(axis, rank: rank, in: name)
    case .ints(let list) where list.count == 1: return try checked(list[0], rank: rank, in: name)
    case .none:
      if let standard { return try checked(standard, rank: rank, in: name) }
      fallthrough
    default: throw TensorError("argument", "\(name): the axis must be one whole number")
    }
  }

  /// Several axes, ascending; all of them where none are named.
  static func several(
    _ attribute: Attribute, rank: Int, in name: String
  ) throws(TensorError) -> [Int] {
    switch attribute {
    case .none: return Array(0..<rank)
    case .int(let axis): return [try checked(axis, rank: rank, in: name)]
    case .ints(let list):
      let axes = try listed(list, rank: rank, in: name).sorted()
      for (axis, next) in zip(axes, axes.dropFirst()) where axis == next {
        throw TensorError("argument", "\(name): axis \(axis) is named twice")
      }
      return axes
    default: throw TensorError("argument", "\(name): an axis is a whole number")
    }
  }

  /// Axes in the order given.
  static func listed(_ list: [Int], rank: Int, in name: String) throws(TensorError) -> [Int] {
    var axes: [Int] = []
    for axis in list { axes.append(try checked(axis, rank: rank, in: name)) }
    return axes
  }

  /// An axis counted from the front.
  static func checked(_ axis: Int, rank: Int, in name: String) throws(TensorError) -> Int {
    guard axis >= -rank && axis < rank else {
      let range = rank == 0 ? "a scalar has no axes" : "axes go from \(-rank) to \(rank - 1)"
      throw TensorError("index", "\(name): there is no axis \(axis) in rank \(rank)", help: range)
    }
    return axis < 0 ? axis + rank : axis
  }
}

extension Attribute {
  /// A bool argument; false where it was left out.
  var isTrue: Bool { self == .bool(true) }

  /// A whole number argument.
  var int: Int? {
    switch self {
    case .int(let int): int
    case .number(let number): Int(exactly: number)
    default: nil
    }
  }

  /// A number argument.
  var number: Double? {
    switch self {
    case .number(let number): number
    case .int(let int): Double(int)
    default: nil
    }
  }

  /// A list of whole numbers; one stands for itself.
  var list: [Int]? {
    switch self {
    case .ints(let list): list
    case .int(let int): [int]
    default: nil
    }
  }
}
