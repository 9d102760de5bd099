// The library's image data sets, whose files the checker does not read: the shapes that they are documented to have.
import NNSyntax
import NNTensor

extension Checker {
  /// The sizes of an image in each data set.
  private static let images = [
    "mnist": [28, 28, 1], "fashion_mnist": [28, 28, 1], "cifar10": [32, 32, 3],
  ]

  /// What a function of the library that reads an image data set gives: a tuple of two data sets; nil for other functions.
  func dataSet(_ function: AbstractFunction, at place: Code.Place) throws(Flow) -> AbstractValue? {
    guard isLibrary(function, "datasets"), let name = function.syntax.name,
      let sizes = Checker.images[name], case .model(let model) = builtin("Dataset")
    else { return nil }
    let shape = Dims([SymbolicDim.unknown] + sizes.map { SymbolicDim($0) })
    var parts: [AbstractValue] = []
    for _ in 0..<2 {
      let images = AbstractValue.tensor(TensorFacts(.u8, shape, hasRows: true))
      let labels = AbstractValue.tensor(TensorFacts(.i32, [.unknown], hasRows: true))
      let part = try apply(.model(model), CallArguments([images, labels]), at: place)
      if case .instance(let instance) = part { set(instance.rows, .bool(true)) }
      parts.append(part)
    }
    return .tuple(parts)
  }

  /// Notes that all batches of a data set that has examples are at least one.
  func noteRows(
    of result: AbstractValue, _ function: AbstractFunction, _ arguments: CallArguments
  ) {
    guard isLibrary(function, "data"), function.syntax.name == "batches",
      arguments.positional.count <= 3, !arguments.named.contains(where: { $0.name == "start" }),
      case .instance(let data)? = arguments.positional.first, data.hasRows,
      case .instance(let batches) = result
    else { return }
    set(batches.rows, .bool(true))
  }

  /// Whether it is a function that the library made.
  func isOfLibrary(_ value: AbstractValue) -> Bool {
    guard case .function(let function) = value else { return false }
    return function.module.path == nil && function.module !== frames[0].module
  }

  private func isLibrary(_ function: AbstractFunction, _ file: String) -> Bool {
    function.module.path == nil && function.module.name == file && function.captures.isEmpty
      && function.module !== frames[0].module
  }
}
