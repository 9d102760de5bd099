// Arithmetic on numbers beyond what one instruction of the processor does.

/// Floor division and its remainder, as Python defines them.
enum Arithmetic {
  /// Numbers below this are whole exactly and divide as integers.
  private static let exact = 0x1p53

  /// The whole number, if it is one that integer division handles.
  @inline(__always) private static func whole(_ x: Double) -> Int? {
    guard x.magnitude < exact else { return nil }
    let int = Int(x)
    return Double(int) == x ? int : nil
  }

  /// `x // y`: the quotient rounded down.
  static func floorDivide(_ x: Double, _ y: Double) -> Double {
    if let a = whole(x), let b = whole(y), b != 0 {
      let quotient = a / b
      return Double(a % b != 0 && (a < 0) != (b < 0) ? quotient - 1 : quotient)
    }
    if y == 0 || !x.isFinite || !y.isFinite { return (x / y).rounded(.down) }
    let rest = remainder(x, y)
    let quotient = (x - rest) / y
    let floor = quotient.rounded(.down)
    return quotient - floor > 0.5 ? floor + 1 : floor
  }

  /// `x % y`, with the sign of `y`.
  static func remainder(_ x: Double, _ y: Double) -> Double {
    if let a = whole(x), let b = whole(y), b != 0 {
      let rest = a % b
      return Double(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest)
    }
    if y.isInfinite, x.isFinite { return x == 0 || (x < 0) == (y < 0) ? x : y }
    let rest = x.truncatingRemainder(dividingBy: y)
    if rest == 0 { return y < 0 ? -0.0 : 0 }
    return (rest < 0) != (y < 0) ? rest + y : rest
  }
}
