// Elementwise operations that wait for a reader, so that one pass over memory does all of them.
import NNKernels

/// The steps that compute the elements of a large tensor, in postfix order.
///
/// Ops on many elements are bound by memory, not by arithmetic. Their results therefore start as chains; an op on a chain that
/// nobody else holds lengthens it, and the first reader has it evaluated, a few vectors of elements at a time. A chain reads only
/// tensors that have their elements, so evaluation never nests.
final class Chain {
  private var steps: [nnk_chain_step] = []
  /// The tensors that the steps load.
  private var leaves: [Tensor] = []
  /// How many values the steps leave, and the most they hold at a time.
  private var height = 0
  private var depth = 0
  /// Where the result will be written; set by the tensor that has this chain.
  var target: UnsafeMutableRawPointer?

  /// Results with fewer elements are computed at once: they stay in the cache between two ops.
  static let leastCount = 1 << 16
  private static let mostSteps = 32

  /// The chain of `op` on large operands of one float type, and memory of theirs that it may write to.
  static func applying(
    _ op: Op, _ a: OperandRef, _ b: OperandRef?
  ) -> (chain: Chain, storage: Tensor.Storage?) {
    let chain = a.waitingChain ?? Chain()
    var storage = a.ownStorage
    if chain.steps.isEmpty { chain.push(a) }
    if let b {
      if storage == nil { storage = b.ownStorage }
      chain.push(b)
      chain.height -= 1
    }
    chain.steps.append(
      nnk_chain_step(
        kind: b == nil ? NNK_CHAIN_UNARY : NNK_CHAIN_BINARY, op: op.kernel, elements: nil, number: 0
      ))
    return (chain, storage)
  }

  /// Adds the steps that give an operand: those of a chain that nobody else holds, or loading what it has.
  private func push(_ operand: OperandRef) {
    if let waiting = operand.waitingChain, fits(waiting) {
      steps += waiting.steps
      leaves += waiting.leaves
      depth = max(depth, height + waiting.depth)
    } else if let tensor = operand.tensor?.takeUnretainedValue() {
      leaves.append(tensor)
      steps.append(
        nnk_chain_step(kind: NNK_CHAIN_LOAD, op: 0, elements: tensor.data, number: 0))
      depth = max(depth, height + 1)
    } else {
      steps.append(
        nnk_chain_step(kind: NNK_CHAIN_NUMBER, op: 0, elements: nil, number: operand.number))
      depth = max(depth, height + 1)
    }
    height += 1
  }

  /// Whether another chain can be evaluated in the middle of this one.
  private func fits(_ other: Chain) -> Bool {
    steps.count + other.steps.count < Chain.mostSteps
      && height + other.depth <= Int(NNK_CHAIN_DEPTH)
  }

  /// Whether further steps may follow.
  fileprivate var hasRoom: Bool { steps.count + 2 < Chain.mostSteps && depth < NNK_CHAIN_DEPTH }

  /// Computes the elements; gives where they are.
  func run(_ dtype: DType, _ count: Int) -> UnsafeMutableRawPointer {
    guard let target else { preconditionFailure("the tensor has set the target") }
    let isDone = steps.withUnsafeBufferPointer { steps in
      guard let first = steps.baseAddress else { return false }
      return nnk_chain(dtype.kernelType, first, steps.count, target, count)
    }
    precondition(isDone, "only operations with a loop for the type are put off")
    return target
  }
}

extension OperandRef {
  /// The chain of a tensor that its owner gives up and that has room for more steps.
  fileprivate var waitingChain: Chain? {
    guard isMoved, let chain = tensor?._withUnsafeGuaranteedRef({ $0.chain }), chain.hasRoom else {
      return nil
    }
    return chain
  }

  /// The memory of a tensor that its owner gives up.
  fileprivate var ownStorage: Tensor.Storage? {
    isMoved ? tensor?._withUnsafeGuaranteedRef { $0.ownStorage } : nil
  }
}

extension TensorContext {
  /// The result of an elementwise op on large operands of one float type and shape (or one a number), to be computed when it is read; nil where
  /// it must be computed at once.
  @inline(never)
  func deferred(
    _ op: Op, _ a: OperandRef, _ b: OperandRef? = nil
  ) throws(TensorError) -> Operand? {
    guard !debugNaNs, let model = a.tensor ?? b?.tensor,
      nnk_has_elementwise(b == nil, op.kernel, model.dtype.kernelType)
    else { return nil }
    let (chain, storage) = Chain.applying(op, a, b)
    return try checked(Operand(Tensor(deferring: chain, shapedAs: model, in: storage)))
  }
}
