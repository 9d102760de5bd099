// Tests of the matrix products: values, every layout and epilogue, and the promises about bits.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct GemmTests {
    /// Sizes around one vector, one tile and one block in each direction.
    static let sizes = [1, 2, 3, 4, 5, 7, 8, 10, 13, 14, 15, 16, 17, 28, 31, 33, 48, 65]

    @Test(
      "f32 products of all small shapes are right for every instruction set",
      arguments: KernelTests.isaLevels)
    func smallShapes(level: Int32) {
      withISA(level) {
        for rows in Self.sizes {
          for columns in Self.sizes {
            for (depth, layout) in [(1, 0), (7, 1), (16, 2), (21, 3)] {
              var case32 = GemmCase<Float>(rows, columns, depth)
              case32.transposedA = layout & 1 != 0
              case32.transposedB = layout & 2 != 0
              expectClose(case32)
              let case64 = GemmCase<Double>(case32)
              expectClose(case64)
            }
          }
        }
      }
    }

    @Test("every transpose, epilogue and batch is right", arguments: KernelTests.isaLevels)
    func everyCombination(level: Int32) {
      withISA(level) {
        for (rows, columns, depth) in [
          (1, 37, 333), (2, 100, 50), (29, 70, 19), (17, 8, 1025), (300, 33, 9),
        ] {
          for bits in 0..<64 {
            var item = GemmCase<Float>(rows, columns, depth)
            item.transposedA = bits & 1 != 0
            item.transposedB = bits & 2 != 0
            item.accumulate = bits & 4 != 0
            item.bias = bits & 8 != 0
            item.relu = bits & 16 != 0
            item.batch = bits & 32 != 0 ? 3 : 1
            item.sharedB = bits & 4 != 0
            expectClose(item)
            expectClose(GemmCase<Double>(item))
          }
        }
      }
    }

    @Test("blocked shapes are right", arguments: KernelTests.isaLevels)
    func blockedShapes(level: Int32) {
      withISA(level) {
        for (rows, columns, depth) in [
          (350, 40, 530), (20, 1100, 513), (260, 515, 64), (70, 1024, 70), (40, 70, 1000),
        ] {
          for layout in 0..<4 {
            var item = GemmCase<Float>(rows, columns, depth)
            item.transposedA = layout & 1 != 0
            item.transposedB = layout & 2 != 0
            item.bias = true
            expectClose(item)
          }
        }
        expectClose(GemmCase<Double>(175, 530, 530))
      }
    }

    @Test("operands with strides in both directions are right", arguments: KernelTests.isaLevels)
    func strided(level: Int32) {
      withISA(level) {
        let a = numbers(1, count: 9 * 50 * 2, as: Float.self)
        let b = numbers(2, count: 50 * 11 * 3, as: Float.self)
        var c = [Float](repeating: 0, count: 9 * 11)
        c.withUnsafeMutableBufferPointer { out in
          a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
              var gemm = nnk_gemm(
                rows: 9, columns: 11, depth: 50, a: a.baseAddress!, a_row: 100, a_column: 2,
                b: b.baseAddress!,
                b_row: 33, b_column: 3, c: out.baseAddress!, c_row: 11, batch: 1, a_batch: 0,
                b_batch: 0, c_batch: 0,
                bias: nil, accumulate: false, activation: Int32(NNK_NO_ACTIVATION))
              nnk_gemm_f32(&gemm)
            }
          }
        }
        for i in 0..<9 {
          for j in 0..<11 {
            let exact = (0..<50).reduce(0.0) {
              $0 + Double(a[i * 100 + $1 * 2]) * Double(b[$1 * 33 + j * 3])
            }
            #expect(abs(Double(c[i * 11 + j]) - exact) < 1e-5)
          }
        }
      }
    }

    @Test("an empty sum gives the bias, and no rows touch nothing")
    func emptySum() {
      var item = GemmCase<Float>(5, 20, 0)
      item.bias = true
      expectClose(item)
      item.accumulate = true
      item.relu = true
      expectClose(item)
      var none = GemmCase<Float>(0, 20, 4)
      #expect(none.run().isEmpty)
      none = GemmCase<Float>(4, 3, 0)
      #expect(
        none.run()
          == [Float](repeating: 0, count: 12 + 4 * GemmCase<Float>.gap).enumerated().map {
            $0.offset % (3 + GemmCase<Float>.gap) < 3 ? 0 : none.initialC[$0.offset]
          })
    }

    @Test("relu keeps NaN and infinity", arguments: KernelTests.isaLevels)
    func reluOfSpecials(level: Int32) {
      withISA(level) {
        var item = GemmCase<Float>(3, 18, 2)
        item.relu = true
        item.a = [.nan, 1, .infinity, 1, -.infinity, 1]
        item.b = [Float](repeating: 1, count: 36)
        let c = item.run()
        for j in 0..<18 {
          #expect(c[j].isNaN)
          #expect(c[18 + GemmCase<Float>.gap + j] == .infinity)
          #expect(c[2 * (18 + GemmCase<Float>.gap) + j] == 0)
        }
      }
    }

    @Test("any unary operation can be the activation, with the bits of applying it afterwards")
    func activations() {
      for (rows, columns, depth, batch) in [(3, 10, 4, 1), (100, 130, 200, 1), (9, 20, 30, 3)] {
        for operation in [NNK_GELU, NNK_TANH, NNK_SIGMOID, NNK_SILU, NNK_RELU] {
          var item = GemmCase<Float>(rows, columns, depth)
          item.batch = batch
          item.bias = true
          var expected = item.run()
          let untouched = expected
          nnk_unary(operation, NNK_F32, untouched, &expected, expected.count)
          for row in 0..<batch * rows {
            let gap = row * item.rowWidth + columns..<(row + 1) * item.rowWidth
            expected.replaceSubrange(gap, with: untouched[gap])
          }
          item.activation = Int32(operation.rawValue)
          #expect(item.run().map(\.bitPattern) == expected.map(\.bitPattern))
        }
      }
    }

    @Test("AVX2, AVX-512 and any number of threads give the same bits")
    func sameBits() {
      for item in Self.largeCases {
        let reference = withThreads(1) {
          withISA(KernelTests.bestISA) { item.run().map(\.bitPattern) }
        }
        let reference64 = withThreads(1) {
          withISA(KernelTests.bestISA) { GemmCase<Double>(item).run().map(\.bitPattern) }
        }
        for level in KernelTests.isaLevels where level > 0 {
          for threads in 1...4 {
            withThreads(threads) {
              withISA(level) {
                #expect(
                  item.run().map(\.bitPattern) == reference,
                  "\(item.name) level \(level) threads \(threads)")
                #expect(GemmCase<Double>(item).run().map(\.bitPattern) == reference64)
              }
            }
          }
        }
      }
    }

    @Test(
      "the portable kernels agree with the others within 4 ulp of the sum of the magnitudes of the terms"
    )
    func portableIsClose() {
      for var item in Self.largeCases {
        item.growOperands()
        let best = withISA(KernelTests.bestISA) { item.run() }
        let portable = withISA(0) { item.run() }
        let (before, bias) = (item.initialC, item.biasValues)
        for i in stride(from: 0, to: item.rows, by: 7) {
          for j in stride(from: 0, to: item.columns, by: 5) {
            let scale = item.exact(0, i, j, initialC: before, bias: bias).scale + 2
            let difference = abs(best[i * item.rowWidth + j] - portable[i * item.rowWidth + j])
            #expect(Double(difference) <= 4 * scale * Double(Float.ulpOfOne))
          }
        }
      }
    }

    @Test("the portable kernels give the same bits for any number of threads")
    func portableSameBits() {
      for item in Self.largeCases {
        withISA(0) {
          let reference = withThreads(1) { item.run().map(\.bitPattern) }
          for threads in 2...4 {
            #expect(withThreads(threads) { item.run().map(\.bitPattern) } == reference)
          }
        }
      }
    }

    @Test(
      "a row has the same bits whatever rows are computed with it", arguments: KernelTests.isaLevels
    )
    func batchInvariance(level: Int32) {
      withISA(level) {
        for (columns, depth, transposedB) in [
          (128, 784, false), (10, 128, false), (784, 128, true), (600, 533, false),
        ] {
          var whole = GemmCase<Float>(151, columns, depth)
          whole.transposedB = transposedB
          whole.bias = true
          let expected = whole.run()
          for rows in [1, 2, 3, 4, 5, 7, 50, 150] {
            for first in [0, 151 - rows] {
              var part = whole
              part.rows = rows
              part.a = Array(whole.a[first * depth..<(first + rows) * depth])
              let width = columns + GemmCase<Float>.gap
              let result = part.run()
              for i in 0..<rows {
                #expect(
                  result[i * width..<i * width + columns].map(\.bitPattern)
                    == expected[(first + i) * width..<(first + i) * width + columns].map(
                      \.bitPattern)
                )
              }
            }
          }
        }
      }
    }

    @Test(
      "a transposed operand gives the same bits as the plain one", arguments: KernelTests.isaLevels)
    func transposesSameBits(level: Int32) {
      withISA(level) {
        for (rows, columns, depth) in [
          (1, 40, 600), (37, 53, 550), (2, 16, 16), (3, 129, 70), (4, 31, 33), (200, 70, 129),
        ] {
          let plain = GemmCase<Float>(rows, columns, depth)
          let reference = plain.run().map(\.bitPattern)
          for layout in 1..<4 {
            var item = plain
            if layout & 1 != 0 {
              item.transposedA = true
              item.a = transposed(plain.a, rows: rows, columns: depth)
            }
            if layout & 2 != 0 {
              item.transposedB = true
              item.b = transposed(plain.b, rows: depth, columns: columns)
            }
            #expect(item.run().map(\.bitPattern) == reference)
          }
        }
      }
    }

    @Test("integer products wrap around", arguments: KernelTests.isaLevels)
    func integers(level: Int32) {
      withISA(level) {
        for (rows, columns, depth, transposedB) in [
          (3, 5, 7, false), (40, 33, 65, true), (130, 70, 90, false),
        ] {
          expectExact(Int32.self, rows, columns, depth, transposedB, nnk_gemm_i32)
          expectExact(Int64.self, rows, columns, depth, transposedB, nnk_gemm_i64)
        }
      }
    }

    @Test("a raised cancel flag ends a product early and leaves the memory around it alone")
    func cancelled() throws {
      let flag = try #require(nnk_flag_create())
      defer { nnk_flag_destroy(flag) }
      var item = GemmCase<Float>(600, 600, 600)
      nnk_flag_set(flag, true)
      nnk_set_cancel_flag(flag)
      #expect(nnk_cancelled())
      let untouched = item.run()
      nnk_set_cancel_flag(nil)
      #expect(untouched == item.initialC)
      #expect(!nnk_cancelled())
      item.rows = 20
      expectClose(item)
    }

    /// Shapes that are cut for threads and for caches.
    static let largeCases: [GemmCase<Float>] = {
      var cases = [
        (128, 128, 784), (97, 101, 103), (1, 1000, 700), (2, 3000, 130), (333, 47, 650),
        (65, 800, 513),
      ].map {
        GemmCase<Float>($0.0, $0.1, $0.2)
      }
      for index in cases.indices {
        cases[index].transposedA = index % 2 == 1
        cases[index].transposedB = index % 3 == 1
        cases[index].bias = index % 2 == 0
        cases[index].accumulate = index % 4 == 3
      }
      var batched = GemmCase<Float>(33, 47, 60)
      batched.batch = 12
      cases.append(batched)
      batched.batch = 3
      batched.rows = 64
      batched.a = numbers(11, count: 3 * 64 * 60, as: Float.self)
      batched.sharedB = true
      cases.append(batched)
      return cases
    }()
  }
}
