// Which element types operands are brought to, and which the result has.

/// What an op does with its operands' element types.
package enum DTypeRule: Sendable {
  /// Arithmetic: operands are brought to their common type.
  case promote
  /// Results are fractions: as `promote`, but bool and integers become f32.
  case float
  /// As `promote`, and the result is bool.
  case compare
  /// Operands become bool, so does the result.
  case logical
  /// Matrix products: the common type, bool and u8 widened to i32; operands are left alone.
  case product
  /// Sums and products: bool and integers become i64.
  case sum
  /// The result has the first operand's type; operands are left alone.
  case same
  /// The result has the common type of all operands that are tensors; a condition in front is left out.
  case common(from: Int)
  /// The result has this type; operands are left alone.
  case fixed(DType)
  /// The result's type is an attribute; where that is left out it is the standard one, or the first operand's.
  case attribute(Int, standard: DType?)
  /// The op decides from types and attributes.
  case custom(@Sendable ([OperandType], [Attribute]) throws(TensorError) -> DType)
}

/// The type side of an operand: an element type, or a weak number.
package struct OperandType: Sendable, Equatable {
  /// Nil for a number.
  package var dtype: DType?
  /// The number, where it is known.
  package var number: Double?

  package init(_ dtype: DType) { self.dtype = dtype }
  package init(number: Double?) { self.number = number }
}

/// The outcome of a dtype rule.
package struct ResultType: Equatable, Sendable {
  /// What the operands are cast to; nil if they are left alone.
  package var compute: DType?
  package var result: DType
}

extension DTypeRule {
  /// The types for operands at hand; the usual cases need no list of types.
  func result(
    ofOperands operands: [Operand], _ attributes: [Attribute]
  ) throws(TensorError) -> ResultType {
    switch self {
    case .fixed(let dtype): return ResultType(compute: nil, result: dtype)
    case .same: return ResultType(compute: nil, result: operands.first?.tensor?.dtype ?? .f32)
    case .promote, .float, .product:
      if let dtype = operands.first?.tensor?.dtype, dtype.isFloat,
        operands.allSatisfy({ $0.tensor?.dtype ?? dtype == dtype })
      {
        if case .product = self { return ResultType(compute: nil, result: dtype) }
        return ResultType(compute: dtype, result: dtype)
      }
    default: break
    }
    return try result(of: operands.map { OperandType($0) }, attributes)
  }

  /// The types an op computes in and gives.
  package func result(
    of operands: [OperandType], _ attributes: [Attribute]
  ) throws(TensorError) -> ResultType {
    switch self {
    case .promote:
      let common = DTypeRule.promoted(operands)
      return ResultType(compute: common, result: common)
    case .float:
      let common = DTypeRule.promoted(operands)
      let float = common.isFloat ? common : .f32
      return ResultType(compute: float, result: float)
    case .compare:
      return ResultType(compute: DTypeRule.comparable(operands), result: .bool)
    case .product:
      let common = DTypeRule.promoted(operands)
      return ResultType(compute: nil, result: common < .i32 ? .i32 : common)
    case .logical: return ResultType(compute: .bool, result: .bool)
    case .sum:
      let own = operands.first?.dtype ?? .f32
      return ResultType(compute: nil, result: own.isFloat ? own : .i64)
    case .same: return ResultType(compute: nil, result: operands.first?.dtype ?? .f32)
    case .common(let from):
      let common = DTypeRule.joined(Array(operands.dropFirst(from)))
      return ResultType(compute: nil, result: common)
    case .fixed(let dtype): return ResultType(compute: nil, result: dtype)
    case .attribute(let index, let standard):
      if index < attributes.count, case .dtype(let dtype) = attributes[index] {
        return ResultType(compute: nil, result: dtype)
      }
      return ResultType(compute: nil, result: standard ?? operands.first?.dtype ?? .f32)
    case .custom(let rule): return ResultType(compute: nil, result: try rule(operands, attributes))
    }
  }

  /// The common type of an arithmetic op: the highest among tensors; integers with a fraction and bools with a number are f32,
  /// two bools count (i32).
  static func promoted(_ operands: [OperandType]) -> DType {
    var highest: DType?
    for operand in operands {
      if let dtype = operand.dtype { highest = max(highest ?? dtype, dtype) }
    }
    guard let highest else { return .f32 }
    let hasNumber = operands.contains { $0.dtype == nil }
    if highest == .bool { return hasNumber ? .f32 : .i32 }
    return highest.isFloat || !DTypeRule.hasFraction(operands) ? highest : .f32
  }

  /// The common type of tensors that are put together: bools stay bool.
  static func joined(_ operands: [OperandType]) -> DType {
    let isBool = operands.allSatisfy { $0.dtype == nil || $0.dtype == .bool }
    let hasTensor = operands.contains { $0.dtype != nil }
    let hasNumber = operands.contains { $0.dtype == nil }
    return isBool && hasTensor && !hasNumber ? .bool : promoted(operands)
  }

  /// The type to compare in: numbers an integer type cannot hold are compared in f64.
  private static func comparable(_ operands: [OperandType]) -> DType {
    var highest: DType?
    for operand in operands {
      if let dtype = operand.dtype { highest = max(highest ?? dtype, dtype) }
    }
    guard let highest else { return .f64 }
    if highest.isFloat { return highest }
    for operand in operands where operand.dtype == nil {
      guard let number = operand.number else { return .f64 }
      if number != number.rounded(.towardZero) || !highest.holds(number) { return .f64 }
    }
    return highest == .bool ? .u8 : highest
  }

  /// Whether a number among the operands is not whole.
  private static func hasFraction(_ operands: [OperandType]) -> Bool {
    operands.contains {
      guard $0.dtype == nil, let number = $0.number else { return false }
      return number != number.rounded(.towardZero) || number.isInfinite
    }
  }
}
