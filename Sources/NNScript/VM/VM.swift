import NNSyntax
import NNTensor

// The virtual machine: the state of one running engine.
#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

typealias Registers = UnsafeMutablePointer<Slot>

/// Registers, frames and heap of one engine. Confined to one thread at a time.
final class VM {
  /// A running script function.
  struct Frame {
    var code: Unmanaged<Code>
    /// Where it goes on; while it runs, where it last was when something could fail.
    var pc: UnsafeMutablePointer<UInt32>
    var base: Registers
    /// The caller's register for the result.
    var result: Int
  }

  static let mostFrames = 200_000
  private static let stackSize = 1 << 21
  /// No frame has more registers than this.
  static let mostRegisters = 260

  let heap = Heap()
  var host: Host
  let interrupts: Interrupts
  let registry: Registry
  let modules: Modules
  let context = TensorContext()
  /// Told of warnings that arise while a script runs.
  var onWarning: ((Diagnostic) -> Void)?
  /// The places that have been warned about.
  var warnedPlaces: Set<Span> = []
  /// What `training()` answers: whether a model is among the differentiated arguments.
  var isTraining = false
  /// The arguments given to the program after its file.
  var arguments: [String] = []
  /// The value thrown last, where it was not an error, until a handler takes it.
  var pendingPayload = Slot.nil

  let stack: Registers
  /// A frame must not begin after this.
  let stackEnd: Registers
  let frames: UnsafeMutablePointer<Frame>
  /// How many frames are running.
  var depth = 0
  /// The first register that a call from Swift may use.
  var top: Registers
  /// What is left until `interrupts` is asked: one unit for each call and backward jump.
  var fuel = 0

  init(host: Host, interrupts: Interrupts = Interrupts()) {
    self.host = host
    self.interrupts = interrupts
    registry = Registry(heap: heap)
    modules = Modules(heap: heap)
    stack = Self.zeroed(Self.stackSize)
    stackEnd = stack + (Self.stackSize - 2 * Self.mostRegisters)
    frames = .allocate(capacity: Self.mostFrames)
    top = stack
  }

  deinit {
    free(stack)
    frames.deallocate()
  }

  /// Registers that are all nil; the pages are touched only when they are used.
  private static func zeroed(_ count: Int) -> Registers {
    guard let memory = calloc(count, MemoryLayout<Slot>.stride) else {
      preconditionFailure("there is no memory for the register stack")
    }
    return memory.bindMemory(to: Slot.self, capacity: count)
  }

  /// Ends the engine: releases everything it holds and gives how many objects were left over, which should be none.
  @discardableResult func tearDown() -> Int {
    modules.releaseAll()
    registry.releaseAll()
    assignPayload(.nil)
    return heap.tearDown()
  }

  private func assignPayload(_ value: Slot) {
    release(pendingPayload)
    pendingPayload = value
  }
}
