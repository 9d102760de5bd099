// The tape: what happened to tracked values, in order, as flat arrays.

/// A Wengert list. Entries hold plain tensors and handles of the level below, never tracked values, so there are no cycles and
/// no recursion, however long the list gets.
package final class Tape: Trace {
  let lists: UnsafeMutablePointer<TapeLists>
  private let pool: TapePool
  private var attributeLists: [[Attribute]] = []
  /// Rows that are not in the table and must live as long as the tape.
  private var ownOps: [Op] = []
  /// How many values are watched.
  private(set) var leafCount = 0
  /// The checkpoints, in the order of their ends, and where those begin that are still open.
  var folds: [Fold] = []
  var foldStarts: [Int] = []
  /// Where the generator stood before the random ops of checkpoints, by entry.
  var draws: [Int: RandomState] = [:]

  /// Whether an operand of the entry that comes next could not be noted.
  private var isOutOfMemory = false
  /// How many entries there may be.
  private let limit: Int
  /// Whether values on the levels below may be batches, whose tensors have more axes than their shapes.
  private let isInBatch: Bool

  init(serial: UInt32, pool: TapePool, limit: Int, isInBatch: Bool) {
    self.pool = pool
    self.isInBatch = isInBatch
    self.limit = min(limit, Handle.highestIndex)
    lists = pool.take()
    super.init(serial: serial)
  }

  deinit {
    free(from: 0)
    pool.giveBack(lists)
  }

  /// The number of entries, watched values included.
  package var count: Int { lists.pointee.entries.count }
  /// An entry.
  @inline(__always) func entry(_ index: Int) -> TapeEntry { lists.pointee.entries[index] }
  /// An operand of an entry.
  @inline(__always) func input(_ index: Int) -> TapeInput { lists.pointee.inputs[index] }

  // MARK: - Recording

  /// Adds a watched value.
  func addLeaf(_ operand: Operand) throws(TensorError) -> Handle {
    leafCount += 1
    return try addEntry(
      TapeEntry(op: nil, output: nil, number: 0, lower: operand.handle, position: 0))
  }

  private func addEntry(_ entry: TapeEntry) throws(TensorError) -> Handle {
    let index = lists.pointee.entries.count
    guard index < limit else {
      throw TensorError(
        "limit", "a differentiated call recorded more than \(index) operations",
        help: "checkpoint(f) records less, or differentiate a shorter loop")
    }
    guard !isOutOfMemory, lists.pointee.entries.append(entry) else {
      isOutOfMemory = false
      throw TensorError(
        "limit", "no memory to record operation \(index) of a differentiated call",
        help: "checkpoint(f) records less, or differentiate a shorter loop")
    }
    return Handle(serial: serial, index: index)
  }

  package override func lowered(_ operand: Operand) -> Operand {
    guard tracks(operand) else { return operand }
    var result = operand
    result.handle = entry(operand.handle.index).lower
    return result
  }

  /// A borrowed value as the level below sees it.
  @inline(__always) private func lowered(_ operand: OperandRef) -> OperandRef {
    var result = operand
    if tracks(operand.handle) { result.handle = entry(operand.handle.index).lower }
    return result
  }

  /// Notes an operand of the entry that comes next; gives it as the level below sees it.
  @inline(__always)
  private func addInput(
    _ operand: OperandRef, isSaved: Bool, type: Int32
  ) -> OperandRef {
    var input = TapeInput(
      tensor: nil, number: operand.number, lower: operand.handle, parent: -1, type: type)
    if tracks(operand.handle) {
      input.parent = Int32(truncatingIfNeeded: operand.handle.index)
      input.lower = entry(operand.handle.index).lower
    }
    if let tensor = operand.tensor {
      if isSaved {
        input.tensor = tensor.retain()
        input.type = TapeInput.hasTensor
      }
    } else {
      input.type = TapeInput.isNumber
    }
    if !lists.pointee.inputs.append(input) {
      input.tensor?.release()
      isOutOfMemory = true
    }
    return OperandRef(operand, lower: input.lower, isSaved: isSaved)
  }

  /// What to keep where each operand serves only the gradient in the other.
  @inline(__always) private func crosswise(_ isFirst: Bool, _ isSecond: Bool) -> Saved {
    isFirst ? (isSecond ? .operands : .operand(1)) : .operand(0)
  }

  /// Notes the shape and type of a tensor that is not kept, as the level below sees it.
  private func typeIndex(_ operand: OperandRef, in context: TensorContext) -> Int32 {
    guard let tensor = operand.tensor else { return TapeInput.isNumber }
    let type =
      isInBatch
      ? context.type(of: lowered(operand.owned))
      : tensor._withUnsafeGuaranteedRef { TensorType(shape: $0.shape, dtype: $0.dtype) }
    guard let type else { return TapeInput.isNumber }
    if !lists.pointee.types.append(type) { isOutOfMemory = true }
    return Int32(truncatingIfNeeded: lists.pointee.types.count - 1)
  }

  /// Forgets the inputs of an entry that failed.
  private func dropInputs(from first: Int) {
    while lists.pointee.inputs.count > first { lists.pointee.inputs.removeLast().tensor?.release() }
  }

  /// Finishes the entry whose inputs begin at `first`; gives the result as tracked here.
  @inline(__always)
  private func finish(
    _ op: Op, _ output: consuming Operand, firstInput first: Int, attributes: Int32,
    in context: TensorContext
  ) throws(TensorError) -> Operand {
    var entry = TapeEntry(
      op: Unmanaged.passUnretained(op), output: nil, number: output.number, lower: output.handle,
      position: context.position)
    entry.firstInput = UInt32(truncatingIfNeeded: first)
    entry.inputCount = UInt16(truncatingIfNeeded: lists.pointee.inputs.count - first)
    entry.attributes = attributes
    if op.saves.contains(.output), !isFolding, let tensor = output.tensor {
      entry.output = Unmanaged.passRetained(tensor)
    }
    do throws(TensorError) {
      output.handle = try addEntry(entry)
    } catch {
      entry.output?.release()
      dropInputs(from: first)
      throw error
    }
    return output
  }

  /// Whether a result can carry a gradient.
  @inline(__always) private func carriesGradient(_ output: borrowing Operand) -> Bool {
    output.tensor?.dtype.isFloat ?? true
  }

  /// Applies an elementwise op of one operand and records it.
  func unary(
    _ op: Op, _ x: OperandRef, in context: TensorContext
  ) throws(TensorError) -> Operand {
    guard op.isDifferentiable else { return try context.unary(op, lowered(x)) }
    if isFolding { return try applyOne(op, [x.owned], [], in: context) }
    let first = lists.pointee.inputs.count
    let lower = addInput(x, isSaved: op.saves.contains(.operand(0)), type: TapeInput.asResult)
    let output: Operand
    do throws(TensorError) {
      output = try context.unary(op, lower)
    } catch {
      dropInputs(from: first)
      throw error
    }
    return try finish(op, output, firstInput: first, attributes: -1, in: context)
  }

  /// Applies an elementwise op of two operands and records it.
  func binary(
    _ op: Op, _ a: OperandRef, _ b: OperandRef, in context: TensorContext
  ) throws(TensorError) -> Operand {
    guard op.isDifferentiable else { return try context.binary(op, lowered(a), lowered(b)) }
    if isFolding { return try applyOne(op, [a.owned, b.owned], [], in: context) }
    let first = lists.pointee.inputs.count
    var aType = TapeInput.asResult
    var bType = TapeInput.asResult
    if let x = a.tensor, let y = b.tensor, isInBatch || x.dtype != y.dtype || !x.hasShape(of: y) {
      aType = typeIndex(a, in: context)
      bType = typeIndex(b, in: context)
    }
    var saves = op.saves
    if saves.isCrosswise { saves = crosswise(tracks(a.handle), tracks(b.handle)) }
    let lowerA = addInput(a, isSaved: saves.contains(.operand(0)), type: aType)
    let lowerB = addInput(b, isSaved: saves.contains(.operand(1)), type: bType)
    let output: Operand
    do throws(TensorError) {
      output = try context.binary(op, lowerA, lowerB)
    } catch {
      dropInputs(from: first)
      throw error
    }
    return try finish(op, output, firstInput: first, attributes: -1, in: context)
  }

  /// Applies an op of one result and records it.
  func applyOne(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute], in context: TensorContext
  ) throws(TensorError) -> Operand {
    guard op.isDifferentiable else {
      return try context.apply(op, operands.map { lowered($0) }, attributes)
    }
    let first = addInputs(op, &operands, in: context)
    noteDraw(op, context)
    let output: Operand
    do throws(TensorError) {
      output = try context.apply(op, operands, attributes)
    } catch {
      dropInputs(from: first)
      throw error
    }
    guard carriesGradient(output) else {
      dropInputs(from: first)
      return output
    }
    if op.isOwn { ownOps.append(op) }
    return try finish(
      op, output, firstInput: first, attributes: listIndex(attributes), in: context)
  }

  /// Records a result that was computed from the plain operands, none of which is tracked on a level below.
  func note(
    _ op: Op, _ output: Operand, of operands: [Operand], _ attributes: [Attribute],
    in context: TensorContext
  ) throws(TensorError) -> Operand {
    let first = lists.pointee.inputs.count
    for position in operands.indices {
      let isSaved =
        isFolding
        ? isFromOutside(operands[position]) : op.saves.contains(.operand(position))
      let reference = OperandRef(borrowing: operands[position])
      let type = isSaved ? TapeInput.asResult : typeIndex(reference, in: context)
      _ = addInput(reference, isSaved: isSaved, type: type)
    }
    return try finish(
      op, output, firstInput: first, attributes: listIndex(attributes), in: context)
  }

  override func apply(
    _ op: Op, _ operands: consuming [Operand], _ attributes: [Attribute], in context: TensorContext
  ) throws(TensorError) -> [Operand] {
    guard op.hasManyResults else {
      return [try applyOne(op, operands, attributes, in: context)]
    }
    guard op.isDifferentiable else {
      return try context.applyMany(op, operands.map { lowered($0) }, attributes)
    }
    let first = addInputs(op, &operands, in: context)
    noteDraw(op, context)
    var outputs: [Operand]
    do throws(TensorError) {
      outputs = try context.applyMany(op, operands, attributes)
    } catch {
      dropInputs(from: first)
      throw error
    }
    guard outputs.contains(where: { carriesGradient($0) }) else {
      dropInputs(from: first)
      return outputs
    }
    if op.isOwn { ownOps.append(op) }
    let main = count
    outputs[0] = try finish(
      op, outputs[0], firstInput: first, attributes: listIndex(attributes), in: context)
    let keepsFurther = op.saves.contains(.further) && !isFolding
    for position in outputs.indices.dropFirst() {
      try addFurther(&outputs[position], isSaved: keepsFurther)
    }
    lists.pointee.entries[main].outputCount = UInt16(outputs.count)
    return outputs
  }

  /// Notes the operands of an entry and leaves them as the level below sees them; gives the place of the first.
  private func addInputs(_ op: Op, _ operands: inout [Operand], in context: TensorContext) -> Int {
    let first = lists.pointee.inputs.count
    let saves = saves(of: op, isTracked: operands.map { tracks($0) })
    for position in operands.indices {
      var isSaved = saves.contains(.operand(min(position, 13)))
      if isFolding { isSaved = isFromOutside(operands[position]) }
      // Only the handle is taken back: the array still owns the tensor.
      let reference = OperandRef(borrowing: operands[position])
      let type = isSaved ? TapeInput.asResult : typeIndex(reference, in: context)
      operands[position].handle = addInput(reference, isSaved: isSaved, type: type).handle
    }
    return first
  }

  /// Which operands the gradient reads, where those of some are not wanted.
  func saves(of op: Op, isTracked: [Bool]) -> Saved {
    guard op.saves.isCrosswise else { return op.saves }
    var saves = crosswise(isTracked[0], isTracked[1])
    if isTracked.count > 2, isTracked[2] { saves.formUnion(op.saves) }
    return saves
  }

  /// Whether a checkpoint is open.
  @inline(__always) private var isFolding: Bool { lists.pointee.foldStart != TapeLists.noFold }

  /// Whether an operand was not made by the open checkpoint, which can make its own again.
  private func isFromOutside(_ operand: Operand) -> Bool {
    !tracks(operand) || operand.handle.index < lists.pointee.foldStart
  }

  /// Notes where the generator stands before an op that a checkpoint may have to repeat.
  private func noteDraw(_ op: Op, _ context: TensorContext) {
    if op.isRandom, isFolding { draws[count] = context.random }
  }

  /// The place where arguments are noted, -1 for none.
  private func listIndex(_ attributes: [Attribute]) -> Int32 {
    // Behind the end of a list there is `none`, so a list of nothing else need not be kept.
    if attributes.allSatisfy({ $0 == .none }) { return -1 }
    attributeLists.append(attributes)
    return Int32(attributeLists.count - 1)
  }

  /// Adds an entry for a result after the first.
  private func addFurther(_ output: inout Operand, isSaved: Bool) throws(TensorError) {
    let handle = try addEntry(
      TapeEntry(
        op: nil, output: nil, number: output.number, lower: output.handle, position: 0))
    if isSaved, let tensor = output.tensor {
      lists.pointee.entries[handle.index].output = Unmanaged.passRetained(tensor)
    }
    if carriesGradient(output) { output.handle = handle }
  }

  // MARK: - Reading

  /// The shape and dtype noted at a place.
  func type(at index: Int32) -> TensorType { lists.pointee.types[Int(index)] }

  /// The arguments of an entry.
  func attributes(_ entry: TapeEntry) -> [Attribute] {
    entry.attributes < 0 ? [] : attributeLists[Int(entry.attributes)]
  }

  // MARK: - Freeing

  /// Releases what an entry holds; its place stays.
  func free(_ index: Int) {
    let entry = entry(index)
    for place in index..<min(index + Int(entry.outputCount), count) {
      guard let output = self.entry(place).output else { continue }
      output.release()
      lists.pointee.entries[place].output = nil
    }
    let first = Int(entry.firstInput)
    for place in first..<first + Int(entry.inputCount) {
      guard let tensor = input(place).tensor else { continue }
      tensor.release()
      lists.pointee.inputs[place].tensor = nil
    }
  }

  private func free(from index: Int) {
    for entry in index..<max(index, count) { free(entry) }
  }
}

/// The growing arrays of a tape, outside of objects so that appending needs no exclusivity check.
struct TapeLists: ~Copyable {
  var entries = FlatArray<TapeEntry>()
  var inputs = FlatArray<TapeInput>()
  /// Shapes of inputs that are neither kept nor those of the result.
  var types = FlatArray<TensorType>()
  /// Where the outermost open checkpoint begins.
  var foldStart = TapeLists.noFold

  static let noFold = -1
}

/// Keeps the memory of an ended tape for the next one: short differentiated calls then allocate nothing for it.
final class TapePool {
  @exclusivity(unchecked) private var spare: UnsafeMutablePointer<TapeLists>?
  /// Longer lists are given back to the allocator.
  private static let largestKept = 1 << 12

  func take() -> UnsafeMutablePointer<TapeLists> {
    if let lists = spare {
      spare = nil
      return lists
    }
    let lists = UnsafeMutablePointer<TapeLists>.allocate(capacity: 1)
    lists.initialize(to: TapeLists())
    return lists
  }

  func giveBack(_ lists: UnsafeMutablePointer<TapeLists>) {
    if spare == nil, lists.pointee.entries.count <= TapePool.largestKept {
      lists.pointee.entries.removeAll()
      lists.pointee.inputs.removeAll()
      lists.pointee.types.removeAll()
      spare = lists
    } else {
      destroy(lists)
    }
  }

  private func destroy(_ lists: UnsafeMutablePointer<TapeLists>) {
    lists.deinitialize(count: 1)
    lists.deallocate()
  }

  deinit { if let spare { destroy(spare) } }
}

/// The shape and element type of a value that is not kept itself.
struct TensorType: Equatable, BitwiseCopyable {
  var shape: Shape
  var dtype: DType
}

extension TensorContext {
  /// The shape and element type of a value as code inside the active traces sees it; nil for a number.
  func type(of operand: Operand) -> TensorType? {
    guard let tensor = operand.tensor else { return nil }
    return TensorType(shape: shape(of: operand), dtype: tensor.dtype)
  }
}

/// What happened once: an op, its operands and its result.
struct TapeEntry {
  /// Nil for a watched value and for results after the first.
  var op: Unmanaged<Op>?
  /// The result, where the gradient reads it (one reference is owned); of every result if there are several.
  var output: Unmanaged<Tensor>?
  /// The result, where it is a number.
  var number: Double
  /// The result's handle one level down.
  var lower: Handle
  /// Where in the source the op was applied.
  var position: UInt32
  var firstInput: UInt32 = 0
  var inputCount: UInt16 = 0
  var outputCount: UInt16 = 1
  /// The place of the arguments, -1 for none.
  var attributes: Int32 = -1
}

/// One operand of an entry.
struct TapeInput {
  /// The operand, where the gradient reads it (one reference is owned).
  var tensor: Unmanaged<Tensor>?
  /// The operand, where it is a number.
  var number: Double
  /// Its handle one level down.
  var lower: Handle
  /// The entry that made it, -1 where the tape does not track it.
  var parent: Int32
  /// The place of its shape and type, or one of the constants.
  var type: Int32

  /// It has the shape and type of the result.
  static let asResult: Int32 = -1
  /// It is a number.
  static let isNumber: Int32 = -2
  /// It is kept.
  static let hasTensor: Int32 = -3
}
