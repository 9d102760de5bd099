// The patterns of `rearrange`: axes by name, groups of them in parentheses.

/// One side of a pattern: groups of axes, each one axis of the tensor.
struct RearrangeSide {
  /// An axis in a group.
  enum Axis: Hashable {
    case name(String)
    /// `1`, an axis of size 1 that comes or goes.
    case one
    /// `...`
    case ellipsis
    /// The axis so many places from the end of those that `...` stands for.
    case further(Int)
  }

  var groups: [[Axis]]

  var axes: [Axis] { groups.flatMap { $0 } }
  var names: [String] {
    axes.compactMap { if case .name(let name) = $0 { name } else { nil } }
  }

  /// With `...` replaced by so many axes.
  func spread(_ count: Int) -> RearrangeSide {
    RearrangeSide(
      groups: groups.flatMap { group in
        if group == [.ellipsis] { return (0..<count).reversed().map { [Axis.further($0)] } }
        return [
          group.flatMap { $0 == .ellipsis ? (0..<count).reversed().map { .further($0) } : [$0] }
        ]
      })
  }
}

/// A pattern such as "b (h w) c -> b h w c", read.
struct RearrangePattern {
  let text: String
  private(set) var left = RearrangeSide(groups: [])
  private(set) var right = RearrangeSide(groups: [])

  init(_ attribute: Attribute) throws(TensorError) {
    guard case .string(let text) = attribute else {
      throw TensorError(
        "type", "rearrange: the pattern is a string", help: "rearrange(x, \"b h w -> b (h w)\")")
    }
    self.text = text
    let characters = Array(text)
    guard let arrow = characters.indices.first(where: { characters[$0...].starts(with: "->") })
    else {
      throw error("has no ->", help: "rearrange(x, \"b h w -> b (h w)\") joins two axes")
    }
    left = try side(characters[..<arrow])
    right = try side(characters[(arrow + 2)...])
    try checkNames()
  }

  func error(
    _ message: String, help: String? = nil, notes: [(operand: Int, text: String)] = []
  ) -> TensorError {
    TensorError("shape", "rearrange: the pattern \"\(text)\" \(message)", help: help, notes: notes)
  }

  private func side(_ characters: ArraySlice<Character>) throws(TensorError) -> RearrangeSide {
    var groups: [[RearrangeSide.Axis]] = []
    var open: [RearrangeSide.Axis]?
    var rest = characters
    while let character = rest.first {
      switch character {
      case " ", ",": rest.removeFirst()
      case "(":
        guard open == nil else { throw error("has parentheses within parentheses") }
        open = []
        rest.removeFirst()
      case ")":
        guard let group = open else { throw error("has a ) without a (") }
        // A lone ellipsis in parentheses is one axis, unlike one without.
        groups.append(group == [.ellipsis] ? [.ellipsis, .one] : group)
        open = nil
        rest.removeFirst()
      default:
        let axis = try axis(&rest)
        if open == nil { groups.append([axis]) } else { open?.append(axis) }
      }
    }
    guard open == nil else { throw error("has a ( without a )") }
    return RearrangeSide(groups: groups)
  }

  private func axis(
    _ rest: inout ArraySlice<Character>
  ) throws(TensorError) -> RearrangeSide.Axis {
    if rest.starts(with: "...") {
      rest.removeFirst(3)
      return .ellipsis
    }
    let word = rest.prefix { $0.isLetter || $0.isNumber || $0 == "_" }
    guard let first = word.first else { throw error("has '\(rest.first ?? " ")' in it") }
    rest = rest.dropFirst(word.count)
    if word.elementsEqual("1") { return .one }
    guard !first.isNumber else {
      throw error(
        "has the size \(String(word)) where a name belongs",
        help: "give the axis a name and its size: rearrange(x, pattern, {n: \(String(word))})")
    }
    return .name(String(word))
  }

  private func checkNames() throws(TensorError) {
    for (side, place) in [(left, "left"), (right, "right")] {
      let axes = side.axes.filter { $0 != .one }
      for (index, axis) in axes.enumerated() where axes[..<index].contains(axis) {
        throw error("names \(Self.text(axis)) twice on the \(place)")
      }
    }
    for (one, other, place) in [(left, right, "left"), (right, left, "right")] {
      for axis in one.axes where axis != .one && !other.axes.contains(axis) {
        throw error(
          "has \(Self.text(axis)) on the \(place) only",
          help: place == "left"
            ? "rearrange keeps every element; mean(x, axis: ...) takes an axis away"
            : "rearrange makes no elements; repeat and expand do")
      }
    }
  }

  static func text(_ axis: RearrangeSide.Axis) -> String {
    switch axis {
    case .name(let name): name
    case .one: "1"
    case .ellipsis: "..."
    case .further(let place): "axis -\(place + 1) of ..."
    }
  }

  static func text(_ group: [RearrangeSide.Axis]) -> String {
    group.count == 1 ? text(group[0]) : "(" + group.map(text).joined(separator: " ") + ")"
  }
}

/// A pattern with the size of every axis, for one shape.
struct RearrangePlan<D: Dimension> {
  /// The axes of the left side, without those of size 1, and their sizes.
  private(set) var axes: [RearrangeSide.Axis] = []
  private(set) var sizes: [D] = []
  /// Where each axis of the right side stands on the left.
  private(set) var order: [Int] = []
  private(set) var result = Dims<D>()

  init(_ query: ShapeQuery<D>) throws(TensorError) {
    let pattern = try RearrangePattern(query.attribute(0))
    var given: [NamedSize] = []
    if case .sizes(let sizes) = query.attribute(1) { given = sizes }
    for size in given where !pattern.left.names.contains(size.name) {
      throw pattern.error(
        "has no axis \(size.name)",
        help: "its axes are \(pattern.left.names.joined(separator: ", "))")
    }
    let shape = query.operands[0]
    let left = try Self.spread(pattern, shape)
    for (place, group) in left.groups.enumerated() {
      try solve(group, shape[place], given, pattern, query)
    }
    let further = left.groups.count - pattern.left.groups.count + 1
    let right = pattern.right.spread(further)
    for group in right.groups {
      var size = D(1)
      for axis in group where axis != .one {
        guard let place = axes.firstIndex(of: axis) else { continue }
        order.append(place)
        size = try query.product(size, sizes[place])
      }
      guard result.rank < 8 else { throw query.error("a tensor has at most 8 axes") }
      result.append(size)
    }
  }

  private static func spread(
    _ pattern: RearrangePattern, _ shape: Dims<D>
  ) throws(TensorError) -> RearrangeSide {
    let groups = pattern.left.groups
    let hasEllipsis = groups.contains([.ellipsis])
    if pattern.left.axes.contains(.ellipsis), !hasEllipsis {
      throw pattern.error(
        "has ... in parentheses on the left", help: "a group of unknown axes has no one size")
    }
    let extra = shape.rank - groups.count + (hasEllipsis ? 1 : 0)
    guard hasEllipsis ? extra >= 0 : extra == 0 else {
      throw pattern.error(
        "is for \(groups.count - (hasEllipsis ? 1 : 0)) axes\(hasEllipsis ? " or more" : ""), the tensor has \(shape.rank)",
        help: hasEllipsis || extra < 0 ? nil : "... stands for further axes",
        notes: [(0, shape.description)])
    }
    return pattern.left.spread(extra)
  }

  /// The sizes of the axes of one group, of which one may be found from the others.
  private mutating func solve(
    _ group: [RearrangeSide.Axis], _ total: D, _ given: [NamedSize], _ pattern: RearrangePattern,
    _ query: ShapeQuery<D>
  ) throws(TensorError) {
    var known = D(1)
    var open: [Int] = []
    for axis in group where axis != .one {
      axes.append(axis)
      if case .name(let name) = axis, let size = given.first(where: { $0.name == name })?.size {
        guard size >= 0 else { throw pattern.error("has no use for \(name) = \(size)") }
        sizes.append(D(size))
        known = try query.product(known, D(size))
      } else {
        open.append(sizes.count)
        sizes.append(.init(1))
      }
    }
    let text = RearrangePattern.text(group)
    guard open.count <= 1 else {
      let names = open.map { RearrangePattern.text(axes[$0]) }
      throw pattern.error(
        "leaves the sizes of \(names.joined(separator: " and ")) in \(text) open",
        help: "give one: rearrange(x, pattern, {\(names[0]): 2})", notes: query.notes(0))
    }
    if let place = open.first {
      guard known.known != 0, let size = total.divided(by: known) else {
        throw pattern.error(
          "splits an axis of size \(total) into \(text), where \(RearrangePattern.text(axes[place])) would be \(total) / \(known)",
          notes: query.notes(0))
      }
      sizes[place] = size
    } else if !known.mayEqual(total) {
      throw pattern.error(
        "has \(text) of size \(known) for an axis of size \(total)", notes: query.notes(0))
    }
  }
}
