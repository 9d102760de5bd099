// A loaded file: its top-level variables and the code that belongs to it.
import NNSyntax

/// The position numbers that the code of an engine has taken.
final class PositionCounter {
  var next: UInt32 = 1
}

/// One file, library module or session that runs in an engine.
final class Module {
  let name: String
  /// The file's path, for imports relative to it; nil for text that comes from elsewhere.
  let path: String?
  private let heap: Heap
  /// The top-level variables; undefined until their statement has run.
  private(set) var globals: UnsafeMutablePointer<Slot>
  private var capacity = 16
  private(set) var names: [String] = []
  /// The interned names, in the same order.
  private var keys: [Slot] = []
  /// What the file declares and others can see: names that do not start with `_`, imports excepted.
  private var exported: [Bool] = []
  private let positions: PositionCounter
  /// All code of the module, kept alive until teardown.
  var codes: [Code] = []

  init(name: String, path: String?, heap: Heap, positions: PositionCounter) {
    self.positions = positions
    self.name = name
    self.path = path
    self.heap = heap
    globals = .allocate(capacity: capacity)
  }

  deinit { globals.deallocate() }

  var count: Int { names.count }
  var publicNames: [String] { names.indices.filter { exported[$0] }.map { names[$0] } }

  /// Makes room for a variable and gives its index. Only between runs of the module's code.
  @discardableResult func declare(_ name: String, isExported: Bool) -> Int {
    if names.count == capacity { grow() }
    (globals + names.count).initialize(to: .undefined)
    names.append(name)
    keys.append(heap.intern(name))
    exported.append(isExported && !name.hasPrefix("_"))
    return names.count - 1
  }

  private func grow() {
    let larger = UnsafeMutablePointer<Slot>.allocate(capacity: capacity * 2)
    larger.moveInitialize(from: globals, count: names.count)
    globals.deallocate()
    globals = larger
    capacity *= 2
    for code in codes { code.globals = larger }
  }

  func name(of index: Int) -> String { index < names.count ? names[index] : "?" }

  /// The latest variable of a name, borrowed; nil if there is none or it has no value.
  func value(_ name: String) -> Slot? {
    guard let index = names.lastIndex(of: name), !globals[index].isUndefined else { return nil }
    return globals[index]
  }

  /// A member as another file sees it, borrowed. `cache` remembers the index.
  func member(_ key: Slot, _ cache: UnsafeMutablePointer<UInt32>) throws -> Slot {
    let hint = Int(cache.pointee)
    let isCached = hint < keys.count && keys[hint].bits == key.bits && exported[hint]
    let name = key.object(StringObject.self).value
    guard let index = isCached ? hint : keys.lastIndex(where: { $0.bits == key.bits }) else {
      throw ScriptError(
        .name, "module \(self.name) has no '\(name)'",
        help: Suggestion.help(for: name, among: publicNames))
    }
    guard exported[index] else {
      throw ScriptError(
        .name, "'\(name)' is private to module \(self.name)",
        help: name.hasPrefix("_") ? "names that start with `_` are private" : nil)
    }
    cache.pointee = UInt32(truncatingIfNeeded: index)
    if globals[index].isUndefined {
      throw ScriptError(.name, "'\(name)' of module \(self.name) has no value yet")
    }
    return globals[index]
  }

  /// The first of as many new position numbers.
  func takePositions(_ count: Int) -> UInt32 {
    defer { positions.next &+= UInt32(truncatingIfNeeded: count) }
    return positions.next
  }

  /// The place in the source of a position number; nil if no code of this module has it.
  func span(atPosition position: UInt32) -> Span? {
    for code in codes where position >= code.positionBase {
      let index = Int(position - code.positionBase)
      if index <= code.wordCount { return code.place(before: index)?.span }
    }
    return nil
  }

  func releaseAll() {
    for index in names.indices {
      assign(.nil, to: globals + index)
      release(keys[index])
    }
    names = []
    keys = []
    for code in codes { code.releaseConstants() }
  }
}
