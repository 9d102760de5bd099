// Linear maps along one axis whose rows are short runs: what pooling by means and upsampling do to an axis.
import NNKernels

/// A description of a map that fits an op's arguments.
struct AxisMap {
  enum Kind: Int {
    /// Means of windows; padding counts as zeros.
    case windows
    /// Means of the part of each window that is inside.
    case insideWindows
    /// Means of equal parts of the axis.
    case parts
    /// The pixel below each place.
    case nearest
    /// Two neighbours, pixels being intervals.
    case linear
    /// Two neighbours, pixels being points and the first and last staying in place.
    case cornered
  }

  let kind: Kind
  let window: Int
  let stride: Int
  let before: Int

  init(_ kind: Kind, window: Int = 1, stride: Int = 1, before: Int = 0) {
    self.kind = kind
    self.window = window
    self.stride = stride
    self.before = before
  }

  /// From the list of `list`.
  init(_ list: some Collection<Int>) {
    let list = Array(list)
    self.init(
      Kind(rawValue: list[0]) ?? .windows, window: list[1], stride: list[2], before: list[3])
  }

  var list: [Int] { [kind.rawValue, window, stride, before] }

  /// The map from `from` to `to` places; or, if transposed, that of the map from `to` to `from`.
  func table(from: Int, to: Int, isTransposed: Bool) -> AxisTable {
    if !isTransposed { return table(from, to) }
    return table(to, from).transposed(inputs: to)
  }

  private func table(_ inputs: Int, _ outputs: Int) -> AxisTable {
    var table = AxisTable()
    for place in 0..<outputs {
      let (first, weights) = row(place, inputs, outputs)
      table.append(first: first, weights)
    }
    return table
  }

  /// Which inputs an output is made of.
  private func row(_ place: Int, _ inputs: Int, _ outputs: Int) -> (first: Int, weights: [Double]) {
    switch kind {
    case .windows, .insideWindows:
      let first = Swift.min(Swift.max(place * stride - before, 0), inputs)
      let end = Swift.min(Swift.max(place * stride - before + window, first), inputs)
      return mean(first, end, of: kind == .windows ? window : end - first)
    case .parts:
      let first = place * inputs / outputs
      let end = ((place + 1) * inputs + outputs - 1) / outputs
      return mean(first, end, of: end - first)
    case .nearest: return (place * inputs / outputs, [1])
    case .linear:
      let position = (Double(place) + 0.5) * Double(inputs) / Double(outputs) - 0.5
      return blend(Swift.max(position, 0), inputs)
    case .cornered:
      let scale = outputs > 1 ? Double(inputs - 1) / Double(outputs - 1) : 0
      return blend(Double(place) * scale, inputs)
    }
  }

  private func mean(_ first: Int, _ end: Int, of count: Int) -> (Int, [Double]) {
    (first, Array(repeating: 1 / Double(count), count: end - first))
  }

  /// The neighbours of a position, weighted by their nearness.
  private func blend(_ position: Double, _ inputs: Int) -> (Int, [Double]) {
    let first = Swift.min(Int(position), inputs - 1)
    let part = position - Double(first)
    return first + 1 < inputs && part > 0 ? (first, [1 - part, part]) : (first, [1])
  }
}

/// A map as the kernel reads it: for each output its first input and the weights from there.
struct AxisTable {
  private var first: [Int] = []
  private var begin = [0]
  private var weights: [Double] = []

  mutating func append(first place: Int, _ row: some Collection<Double>) {
    first.append(row.isEmpty ? 0 : place)
    weights.append(contentsOf: row)
    begin.append(weights.count)
  }

  /// The transposed map, from outputs to inputs; runs of outputs may have zeros in between.
  func transposed(inputs: Int) -> AxisTable {
    var rows = [(first: Int, weights: [Double])](repeating: (0, []), count: inputs)
    for output in first.indices {
      for place in begin[output]..<begin[output + 1] {
        let input = first[output] + place - begin[output]
        if rows[input].weights.isEmpty { rows[input].first = output }
        let missing = output - rows[input].first - rows[input].weights.count
        rows[input].weights.append(contentsOf: repeatElement(0, count: missing))
        rows[input].weights.append(weights[place])
      }
    }
    var table = AxisTable()
    for row in rows { table.append(first: row.first, row.weights) }
    return table
  }

  func withKernelTable<R>(_ body: (UnsafePointer<nnk_resampling>) -> R) -> R {
    first.withUnsafeBufferPointer { first in
      begin.withUnsafeBufferPointer { begin in
        weights.withUnsafeBufferPointer { weights in
          // Empty lists have no address; the kernel does not read them.
          var none = 0
          var nothing = 0.0
          return withUnsafePointer(to: &none) { none in
            withUnsafePointer(to: &nothing) { nothing in
              var table = nnk_resampling(
                outputs: first.count, first: first.baseAddress ?? none,
                begin: begin.baseAddress ?? none, weights: weights.baseAddress ?? nothing)
              return body(&table)
            }
          }
        }
      }
    }
  }
}
