// Checkpoints: stretches of a tape whose inner values are not kept, but computed again on the way back.

/// The entries of one checkpoint. Of their operands the tape keeps those that were made outside; with these it can repeat the rest.
struct Fold {
  let start: Int
  let end: Int
  /// The place of the next larger fold around it.
  var parent: Int?
  /// Whether what was left out has been computed again.
  var isUnfolded = false
}

extension TensorContext {
  /// Runs `body` so that no active tape keeps values from inside it: each repeats the ops when it walks back. The ops are repeated
  /// as they were recorded, with the same random numbers; `body` itself does not run again.
  package func checkpointed<Result, Failure: Error>(
    _ body: () throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let tapes = traces.compactMap { $0 as? Tape }.filter { $0.isActive }
    for tape in tapes { tape.beginFold() }
    defer { for tape in tapes { tape.endFold() } }
    return try body()
  }
}

extension Tape {
  func beginFold() {
    foldStarts.append(count)
    if foldStarts.count == 1 { lists.pointee.foldStart = count }
  }

  func endFold() {
    let start = foldStarts.removeLast()
    if foldStarts.isEmpty { lists.pointee.foldStart = TapeLists.noFold }
    guard count > start else { return }
    var place = folds.count - 1
    while place >= 0, folds[place].start >= start {
      if folds[place].parent == nil { folds[place].parent = folds.count }
      place -= 1
    }
    folds.append(Fold(start: start, end: count))
  }

  /// The place of the smallest fold around an entry.
  private func fold(around index: Int) -> Int? {
    // Folds are in the order of their ends.
    var (low, high) = (0, folds.count)
    while low < high {
      let middle = (low + high) / 2
      if folds[middle].end > index { high = middle } else { low = middle + 1 }
    }
    var place = low < folds.count ? low : nil
    while let candidate = place, folds[candidate].start > index { place = folds[candidate].parent }
    return place
  }

  /// Computes what the folds around an entry left out, from the largest to the smallest.
  func unfold(at index: Int, in context: TensorContext) throws(TensorError) {
    var chain: [Int] = []
    var place = fold(around: index)
    while let next = place {
      chain.append(next)
      place = folds[next].parent
    }
    for place in chain.reversed() where !folds[place].isUnfolded {
      folds[place].isUnfolded = true
      try context.checkpointed { () throws(TensorError) in
        try replay(place, upTo: index, in: context)
      }
    }
  }

  /// Where the fold begins that an entry of a larger one lies in, if that is still folded.
  private func innerStart(_ index: Int, in place: Int) -> Int? {
    var inner = fold(around: index)
    while let next = inner, next != place {
      if folds[next].parent == place { return folds[next].start }
      inner = folds[next].parent
    }
    return nil
  }

  /// Repeats the ops of a fold up to an entry, keeping what the gradients read. The walk back has passed, and may have freed,
  /// what comes after it.
  private func replay(
    _ place: Int, upTo last: Int, in context: TensorContext
  ) throws(TensorError) {
    let fold = folds[place]
    let lastUses = lastUses(from: fold.start, upTo: last)
    var values = [Operand?](repeating: nil, count: fold.end - fold.start)
    var index = fold.start
    while index <= last {
      let entry = entry(index)
      guard let op = entry.op?.takeUnretainedValue() else {
        index += 1
        continue
      }
      let outputs = try repeated(op, entry, index, values, fold.start, context)
      keep(op, index, outputs, values, from: fold.start, inner: innerStart(index, in: place))
      for (position, output) in outputs.enumerated()
      where index + position <= last && lastUses[index + position - fold.start] > index {
        values[index + position - fold.start] = output
      }
      for input in inputs(of: entry) where input.parent >= fold.start {
        let parent = Int(input.parent) - fold.start
        if lastUses[parent] == index { values[parent] = nil }
      }
      index += Int(entry.outputCount)
    }
  }

  private func inputs(of entry: TapeEntry) -> [TapeInput] {
    let first = Int(entry.firstInput)
    return (first..<first + Int(entry.inputCount)).map { input($0) }
  }

  /// For each of some entries in a row, the last of them that reads its value; -1 if none does.
  private func lastUses(from start: Int, upTo last: Int) -> [Int] {
    var uses = [Int](repeating: -1, count: last + 1 - start)
    for index in start...last {
      for input in inputs(of: entry(index)) where input.parent >= start {
        uses[Int(input.parent) - start] = index
      }
    }
    return uses
  }

  /// The results of an entry's op, computed again.
  private func repeated(
    _ op: Op, _ entry: TapeEntry, _ index: Int, _ values: [Operand?], _ start: Int,
    _ context: TensorContext
  ) throws(TensorError) -> [Operand] {
    var operands: [Operand] = []
    for input in inputs(of: entry) {
      if input.parent >= start, let value = values[Int(input.parent) - start] {
        operands.append(value)
      } else if let tensor = input.tensor {
        operands.append(Operand(tensor.takeUnretainedValue(), handle: input.lower))
      } else {
        operands.append(Operand(input.number, handle: input.lower))
      }
    }
    let state = context.random
    defer { context.random = state }
    if let drawn = draws[index] { context.random = drawn }
    context.position = entry.position
    return try context.applyMany(op, operands, attributes(entry))
  }

  /// Notes what the gradient of an entry reads of the values that were left out.
  private func keep(
    _ op: Op, _ index: Int, _ outputs: [Operand], _ values: [Operand?], from start: Int, inner: Int?
  ) {
    let entry = entry(index)
    let all = inputs(of: entry)
    let saves = saves(of: op, isTracked: all.map { $0.parent >= 0 })
    for (position, input) in all.enumerated() where input.parent >= start {
      guard let value = values[Int(input.parent) - start] else { continue }
      let isSaved =
        inner.map { input.parent < $0 } ?? saves.contains(.operand(min(position, 13)))
      let place = Int(entry.firstInput) + position
      lists.pointee.inputs[place].lower = value.handle
      if isSaved, let tensor = value.tensor {
        lists.pointee.inputs[place].tensor = Unmanaged.passRetained(tensor)
      }
    }
    for (position, output) in outputs.enumerated() {
      lists.pointee.entries[index + position].lower = output.handle
      let isSaved = op.saves.contains(position == 0 ? .output : .further)
      if inner == nil, isSaved, let tensor = output.tensor {
        lists.pointee.entries[index + position].output = Unmanaged.passRetained(tensor)
      }
    }
  }

  /// Leaves out again what was computed for a walk back, where another may follow.
  func foldAgain() {
    for place in folds.indices where folds[place].isUnfolded {
      let fold = folds[place]
      folds[place].isUnfolded = false
      for index in fold.start..<fold.end {
        lists.pointee.entries[index].output?.release()
        lists.pointee.entries[index].output = nil
        let first = Int(entry(index).firstInput)
        for place in first..<first + Int(entry(index).inputCount)
        where input(place).parent >= fold.start {
          lists.pointee.inputs[place].tensor?.release()
          lists.pointee.inputs[place].tensor = nil
        }
      }
    }
  }
}
