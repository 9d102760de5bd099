// What goes into an op and comes out: a tensor or a number, and where it stands on a trace.

/// Where a value stands on a trace: 0 for untracked values, otherwise the trace's serial and the entry's index.
///
/// The serial takes bits 24 to 55, the index bits 0 to 23. A handle whose trace has ended means nothing: its value is plain.
package struct Handle: Equatable, Sendable, BitwiseCopyable {
  package var bits: UInt64

  @inline(__always) package init(bits: UInt64) { self.bits = bits }
  @inline(__always) init(serial: UInt32, index: Int) {
    bits = UInt64(serial) << 24 | UInt64(truncatingIfNeeded: index)
  }

  /// The handle of untracked values.
  @inline(__always) package static var none: Handle { Handle(bits: 0) }
  /// Whether the value was tracked when the handle was made.
  @inline(__always) package var isNone: Bool { bits == 0 }
  /// Which trace, of all there ever were.
  @inline(__always) var serial: UInt32 { UInt32(truncatingIfNeeded: bits >> 24) }
  /// Which entry of the trace.
  @inline(__always) var index: Int { Int(bits & 0xff_ffff) }
  /// The highest index there is.
  static let highestIndex = 0xff_ffff
}

/// A tensor or a number on its way into or out of an op.
///
/// Numbers are weak: they take the dtype of the tensors they meet. The tensor is always fully plain data.
package struct Operand {
  /// Nil for a number.
  package var tensor: Tensor?
  /// The value of a number; 0 for a tensor.
  package var number: Double
  package var handle: Handle

  @inline(__always) package init(_ tensor: Tensor, handle: Handle = .none) {
    self.tensor = tensor
    number = 0
    self.handle = handle
  }

  @inline(__always) package init(_ number: Double, handle: Handle = .none) {
    tensor = nil
    self.number = number
    self.handle = handle
  }

  /// Whether this is a number.
  @inline(__always) package var isNumber: Bool { tensor == nil }
  /// The shape of the plain value; a number has rank 0.
  var plainShape: Shape { tensor?.shape ?? Shape() }
  /// The same value, untracked.
  @inline(__always) package var plain: Operand {
    var result = self
    result.handle = .none
    return result
  }
}
