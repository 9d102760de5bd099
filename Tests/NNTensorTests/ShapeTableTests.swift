// Every row's shape rule on sizes, symbols and unknowns agrees with what the op gives.
import NNTensor
import Testing

@Suite struct ShapeTableTests {
  static let rows = RowCase.all

  private func results(_ row: RowCase) throws -> [Operand] {
    try TensorContext().applyMany(row.op, try row.operands(), row.sample.attributes)
  }

  private func checked(
    _ row: RowCase, _ dimension: (Int) -> SymbolicDim
  ) throws -> [Dims<SymbolicDim>] {
    let shapes = row.sample.shapes.map { Dims<SymbolicDim>($0.map(dimension)) }
    return try #require(
      try row.op.checkShapes(shapes, isNumber: [], attributes: row.sample.attributes))
  }

  @Test(arguments: rows) func knownSizesGiveTheRunsShape(_ row: RowCase) throws {
    let shapes = try checked(row) { SymbolicDim($0) }
    let results = try results(row)
    #expect(shapes.count == results.count)
    // How many elements these find depends on the elements.
    let isOpen = ["unique", "argwhere", "nonzero"].contains { row.op.name.hasPrefix($0) }
    for (shape, result) in zip(shapes, results) {
      let sizes = result.tensor?.shape.array ?? []
      #expect(shape.rank == sizes.count, "\(row)")
      for (dim, size) in zip(shape.array, sizes) {
        #expect(dim.known == size || isOpen && dim.known == nil, "\(row): \(shape)")
      }
    }
  }

  @Test(arguments: rows) func unknownSizesGiveTheRunsRank(_ row: RowCase) throws {
    let shapes = try checked(row) { $0 == 1 ? SymbolicDim(1) : .unknown }
    for (shape, result) in zip(shapes, try results(row)) {
      #expect(shape.rank == result.tensor?.shape.rank ?? 0, "\(row)")
      for (dim, size) in zip(shape.array, result.tensor?.shape.array ?? []) {
        #expect(dim.mayEqual(SymbolicDim(size)), "\(row): \(shape)")
      }
    }
  }

  /// Each size is a name of its own: where the result names it, it stands for the size.
  @Test(arguments: rows) func namedSizesStandForTheRunsSizes(_ row: RowCase) throws {
    let shapes = try checked(row) {
      $0 == 1 ? SymbolicDim(1) : SymbolicDim(named: "n\($0)", id: $0)
    }
    for (shape, result) in zip(shapes, try results(row)) {
      for (dim, size) in zip(shape.array, result.tensor?.shape.array ?? []) {
        guard case .polynomial(let polynomial) = dim else { continue }
        let value = polynomial.terms.reduce(0) { sum, term in
          sum + term.variables.reduce(term.coefficient) { $0 * $1.id }
        }
        #expect(value == size, "\(row): \(shape)")
      }
    }
  }

  @Test func dtypesFollowTheRule() throws {
    for row in Self.rows {
      let operands = try row.operands(dtype: .f32)
      let results = try TensorContext().applyMany(row.op, operands, row.sample.attributes)
      guard let dtype = results[0].tensor?.dtype, !row.op.hasManyResults else { continue }
      let types = operands.map { operand in
        operand.tensor.map { OperandType($0.dtype) } ?? OperandType(number: operand.number)
      }
      #expect(try row.op.dtypes.result(of: types, row.sample.attributes).result == dtype, "\(row)")
    }
  }

  @Test func namesAndTextsAreComplete() {
    #expect(Set(Ops.all.map(\.name)).count == Ops.all.count)
    for op in Ops.all {
      #expect(op.summary.hasSuffix("."), "\(op.name)")
      #expect(op.isInternal || !op.example.isEmpty, "\(op.name)")
    }
  }
}
