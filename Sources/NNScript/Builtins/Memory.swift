// What scripts can learn of tensor memory.
import NNKernels

extension Builtins {
  static let memory: [NativeFunction] = [
    NativeFunction(
      "memory", "reset_peak = false",
      documentation: """
        Bytes of tensor memory as a dict: `live` now, the highest `peak` there was, `cached` for reuse. With `reset_peak`, the peak starts again from what is
        live.
        """,
      example: "let before = memory(reset_peak: true).live"
    ) { call in
      let resetsPeak = try call.optional(0, call.bool) ?? false
      let info = nnk_memory_info()
      let dict = DictObject(heap: call.heap, capacity: 3)
      dict.set("live", owned: Slot(Int(clamping: info.live)))
      dict.set("peak", owned: Slot(Int(clamping: info.peak)))
      dict.set("cached", owned: Slot(Int(clamping: info.cached)))
      if resetsPeak { nnk_reset_peak() }
      return Slot(dict)
    }
  ]
}
