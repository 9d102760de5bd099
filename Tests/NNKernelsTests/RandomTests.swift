// Tests of random numbers: Philox's published vectors, the same stream everywhere, moments and frequencies.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct RandomTests {
    @Test("Philox4x32-10 gives the published vector for the zero counter and key")
    func knownVector() {
      for level in KernelTests.isaLevels {
        var words = [UInt32](repeating: 0, count: 64)
        #expect(withISA(level) { nnk_random_words(0, 0, &words, 64) } == 1)
        #expect(
          [words[0], words[16], words[32], words[48]] == [
            0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8,
          ])
      }
    }

    @Test("words agree with Philox written plainly, for any seed and offset")
    func plainPhilox() {
      for (seed, offset) in [(1, 0), (0xdead_beef_0123_4567, 5), (.max, 1 << 40), (42, .max / 32)]
        as [(UInt64, UInt64)]
      {
        var words = [UInt32](repeating: 0, count: 200)
        #expect(nnk_random_words(seed, offset, &words, 200) == 4)
        for place in words.indices {
          let (unit, word) = (UInt64(place / 64), place % 64)
          let block = philox(seed: seed, counter: (offset &+ unit) &* 16 &+ UInt64(word % 16))
          #expect(words[place] == block[word / 16])
        }
      }
    }

    /// One Philox4x32-10 block, after Salmon et al. 2011.
    private func philox(seed: UInt64, counter: UInt64) -> [UInt32] {
      var c: [UInt32] = [UInt32(truncatingIfNeeded: counter), UInt32(counter >> 32), 0, 0]
      var key = (UInt32(truncatingIfNeeded: seed), UInt32(seed >> 32))
      for _ in 0..<10 {
        let a = c[0].multipliedFullWidth(by: 0xD251_1F53)
        let b = c[2].multipliedFullWidth(by: 0xCD9E_8D57)
        c = [b.high ^ c[1] ^ key.0, b.low, a.high ^ c[3] ^ key.1, a.low]
        key = (key.0 &+ 0x9E37_79B9, key.1 &+ 0xBB67_AE85)
      }
      return c
    }

    @Test(
      "integers and uniform floats have the same bits on every instruction set and thread count")
    func sameEverywhere() {
      let n = 100_003
      var all: [[UInt8]] = []
      for level in KernelTests.isaLevels {
        for threads in [1, 3] {
          withISA(level) {
            withThreads(threads) {
              var floats = [Float](repeating: 0, count: n)
              var doubles = [Double](repeating: 0, count: n)
              var integers = [Int32](repeating: 0, count: n)
              var flags = [UInt8](repeating: 0, count: n)
              #expect(nnk_random_uniform(NNK_F32, 7, 3, &floats, n) == UInt64((n + 63) / 64))
              #expect(nnk_random_uniform(NNK_F64, 7, 3, &doubles, n) == UInt64((n + 31) / 32))
              nnk_random_integers(NNK_I32, 7, 3, -100, 1000, &integers, n)
              nnk_random_bernoulli(NNK_BOOL, 7, 3, 0.3, &flags, n)
              all.append(bits(floats) + bits(doubles) + bits(integers) + flags)
            }
          }
        }
      }
      #expect(all.allSatisfy { $0 == all[0] })
      #expect(
        sameBitsEverywhere {
          var normal = [Float](repeating: 0, count: n)
          nnk_random_normal(NNK_F32, 7, 3, &normal, n)
          return normal
        })
      #expect(
        sameBitsEverywhere {
          var normal = [Double](repeating: 0, count: n)
          nnk_random_normal(NNK_F64, 7, 3, &normal, n)
          return normal
        })
    }

    @Test(
      "a shorter call gives the beginning of a longer one; offsets go on where the last call ended")
    func continuation() {
      var long = [Float](repeating: 0, count: 1000)
      let used = nnk_random_normal(NNK_F32, 1, 0, &long, 1000)
      #expect(used == 16)
      var short = [Float](repeating: 0, count: 100)
      nnk_random_normal(NNK_F32, 1, 0, &short, 100)
      #expect(short == Array(long.prefix(100)))
      nnk_random_normal(NNK_F32, 1, 2, &short, 100)
      #expect(short == Array(long[128..<228]))
    }

    @Test("uniform numbers are in [0, 1) and fill it evenly")
    func uniform() {
      let n = 1_000_000
      var x = [Float](repeating: 0, count: n)
      nnk_random_uniform(NNK_F32, 11, 0, &x, n)
      #expect(x.allSatisfy { $0 >= 0 && $0 < 1 })
      expectEven(x.map { Int($0 * 100) }, classes: 100)
      var y = [Double](repeating: 0, count: n)
      nnk_random_uniform(NNK_F64, 12, 0, &y, n)
      #expect(y.allSatisfy { $0 >= 0 && $0 < 1 })
      expectEven(y.map { Int($0 * 100) }, classes: 100)
      #expect(nnk_random_uniform(NNK_I32, 12, 0, &y, n) == 0)
    }

    /// Chi-square of equally likely classes: its mean is their number, its deviation sqrt(2 classes); 5 of these pass.
    private func expectEven(_ values: [Int], classes: Int) {
      var counts = [Int](repeating: 0, count: classes)
      for value in values { counts[value] += 1 }
      let expected = Double(values.count) / Double(classes)
      let square = counts.reduce(0.0) {
        $0 + (Double($1) - expected) * (Double($1) - expected) / expected
      }
      #expect(abs(square - Double(classes)) < 5 * (2 * Double(classes)).squareRoot())
    }

    @Test("normal numbers have the moments and tails of the normal distribution")
    func normal() {
      let n = 1_000_000
      var x = [Float](repeating: 0, count: n)
      nnk_random_normal(NNK_F32, 5, 0, &x, n)
      expectNormal(x.map { Double($0) })
      var y = [Double](repeating: 0, count: n)
      nnk_random_normal(NNK_F64, 5, 0, &y, n)
      expectNormal(y)
    }

    private func expectNormal(_ x: [Double]) {
      let n = Double(x.count)
      let mean = x.reduce(0, +) / n
      let square = x.reduce(0) { $0 + $1 * $1 } / n
      let cube = x.reduce(0) { $0 + $1 * $1 * $1 } / n
      let fourth = x.reduce(0) { $0 + $1 * $1 * $1 * $1 } / n
      #expect(
        abs(mean) < 0.005 && abs(square - 1) < 0.007 && abs(cube) < 0.02 && abs(fourth - 3) < 0.05)
      for (limit, share) in [(1.0, 0.317311), (2.0, 0.0455003), (3.0, 0.0026998)] {
        let outside = Double(x.count { abs($0) > limit })
        #expect(abs(outside - n * share) < 5 * (n * share).squareRoot())
      }
      // Neighbours, and the two numbers of a pair, are independent.
      for lag in [1, 16, 32] {
        let correlation = zip(x, x.dropFirst(lag)).reduce(0) { $0 + $1.0 * $1.1 } / n
        #expect(abs(correlation) < 0.005)
      }
    }

    @Test("integers are in their range and even, for ranges of every size")
    func integers() {
      let n = 500_000
      var x = [Int32](repeating: 0, count: n)
      nnk_random_integers(NNK_I32, 3, 0, -5, 12, &x, n)
      expectEven(x.map { Int($0) + 5 }, classes: 17)
      nnk_random_integers(NNK_I32, 3, 0, Int64(Int32.min), Int64(Int32.max) + 1, &x, n)
      expectEven(x.map { (Int($0) + 1 << 31) >> 26 }, classes: 64)
      var y = [Int64](repeating: 0, count: n)
      nnk_random_integers(NNK_I64, 3, 0, .min, .max, &y, n)
      expectEven(y.map { Int(UInt64(bitPattern: $0 &+ .min) >> 58) }, classes: 64)
      #expect(nnk_random_integers(NNK_I64, 3, 0, 5, 5, &y, n) == 0)
    }

    @Test("bernoulli has its probability; 0 and 1 are certain")
    func bernoulli() {
      let n = 400_000
      var x = [Float](repeating: 0, count: n)
      for p in [0, 0.01, 0.5, 0.9, 1] {
        nnk_random_bernoulli(NNK_F32, 9, 0, p, &x, n)
        #expect(x.allSatisfy { $0 == 0 || $0 == 1 })
        let ones = Double(x.count { $0 == 1 })
        #expect(abs(ones - Double(n) * p) <= 5 * (Double(n) * p * (1 - p)).squareRoot())
      }
    }

    @Test("permutations hold every number once; all orders of three are equally likely")
    func permutation() {
      for n in [0, 1, 2, 33, 10_000] {
        var x = [Int32](repeating: -1, count: n)
        nnk_random_permutation(4, 0, &x, n)
        #expect(x.sorted() == (0..<n).map { Int32($0) })
      }
      var orders: [Int] = []
      var offset: UInt64 = 0
      for _ in 0..<60_000 {
        var x: [Int32] = [0, 0, 0]
        offset += nnk_random_permutation(4, offset, &x, 3)
        orders.append(Int(x[0]) * 2 + (x[1] > x[2] ? 1 : 0))
      }
      #expect(offset == 60_000)
      expectEven(orders, classes: 6)
    }
  }
}
