// The tensor: a shape, an element type and dense elements in a counted block.
import NNKernels

/// A dense array of numbers in row-major order, immutable to the outside.
///
/// The elements live in a block of the kernels' allocator that several tensors may share (views).
/// A transposed tensor, and the result of elementwise ops on many elements, puts off its work until someone reads the
/// elements; read them once before another thread may.
public final class Tensor: @unchecked Sendable {
  package let shape: Shape
  public let dtype: DType
  /// The number of elements.
  public let count: Int
  /// What is still to be done for the elements.
  private var pending = Pending.nothing
  private var elements: UnsafeMutableRawPointer?
  private var block: UnsafeMutableRawPointer?

  /// A tensor with undefined elements, to be filled before anyone else sees it.
  package init(shape: Shape, dtype: DType) throws(TensorError) {
    self.shape = shape
    self.dtype = dtype
    count = shape.count
    guard let size = Tensor.byteCount(shape, dtype), let block = nnk_block_alloc(size) else {
      throw .outOfMemory(shape, dtype)
    }
    self.block = block
    elements = block
  }

  /// A tensor with undefined elements in the shape of another, whose size is known to be possible.
  @inline(__always) init(shapedAs other: Unmanaged<Tensor>, dtype: DType) throws(TensorError) {
    shape = other._withUnsafeGuaranteedRef { $0.shape }
    count = other._withUnsafeGuaranteedRef { $0.count }
    self.dtype = dtype
    guard let block = nnk_block_alloc(count &* dtype.size) else {
      throw .outOfMemory(shape, dtype)
    }
    self.block = block
    elements = block
  }

  /// A view of a part of another tensor's elements, from element `offset` on.
  package init(sharing base: Tensor, offset: Int = 0, shape: Shape, dtype: DType? = nil) {
    self.shape = shape
    self.dtype = dtype ?? base.dtype
    count = shape.count
    elements = base.data + offset * self.dtype.size
    block = base.block
    nnk_block_retain(base.block!)
  }

  /// The transpose of the last two axes; its memory is reserved, the copy made when the elements are read.
  init(transposing base: Tensor) throws(TensorError) {
    var shape = base.shape
    let rank = shape.rank
    shape[rank - 1] = base.shape[rank - 2]
    shape[rank - 2] = base.shape[rank - 1]
    self.shape = shape
    dtype = base.dtype
    count = base.count
    pending = .transpose(of: base)
    guard let block = nnk_block_alloc(base.count * base.dtype.size) else {
      throw .outOfMemory(shape, dtype)
    }
    self.block = block
  }

  /// A tensor in the shape of another whose elements a chain of elementwise operations computes when they are read.
  ///
  /// Its memory is `storage`, of which it takes a share, or a block of its own.
  init(
    deferring chain: Chain, shapedAs other: Unmanaged<Tensor>, in storage: Storage?
  ) throws(TensorError) {
    shape = other._withUnsafeGuaranteedRef { $0.shape }
    count = other._withUnsafeGuaranteedRef { $0.count }
    dtype = other._withUnsafeGuaranteedRef { $0.dtype }
    if let storage {
      nnk_block_retain(storage.block)
      block = storage.block
      chain.target = storage.elements
    } else {
      guard let own = nnk_block_alloc(count &* dtype.size) else { throw .outOfMemory(shape, dtype) }
      block = own
      chain.target = own
    }
    pending = .chain(chain)
  }

  deinit { nnk_block_release(block) }

  /// What may be left to do before the elements can be read.
  private enum Pending {
    case nothing
    /// A copy of a tensor with its last two axes exchanged.
    case transpose(of: Tensor)
    case chain(Chain)
  }

  /// What this is the transpose (of the last two axes) of, while the elements have not been copied.
  var transposed: Tensor? {
    if case .transpose(let base) = pending { return base }
    return nil
  }

  /// The operations that will compute the elements, while they have not been read.
  var chain: Chain? {
    if case .chain(let chain) = pending { return chain }
    return nil
  }

  /// Memory that a tensor to come may use.
  struct Storage {
    let block: UnsafeMutableRawPointer
    let elements: UnsafeMutableRawPointer
  }

  /// The memory, for who holds the only reference to this tensor; nil if others share it.
  var ownStorage: Storage? {
    guard let block else { return nil }
    // What waits has no views, and shares its block with nobody but a tensor it alone will read.
    if let target = chain?.target { return Storage(block: block, elements: target) }
    guard let elements, nnk_block_is_unique(block) else { return nil }
    return Storage(block: block, elements: elements)
  }

  /// The first element. Writable only for who just made the tensor, or found `isUnique`.
  @inline(__always) package var data: UnsafeMutableRawPointer {
    if let elements { return elements }
    return materialize()
  }

  /// The number of bytes of all elements.
  public var byteCount: Int { count * dtype.size }

  /// Whether nobody else holds the block; together with a unique reference to the tensor, leave to write.
  var ownsBlock: Bool {
    guard let block else { return false }
    return nnk_block_is_unique(block)
  }

  /// The bytes a dense tensor needs; nil if they cannot be counted.
  static func byteCount(_ shape: Shape, _ dtype: DType) -> Int? {
    var bytes = dtype.size
    for axis in shape.indices where shape[axis] != 0 {
      let (product, overflow) = bytes.multipliedReportingOverflow(by: shape[axis])
      if overflow || product > 1 << 48 { return nil }
      bytes = product
    }
    return shape.count == 0 ? 0 : bytes
  }
}

extension Tensor {
  /// Does what was put off.
  @inline(never) private func materialize() -> UnsafeMutableRawPointer {
    guard let block else { preconditionFailure("a tensor without elements has memory for them") }
    let waiting = pending
    pending = .nothing
    switch waiting {
    case .nothing: preconditionFailure("nothing was put off")
    case .transpose(of: let base):
      let rank = shape.rank
      _ = nnk_transpose(
        dtype.size, base.data, block, base.shape.prefix(rank - 2).count, base.shape[rank - 2],
        base.shape[rank - 1])
      elements = block
      return block
    case .chain(let chain):
      let target = chain.run(dtype, count)
      elements = target
      return target
    }
  }
}
