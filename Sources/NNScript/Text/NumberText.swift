// Writes numbers in the shortest form that reads back to the same value.

/// The shortest decimal digits that read back as a given float, and where its point stands.
///
/// The value is `d.ddd × 10^exponent`, where `digits` holds `dddd` as ASCII without zeros at either end
/// (a zero is the one digit `0`). It says nothing about infinities and NaN.
package struct ShortestDecimal {
  /// Whether the value carries a minus sign; true of `-0`.
  package let isNegative: Bool
  /// One to 17 ASCII digits.
  package private(set) var digits: [UInt8]
  /// The power of ten of the first digit.
  package private(set) var exponent: Int

  /// The digits of a finite Float64.
  package init(_ value: Double) {
    self.init(description: value.description)
  }

  /// The digits of a finite Float32: fewer than those of the same value as Float64.
  package init(_ value: Float) {
    self.init(description: value.description)
  }

  /// Reads the digits out of Swift's own shortest form (`-12.5`, `1e-07`), whatever its layout.
  private init(description: String) {
    var negative = false
    var digits: [UInt8] = []
    var pointIndex: Int?
    var power = 0
    var bytes = description.utf8.makeIterator()
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "-"): negative = true
      case UInt8(ascii: "."): pointIndex = digits.count
      case UInt8(ascii: "e"): power = Self.readPower(&bytes)
      default: digits.append(byte)
      }
    }
    let zero = UInt8(ascii: "0")
    let leading = digits.prefix { $0 == zero }.count
    let exponent = (pointIndex ?? digits.count) - leading - 1 + power
    digits.removeFirst(leading)
    while digits.last == zero { digits.removeLast() }
    isNegative = negative
    self.digits = digits.isEmpty ? [zero] : digits
    self.exponent = digits.isEmpty ? 0 : exponent
  }

  /// Reads a signed exponent to the end of the text.
  private static func readPower(_ bytes: inout String.UTF8View.Iterator) -> Int {
    var magnitude = 0
    var negative = false
    while let byte = bytes.next() {
      switch byte {
      case UInt8(ascii: "-"): negative = true
      case UInt8(ascii: "+"): break
      default: magnitude = magnitude * 10 + Int(byte - UInt8(ascii: "0"))
      }
    }
    return negative ? -magnitude : magnitude
  }

  /// The digits laid out as Python's `repr` does, without the `.0` of whole numbers.
  package var text: String {
    let sign = isNegative ? "-" : ""
    if exponent < -4 || exponent >= 16 { return sign + scientific }
    if exponent < 0 {
      return sign + "0." + String(repeating: "0", count: -exponent - 1) + String(ascii: digits[...])
    }
    let whole = exponent + 1
    if digits.count <= whole {
      return sign + String(ascii: digits[...])
        + String(repeating: "0", count: whole - digits.count)
    }
    return sign + String(ascii: digits[..<whole]) + "." + String(ascii: digits[whole...])
  }

  /// The magnitude as `d.ddde+16`, with at least two digits of exponent.
  private var scientific: String {
    let fraction = digits.count > 1 ? "." + String(ascii: digits[1...]) : ""
    let power = String(abs(exponent))
    return String(ascii: digits[..<1]) + fraction + (exponent < 0 ? "e-" : "e+")
      + (power.utf8.count < 2 ? "0" : "") + power
  }
}

/// The text of numbers as `print` writes them.
package enum NumberText {
  /// The shortest form of a number: `0.1`, `3`, `1e-07`, `-0`, `inf`, `nan`.
  package static func shortest(_ value: Double) -> String {
    if value.magnitude < 9_007_199_254_740_992, value == value.rounded(.towardZero),
      value != 0 || value.sign == .plus
    {
      return String(Int(value))
    }
    guard value.isFinite else { return special(value) }
    return ShortestDecimal(value).text
  }

  /// The shortest form of an `f32`: the fewest digits that give that same `f32`.
  package static func shortest(_ value: Float) -> String {
    guard value.isFinite else { return special(Double(value)) }
    return ShortestDecimal(value).text
  }

  /// `inf`, `-inf` or `nan`; a NaN's sign is not shown.
  package static func special(_ value: Double) -> String {
    value.isNaN ? "nan" : value < 0 ? "-inf" : "inf"
  }
}

extension String {
  /// A string of bytes known to be ASCII.
  init(ascii bytes: ArraySlice<UInt8>) {
    self = String(decoding: bytes, as: UTF8.self)
  }
}
