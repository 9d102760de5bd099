// Random choices: `seed`, `choice`, `shuffle`; random tensors are ops.
import NNTensor

extension Builtins {
  /// Functions over the engine's one random stream.
  static let randomness: [NativeFunction] = [
    NativeFunction(
      "seed", "n", documentation: "Starts the random stream that belongs to a whole number.",
      example: "seed(42)"
    ) { call in
      call.vm.context.random = RandomState(seed: UInt64(bitPattern: Int64(try call.int(0))))
      return .nil
    },
    NativeFunction(
      "with_seed", "n, f",
      documentation:
        "What `f()` gives with the random stream of `n`; afterwards the program's own stream goes on.",
      example: "with_seed(1, () => rand(3))"
    ) { call in
      let context = call.vm.context
      let saved = context.random
      context.random = RandomState(seed: UInt64(bitPattern: Int64(try call.int(0))))
      defer { context.random = saved }
      return try call.callBack(try call.callable(1))
    },
    NativeFunction(
      "random_state", "state = nil",
      documentation:
        "Where the random stream is, as a tensor that can be saved; with such a tensor, goes on from there.",
      example: "let state = random_state()"
    ) { call in
      let random = call.vm.context.random
      let words = [random.seed, random.counter].map { Int(bitPattern: UInt($0)) }
      let found = try Tensor(words, dtype: .i64)
      if call.has(0) { call.vm.context.random = try call.randomState(0) }
      return Slot(found)
    },
    NativeFunction(
      "shuffle", "values",
      documentation:
        "The values in random order, as a new list; of a tensor, its rows as a new tensor.",
      example: "shuffle([1, 2, 3])"
    ) { call in
      if call[0].isTensor {
        let order = try call.vm.drawOrder(try call.length(0))
        return try call.rows(of: 0, order)
      }
      let elements = try call.ownedElements(of: 0)
      defer { for element in elements { release(element) } }
      return try call.list(of: elements, try call.vm.drawOrder(elements.count))
    },
    NativeFunction(
      "choice", "values, n = nil, replace = true",
      documentation:
        "One of the values at random, or `n` of them: each drawn from all, or without `replace` none twice.",
      example: "choice([\"red\", \"green\"], 3)"
    ) { call in try call.choice() },
  ]
}

extension VM {
  /// The numbers from 0 up to `count` in random order.
  fileprivate func drawOrder(_ count: Int) throws -> Operand {
    try drawn(Ops.permutation, [.int(count)])
  }

  /// Random positions below `count`.
  fileprivate func drawPlaces(_ shape: [Int], below count: Int) throws -> Operand {
    let dtype: DType = count > 1 << 31 ? .i64 : .i32
    return try drawn(Ops.randint, [.int(0), .int(count), .ints(shape), .dtype(dtype)])
  }

  private func drawn(_ op: Op, _ attributes: [Attribute]) throws -> Operand {
    try context.apply(op, [], attributes)
  }
}

extension NativeCall {
  /// The place in a random stream that an argument names.
  fileprivate func randomState(_ index: Int) throws -> RandomState {
    guard let words = self[index].asTensor, words.dtype == .i64, words.shape == [2] else {
      throw typeError(index, expected: "what `random_state()` gave")
    }
    return RandomState(
      seed: UInt64(bitPattern: Int64(words.integer(at: 0))),
      counter: UInt64(bitPattern: Int64(words.integer(at: 1))))
  }

  /// The rows of a tensor argument that an integer tensor names.
  fileprivate func rows(of index: Int, _ places: Operand) throws -> Slot {
    let operand = Operand(self[index].tensor, handle: self[index].handle)
    return Slot(
      try vm.context.apply(
        Ops.index, [operand, places], [.index([.integers(operand: 1)])]))
  }

  /// A list of the elements that an integer tensor names.
  fileprivate func list(of elements: [Slot], _ drawn: Operand) throws -> Slot {
    guard let places = drawn.tensor, !vm.context.isBatched(drawn) else {
      throw argumentError(
        0, "inside vmap every example draws for itself, which the elements of a list cannot follow",
        help: "a tensor instead of the list can, and so can `permutation`")
    }
    let list = ListObject(heap: heap, capacity: places.count)
    for place in 0..<places.count {
      list.append(owned: retained(elements[places.integer(at: place)]))
    }
    return Slot(list)
  }

  fileprivate func choice() throws -> Slot {
    let count = try self[0].isTensor ? length(0) : nil
    let elements = try count == nil ? ownedElements(of: 0) : []
    defer { for element in elements { release(element) } }
    let total = count ?? elements.count
    guard total > 0 else { throw argumentError(0, "there are no values to choose from") }
    guard has(1) else {
      let place = try vm.drawPlaces([], below: total)
      if count != nil { return try rows(of: 0, place) }
      let list = try list(of: elements, place)
      defer { release(list) }
      return retained(list.elements?[0] ?? .nil)
    }
    let places = try places(try size(1), of: total)
    return count == nil ? try list(of: elements, places) : try rows(of: 0, places)
  }

  /// Random positions below `total`.
  private func places(_ wanted: Int, of total: Int) throws -> Operand {
    guard try optional(2, bool) == false else {
      return try vm.drawPlaces([wanted], below: total)
    }
    guard wanted <= total else {
      throw argumentError(
        1, "\(wanted) values cannot be chosen from \(total) without 'replace'")
    }
    let first = IndexItem.slice(start: 0, stop: wanted, step: nil)
    return try vm.context.apply(Ops.index, [vm.drawOrder(total)], [.index([first])])
  }
}
