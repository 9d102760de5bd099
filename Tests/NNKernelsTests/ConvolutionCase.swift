// One convolution of the tests: its geometry, running it, and what it should give by plain loops in f64.
import NNKernels

/// A convolution with its operands.
struct ConvolutionCase<T: BinaryFloatingPoint & Sendable>: Sendable, CustomStringConvertible {
  var conv: nnk_conv
  var relu = false
  var bias = false
  var x: [T]
  var w: [T]
  var g: [T]

  /// Results of the three passes.
  struct Results<Element: Sendable>: Sendable {
    var y: [Element]
    var dx: [Element]
    var dw: [Element]
  }

  init(_ conv: nnk_conv) {
    self.conv = conv
    let weights =
      conv.kernel_height * conv.kernel_width * conv.in_channels / conv.groups * conv.out_channels
    x = numbers(
      3, count: conv.batch * conv.in_height * conv.in_width * conv.in_channels, as: T.self)
    w = numbers(5, count: weights, as: T.self)
    g = numbers(
      7, count: conv.batch * conv.out_height * conv.out_width * conv.out_channels, as: T.self)
  }

  var biasValues: [T] { numbers(9, count: conv.out_channels, as: T.self) }

  var description: String {
    "\(conv.batch) x \(conv.in_height)x\(conv.in_width)x\(conv.in_channels), window "
      + "\(conv.kernel_height)x\(conv.kernel_width)x\(conv.out_channels), stride \(conv.stride_y) \(conv.stride_x), "
      + "dilation \(conv.dilation_y) \(conv.dilation_x), padding \(conv.pad_top) \(conv.pad_left), "
      + "groups \(conv.groups), result \(conv.out_height)x\(conv.out_width)"
  }

  /// All three passes, on results that are NaN before.
  func run() -> Results<T> {
    var results = Results(
      y: [T](repeating: .nan, count: g.count), dx: [T](repeating: .nan, count: x.count),
      dw: [T](repeating: .nan, count: w.count))
    var conv = conv
    let type = T.self == Float.self ? NNK_F32 : NNK_F64
    let biasValues = biasValues
    x.withUnsafeBytes { x in
      w.withUnsafeBytes { w in
        g.withUnsafeBytes { g in
          biasValues.withUnsafeBytes { values in
            let bias = self.bias ? values.baseAddress : nil
            results.y.withUnsafeMutableBytes {
              _ = nnk_conv_forward(
                type, &conv, x.baseAddress!, w.baseAddress!, bias, relu, $0.baseAddress!)
            }
            results.dx.withUnsafeMutableBytes {
              _ = nnk_conv_input_grad(type, &conv, g.baseAddress!, w.baseAddress!, $0.baseAddress!)
            }
            results.dw.withUnsafeMutableBytes {
              _ = nnk_conv_weight_grad(type, &conv, x.baseAddress!, g.baseAddress!, $0.baseAddress!)
            }
          }
        }
      }
    }
    return results
  }

  /// The exact results (to f64), and the sums of the magnitudes of their terms.
  func exact() -> (values: Results<Double>, scales: Results<Double>) {
    let zeros = Results(
      y: [Double](repeating: 0, count: g.count), dx: [Double](repeating: 0, count: x.count),
      dw: [Double](repeating: 0, count: w.count))
    var (values, scales) = (zeros, zeros)
    forEachTerm { x, w, y in
      let (a, b, c) = (Double(self.x[x]), Double(self.w[w]), Double(g[y]))
      values.y[y] += a * b
      scales.y[y] += abs(a * b)
      values.dx[x] += b * c
      scales.dx[x] += abs(b * c)
      values.dw[w] += a * c
      scales.dw[w] += abs(a * c)
    }
    let biasValues = biasValues
    for place in values.y.indices {
      if bias { values.y[place] += Double(biasValues[place % conv.out_channels]) }
      if relu { values.y[place] = max(values.y[place], 0) }
    }
    return (values, scales)
  }

  /// Calls `body` with the places of every pair of an input element and a weight, and of the output they add to.
  private func forEachTerm(_ body: (_ x: Int, _ w: Int, _ y: Int) -> Void) {
    let (depth, outputs) = (conv.in_channels / conv.groups, conv.out_channels / conv.groups)
    for y in g.indices {
      let (pixel, o) = y.quotientAndRemainder(dividingBy: conv.out_channels)
      let (line, j) = pixel.quotientAndRemainder(dividingBy: conv.out_width)
      let (n, i) = line.quotientAndRemainder(dividingBy: conv.out_height)
      for a in 0..<conv.kernel_height {
        let h = i * conv.stride_y + a * conv.dilation_y - conv.pad_top
        guard h >= 0, h < conv.in_height else { continue }
        for b in 0..<conv.kernel_width {
          let v = j * conv.stride_x + b * conv.dilation_x - conv.pad_left
          guard v >= 0, v < conv.in_width else { continue }
          let first =
            ((n * conv.in_height + h) * conv.in_width + v) * conv.in_channels + o / outputs * depth
          let tap = (a * conv.kernel_width + b) * depth
          for c in 0..<depth { body(first + c, (tap + c) * conv.out_channels + o, y) }
        }
      }
    }
  }
}

extension nnk_conv {
  /// A convolution whose result has every place that the window fits.
  static func of(
    batch: Int = 1, height: Int, width: Int, channels: Int, kernel: (Int, Int), outputs: Int,
    stride: (Int, Int) = (1, 1), dilation: (Int, Int) = (1, 1),
    padding: (top: Int, bottom: Int, left: Int, right: Int) = (0, 0, 0, 0), groups: Int = 1
  ) -> nnk_conv? {
    let rows = height + padding.top + padding.bottom - (kernel.0 - 1) * dilation.0 - 1
    let columns = width + padding.left + padding.right - (kernel.1 - 1) * dilation.1 - 1
    guard rows >= 0, columns >= 0 else { return nil }
    return nnk_conv(
      batch: batch, in_height: height, in_width: width, in_channels: channels,
      out_height: rows / stride.0 + 1, out_width: columns / stride.1 + 1, out_channels: outputs,
      kernel_height: kernel.0, kernel_width: kernel.1, stride_y: stride.0, stride_x: stride.1,
      dilation_y: dilation.0, dilation_x: dilation.1, pad_top: padding.top,
      pad_left: padding.left, groups: groups)
  }

  /// A geometry drawn from a generator: any stride, dilation, padding and groups, small sizes.
  static func random(_ draw: inout GeometryDraw) -> nnk_conv {
    while true {
      let isDepthwise = draw(0...5) == 0
      let groups = isDepthwise ? draw(2...40) : (draw(0...2) == 0 ? draw(2...4) : 1)
      let channels =
        isDepthwise ? 1 : (groups > 1 ? draw(1...9) : draw.pick([1, 2, 3, 5, 8, 9, 16, 17, 33]))
      let outputs = isDepthwise ? 1 : draw.pick([1, 2, 4, 6, 8, 15, 16, 17, 32, 40])
      let isDense = draw(0...1) == 0
      let isBare = draw(0...1) == 0
      let conv = nnk_conv.of(
        batch: draw(1...5), height: draw(1...14), width: draw(1...20), channels: channels * groups,
        kernel: (draw(1...5), draw(1...5)), outputs: outputs * groups,
        stride: isDense ? (1, 1) : (draw(1...3), draw(1...3)),
        dilation: isDense ? (1, 1) : (draw(1...3), draw(1...3)),
        padding: isBare ? (0, 0, 0, 0) : (draw(0...3), draw(0...3), draw(0...3), draw(0...3)),
        groups: groups)
      if let conv { return conv }
    }
  }
}

/// Draws small numbers, the same ones every time.
struct GeometryDraw {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func callAsFunction(_ range: ClosedRange<Int>) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return range.lowerBound + Int(state >> 33) % range.count
  }

  mutating func pick(_ list: [Int]) -> Int { list[self(0...list.count - 1)] }
}
