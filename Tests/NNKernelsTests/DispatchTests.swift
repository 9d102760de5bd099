// Tests of the choice of the instruction set.
import NNKernels
import Testing

extension KernelTests {
  @Suite
  struct DispatchTests {
    @Test("a level can be chosen by number, and one above the machine's gives the machine's best")
    func levels() {
      for level in KernelTests.isaLevels {
        #expect(nnk_select_isa(level) == level)
      }
      #expect(nnk_select_isa(99) == KernelTests.bestISA)
      #expect(nnk_select_isa(-1) == KernelTests.bestISA)
    }

    @Test("every level has a name of its own")
    func names() {
      let names = KernelTests.isaLevels.map { level in
        withISA(level) { String(cString: nnk_isa_name()) }
      }
      #expect(Set(names).count == names.count)
      #expect(names.allSatisfy { ["portable", "sse2", "neon", "avx2", "avx512"].contains($0) })
    }
  }
}
