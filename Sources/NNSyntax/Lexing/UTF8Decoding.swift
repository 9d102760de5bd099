// Decodes one character of UTF-8 at a time, refusing what is not valid.

/// A decoded scalar and the number of bytes it took; `scalar` is nil for bytes that are not UTF-8.
struct DecodedScalar {
  let scalar: Unicode.Scalar?
  let length: Int
}

/// Decodes the scalar at `offset`, which is inside the bytes. Overlong forms and surrogates are not valid.
func decodeScalar(_ bytes: [UInt8], at offset: Int) -> DecodedScalar {
  let first = bytes[offset]
  let invalid = DecodedScalar(scalar: nil, length: 1)
  let length: Int
  var value: UInt32
  let smallest: UInt32
  switch first {
  case 0..<0x80: return DecodedScalar(scalar: Unicode.Scalar(first), length: 1)
  case 0xC2..<0xE0: (length, value, smallest) = (2, UInt32(first & 0x1F), 0x80)
  case 0xE0..<0xF0: (length, value, smallest) = (3, UInt32(first & 0x0F), 0x800)
  case 0xF0..<0xF5: (length, value, smallest) = (4, UInt32(first & 0x07), 0x10000)
  default: return invalid
  }
  guard offset + length <= bytes.count else { return invalid }
  for next in bytes[offset + 1..<offset + length] {
    guard next & 0xC0 == 0x80 else { return invalid }
    value = value << 6 | UInt32(next & 0x3F)
  }
  guard value >= smallest, let scalar = Unicode.Scalar(value) else { return invalid }
  return DecodedScalar(scalar: scalar, length: length)
}
