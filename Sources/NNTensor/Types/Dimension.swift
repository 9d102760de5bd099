// What a shape rule may do with one dimension, so that the same rule runs on sizes and on symbols.

/// One axis of a shape: a size at run time, possibly a symbol in the static checker.
package protocol Dimension: Equatable, Sendable, CustomStringConvertible {
  /// The dimension of a size that is known.
  init(_ size: Int)
  /// A dimension about which nothing is known; only the checker has such.
  static var undetermined: Self { get }
  /// The size, where it is known.
  var known: Int? { get }
  /// False only if the two are certainly different sizes.
  func mayEqual(_ other: Self) -> Bool
  /// The more telling of two dimensions that must be the same size.
  func unified(with other: Self) -> Self
  /// This dimension stretched against one of unknown relation to it: both are this size, or one of them is 1.
  func stretched(against other: Self) -> Self

  func adding(_ other: Self) -> Self
  func subtracting(_ other: Self) -> Self
  func multiplied(by other: Self) -> Self
  /// The exact quotient; nil if it certainly is not whole.
  func divided(by other: Self) -> Self?
  /// The quotient rounded down, for a positive divisor.
  func floored(by divisor: Int) -> Self
}

extension Dimension {
  package static func + (a: Self, b: Self) -> Self { a.adding(b) }
  package static func - (a: Self, b: Self) -> Self { a.subtracting(b) }
  package static func * (a: Self, b: Self) -> Self { a.multiplied(by: b) }
}

/// Sizes come from scripts, so arithmetic on them ends at a size that no tensor has instead of overflowing.
extension Int: Dimension {
  private static let beyondAll = 1 << 62

  package func adding(_ other: Int) -> Int {
    let (sum, overflow) = addingReportingOverflow(other)
    return overflow ? Self.beyondAll : sum
  }
  package func subtracting(_ other: Int) -> Int {
    let (difference, overflow) = subtractingReportingOverflow(other)
    return overflow ? Self.beyondAll : difference
  }
  package func multiplied(by other: Int) -> Int {
    let (product, overflow) = multipliedReportingOverflow(by: other)
    return overflow ? Self.beyondAll : product
  }
  package static var undetermined: Int { preconditionFailure("sizes are known when an op runs") }
  package var known: Int? { self }
  package func mayEqual(_ other: Int) -> Bool { self == other }
  package func unified(with other: Int) -> Int { self }
  package func stretched(against other: Int) -> Int { self == 1 ? other : self }

  package func divided(by other: Int) -> Int? {
    other != 0 && self % other == 0 ? self / other : nil
  }

  package func floored(by divisor: Int) -> Int {
    self >= 0 ? self / divisor : -((divisor - 1 - self) / divisor)
  }
}
