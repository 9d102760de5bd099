// What can stop a running script from outside: cancellation, and limits on instructions, time and memory.
import NNKernels
import NNTensor

/// A request to stop that any thread or signal handler may make.
package final class Cancellation: @unchecked Sendable {
  /// What kernels look at while they run.
  let flag: OpaquePointer

  package init() {
    guard let flag = nnk_flag_create() else { preconditionFailure("no memory for a flag") }
    self.flag = flag
  }

  deinit { nnk_flag_destroy(flag) }

  package var isRequested: Bool { nnk_flag_is_raised(flag) }
  package func request() { nnk_flag_set(flag, true) }
  package func reset() { nnk_flag_set(flag, false) }
}

/// Limits of an engine, looked at every so many calls and backward jumps.
final class Interrupts {
  /// Units between two looks: about a tenth of a millisecond of plain code.
  static let slice = 8192

  let cancellation: Cancellation
  /// Calls and backward jumps that are left, if limited.
  var instructionsLeft: Int?
  /// The clock's time at which to stop, in seconds.
  var deadline: Double?
  /// Bytes of objects and tensors allowed.
  var memoryLimit: Int?
  var clock: () -> Double = { 0 }
  var tensorBytes: () -> Int = { 0 }

  init(cancellation: Cancellation = Cancellation()) { self.cancellation = cancellation }

  /// Throws if the script must stop.
  func check(heap: Heap) throws {
    if cancellation.isRequested { throw ScriptError.cancelled }
    if let deadline, clock() > deadline { throw ScriptError.limit("the time limit is reached") }
    if let memoryLimit, heap.liveBytes + tensorBytes() > memoryLimit {
      throw ScriptError.limit("the memory limit is reached")
    }
  }

  /// The next slice of units; throws if there are none left.
  func nextSlice() throws -> Int {
    guard let left = instructionsLeft else { return Self.slice }
    if left <= 0 { throw ScriptError.limit("the instruction limit is reached") }
    let slice = min(left, Self.slice)
    instructionsLeft = left - slice
    return slice
  }
}

extension VM {
  /// Runs something whose kernels, too, stop when a cancellation is requested.
  func cancellable<Result>(_ body: () throws -> Result) rethrows -> Result {
    guard depth == 0 else { return try body() }
    nnk_set_cancel_flag(interrupts.cancellation.flag)
    defer { nnk_set_cancel_flag(nil) }
    return try body()
  }

  /// Called when the fuel is used up: looks for reasons to stop, collects cycles, and refuels.
  @inline(never) func refuel() throws -> Int {
    try interrupts.check(heap: heap)
    if heap.wantsCollection { heap.collectCycles() }
    return try interrupts.nextSlice()
  }

  /// Throws where a value of so many bytes more would pass the memory limit, before it is made.
  func checkRoom(_ bytes: Int) throws {
    guard bytes > 1 << 16 else { return }
    try checkCancellation()
    let limit = interrupts.memoryLimit ?? Self.largestValue
    if bytes > limit - heap.liveBytes - interrupts.tensorBytes() {
      throw ScriptError(.limit, "there is no memory for a value of \(bytes >> 20) MiB")
    }
  }

  /// Bytes of one value where there is no memory limit.
  private static let largestValue = 1 << 35

  /// Throws if the script was cancelled: for natives that run long.
  func checkCancellation() throws {
    if interrupts.cancellation.isRequested { throw ScriptError.cancelled }
  }
}
