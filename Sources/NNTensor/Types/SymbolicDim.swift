// Dimensions the static checker works with: sizes, names, arithmetic on names, or nothing known.

/// A dimension that need not be a known size: a polynomial over named dimensions, or unknown.
package enum SymbolicDim: Dimension {
  case polynomial(DimPolynomial)
  case unknown

  package init(_ size: Int) { self = .polynomial(DimPolynomial(size)) }

  /// A named dimension; equal identifiers are the same size.
  package init(named name: String, id: Int) {
    self = .polynomial(DimPolynomial(variable: .init(id: id, name: name)))
  }

  package static var undetermined: SymbolicDim { .unknown }

  package var known: Int? {
    if case .polynomial(let polynomial) = self { polynomial.constant } else { nil }
  }

  package func mayEqual(_ other: SymbolicDim) -> Bool {
    guard case .polynomial(let a) = self, case .polynomial(let b) = other else { return true }
    guard let difference = a.minus(b)?.constant else { return true }
    return difference == 0
  }

  package func unified(with other: SymbolicDim) -> SymbolicDim {
    if self == .unknown { return other }
    return other.known != nil ? other : self
  }

  package func stretched(against other: SymbolicDim) -> SymbolicDim {
    if known == 1 { return other }
    if other.known == 1 || self == other { return self }
    if known != nil { return self }
    return other.known != nil ? other : .unknown
  }

  package func adding(_ other: SymbolicDim) -> SymbolicDim { combined(other) { $0.plus($1) } }
  package func subtracting(_ other: SymbolicDim) -> SymbolicDim {
    combined(other) { $0.minus($1) }
  }
  package func multiplied(by other: SymbolicDim) -> SymbolicDim {
    if known == 0 || other.known == 0 { return SymbolicDim(0) }
    return combined(other) { $0.times($1) }
  }

  private func combined(
    _ other: SymbolicDim, _ body: (DimPolynomial, DimPolynomial) -> DimPolynomial?
  ) -> SymbolicDim {
    guard case .polynomial(let a) = self, case .polynomial(let b) = other else { return .unknown }
    return body(a, b).map { .polynomial($0) } ?? .unknown
  }

  package func divided(by other: SymbolicDim) -> SymbolicDim? {
    guard case .polynomial(let a) = self, case .polynomial(let b) = other else { return .unknown }
    if let size = a.constant, let divisor = b.constant {
      return divisor != 0 && size % divisor == 0 ? SymbolicDim(size / divisor) : nil
    }
    return a.divided(by: b).map { .polynomial($0) } ?? .unknown
  }

  package func floored(by divisor: Int) -> SymbolicDim {
    if let known { return SymbolicDim(known.floored(by: divisor)) }
    guard case .polynomial(let a) = self else { return .unknown }
    return a.divided(by: DimPolynomial(divisor)).map { .polynomial($0) } ?? .unknown
  }

  package var description: String {
    if case .polynomial(let polynomial) = self { polynomial.description } else { "?" }
  }
}

/// A polynomial with whole coefficients over named dimensions, in normal form.
package struct DimPolynomial: Equatable, Sendable {
  /// A named dimension.
  package struct Variable: Hashable, Sendable, Comparable {
    package let id: Int
    package let name: String

    package static func < (a: Variable, b: Variable) -> Bool { a.id < b.id }
  }

  /// A product of variables times a coefficient that is not 0.
  package struct Term: Equatable, Sendable {
    package var variables: [Variable]
    package var coefficient: Int
  }

  /// Sorted by their variables, one term for each product of variables.
  package private(set) var terms: [Term]

  package init(_ constant: Int) {
    terms = constant == 0 ? [] : [Term(variables: [], coefficient: constant)]
  }

  package init(variable: Variable) { terms = [Term(variables: [variable], coefficient: 1)] }

  /// Nil where a coefficient overflows or there are too many terms.
  private init?(collecting raw: [Term]) {
    var collected: [Term] = []
    let sorted = raw.sorted { $0.variables.lexicographicallyPrecedes($1.variables) }
    for term in sorted {
      if let last = collected.last, last.variables == term.variables {
        let (sum, overflow) = last.coefficient.addingReportingOverflow(term.coefficient)
        if overflow { return nil }
        collected[collected.count - 1].coefficient = sum
      } else {
        collected.append(term)
      }
    }
    terms = collected.filter { $0.coefficient != 0 }
    if terms.count > 64 { return nil }
  }

  /// The value, where no name is in it.
  package var constant: Int? {
    if terms.isEmpty { return 0 }
    return terms.count == 1 && terms[0].variables.isEmpty ? terms[0].coefficient : nil
  }

  package func plus(_ other: DimPolynomial) -> DimPolynomial? {
    DimPolynomial(collecting: terms + other.terms)
  }

  package func minus(_ other: DimPolynomial) -> DimPolynomial? {
    guard let negative = other.times(DimPolynomial(-1)) else { return nil }
    return plus(negative)
  }

  package func times(_ other: DimPolynomial) -> DimPolynomial? {
    var products: [Term] = []
    for a in terms {
      for b in other.terms {
        let (coefficient, overflow) = a.coefficient.multipliedReportingOverflow(by: b.coefficient)
        if overflow { return nil }
        products.append(
          Term(variables: (a.variables + b.variables).sorted(), coefficient: coefficient))
      }
    }
    return DimPolynomial(collecting: products)
  }

  /// The quotient by a single term, where it has no remainder.
  package func divided(by other: DimPolynomial) -> DimPolynomial? {
    guard other.terms.count == 1, let divisor = other.terms.first else { return nil }
    var quotients: [Term] = []
    for term in terms {
      var variables = term.variables
      for variable in divisor.variables {
        guard let place = variables.firstIndex(of: variable) else { return nil }
        variables.remove(at: place)
      }
      guard term.coefficient % divisor.coefficient == 0 else { return nil }
      quotients.append(
        Term(variables: variables, coefficient: term.coefficient / divisor.coefficient))
    }
    return DimPolynomial(collecting: quotients)
  }
}

extension DimPolynomial: CustomStringConvertible {
  package var description: String {
    if terms.isEmpty { return "0" }
    // Terms with names come first, as people write them: `2 * N + 1`.
    let ordered = terms.filter { !$0.variables.isEmpty } + terms.filter { $0.variables.isEmpty }
    var text = ""
    for term in ordered {
      let factors = term.variables.map(\.name)
      let size = abs(term.coefficient)
      let body = (size == 1 && !factors.isEmpty ? factors : ["\(size)"] + factors)
        .joined(separator: " * ")
      if text.isEmpty {
        text = (term.coefficient < 0 ? "-" : "") + body
      } else {
        text += (term.coefficient < 0 ? " - " : " + ") + body
      }
    }
    return text
  }
}
