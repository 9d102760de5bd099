// The table of ops.

/// All rows. Each is also a name of its own: `Ops.add`.
package enum Ops {
  /// Every op, those for gradient rules included.
  package static let all: [Op] = [
    arithmetic, comparisons, logic, elementary, activations, piecewiseActivations, rounding,
    conversions, creation, reductions, shapes, padding, joining, indexing, elementsByIndex,
    matrixProducts, einsums, rearrangements, triangles, linearAlgebra, fourier, softmaxes, losses,
    pairLosses, similarityLosses, ctcLosses, distances, distanceTables, sorting, scans, quantiles,
    counting,
    interpolation, random, images, norms, embeddings, recurrences, attentions, dropouts,
    convolutions, maxPooling, resampling,
  ].flatMap { $0 }

  private static let byName = Dictionary(uniqueKeysWithValues: all.map { ($0.name, $0) })

  /// The op scripts know by a name.
  package static func named(_ name: String) -> Op? {
    guard let op = byName[name], !op.isInternal else { return nil }
    return op
  }
}
