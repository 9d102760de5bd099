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

    @Test("a mask selects elements and rows in order")
    func selection() {
      let n = 1000
      let mask = wholeNumbers(1, count: n, in: 0...1, as: UInt8.self)
      let x = numbers(2, count: n * 3, as: Float.self)
      let places = (0..<n).filter { mask[$0] != 0 }
      var y = [Float](repeating: 0, count: n * 3)
      #expect(nnk_masked_select(x, 4, mask, n, &y) == places.count)
      #expect(Array(y.prefix(places.count)) == places.map { x[$0] })
      #expect(nnk_masked_select(x, 12, mask, n, &y) == places.count)
      #expect(Array(y.prefix(3 * places.count)) == places.flatMap { x[3 * $0..<3 * $0 + 3] })
    }
  }
}
