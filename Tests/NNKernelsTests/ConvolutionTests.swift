// Tests of convolutions: values of all three passes over random geometries, and the promises about bits.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct ConvolutionTests {
    /// Expects all three results within rounding error of plain loops.
    private func expectClose<T>(
      _ item: ConvolutionCase<T>, _ results: ConvolutionCase<T>.Results<T>,
      _ exact: (
        values: ConvolutionCase<T>.Results<Double>, scales: ConvolutionCase<T>.Results<Double>
      )
    ) {
      let (values, scales) = exact
      let epsilon = Double(T.ulpOfOne)
      func wrong(_ got: [T], _ values: [Double], _ scales: [Double]) -> Int {
        got.indices.count {
          !(abs(Double(got[$0]) - values[$0]) <= 4 * epsilon * (scales[$0] + 1))
        }
      }
      #expect(wrong(results.y, values.y, scales.y) == 0, "forward: \(item) \(T.self)")
      #expect(wrong(results.dx, values.dx, scales.dx) == 0, "gradient in x: \(item) \(T.self)")
      #expect(wrong(results.dw, values.dw, scales.dw) == 0, "gradient in w: \(item) \(T.self)")
    }

    private func expectEqual<T>(
      _ a: ConvolutionCase<T>.Results<T>, _ b: ConvolutionCase<T>.Results<T>, _ what: String
    ) {
      // Compared beforehand: a failure would print every element.
      let isSame = (y: a.y == b.y, dx: a.dx == b.dx, dw: a.dw == b.dw)
      #expect(isSame.y, "forward: \(what)")
      #expect(isSame.dx, "gradient in x: \(what)")
      #expect(isSame.dw, "gradient in w: \(what)")
    }

    /// Values on every instruction set, and equal bits for threads and for the two with fused multiply-add.
    private func check<T>(_ item: ConvolutionCase<T>) {
      var wide: ConvolutionCase<T>.Results<T>?
      let exact = item.exact()
      for level in KernelTests.isaLevels.reversed() {
        withISA(level) {
          let results = withThreads(1) { item.run() }
          expectClose(item, results, exact)
          expectEqual(withThreads(3) { item.run() }, results, "threads: \(item)")
          if level == 2 { wide = results }
          if level == 1, let wide { expectEqual(results, wide, "AVX2 and AVX-512: \(item)") }
        }
      }
    }

    @Test("random geometries are right and repeatable", arguments: 0..<20)
    func randomGeometries(seed: Int) {
      var draw = GeometryDraw(seed: UInt64(seed + 1))
      for _ in 0..<5 {
        var item = ConvolutionCase<Float>(nnk_conv.random(&draw))
        item.bias = draw(0...1) == 0
        item.relu = draw(0...1) == 0
        check(item)
      }
      check(ConvolutionCase<Double>(nnk_conv.random(&draw)))
    }

    @Test("shapes of networks are right")
    func networkShapes() throws {
      let shapes = [
        nnk_conv.of(batch: 2, height: 28, width: 28, channels: 1, kernel: (3, 3), outputs: 32),
        nnk_conv.of(batch: 9, height: 7, width: 7, channels: 32, kernel: (3, 3), outputs: 64),
        nnk_conv.of(
          batch: 2, height: 7, width: 7, channels: 64, kernel: (3, 3), outputs: 64,
          padding: (1, 1, 1, 1)),
        nnk_conv.of(
          batch: 1, height: 8, width: 8, channels: 64, kernel: (3, 3), outputs: 72,
          stride: (2, 2), padding: (0, 1, 0, 1)),
        nnk_conv.of(batch: 3, height: 32, width: 32, channels: 3, kernel: (5, 5), outputs: 6),
        nnk_conv.of(
          batch: 2, height: 40, width: 40, channels: 3, kernel: (7, 7), outputs: 16,
          stride: (2, 2), padding: (3, 3, 3, 3)),
        nnk_conv.of(batch: 3, height: 9, width: 9, channels: 40, kernel: (1, 1), outputs: 24),
        nnk_conv.of(
          batch: 2, height: 9, width: 9, channels: 40, kernel: (1, 1), outputs: 24, stride: (2, 2)),
        nnk_conv.of(
          batch: 2, height: 12, width: 12, channels: 48, kernel: (3, 3), outputs: 48,
          stride: (2, 2), padding: (1, 1, 1, 1), groups: 48),
      ]
      for shape in shapes { check(ConvolutionCase<Float>(try #require(shape))) }
    }

    @Test("few channels are right, in images of several bands too")
    func fewChannels() throws {
      let same = (top: 1, bottom: 1, left: 1, right: 1)
      let shapes = [
        nnk_conv.of(
          batch: 2, height: 70, width: 90, channels: 33, kernel: (3, 3), outputs: 1, padding: same),
        nnk_conv.of(
          batch: 2, height: 61, width: 75, channels: 20, kernel: (5, 5), outputs: 3, stride: (2, 2),
          padding: (2, 2, 2, 2)),
        nnk_conv.of(
          batch: 1, height: 120, width: 200, channels: 2, kernel: (7, 3), outputs: 2,
          stride: (3, 1), padding: same),
        nnk_conv.of(
          batch: 3, height: 40, width: 45, channels: 1, kernel: (3, 3), outputs: 8,
          dilation: (4, 3), padding: (4, 4, 3, 3)),
        nnk_conv.of(
          batch: 2, height: 30, width: 30, channels: 3, kernel: (5, 5), outputs: 3, padding: same,
          groups: 3),
        nnk_conv.of(
          batch: 2, height: 20, width: 21, channels: 150, kernel: (3, 3), outputs: 75,
          stride: (2, 2), padding: same, groups: 75),
        nnk_conv.of(
          batch: 2, height: 17, width: 33, channels: 8, kernel: (3, 3), outputs: 40,
          stride: (2, 3), padding: same),
        nnk_conv.of(batch: 5, height: 1, width: 300, channels: 4, kernel: (1, 9), outputs: 1),
        nnk_conv.of(batch: 1, height: 1, width: 9000, channels: 16, kernel: (1, 5), outputs: 2),
      ]
      for shape in shapes {
        check(ConvolutionCase<Float>(try #require(shape)))
        check(ConvolutionCase<Double>(try #require(shape)))
      }
    }

    @Test("an example's values do not depend on its batch")
    func batchIndependence() {
      var draw = GeometryDraw(seed: 77)
      for _ in 0..<40 {
        var shape = nnk_conv.random(&draw)
        shape.batch = 5
        let all = ConvolutionCase<Float>(shape)
        let together = all.run()
        for n in 0..<5 {
          var one = all
          one.conv.batch = 1
          let (inputs, outputs) = (all.x.count / 5, all.g.count / 5)
          one.x = Array(all.x[n * inputs..<(n + 1) * inputs])
          one.g = Array(all.g[n * outputs..<(n + 1) * outputs])
          let alone = one.run()
          #expect(alone.y[...] == together.y[n * outputs..<(n + 1) * outputs], "\(all)")
          #expect(alone.dx[...] == together.dx[n * inputs..<(n + 1) * inputs], "\(all)")
        }
      }
    }

    @Test("no images give zeros as the gradient in the weights")
    func emptyBatch() throws {
      let shape = try #require(
        nnk_conv.of(batch: 0, height: 5, width: 5, channels: 2, kernel: (3, 3), outputs: 4))
      let results = ConvolutionCase<Float>(shape).run()
      #expect(results.dw == [Float](repeating: 0, count: 72))
      #expect(results.y.isEmpty)
    }

    @Test("pixels that no window reads have no gradient")
    func unreadPixels() throws {
      var shape = try #require(
        nnk_conv.of(height: 7, width: 7, channels: 16, kernel: (2, 2), outputs: 8, stride: (3, 3)))
      shape.in_height = 9
      shape.in_width = 8
      check(ConvolutionCase<Float>(shape))
    }
  }
}
