// The table of everything that can follow an expression: operators, calls, indices and members.

/// How tightly operators bind, loosest first.
enum Precedence: Int, Comparable {
  case lowest, pipe, or, and, not, comparison, range, additive, multiplicative, unary, power,
    postfix

  static func < (left: Precedence, right: Precedence) -> Bool { left.rawValue < right.rawValue }

  /// The next tighter level.
  var tighter: Precedence { Precedence(rawValue: rawValue + 1) ?? .postfix }
}

/// One row of the table.
struct InfixRule {
  enum Form {
    case binary(BinaryOperator)
    case logical(isAnd: Bool)
    case range(includesEnd: Bool)
    case pipe, call, index, member
  }
  enum Associativity {
    case left, right, none
  }
  let form: Form
  let precedence: Precedence
  var associativity = Associativity.left

  /// The rules by the token they begin with. A new infix operator is one row here.
  static let table: [TokenKind: InfixRule] = [
    .pipe: InfixRule(form: .pipe, precedence: .pipe),
    .or: InfixRule(form: .logical(isAnd: false), precedence: .or),
    .and: InfixRule(form: .logical(isAnd: true), precedence: .and),
    .equalEqual: comparison(.equal),
    .notEqual: comparison(.notEqual),
    .less: comparison(.less),
    .lessEqual: comparison(.lessEqual),
    .greater: comparison(.greater),
    .greaterEqual: comparison(.greaterEqual),
    .in: comparison(.contained),
    .dotDot: range(includesEnd: false),
    .dotDotEqual: range(includesEnd: true),
    .plus: InfixRule(form: .binary(.add), precedence: .additive),
    .minus: InfixRule(form: .binary(.subtract), precedence: .additive),
    .plusPlus: InfixRule(form: .binary(.concatenate), precedence: .additive),
    .star: InfixRule(form: .binary(.multiply), precedence: .multiplicative),
    .slash: InfixRule(form: .binary(.divide), precedence: .multiplicative),
    .slashSlash: InfixRule(form: .binary(.floorDivide), precedence: .multiplicative),
    .percent: InfixRule(form: .binary(.remainder), precedence: .multiplicative),
    .at: InfixRule(form: .binary(.matmul), precedence: .multiplicative),
    .starStar: InfixRule(form: .binary(.power), precedence: .power, associativity: .right),
    .leftParen: InfixRule(form: .call, precedence: .postfix),
    .leftBracket: InfixRule(form: .index, precedence: .postfix),
    .dot: InfixRule(form: .member, precedence: .postfix),
  ]

  private static func comparison(_ op: BinaryOperator) -> InfixRule {
    InfixRule(form: .binary(op), precedence: .comparison, associativity: .none)
  }

  private static func range(includesEnd: Bool) -> InfixRule {
    InfixRule(form: .range(includesEnd: includesEnd), precedence: .range, associativity: .none)
  }
}
