// One differentiated call: run a function on tracked arguments, then walk its tape back.
import NNTensor

/// The outcome of running a function on tracked arguments.
struct DifferentiatedCall: ~Copyable {
  let vm: VM
  let tape: Tape
  /// What the function returned, lowered; owned.
  let value: Slot
  /// The result to differentiate, as the tape knows it.
  let output: Operand?
  /// The watched values inside the arguments.
  let leaves: [Operand]
  /// How the gradient of each differentiated argument is built.
  let layouts: [GradientLayout]
  /// What the layouts hold.
  private var keys: [Slot]

  /// Calls `function` with borrowed arguments, those in `wrt` tracked.
  ///
  /// While it runs, `training()` is true if a model is among the tracked arguments. Parameters are put back on every way out.
  init(_ vm: VM, _ function: Slot, _ given: [Slot], wrt: [Int]) throws {
    let tape = vm.context.beginTape()
    var arguments = TrackedArguments(vm: vm) { try vm.watch($0, on: tape) }
    var slots = given
    // How many of `wrt` have an owned stand-in in `slots`.
    var trackedCount = 0
    var layouts: [GradientLayout] = []
    let wasTraining = vm.isTraining
    defer {
      arguments.restore()
      for index in wrt[..<trackedCount] { release(slots[index]) }
      vm.isTraining = wasTraining
      vm.context.end(tape)
    }
    let output: Operand?
    let value: Slot
    do {
      for index in wrt {
        let (slot, layout) = try arguments.track(given[index])
        slots[index] = slot
        trackedCount += 1
        layouts.append(layout)
      }
      vm.isTraining = arguments.hasModel
      let result = try vm.call(function, slots)
      let scalar = result.asTuple?.elements.first ?? result
      output = scalar.isTensor || scalar.isNumber ? Operand(scalar) : nil
      value = try ResultTree(vm: vm, trace: tape).lowered(owned: result)
    } catch {
      arguments.discardKeys()
      throw error
    }
    self.vm = vm
    self.tape = tape
    self.output = output
    self.value = value
    leaves = arguments.leaves
    self.layouts = layouts
    keys = arguments.takeKeys()
  }

  /// The result to differentiate; throws unless it is a float scalar.
  func scalarOutput(_ name: String) throws -> Operand {
    guard let output else {
      throw ScriptError(
        .type,
        "\(name) needs a function that returns a number or a scalar tensor, not \(value.describedType)",
        help: "return the loss, or (loss, other results...)")
    }
    guard let tensor = output.tensor else { return output }
    try checkFloat(name)
    let shape = vm.context.shape(of: tape.lowered(output))
    guard shape.rank == 0 else {
      throw ScriptError.notScalar(
        name, "\(tensor.dtype.name)\(shape)", hasOneElement: tensor.count == 1)
    }
    return output
  }

  /// Throws for a result of integers or bools.
  func checkFloat(_ name: String) throws {
    guard let output, let tensor = output.tensor, !tensor.dtype.isFloat else { return }
    let shape = vm.context.shape(of: tape.lowered(output))
    throw ScriptError(
      .type, "\(name) needs a float result, not \(tensor.dtype.name)\(shape)",
      help:
        "integers and bools have no gradient; convert with to(x, \"f32\") before the computation")
  }

  /// The gradient of the result, weighted by `seed`, in the structure of the differentiated arguments; owned.
  func gradient(seed: Operand? = nil, keepsEntries: Bool = false) throws -> Slot {
    guard let output else { preconditionFailure("the caller has checked the result") }
    do throws(TensorError) {
      let gradients = try vm.context.gradients(
        of: output, seed: seed, tape: tape, wrt: leaves, keepsEntries: keepsEntries)
      if layouts.count == 1 { return layouts[0].build(gradients, heap: vm.heap) }
      let parts = layouts.map { $0.build(gradients, heap: vm.heap) }
      return Slot(TupleObject(heap: vm.heap, owned: parts))
    } catch {
      throw ScriptError(error)
    }
  }

  /// Ends the call's use: releases what is kept to build gradients.
  mutating func discard() {
    for key in keys { release(key) }
    keys = []
  }
}
