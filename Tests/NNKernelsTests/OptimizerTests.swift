// Tests of optimizer steps against plain loops in f64.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct OptimizerTests {
    static let lengths = [1, 7, 16, 33, 1000, 70_001]

    @Test("sgd with momentum, nesterov and weight decay", arguments: lengths)
    func sgd(_ n: Int) {
      for (momentum, decay, nesterov) in [
        (0, 0, false), (0, 0.1, false), (0.9, 0, false), (0.9, 0.01, true),
      ] {
        checkSGD(n, momentum, decay, nesterov, Float.self, tolerance: 2e-6)
        checkSGD(n, momentum, decay, nesterov, Double.self, tolerance: 1e-14)
      }
    }

    private func checkSGD<T: KernelFloat>(
      _ n: Int, _ momentum: Double, _ decay: Double, _ nesterov: Bool, _ type: T.Type,
      tolerance: Double
    ) {
      let start = numbers(1, count: n, as: T.self)
      let gradients = (0..<3).map { numbers(UInt64(10 + $0), count: n, as: T.self) }
      var want = start.map { Double($0) }
      var speed = want.map { _ in 0.0 }
      for g in gradients {
        for i in 0..<n {
          var d = Double(g[i]) + decay * want[i]
          if momentum != 0 {
            speed[i] = momentum * speed[i] + d
            d = nesterov ? d + momentum * speed[i] : speed[i]
          }
          want[i] -= 0.1 * d
        }
      }
      let run: () -> [T] = {
        var p = start
        var v = [T](repeating: 0, count: n)
        for g in gradients {
          if momentum == 0 {
            _ = nnk_sgd(T.kernelType, &p, g, nil, n, 0.1, 0, decay, false)
          } else {
            _ = nnk_sgd(T.kernelType, &p, g, &v, n, 0.1, momentum, decay, nesterov)
          }
        }
        return p
      }
      for level in KernelTests.isaLevels {
        #expect(zip(withISA(level, run), want).allSatisfy { abs(Double($0) - $1) < tolerance })
      }
      #expect(sameBitsEverywhere(run))
    }

    @Test("adam and adamw over several steps", arguments: lengths)
    func adam(_ n: Int) {
      for (decay, decoupled) in [(0, false), (0.05, false), (0.05, true)] {
        checkAdam(n, decay, decoupled, Float.self, tolerance: 2e-5)
        checkAdam(n, decay, decoupled, Double.self, tolerance: 1e-12)
      }
    }

    private func checkAdam<T: KernelFloat>(
      _ n: Int, _ decay: Double, _ decoupled: Bool, _ type: T.Type, tolerance: Double
    ) {
      let (lr, b1, b2, epsilon) = (0.01, 0.9, 0.999, 1e-8)
      let start = numbers(1, count: n, as: T.self)
      let gradients = (0..<5).map { numbers(UInt64(20 + $0), count: n, as: T.self) }
      var want = start.map { Double($0) }
      var (mean, square) = (want.map { _ in 0.0 }, want.map { _ in 0.0 })
      var (power1, power2) = (1.0, 1.0)
      for g in gradients {
        (power1, power2) = (power1 * b1, power2 * b2)
        for i in 0..<n {
          if decoupled { want[i] *= 1 - lr * decay }
          let d = Double(g[i]) + (decoupled ? 0 : decay * want[i])
          mean[i] = b1 * mean[i] + (1 - b1) * d
          square[i] = b2 * square[i] + (1 - b2) * d * d
          want[i] -=
            lr * (mean[i] / (1 - power1)) / ((square[i] / (1 - power2)).squareRoot() + epsilon)
        }
      }
      let run: () -> [T] = {
        var p = start
        var m = [T](repeating: 0, count: n)
        var v = m
        for (t, g) in gradients.enumerated() {
          _ = nnk_adam(
            T.kernelType, &p, g, &m, &v, n, lr, b1, b2, epsilon, decay, decoupled, UInt64(t + 1))
        }
        return p
      }
      for level in KernelTests.isaLevels {
        #expect(zip(withISA(level, run), want).allSatisfy { abs(Double($0) - $1) < tolerance })
      }
      #expect(sameBitsEverywhere(run))
    }

    @Test("integers have no optimizer steps")
    func unsupported() {
      var p: [Int32] = [1]
      let g: [Int32] = [1]
      #expect(!nnk_sgd(NNK_I32, &p, g, nil, 1, 0.1, 0, 0, false))
      #expect(p == [1])
    }
  }
}
