// Tests of the softmax family and of the losses built on it against plain formulas in f64.
import NNKernels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Softmax, its logarithm's pieces and losses of one row, in f64.
private struct ExactRow {
  let largest: Double
  let sum: Double
  let x: [Double]

  init<T: KernelFloat>(_ row: [T]) {
    x = row.map { Double($0) }
    let top = x.max() ?? 0
    largest = top
    sum = x.reduce(0) { $0 + exp($1 - top) }
  }
  var probabilities: [Double] { x.map { exp($0 - largest) / sum } }
  var logProbabilities: [Double] { x.map { $0 - largest - log(sum) } }
  var logSum: Double { largest + log(sum) }
}

extension KernelTests {
  @Suite
  struct SoftmaxTests {
    /// [outer, axis, inner].
    static let shapes: [(Int, Int, Int)] = [
      (1, 1, 1), (5, 3, 1), (128, 10, 1), (33, 16, 1), (9, 17, 1), (20, 32, 1), (6, 33, 1),
      (12, 100, 1), (300, 50, 1),
      (3, 1000, 1), (2, 10, 5), (1, 4, 300), (3, 20_000, 2), (40, 12, 9), (1, 40, 100), (2, 9, 70),
    ]

    @Test("softmax, log softmax and logsumexp along any axis", arguments: shapes)
    func values(_ shape: (Int, Int, Int)) {
      check(shape, Float.self, tolerance: 3e-6)
      check(shape, Double.self, tolerance: 5e-15)
    }

    private func check<T: KernelFloat>(_ shape: (Int, Int, Int), _ type: T.Type, tolerance: Double)
    {
      let (outer, axis, inner) = shape
      let x = numbers(1, count: outer * axis * inner, in: -10...10, as: T.self)
      let rows = Lines(x, shape).all.map { ExactRow($0) }
      for level in KernelTests.isaLevels {
        withISA(level) {
          var y = x
          #expect(nnk_softmax(T.kernelType, x, &y, outer, axis, inner))
          for (line, row) in zip(Lines(y, shape).all, rows) {
            #expect(
              zip(line, row.probabilities).allSatisfy { abs(Double($0) / $1 - 1) < tolerance })
          }
          #expect(nnk_log_softmax(T.kernelType, x, &y, outer, axis, inner))
          for (line, row) in zip(Lines(y, shape).all, rows) {
            #expect(
              zip(line, row.logProbabilities).allSatisfy { abs(Double($0) - $1) < 2 * tolerance })
          }
          var z = [T](repeating: 0, count: outer * inner)
          #expect(nnk_logsumexp(T.kernelType, x, &z, outer, axis, inner))
          #expect(zip(z, rows).allSatisfy { abs(Double($0) - $1.logSum) < 2 * tolerance })
        }
      }
      #expect(
        sameBitsEverywhere {
          var y = x
          nnk_softmax(T.kernelType, x, &y, outer, axis, inner)
          return y
        })
    }

    @Test("large numbers do not overflow; infinities and NaN behave")
    func extremes() {
      var y = [Float](repeating: 0, count: 3)
      nnk_softmax(NNK_F32, [Float(1e30), 1e30, -1e30], &y, 1, 3, 1)
      #expect(y == [0.5, 0.5, 0])
      nnk_softmax(NNK_F32, [Float(3), -.infinity, -.infinity], &y, 1, 3, 1)
      #expect(y == [1, 0, 0])
      nnk_softmax(NNK_F32, [Float(3), .nan, 0], &y, 1, 3, 1)
      #expect(y.allSatisfy { $0.isNaN })
      var z: Float = 0
      nnk_logsumexp(NNK_F32, [-Float.infinity, -.infinity], &z, 1, 2, 1)
      #expect(z == -.infinity)
      nnk_logsumexp(NNK_F32, [Float.infinity, 0], &z, 1, 2, 1)
      #expect(z == .infinity)
      nnk_log_softmax(NNK_F32, [Float(0), -1000, 0], &y, 1, 3, 1)
      #expect(abs(y[1] + 1000.6931) < 1e-3)
    }

    @Test("a row has the same softmax alone and in a batch")
    func batchInvariance() {
      for cols in [3, 10, 20, 100] {
        let x = numbers(1, count: 29 * cols, in: -5...5, as: Float.self)
        var together = x
        var alone = x
        nnk_softmax(NNK_F32, x, &together, 29, cols, 1)
        alone.withUnsafeMutableBufferPointer { alone in
          for r in 0..<29 {
            nnk_softmax(
              NNK_F32, alone.baseAddress! + r * cols, alone.baseAddress! + r * cols, 1, cols, 1)
          }
        }
        #expect(together == alone)
      }
    }

    @Test("gradients of softmax and log softmax", arguments: shapes)
    func gradients(_ shape: (Int, Int, Int)) {
      let (outer, axis, inner) = shape
      let count = outer * axis * inner
      let x = numbers(1, count: count, in: -3...3, as: Double.self)
      let g = numbers(2, count: count, as: Double.self)
      var y = x
      var dx = x
      nnk_softmax(NNK_F64, x, &y, outer, axis, inner)
      #expect(nnk_softmax_grad(NNK_F64, g, y, &dx, outer, axis, inner))
      let gLines = Lines(g, shape).all
      for (place, (line, p)) in zip(Lines(dx, shape).all, Lines(y, shape).all).enumerated() {
        let dot = zip(gLines[place], p).reduce(0) { $0 + $1.0 * $1.1 }
        for i in line.indices { #expect(abs(line[i] - p[i] * (gLines[place][i] - dot)) < 1e-12) }
      }
      nnk_log_softmax(NNK_F64, x, &y, outer, axis, inner)
      #expect(nnk_log_softmax_grad(NNK_F64, g, y, &dx, outer, axis, inner))
      for (place, (line, l)) in zip(Lines(dx, shape).all, Lines(y, shape).all).enumerated() {
        let sum = gLines[place].reduce(0, +)
        for i in line.indices {
          #expect(abs(line[i] - (gLines[place][i] - exp(l[i]) * sum)) < 1e-11)
        }
      }
    }

    @Test(
      "cross entropy of class indices and its gradient",
      arguments: [(1, 2), (128, 10), (7, 33), (2000, 5), (64, 300)])
    func crossEntropy(_ rows: Int, _ cols: Int) {
      checkCrossEntropy(rows, cols, Float.self, tolerance: 3e-6)
      checkCrossEntropy(rows, cols, Double.self, tolerance: 1e-14)
    }

    private func checkCrossEntropy<T: KernelFloat>(
      _ rows: Int, _ cols: Int, _ type: T.Type, tolerance: Double
    ) {
      let x = numbers(1, count: rows * cols, in: -6...6, as: T.self)
      let labels = wholeNumbers(2, count: rows, in: 0...cols - 1, as: Int32.self)
      let exact = Lines(x, (rows, cols, 1)).all.map { ExactRow($0) }
      let want =
        zip(exact, labels).reduce(0) { $0 - $1.0.logProbabilities[Int($1.1)] } / Double(rows)
      for level in KernelTests.isaLevels {
        withISA(level) {
          var loss: T = 0
          var p = x
          #expect(
            nnk_cross_entropy(T.kernelType, x, NNK_I32, labels, &p, &loss, rows, cols)
              == Int(NNK_INDICES_OK))
          #expect(abs(Double(loss) - want) < tolerance)
          var again: T = 0
          nnk_cross_entropy(
            T.kernelType, x, NNK_I64, labels.map { Int64($0) }, nil, &again, rows, cols)
          #expect(again == loss)
          var dx = x
          #expect(nnk_cross_entropy_grad(T.kernelType, 2, p, NNK_I32, labels, &dx, rows, cols))
          for r in 0..<rows {
            for c in 0..<cols {
              let slope =
                (exact[r].probabilities[c] - (Int(labels[r]) == c ? 1 : 0)) * 2 / Double(rows)
              #expect(abs(Double(dx[r * cols + c]) - slope) < tolerance / Double(rows))
            }
          }
          // In place, over the probabilities.
          p.withUnsafeMutableBufferPointer { p in
            _ = nnk_cross_entropy_grad(
              T.kernelType, 2, p.baseAddress!, NNK_I32, labels, p.baseAddress!, rows, cols)
          }
          #expect(p == dx)
        }
      }
      #expect(
        sameBitsEverywhere {
          var loss: T = 0
          nnk_cross_entropy(T.kernelType, x, NNK_I32, labels, nil, &loss, rows, cols)
          return [loss]
        })
    }

    @Test("a label out of range is reported")
    func badLabel() {
      var loss: Float = 7
      let x = [Float](repeating: 0, count: 9)
      #expect(nnk_cross_entropy(NNK_F32, x, NNK_I32, [Int32(0), 3, 1], nil, &loss, 3, 3) == 1)
      #expect(nnk_cross_entropy(NNK_F32, x, NNK_I64, [Int64(0), 2, -1], nil, &loss, 3, 3) == 2)
      #expect(
        nnk_cross_entropy(NNK_F32, x, NNK_F32, x, nil, &loss, 3, 3) == Int(NNK_INDICES_BAD_TYPE))
      #expect(loss == 7)
    }

    @Test("cross entropy of probabilities agrees with that of indices, and with plain sums")
    func softTargets() {
      let (rows, cols) = (50, 20)
      let x = numbers(1, count: rows * cols, in: -6...6, as: Double.self)
      let labels = wholeNumbers(2, count: rows, in: 0...cols - 1, as: Int32.self)
      var targets = x
      nnk_one_hot(NNK_F64, NNK_I32, labels, rows, cols, &targets)
      var (hard, soft) = (0.0, 0.0)
      var p = x
      nnk_cross_entropy(NNK_F64, x, NNK_I32, labels, nil, &hard, rows, cols)
      #expect(nnk_cross_entropy_soft(NNK_F64, x, targets, &p, &soft, rows, cols))
      #expect(abs(hard - soft) < 1e-14)
      let weights = numbers(3, count: rows * cols, in: 0...1, as: Double.self)
      #expect(nnk_cross_entropy_soft(NNK_F64, x, weights, nil, &soft, rows, cols))
      let exact = Lines(x, (rows, cols, 1)).all.map { ExactRow($0) }
      let weightRows = Lines(weights, (rows, cols, 1)).all
      let want = zip(exact, weightRows).reduce(0) {
        $0 - zip($1.0.logProbabilities, $1.1).reduce(0) { $0 + $1.0 * $1.1 }
      }
      #expect(abs(soft - want / Double(rows)) < 1e-12)
      var dx = x
      #expect(nnk_cross_entropy_soft_grad(NNK_F64, 1, p, weights, &dx, rows, cols))
      for r in 0..<rows {
        let total = weightRows[r].reduce(0, +)
        for c in 0..<cols {
          let slope = (exact[r].probabilities[c] * total - weightRows[r][c]) / Double(rows)
          #expect(abs(dx[r * cols + c] - slope) < 1e-14)
        }
      }
    }

    @Test("mean squared error and its gradient", arguments: [1, 10, 5000, 300_000])
    func meanSquaredError(_ n: Int) {
      let a = numbers(1, count: n, as: Float.self)
      let b = numbers(2, count: n, as: Float.self)
      var loss: Float = 0
      #expect(nnk_mse(NNK_F32, a, b, &loss, n))
      let exact = zip(a, b).reduce(0.0) {
        $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1))
      }
      #expect(abs(Double(loss) / (exact / Double(n)) - 1) < 1e-6)
      var da = a
      #expect(nnk_mse_grad(NNK_F32, 3, a, b, &da, n))
      for i in 0..<n {
        let exact = (Double(a[i]) - Double(b[i])) * 6 / Double(n)
        #expect(abs(Double(da[i]) - exact) <= 4e-7 * abs(exact))
      }
      #expect(nnk_mse_grad(NNK_F32, 3, a, a, &da, n))
      #expect(da.allSatisfy { $0 == 0 })
      #expect(
        sameBitsEverywhere {
          var loss: Float = 0
          nnk_mse(NNK_F32, a, b, &loss, n)
          return [loss]
        })
    }
  }
}
