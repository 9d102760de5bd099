// Windows that move over images: their strides, dilations and padding as arguments, and how many places they take.

/// One spatial axis of a window's arguments.
struct WindowAxis: Equatable {
  var stride = 1
  var dilation = 1
  var before = 0
  var after = 0

  /// How far a window of `size` taps reaches.
  func reach<D: Dimension>(_ size: D) -> D { (size - D(1)) * D(dilation) + D(1) }

  /// The number of places of a window of `size` taps on `length` pixels, or nil if it is larger than them.
  func places<D: Dimension>(_ size: D, on length: D) -> D? {
    let room = length + D(before + after) - reach(size)
    if let known = room.known, known < 0 { return nil }
    return room.floored(by: stride) + D(1)
  }
}

/// The padding argument: "valid", "same", or numbers.
enum Padding: Equatable {
  case same
  case sizes(y: (Int, Int), x: (Int, Int))

  static func == (a: Padding, b: Padding) -> Bool {
    switch (a, b) {
    case (.same, .same): true
    case (.sizes(let y, let x), .sizes(let v, let u)): y == v && x == u
    default: false
    }
  }

  /// Reads the argument; `axes` is 1 or 2. Lists are one size for each axis, or one for each side.
  init(_ attribute: Attribute, axes: Int, in name: String) throws(TensorError) {
    switch attribute {
    case .none, .string("valid"): self = .sizes(y: (0, 0), x: (0, 0))
    case .string("same"): self = .same
    case .int, .ints:
      let list = attribute.list ?? []
      guard list.allSatisfy({ $0 >= 0 && $0 <= WindowArguments.limit }) else {
        throw TensorError("argument", "\(name): padding is at least 0, not \(list)")
      }
      switch (list.count, axes) {
      case (1, 1): self = .sizes(y: (0, 0), x: (list[0], list[0]))
      case (2, 1): self = .sizes(y: (0, 0), x: (list[0], list[1]))
      case (1, _): self = .sizes(y: (list[0], list[0]), x: (list[0], list[0]))
      case (2, 2): self = .sizes(y: (list[0], list[0]), x: (list[1], list[1]))
      case (4, 2): self = .sizes(y: (list[0], list[1]), x: (list[2], list[3]))
      default: throw Padding.misuse(name, axes)
      }
    default: throw Padding.misuse(name, axes)
    }
  }

  private static func misuse(_ name: String, _ axes: Int) -> TensorError {
    let lists = axes == 1 ? "(left, right)" : "(y, x), ((top, bottom), (left, right))"
    return TensorError(
      "argument", "\(name): padding is \"valid\", \"same\", a number or \(lists)")
  }
}

/// How windows lie on the two spatial axes of images.
struct WindowArguments: Equatable {
  var y = WindowAxis()
  var x = WindowAxis()
  var groups = 1

  /// The largest stride, dilation, padding and window.
  static let limit = 1 << 30

  init() {}

  /// From the list that internal rows pass on.
  init(_ list: [Int]) {
    y = WindowAxis(stride: list[0], dilation: list[2], before: list[4], after: list[5])
    x = WindowAxis(stride: list[1], dilation: list[3], before: list[6], after: list[7])
    groups = list[8]
  }

  /// The list of `init(_:)`.
  var list: [Int] {
    [
      y.stride, x.stride, y.dilation, x.dilation, y.before, y.after, x.before, x.after, groups,
    ]
  }

  /// Reads strides (nil: the window's size) and dilations.
  init(
    stride: Attribute, dilation: Attribute = .none, window: (Int, Int) = (1, 1), axes: Int,
    in name: String
  ) throws(TensorError) {
    let strides = try WindowArguments.pair(
      stride, standard: window, "stride", axes: axes, in: name)
    let dilations = try WindowArguments.pair(
      dilation, standard: (1, 1), "dilation", axes: axes, in: name)
    (y.stride, x.stride) = strides
    (y.dilation, x.dilation) = dilations
  }

  /// One size, or one for each axis; of one axis the other is 1.
  static func pair(
    _ attribute: Attribute, standard: (Int, Int)? = nil, _ what: String, axes: Int, in name: String
  ) throws(TensorError) -> (Int, Int) {
    if attribute == .none, let standard { return standard }
    let list = attribute.list ?? []
    guard list.count == 1 || list.count == axes, list.allSatisfy({ $0 >= 1 && $0 <= limit }) else {
      throw TensorError(
        "argument",
        "\(name): the \(what) is a whole number from 1 on\(axes == 2 ? " or two of them" : ""), not \(list)"
      )
    }
    return axes == 1 ? (1, list[0]) : (list[0], list[list.count - 1])
  }

  /// Fixes the padding: "same" gives as many places as strides fit into the image, the odd pixel behind.
  mutating func pad<D: Dimension>(_ padding: Padding, window: (D, D), image: (D, D)) {
    switch padding {
    case .sizes(let rows, let columns):
      (y.before, y.after) = rows
      (x.before, x.after) = columns
    case .same:
      y.padSame(window.0, image.0)
      x.padSame(window.1, image.1)
    }
  }
}

extension WindowAxis {
  /// Padding for `ceil(length / stride)` places; none where a size is not known.
  fileprivate mutating func padSame<D: Dimension>(_ size: D, _ length: D) {
    guard let size = size.known, let length = length.known else { return }
    let places = (length + stride - 1) / stride
    let total = Swift.max((places - 1) * stride + reach(size) - length, 0)
    (before, after) = (total / 2, total - total / 2)
  }

  /// The number of places of "same" padding.
  func samePlaces<D: Dimension>(on length: D) -> D { (length + D(stride - 1)).floored(by: stride) }
}
