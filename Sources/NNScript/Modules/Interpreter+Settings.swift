// What a command sets before a run: seed, threads, memory.
import NNKernels
import NNTensor

extension Interpreter {
  /// Starts the random stream from another seed than 0.
  package func setSeed(_ seed: UInt64) { vm.context.random = RandomState(seed: seed) }

  /// Sets how many threads the kernels of this process use; 0 means one per processor.
  package func setThreads(_ count: Int) { nnk_set_threads(Int32(clamping: count)) }

  /// Limits what values and tensors of this process may take together, in bytes.
  package func limitMemory(to bytes: Int) {
    vm.interrupts.memoryLimit = bytes
    vm.interrupts.tensorBytes = { Int(clamping: nnk_memory_info().live) }
    nnk_set_memory_limit(bytes)
  }
}
