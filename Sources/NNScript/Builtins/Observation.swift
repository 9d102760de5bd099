// `record_ops(f)`: every tensor op that a function runs, for diagnostics written in the language.
import NNTensor

extension Builtins {
  /// Lists the ops of a call.
  static let observation = NativeFunction(
    "record_ops", "f",
    documentation:
      "What `f()` gives, and a list of `(name, result)` for every tensor operation that it runs, in order; of an operation with several results the first.",
    example: "let (y, ops) = record_ops(() => net(x))"
  ) { call in
    let function = try call.callable(0)
    let list = ListObject(heap: call.heap)
    let heap = call.heap
    do {
      let value = try call.vm.context.observing(
        { op, _, results in
          let result = results[0].tensor.map { Slot($0) } ?? Slot(results[0].number)
          let pair = [heap.intern(op.name), result]
          list.append(owned: Slot(TupleObject(heap: heap, owned: pair)))
        },
        { try call.callBack(function) })
      return Slot(TupleObject(heap: heap, owned: [value, Slot(list)]))
    } catch {
      release(Slot(list))
      throw error
    }
  }
}
