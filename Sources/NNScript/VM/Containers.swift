// Making containers, and their elements: `x[i]`, `x[i] = v`, slices, patterns.
import NNTensor

extension VM {
  // MARK: Making

  /// A list of values moved out of registers.
  func makeList(_ first: Registers, _ count: Int) -> Slot {
    let list = ListObject(heap: heap, capacity: count)
    for index in 0..<count { list.append(owned: moveOrCopy(first + index, true)) }
    return Slot(list)
  }

  func makeTuple(_ first: Registers, _ count: Int) -> Slot {
    let tuple = TupleObject(heap: heap, owned: UnsafeBufferPointer(start: first, count: count))
    for index in 0..<count { first[index] = .nil }
    return Slot(tuple)
  }

  /// Replaces a list, which nobody else holds, by a tuple of its elements.
  func listToTuple(_ register: Registers) {
    let elements = register.pointee.object(ListObject.self).elements
    for element in elements { retain(element) }
    assign(Slot(TupleObject(heap: heap, owned: elements)), to: register)
  }

  /// A dict of pairs of keys and values in registers.
  func makeDict(_ first: Registers, _ count: Int) throws -> Slot {
    try DictObject.build(heap: heap, capacity: count) { try putPairs($0, first, count) }
  }

  func putPairs(_ dict: DictObject, _ first: Registers, _ count: Int) throws {
    for index in 0..<count {
      let key = try checkedKey(first[2 * index], operand: index)
      dict.set(key, owned: moveOrCopy(first + 2 * index + 1, true))
      assign(.nil, to: first + 2 * index)
    }
  }

  /// A key as dicts store it, borrowed; the number of an integer tensor.
  private func checkedKey(_ key: Slot, operand: Int) throws -> Slot {
    if key.isKey { return key.untracked }
    if key.isTensor, let whole = wholeNumber(key) { return Slot(whole) }
    let text = key.asNumber.map(NumberText.shortest) ?? briefDescription(of: key)
    throw ScriptError(
      .key, "a dict key must be a string or a whole number, not \(text)",
      notes: [.init(operand: operand, text: text)])
  }

  /// Appends all elements of a value in a register, which is used up.
  func appendAll(_ list: ListObject, _ source: Registers) throws {
    if let elements = source.pointee.elements {
      try checkRoom(elements.count * 16)
      for index in 0..<elements.count { list.append(owned: retained(elements[index])) }
    } else {
      guard var elements = try Elements(source.pointee, vm: self) else {
        throw notIterable(source.pointee)
      }
      while let element = try elements.next() { list.append(owned: element) }
    }
    assign(.nil, to: source)
  }

  func makeRange(_ start: Slot, _ end: Slot, isClosed: Bool) throws -> Slot {
    let (low, high) = (try bound(start, 0), try bound(end, 1))
    return Slot(RangeObject(heap: heap, start: low, end: high, isInclusive: isClosed))
  }

  private func bound(_ slot: Slot, _ operand: Int) throws -> Int {
    if let whole = wholeNumber(slot), whole.magnitude <= 1 << 53 { return whole }
    let text = slot.asNumber.map(NumberText.shortest) ?? briefDescription(of: slot)
    throw ScriptError(
      .type, "the bounds of a range must be whole numbers",
      notes: [.init(operand: operand, text: text)])
  }

  /// The whole number in a slot, or in a 0-d tensor of integers.
  func wholeNumber(_ slot: Slot) -> Int? {
    if let number = slot.asNumber { return Int(exactly: number) }
    guard let tensor = slot.asTensor, tensor.shape.rank == 0, tensor.dtype.isInteger else {
      return nil
    }
    return Int(tensor.integer(at: 0))
  }

  /// Prepares the loop over `a..b` in the registers `counter` (first number) and the next (end); true if there is no turn.
  func prepareRange(_ counter: Registers, isClosed: Bool) throws -> Bool {
    if !isClosed, counter[0].isPlainNumber, counter[1].isPlainNumber {
      let (start, end) = (counter[0].number, counter[1].number)
      let areWhole = start.magnitude < 0x1p53 && end.magnitude < 0x1p53
      if areWhole, Double(Int(start)) == start, Double(Int(end)) == end { return start >= end }
    }
    let start = try bound(counter[0], 0)
    let end = try bound(counter[1], 1) + (isClosed ? 1 : 0)
    assign(Slot(start), to: counter)
    assign(Slot(end), to: counter + 1)
    return start >= end
  }

  // MARK: Elements

  /// `container[key]`, owned.
  @inline(never) func element(of container: Slot, _ key: Slot) throws -> Slot {
    switch container.tag {
    case Tag.list, Tag.tuple:
      guard let elements = container.elements else { break }
      if let whole = wholeNumber(key) {
        return retained(elements[try index(whole, elements.count, container)])
      }
    case Tag.dict:
      let key = try checkedKey(key, operand: 1)
      if let value = container.object(DictObject.self)[key] { return retained(value) }
      throw missingKey(container.object(), key)
    case Tag.tensor, Tag.trackedTensor: return try tensorElement(container, [key])
    case Tag.string:
      let string = container.object(StringObject.self)
      if let whole = wholeNumber(key) {
        return character(of: string, at: try index(whole, string.length, container))
      }
    case Tag.range:
      let range = container.object(RangeObject.self)
      if let whole = wholeNumber(key) {
        return Slot(range.value(at: try index(whole, range.length, container)))
      }
    case Tag.instance, Tag.sequence:
      guard let length = try Builtins.sequenceLength(of: container, vm: self) else { break }
      if let whole = wholeNumber(key) {
        return try Builtins.element(
          of: container, at: try index(whole, length, container), vm: self)
      }
    default: break
    }
    throw badIndex(container, key)
  }

  private func character(of string: StringObject, at index: Int) -> Slot {
    if string.isSimple {
      let byte = string.value.utf8[
        string.value.utf8.index(string.value.startIndex, offsetBy: index)]
      return heap.intern(String(UnicodeScalar(byte)))
    }
    let place = string.value.index(string.value.startIndex, offsetBy: index)
    return heap.intern(String(string.value[place]))
  }

  /// An index from 0 on; negative ones count from the end.
  private func index(_ index: Int, _ count: Int, _ container: Slot) throws -> Int {
    let position = index < 0 ? index + count : index
    guard position >= 0, position < count else {
      throw ScriptError(
        .index, "index \(index) is out of range for \(container.describedType) of length \(count)",
        help: count == 0 ? "it is empty" : "valid indices are \(-count) to \(count - 1)",
        notes: [.init(operand: 1, text: "\(index)"), .init(operand: 0, text: "length \(count)")])
    }
    return position
  }

  private func missingKey(_ dict: DictObject, _ key: Slot) -> ScriptError {
    var help: String?
    if let text = key.asString?.value {
      help = Suggestion.help(for: text, among: dict.textKeys)
    }
    return ScriptError(
      .key, "the dict has no key \(ValueText.inside(key))",
      help: help ?? "d.get(key, default) gives a default")
  }

  private func badIndex(_ container: Slot, _ key: Slot) -> ScriptError {
    let text = key.asNumber.map(NumberText.shortest) ?? briefDescription(of: key)
    switch container.tag {
    case Tag.list, Tag.tuple, Tag.string, Tag.range, Tag.sequence, Tag.instance:
      if container.meta == Tag.instance,
        !container.object(InstanceObject.self).model.isSequence
      {
        break
      }
      return ScriptError(
        .type, "an index of \(container.describedType) must be a whole number, not \(text)",
        notes: [.init(operand: 1, text: text)])
    default: break
    }
    return ScriptError(
      .type, "\(container.describedType) cannot be indexed",
      notes: [.init(operand: 0, text: container.describedType)])
  }

  /// `container[key] = value`. A tensor in the register is replaced by one with that part replaced.
  @inline(never) func setElement(
    _ container: Registers, _ key: Slot, _ source: Registers, _ code: Unmanaged<Code>, isTaken: Bool
  ) throws {
    switch container.pointee.tag {
    case Tag.list:
      let list = container.pointee.object(ListObject.self)
      guard let whole = wholeNumber(key) else { throw badIndex(container.pointee, key) }
      let position = try index(whole, list.size, container.pointee)
      list.replace(at: position, owned: moveOrCopy(source, isTaken))
    case Tag.dict:
      let key = try checkedKey(key, operand: 1)
      container.pointee.object(DictObject.self).set(key, owned: moveOrCopy(source, isTaken))
    case Tag.tensor, Tag.trackedTensor:
      try checkRebinding(code)
      try replaceElements(of: container, [key], source.pointee)
      if isTaken { assign(.nil, to: source) }
    case Tag.tuple, Tag.string, Tag.range:
      throw ScriptError(
        .type, "\(container.pointee.describedType) cannot be changed",
        help: container.pointee.meta == Tag.tuple ? "list(x) makes a list of it" : nil,
        notes: [.init(operand: 0, text: container.pointee.describedType)])
    default: throw badIndex(container.pointee, key)
    }
  }

  /// An element assignment to a tensor makes a new tensor, so it needs a variable to put it in.
  private func checkRebinding(_ code: Unmanaged<Code>) throws {
    let guarded = code._withUnsafeGuaranteedRef { code -> Code.Place? in
      guard let place = code.place(before: frames[depth - 1].pc - code.words) else { return nil }
      return code.isGuarded(place.pc) ? place : nil
    }
    guard let guarded else { return }
    let text = guarded.operands.first.flatMap { modules.sources.file(of: $0)?.text(of: $0) } ?? ""
    let isName = text.allSatisfy { $0.isLetter || $0.isNumber || $0 == "_" }
    let (what, name) = isName ? ("'\(text)' is a tensor, which", text) : ("a tensor", "x")
    throw ScriptError(
      .type, "\(what) can only be changed in a variable declared with `var`",
      help: "write `var \(name) = ...`, or shadow a parameter with `var \(name) = \(name)`")
  }

  /// `container[key]` for an update, owned: a tensor is moved out of a list or dict.
  func takeElement(_ container: Slot, _ key: Slot) throws -> Slot {
    if let list = container.asList, let whole = wholeNumber(key) {
      let position = try index(whole, list.size, container)
      if list.storage[position].isTensor {
        let value = list.storage[position]
        list.storage[position] = .nil
        return value
      }
    } else if let dict = container.asDict, key.isKey, let index = dict.find(key),
      dict.entries[index].value.isTensor
    {
      let value = dict.entries[index].value
      dict.entries[index].value = .nil
      return value
    }
    return try element(of: container, key)
  }

  // MARK: Slices

  /// `container[a:b:c]` of lists, tuples, strings and sequences; anything else of tensors.
  func slice(
    of container: Slot, _ first: Registers, _ code: Unmanaged<Code>, _ layout: Int
  ) throws -> Slot {
    let items = code._withUnsafeGuaranteedRef { $0.slices[layout] }
    if container.isTensor { return try tensorSlice(container, first, items) }
    guard items.count == 1, case .slice = items[0] else { throw badSlice(container) }
    switch container.tag {
    case Tag.list, Tag.tuple:
      guard let elements = container.elements else { break }
      let chosen = try positions(first, elements.count).map { retained(elements[$0]) }
      return container.meta == Tag.list
        ? Slot(ListObject(heap: heap, owned: chosen)) : Slot(TupleObject(heap: heap, owned: chosen))
    case Tag.string:
      let characters = Array(container.object(StringObject.self).value)
      let chosen = try positions(first, characters.count).map { characters[$0] }
      return heap.string(String(chosen))
    case Tag.range:
      let range = container.object(RangeObject.self)
      let chosen = try positions(first, range.length)
      return ListObject.build(heap: heap, capacity: chosen.count) { list in
        for position in chosen { list.append(owned: Slot(range.value(at: position))) }
      }
    case Tag.instance, Tag.sequence:
      guard let length = try Builtins.sequenceLength(of: container, vm: self) else { break }
      return try ListObject.build(heap: heap) { list in
        for position in try positions(first, length) {
          list.append(owned: try Builtins.element(of: container, at: position, vm: self))
        }
      }
    default: break
    }
    throw badSlice(container)
  }

  private func badSlice(_ container: Slot) -> ScriptError {
    ScriptError(
      .type, "\(container.describedType) cannot be indexed this way",
      notes: [.init(operand: 0, text: container.describedType)])
  }

  /// The positions a slice chooses; start, stop and step are in three registers.
  private func positions(_ first: Registers, _ count: Int) throws -> [Int] {
    let step = try slicePart(first[2]) ?? 1
    if step == 0 { throw ScriptError(.index, "the step of a slice must not be 0") }
    let start = try slicePart(first[0]).map { clamp($0, count, step) } ?? (step > 0 ? 0 : count - 1)
    let stop = try slicePart(first[1]).map { clamp($0, count, step) } ?? (step > 0 ? count : -1)
    return Array(stride(from: start, to: stop, by: step))
  }

  func slicePart(_ slot: Slot) throws -> Int? {
    if slot.isNil { return nil }
    if let whole = wholeNumber(slot) { return whole }
    if let number = slot.asNumber, number.rounded() == number {
      return number < 0 ? -(1 << 53) : 1 << 53
    }
    throw ScriptError(
      .type, "the parts of a slice must be whole numbers, not \(briefDescription(of: slot))")
  }

  private func clamp(_ index: Int, _ count: Int, _ step: Int) -> Int {
    let position = index < 0 ? index + count : index
    return step > 0 ? min(max(position, 0), count) : min(max(position, -1), count - 1)
  }

  /// `container[...] = value` where the index is a slice or has several items.
  func setSlice(
    _ container: Registers, _ value: Slot, _ first: Registers, _ code: Unmanaged<Code>,
    _ layout: Int
  ) throws {
    let items = code._withUnsafeGuaranteedRef { $0.slices[layout] }
    if container.pointee.isTensor {
      try checkRebinding(code)
      try replaceSlice(of: container, first, items, value)
      return
    }
    guard let list = container.pointee.asList, items.count == 1, case .slice = items[0] else {
      throw badSlice(container.pointee)
    }
    let positions = try positions(first, list.size)
    guard let elements = value.elements else {
      throw ScriptError(
        .type, "a slice of a list takes a list, not \(value.describedType)",
        notes: [.init(operand: 1, text: briefDescription(of: value))])
    }
    guard elements.count == positions.count else {
      throw ScriptError(
        .index, "a slice of \(positions.count) elements cannot take \(elements.count)",
        help: "insert, remove and `++` change the length of a list")
    }
    let copies = elements.map { retained($0) }
    for (position, element) in zip(positions, copies) { list.replace(at: position, owned: element) }
  }

  // MARK: Patterns

  /// Copies the parts of a list or tuple, or of a tensor along its first axis, into registers.
  func unpack(_ source: Registers, _ first: Registers, _ count: Int) throws {
    if let elements = source.pointee.elements {
      guard elements.count == count else {
        throw ScriptError.unpacking(
          count, of: sketch(of: source.pointee), source.pointee.typeName, parts: elements.count)
      }
      for index in 0..<count { assign(retained(elements[index]), to: first + index) }
      return
    }
    if source.pointee.isTensor, shape(of: source.pointee).rank > 0 {
      let size = shape(of: source.pointee)[0]
      guard size == count else {
        throw ScriptError.unpacking(
          count, of: sketch(of: source.pointee), source.pointee.typeName, parts: size)
      }
      for index in 0..<count {
        assign(try element(of: source.pointee, at: index), to: first + index)
      }
      return
    }
    throw ScriptError.unpacking(
      count, of: sketch(of: source.pointee), source.pointee.typeName, parts: nil)
  }

  // MARK: Iteration

  /// Makes what a loop runs over ready: lists and tuples stay, everything else becomes an iterator.
  func prepareIteration(_ source: Registers) throws {
    assign(Slot(meta: Tag.number, bits: 0), to: source + 1)
    if source.pointee.meta == Tag.list { return }
    guard let elements = try Elements(source.pointee, vm: self) else {
      throw notIterable(source.pointee)
    }
    let iterator = IteratorObject(heap: heap, owned: source.pointee, elements: elements)
    source.pointee = Slot(iterator)
  }

  /// The next element, owned, for the loop whose iterator is in a register.
  @inline(never) func nextElement(_ source: Registers) throws -> Slot? {
    let iterator = source.pointee.object(IteratorObject.self)
    return try iterator.elements.next()
  }

  func notIterable(_ value: Slot) -> ScriptError {
    .notIterable(sketch(of: value))
  }

  // MARK: Text

  /// An interpolated string; its values are moved out of registers.
  func interpolate(_ code: Unmanaged<Code>, _ index: Int, _ first: Registers) throws -> Slot {
    let parts = code._withUnsafeGuaranteedRef { $0.texts[index] }
    var text = ""
    var register = first
    var operand = 0
    for part in parts {
      switch part {
      case .text(let piece): text += piece
      case .value(let format):
        do {
          text +=
            try format.map { try ValueText.formatted(register.pointee, $0, in: self) }
            ?? self.text(of: register.pointee)
        } catch var error as ScriptError {
          if error.notes.isEmpty {
            error.notes = [.init(operand: operand, text: briefDescription(of: register.pointee))]
          }
          throw error
        }
        try checkRoom(text.utf8.count)
        assign(.nil, to: register)
        register += 1
        operand += 1
      }
    }
    return heap.string(text)
  }
}

/// A running iteration over something that is not a list.
final class IteratorObject: HeapObject {
  private var source: Slot
  var elements: Elements

  /// An iteration over `source`, whose count moves in.
  init(heap: Heap, owned source: Slot, elements: Elements) {
    self.source = source
    self.elements = elements
    super.init(heap: heap, tag: Tag.iterator)
  }

  override func visitChildren(_ body: (Slot) -> Void) { body(source) }

  override func dropChildren() {
    let old = source
    source = .nil
    release(old)
  }
}
