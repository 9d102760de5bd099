// Compares the elements of two tensors for `equal` and structural equality.
import NNTensor

extension Tensor {
  /// True if all elements are equal numbers; the shapes are the same already. NaN equals nothing.
  func hasEqualElements(to other: Tensor) -> Bool {
    guard dtype == other.dtype else {
      if dtype == .i64 || other.dtype == .i64, !dtype.isFloat, !other.dtype.isFloat {
        return (0..<count).allSatisfy { integer(at: $0) == other.integer(at: $0) }
      }
      return (0..<count).allSatisfy { number(at: $0) == other.number(at: $0) }
    }
    switch dtype {
    case .f32: return elementsEqual(other, as: Float.self)
    case .f64: return elementsEqual(other, as: Double.self)
    default: return bytes.elementsEqual(other.bytes)
    }
  }

  private func elementsEqual<Element: Equatable>(_ other: Tensor, as type: Element.Type) -> Bool {
    bytes.bindMemory(to: type).elementsEqual(other.bytes.bindMemory(to: type))
  }
}
