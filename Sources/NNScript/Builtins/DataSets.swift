// Data sets that are found on the machine or fetched.
import NNTensor

extension Builtins {
  /// The natives beneath the library's data sets.
  static let dataSets: [NativeFunction] = [
    NativeFunction(
      "mnist_files", "",
      documentation: """
        The MNIST digits as ((images, labels), (images, labels)), for training and for testing; \
        nil if they are not here and cannot be fetched.
        """,
      example: "let ((x, y), _) = mnist_files()"
    ) { call in
      let outcome = try call.vm.lent { host throws(HostError) in try MNIST.load(host) }
      switch outcome {
      case .found(let mnist):
        return call.tuple([call.pair(mnist.train), call.pair(mnist.test)])
      case .unavailable(let reason):
        call.vm.host.writeError(
          "note: MNIST is not here, drawn digits take its place (\(reason))\n")
        return .nil
      }
    }
  ]
}

extension NativeCall {
  fileprivate func pair(_ split: MNIST.Split) -> Slot {
    tuple([Slot(split.images), Slot(split.labels)])
  }

  /// A tuple of owned values.
  fileprivate func tuple(_ items: [Slot]) -> Slot { Slot(TupleObject(heap: heap, owned: items)) }
}
