// The virtual machine: the state of one running engine.
import NNTensor

/// Registers, frames and heap of one engine. Confined to one thread at a time.
final class VM {
  let heap = Heap()
  var host: Host

  init(host: Host) {
    self.host = host
  }

  /// Calls a value with borrowed arguments; the caller owns the result.
  func call(_ callee: Slot, _ arguments: [Slot]) throws -> Slot {
    throw ScriptError(.type, "\(callee.describedType) cannot be called")
  }

  /// The number in a slot: a number, plain or tracked, or a 0-d tensor; nil for anything else.
  func plainNumber(_ slot: Slot) -> Double? {
    slot.asNumber
  }

  /// A short text for a value in an error label: its type, or for a tensor its dtype and shape.
  func briefDescription(of slot: Slot) -> String {
    slot.isUndefined ? "nothing" : slot.describedType
  }
}
