// The operators that expressions are made of.

package enum UnaryOperator: String, Sendable {
  case negate = "-"
  case not = "not"
}

/// The infix operators that evaluate both sides. The raw value is how the operator is written.
package enum BinaryOperator: String, CaseIterable, Sendable {
  case equal = "=="
  case notEqual = "!="
  case less = "<"
  case lessEqual = "<="
  case greater = ">"
  case greaterEqual = ">="
  case contained = "in"
  case add = "+"
  case subtract = "-"
  case concatenate = "++"
  case multiply = "*"
  case divide = "/"
  case floorDivide = "//"
  case remainder = "%"
  case matmul = "@"
  case power = "**"
}
