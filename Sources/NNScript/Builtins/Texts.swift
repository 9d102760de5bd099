// What the library's tokenisers call: pieces of text, and byte pair encoding.
import NNTensor

extension Builtins {
  /// Text into pieces and tokens.
  static let texts: [NativeFunction] = [
    NativeFunction(
      "text_pieces", "text",
      documentation: """
        The words, numbers, marks and blanks of a text, which put together again are the text. A space goes with what \
        it stands before.
        """,
      example: "text_pieces(\"to be, or not\")  # [\"to\", \" be\", \",\", \" or\", \" not\"]"
    ) { call in
      var text = try call.text(0)
      let list = ListObject(heap: call.heap, capacity: text.utf8.count / 4)
      text.withUTF8 { bytes in
        TextPieces.forEach(in: bytes) { piece in
          list.append(owned: call.heap.intern(String(decoding: piece, as: UTF8.self)))
        }
      }
      return Slot(list)
    },
    NativeFunction(
      "byte_pairs", "text, count",
      documentation: """
        Learns up to `count` merges of byte pair encoding from a text: `i32[count, 2]`, where merge i makes token 256 + i \
        of two earlier ones.
        """,
      example: "let merges = byte_pairs(read_text(\"corpus.txt\"), 1000)"
    ) { call in
      var text = try call.text(0)
      let count = try call.size(1)
      let vm = call.vm
      var trainer = text.withUTF8 { BytePairTrainer($0) }
      let merges = try trainer.merges(most: count) { try vm.checkCancellation() }
      let numbers = merges.flatMap { [Double($0.left), Double($0.right)] }
      return Slot(try Tensor(numbers, shape: [merges.count, 2], dtype: .i32))
    },
    NativeFunction(
      "byte_pair_encode", "text, merges",
      documentation: "The tokens of a text by the merges of `byte_pairs`: `i32[N]`.",
      example: "byte_pair_encode(\"to be\", byte_pairs(\"to be or not to be\", 9))"
    ) { call in
      var text = try call.text(0)
      var pairs = try call.bytePairs(1)
      let vm = call.vm
      let ids = try text.withUTF8 { bytes in
        try pairs.encode(bytes) { try vm.checkCancellation() }
      }
      return Slot(
        try ids.withUnsafeBytes { bytes in
          try Tensor(copying: bytes, shape: [ids.count], dtype: .i32)
        })
    },
    NativeFunction(
      "byte_pair_decode", "ids, merges",
      documentation:
        "The text of tokens by the merges of `byte_pairs`; bytes that are no UTF-8 become U+FFFD.",
      example: "byte_pair_decode([116, 111], zeros(0, 2, dtype: \"i32\"))  # \"to\""
    ) { call in
      let pairs = try call.bytePairs(1)
      let ids = try call.integers(0)
      guard let size = pairs.size(ids) else {
        let wrong = ids.first { $0 < 0 || $0 >= pairs.count } ?? 0
        throw call.argumentError(0, "there is no token \(wrong), there are \(pairs.count)")
      }
      try call.vm.checkRoom(size)
      return call.string(String(decoding: pairs.decode(ids), as: UTF8.self))
    },
  ]
}

extension NativeCall {
  /// Whole numbers: an integer tensor of rank 1 or a list.
  fileprivate func integers(_ index: Int) throws -> [Int] {
    if let tensor = self[index].asTensor, tensor.dtype.isInteger, tensor.shape.rank == 1 {
      return (0..<tensor.count).map { tensor.integer(at: $0) }
    }
    guard let list = self[index].asList else {
      throw typeError(index, expected: "a list or a vector of whole numbers")
    }
    return try list.elements.map { element in
      guard let number = vm.plainNumber(element), let int = Int(exactly: number) else {
        throw typeError(index, expected: "a list or a vector of whole numbers")
      }
      return int
    }
  }

  /// The merges in a tensor `i32[N, 2]`.
  fileprivate func bytePairs(_ index: Int) throws -> BytePairs {
    guard let tensor = self[index].asTensor, tensor.dtype.isInteger, tensor.shape.rank == 2,
      tensor.shape[1] == 2
    else { throw typeError(index, expected: "merges, int[N, 2]") }
    let numbers = (0..<tensor.count).map { Int32(clamping: tensor.integer(at: $0)) }
    let merges = stride(from: 0, to: numbers.count, by: 2).map {
      BytePair(left: numbers[$0], right: numbers[$0 + 1])
    }
    guard let pairs = BytePairs(merges) else {
      throw argumentError(
        index, "a merge names a token that only a later one makes, or its tokens are too long")
    }
    return pairs
  }
}
