// How much of the thread's own stack is left: natives that call scripts back use it.
import NNKernels

/// The stack of the calling thread.
enum NativeStack {
  /// Room that every native may use without asking.
  private static let reserve = 256 * 1024

  /// True if there is room for one more script call from a native.
  static var hasRoom: Bool { nnk_stack_room() > reserve }
}
