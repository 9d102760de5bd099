// Shapes: up to eight dimensions stored inline.

/// The dimensions of a tensor, outermost first; rank 0 to 8, no allocation.
package struct Dims<D: Dimension>: Equatable, Sendable {
  private var storage: InlineArray<8, D>
  private var rankByte: UInt8

  /// The highest rank there is.
  package static var maximumRank: Int { 8 }

  /// The shape of a scalar.
  @inline(__always) package init() {
    storage = InlineArray(repeating: D(1))
    rankByte = 0
  }

  /// A shape of `rank` equal dimensions, at most 8.
  @inline(__always) package init(rank: Int, repeating dimension: D) {
    storage = InlineArray(repeating: dimension)
    rankByte = UInt8(rank)
  }

  /// A shape from a list of at most 8 dimensions.
  package init(_ dimensions: some Collection<D>) {
    precondition(dimensions.count <= 8, "callers refuse ranks over 8 first")
    self.init()
    for dimension in dimensions { append(dimension) }
  }

  /// How many axes there are.
  @inline(__always) package var rank: Int { Int(rankByte) }
  /// The axes, outermost first.
  @inline(__always) package var indices: Range<Int> { 0..<rank }

  @inline(__always) package subscript(axis: Int) -> D {
    get {
      precondition(axis >= 0 && axis < rank)
      return storage[axis]
    }
    set {
      precondition(axis >= 0 && axis < rank)
      storage[axis] = newValue
    }
  }

  /// Adds an innermost axis; the rank must be under 8.
  package mutating func append(_ dimension: D) {
    storage[Int(rankByte)] = dimension
    rankByte += 1
  }

  /// Adds an axis before `axis`; the rank must be under 8.
  package mutating func insert(_ dimension: D, at axis: Int) {
    precondition(axis <= rank)
    append(dimension)
    var position = rank - 1
    while position > axis {
      storage[position] = storage[position - 1]
      position -= 1
    }
    storage[axis] = dimension
  }

  /// Takes an axis away.
  package mutating func remove(at axis: Int) {
    precondition(axis >= 0 && axis < rank)
    for position in axis..<rank - 1 { storage[position] = storage[position + 1] }
    rankByte -= 1
  }

  /// The dimensions as an array.
  package var array: [D] { indices.map { storage[$0] } }

  /// The axes from `axis` on.
  package func suffix(from axis: Int) -> Dims {
    var result = Dims()
    for position in axis..<max(axis, rank) { result.append(storage[position]) }
    return result
  }

  /// The axes before `axis`.
  package func prefix(_ axis: Int) -> Dims {
    var result = self
    result.rankByte = UInt8(axis)
    return result
  }

  /// Whether these are the last axes of a shape of higher rank.
  func isSuffix(of other: Dims) -> Bool {
    let offset = other.rank - rank
    guard offset > 0 else { return false }
    for axis in indices where storage[axis] != other.storage[axis + offset] { return false }
    return true
  }

  /// The number of elements of the axes in a range.
  package func product(_ axes: Range<Int>) -> D {
    var result = D(1)
    for axis in axes { result = result * storage[axis] }
    return result
  }

  package static func == (a: Dims, b: Dims) -> Bool { a.equals(b) }

  @inline(__always) private func equals(_ other: Dims) -> Bool {
    guard rankByte == other.rankByte else { return false }
    for axis in 0..<Int(rankByte) where storage[axis] != other.storage[axis] { return false }
    return true
  }
}

extension Dims where D == Int {
  /// Not generic, so that it is quick for callers in other modules too.
  @inline(__always) package static func == (a: Shape, b: Shape) -> Bool { a.equals(b) }
}

extension Dims: BitwiseCopyable where D: BitwiseCopyable {}

extension Dims: CustomStringConvertible {
  /// As messages write it: `[2, 3]`.
  package var description: String {
    "[" + indices.map { storage[$0].description }.joined(separator: ", ") + "]"
  }
}

extension Dims: ExpressibleByArrayLiteral {
  package init(arrayLiteral elements: D...) { self.init(elements) }
}

/// The shape of a tensor.
package typealias Shape = Dims<Int>

extension Dims where D == Int {
  /// The number of elements.
  @inline(__always) package var count: Int {
    var result = 1
    for axis in 0..<rank { result &*= storage[axis] }
    return result
  }

  /// The distance between neighbours along each axis of a dense row-major tensor, in elements.
  package var strides: Strides {
    var result = Strides(rank: rank, repeating: 1)
    var step = 1
    for axis in indices.reversed() {
      result[axis] = step
      step *= storage[axis]
    }
    return result
  }
}

/// Distances along axes, in elements.
package typealias Strides = Dims<Int>
