// Tests of chains of elementwise operations against one pass for each operation: the same bits, for every operation and shape of chain.
import NNKernels
import Testing

/// A chain in the making, with the numbers that its steps give one at a time.
private struct ChainSample<T: KernelFloat> {
  var steps: [nnk_chain_step] = []
  let arrays: [[T]]
  private let pointers: [UnsafeMutablePointer<T>]
  private var random: SplitMix

  init(seed: UInt64, count: Int) {
    random = SplitMix(state: seed)
    arrays = (0..<3).map { index in
      let wide = numbers(seed &+ UInt64(index), count: count, in: -30...30, as: T.self)
      return wide.enumerated().map { $0 % 7 == index ? $1 : $0 % 97 == 50 ? .nan : $1 / 12 }
    }
    pointers = arrays.map { array in
      let pointer = UnsafeMutablePointer<T>.allocate(capacity: count)
      pointer.initialize(from: array, count: count)
      return pointer
    }
  }

  func free() { for pointer in pointers { pointer.deallocate() } }

  /// Adds the steps of a random expression that holds at most `height` values; gives its values, each step in a pass of its own.
  mutating func expression(_ depth: Int, _ height: Int) -> [T] {
    let choice = random.next() % 10
    if depth == 0 || height < 2 || choice < 2 { return leaf() }
    let left = expression(depth - 1, height)
    if choice < 5 {
      let op = operation(NNK_UNARY_COUNT.rawValue, isUnary: true)
      steps.append(nnk_chain_step(kind: NNK_CHAIN_UNARY, op: op, elements: nil, number: 0))
      return unary(nnk_unary_op(op), left)
    }
    let right = expression(depth - 1, height - 1)
    // One number as an exponent is raised to in another way than many.
    let number = steps.last.flatMap { $0.kind == NNK_CHAIN_NUMBER ? $0.number : nil }
    let op = operation(NNK_BINARY_COUNT.rawValue, isUnary: false)
    steps.append(nnk_chain_step(kind: NNK_CHAIN_BINARY, op: op, elements: nil, number: 0))
    guard let number else { return binary(nnk_binary_op(op), left, right) }
    var y = left
    #expect(nnk_binary_scalar(nnk_binary_op(op), T.kernelType, left, number, &y, left.count))
    return y
  }

  private mutating func leaf() -> [T] {
    let index = Int(random.next() % 4)
    if index < 3 {
      steps.append(
        nnk_chain_step(kind: NNK_CHAIN_LOAD, op: 0, elements: pointers[index], number: 0))
      return arrays[index]
    }
    let number = Double(random.next() % 16) / 2 - 4
    steps.append(nnk_chain_step(kind: NNK_CHAIN_NUMBER, op: 0, elements: nil, number: number))
    return [T](repeating: T(number), count: arrays[0].count)
  }

  /// An operation with a loop for the type whose results have that type too.
  private mutating func operation(_ count: UInt32, isUnary: Bool) -> UInt32 {
    while true {
      let op = UInt32(random.next() % UInt64(count))
      let givesTruth = !isUnary && (NNK_EQUAL.rawValue...NNK_XOR.rawValue).contains(op)
      if !givesTruth, nnk_has_elementwise(isUnary, op, T.kernelType) { return op }
    }
  }

  /// The chain's result, written to an array of its own or over the `place`-th that it loads.
  func run(over place: Int?) -> [T] {
    let count = arrays[0].count
    var y = [T](repeating: .zero, count: count)
    if let place {
      #expect(nnk_chain(T.kernelType, steps, steps.count, pointers[place], count))
      y = Array(UnsafeBufferPointer(start: pointers[place], count: count))
    } else {
      #expect(nnk_chain(T.kernelType, steps, steps.count, &y, count))
    }
    return y
  }
}

/// A small generator of random bits.
private struct SplitMix {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

extension KernelTests {
  @Suite
  struct ChainTests {
    @Test("random chains give the bits of one pass for each operation")
    func randomChains() {
      for level in KernelTests.isaLevels {
        withISA(level) {
          for seed in 0..<400 as Range<UInt64> {
            check(Float.self, seed)
            check(Double.self, seed &+ 1000)
          }
        }
      }
    }

    private func check<T: KernelFloat>(_ type: T.Type, _ seed: UInt64) {
      let count = seed % 3 == 0 ? Int(seed % 70) + 1 : Int(seed * 37 % 4000) + 1
      var sample = ChainSample<T>(seed: seed, count: count)
      defer { sample.free() }
      let expected = sample.expression(5, Int(NNK_CHAIN_DEPTH))
      guard sample.steps.count <= 32 else { return }
      let y = withThreads(1 + Int(seed % 2)) { sample.run(over: seed % 4 == 0 ? 1 : nil) }
      let isSame = bits(y) == bits(expected)
      #expect(isSame, "\(T.self), seed \(seed), \(count) elements, steps \(sample.steps)")
    }

    @Test("chains on more than the caches hold have the bits of single operations")
    func streamed() {
      let count = (2 << 20) + 77
      let x = numbers(1, count: count, in: -6...6, as: Float.self)
      let scaled = zip(x, x).map { $0.0 * 1.5 + 0.25 }
      let expected = unary(NNK_GELU, scaled).map { $0 + 2 }
      // Memory of tensors begins at a multiple of 64 bytes, an array's does not.
      guard let block = nnk_block_alloc((count + 1) * 4) else { return #expect(Bool(false)) }
      defer { nnk_block_release(block) }
      x.withUnsafeBufferPointer { x in
        let steps = [
          nnk_chain_step(kind: NNK_CHAIN_LOAD, op: 0, elements: x.baseAddress, number: 0),
          nnk_chain_step(kind: NNK_CHAIN_NUMBER, op: 0, elements: nil, number: 1.5),
          nnk_chain_step(kind: NNK_CHAIN_BINARY, op: NNK_MUL.rawValue, elements: nil, number: 0),
          nnk_chain_step(kind: NNK_CHAIN_NUMBER, op: 0, elements: nil, number: 0.25),
          nnk_chain_step(kind: NNK_CHAIN_BINARY, op: NNK_ADD.rawValue, elements: nil, number: 0),
          nnk_chain_step(kind: NNK_CHAIN_UNARY, op: NNK_GELU.rawValue, elements: nil, number: 0),
          nnk_chain_step(kind: NNK_CHAIN_NUMBER, op: 0, elements: nil, number: 2),
          nnk_chain_step(kind: NNK_CHAIN_BINARY, op: NNK_ADD.rawValue, elements: nil, number: 0),
        ]
        for offset in [0, 1] {
          let y = block.assumingMemoryBound(to: Float.self) + offset
          #expect(nnk_chain(NNK_F32, steps, steps.count, y, count))
          let isSame = expected.elementsEqual(UnsafeBufferPointer(start: y, count: count))
          #expect(isSame)
        }
      }
    }
  }
}
