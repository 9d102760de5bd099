// Tests of rows by index: gathering, scattering, one-hot rows, selection, and what bad indices give.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct GatherTests {
    @Test("rows are gathered by i32 and i64, negative ones from the end")
    func gather() {
      let src = numbers(1, count: 50 * 7, as: Float.self)
      let indices: [Int32] = [0, 49, -1, -50, 3, 3, 17]
      let want = indices.flatMap { index -> ArraySlice<Float> in
        let row = Int(index < 0 ? index + 50 : index)
        return src[row * 7..<row * 7 + 7]
      }
      var dst = want.map { _ in Float(0) }
      #expect(nnk_gather_rows(src, 50, 28, NNK_I32, indices, 7, &dst) == Int(NNK_INDICES_OK))
      #expect(dst == want)
      dst = want.map { _ in 0 }
      #expect(
        nnk_gather_rows(src, 50, 28, NNK_I64, indices.map { Int64($0) }, 7, &dst)
          == Int(NNK_INDICES_OK))
      #expect(dst == want)
    }

    @Test("a bad index is reported by its place and nothing is written")
    func badIndices() {
      let src: [Float] = [1, 2, 3]
      var dst: [Float] = [7, 7, 7]
      #expect(nnk_gather_rows(src, 3, 4, NNK_I32, [Int32(0), 3, 1], 3, &dst) == 1)
      #expect(nnk_gather_rows(src, 3, 4, NNK_I64, [Int64(0), 1, -4], 3, &dst) == 2)
      #expect(nnk_gather_rows(src, 3, 4, NNK_F32, src, 3, &dst) == Int(NNK_INDICES_BAD_TYPE))
      #expect(nnk_one_hot(NNK_F32, NNK_I32, [Int32(-1)], 1, 3, &dst) == 0)
      #expect(nnk_scatter_add_rows(NNK_F32, src, 1, NNK_I32, [Int32(9)], 1, &dst, 3) == 0)
      #expect(nnk_scatter_rows(src, 1, 4, NNK_I32, [Int32(0), 9], 2, &dst, 3) == 1)
      #expect(dst == [7, 7, 7])
      #expect(nnk_check_indices(NNK_U8, [UInt8(3), 200], 2, 0, 200) == 1)
      #expect(nnk_check_indices(NNK_I64, [Int64(-2), 1], 2, -2, 2) == Int(NNK_INDICES_OK))
    }

    @Test("images become floats as they are gathered", arguments: [1, 5, 33, 784])
    func images(_ pixels: Int) {
      let src = wholeNumbers(1, count: 60 * pixels, in: 0...255, as: UInt8.self)
      let indices = wholeNumbers(2, count: 300, in: 0...59, as: Int32.self)
      let want = indices.flatMap { index in
        src[Int(index) * pixels..<(Int(index) + 1) * pixels].map { Float($0) * (1 / 255) }
      }
      for level in KernelTests.isaLevels {
        for threads in [1, 3] {
          var dst = want.map { _ in Float(-1) }
          let result = withISA(level) {
            withThreads(threads) {
              nnk_gather_rows_u8_f32(src, 60, pixels, NNK_I32, indices, 300, 1 / 255, &dst)
            }
          }
          #expect(result == Int(NNK_INDICES_OK))
          #expect(dst == want)
        }
      }
    }

    @Test("scattered rows add up in the order of their indices", arguments: [1, 3, 100, 1000])
    func scatterAdd(_ row: Int) {
      let n = 400
      let src = numbers(1, count: n * row, as: Float.self)
      let indices = wholeNumbers(2, count: n, in: 0...19, as: Int64.self)
      var want = numbers(3, count: 20 * row, as: Float.self)
      let start = want
      for i in 0..<n {
        for j in 0..<row { want[Int(indices[i]) * row + j] += src[i * row + j] }
      }
      for threads in [1, 2, 4] {
        var dst = start
        let result = withThreads(threads) {
          nnk_scatter_add_rows(NNK_F32, src, row, NNK_I64, indices, n, &dst, 20)
        }
        #expect(result == Int(NNK_INDICES_OK))
        #expect(dst == want)
      }
    }

    @Test("scattered rows replace, the last one wins; one row can go to all places")
    func scatter() {
      var dst = [Int32](repeating: 0, count: 8)
      let src: [Int32] = [1, 2, 3, 4, 5, 6]
      #expect(
        nnk_scatter_rows(src, 1, 8, NNK_I32, [Int32(3), 0, -1], 3, &dst, 4) == Int(NNK_INDICES_OK))
      #expect(dst == [3, 4, 0, 0, 0, 0, 5, 6])
      #expect(
        nnk_scatter_rows(src, 0, 8, NNK_I32, [Int32(1), 2], 2, &dst, 4) == Int(NNK_INDICES_OK))
      #expect(dst == [3, 4, 1, 2, 1, 2, 5, 6])
    }

    @Test("one-hot rows of every type")
    func oneHot() {
      let labels: [UInt8] = [2, 0, 1]
      var floats = [Float](repeating: 5, count: 9)
      #expect(nnk_one_hot(NNK_F32, NNK_U8, labels, 3, 3, &floats) == Int(NNK_INDICES_OK))
      #expect(floats == [0, 0, 1, 1, 0, 0, 0, 1, 0])
      var integers = [Int64](repeating: 5, count: 9)
      #expect(nnk_one_hot(NNK_I64, NNK_U8, labels, 3, 3, &integers) == Int(NNK_INDICES_OK))
      #expect(integers == [0, 0, 1, 1, 0, 0, 0, 1, 0])
    }

    @Test("the places of true ones, and where they are along an axis")
    func truePlaces() {
      for n in [0, 1, 63, 64, 1000, 300_001] {
        for limit in 0...2 {
          let truth = wholeNumbers(1, count: n, in: 0...limit, as: UInt8.self)
          let want = (0..<n).filter { truth[$0] != 0 }
          #expect(nnk_count_true(truth, n) == want.count)
          var places = [Int64](repeating: -1, count: want.count)
          nnk_true_places(truth, n, &places)
          #expect(places.map { Int($0) } == want)
          var pairs = [Int32](repeating: -1, count: 2 * want.count)
          nnk_coordinates(places, want.count, 7, 5, &pairs, 2)
          var wantPairs = [Int32](repeating: -1, count: 2 * want.count)
          for (i, place) in want.enumerated() { wantPairs[2 * i] = Int32(place / 7 % 5) }
          #expect(pairs == wantPairs)
        }
      }
    }

    @Test("a histogram counts what lies between its edges")
    func histogram() {
      let x =
        numbers(5, count: 100_003, in: -2...2, as: Float.self) + [.nan, .infinity, -1, 1, 0.5]
      let edges: [Float] = [-1, -0.9, -0.9, 0, 0.5, 1]
      let bins = edges.count - 1
      var want = [Int32](repeating: 0, count: bins)
      for value in x where value >= -1 && value <= 1 {
        want[min(edges.lastIndex { $0 <= value } ?? 0, bins - 1)] += 1
      }
      var counts = [Int32](repeating: -1, count: bins)
      #expect(nnk_histogram(NNK_F32, x, x.count, edges, bins, &counts))
      #expect(counts == want)
    }

    @Test("elements are gathered and added one by one as rows are")
    func singleElements() {
      let n = 5000
      let indices = wholeNumbers(3, count: n, in: -70...69, as: Int32.self)
      let x = numbers(4, count: n, as: Double.self)
      var sums = [Double](repeating: 0.5, count: 70)
      var want = sums
      for i in 0..<n { want[(Int(indices[i]) + 70) % 70] += x[i] }
      _ = nnk_scatter_add_rows(NNK_F64, x, 1, NNK_I32, indices, n, &sums, 70)
      #expect(sums == want)
      var picked = [Double](repeating: 0, count: n)
      _ = nnk_gather_rows(sums, 70, 8, NNK_I32, indices, n, &picked)
      #expect(picked == indices.map { want[(Int($0) + 70) % 70] })
    }
  }
}
