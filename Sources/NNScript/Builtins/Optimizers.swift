// The steps of optimizers, in place: what `SGD`, `Adam` and `AdamW` of the library call.
import NNTensor

extension Builtins {
  /// One step over all parameters of a model, dict or list.
  static let optimizers: [NativeFunction] = [
    NativeFunction(
      "sgd_update",
      "target, gradients, velocity, lr, momentum = 0, nesterov = false, weight_decay = 0",
      documentation:
        """
        Moves all parameters one step of gradient descent, in place. `velocity` is a dict by parameter path; it may be \
        empty without momentum. `lr` and `weight_decay` are numbers, or dicts of numbers by path.
        """,
      example: "sgd_update(net, g, {}, 0.1)"
    ) { call in
      let rates = try call.perParameter(3, 0)
      let momentum = try call.optional(4, call.number) ?? 0
      let nesterov = try call.optional(5, call.bool) ?? false
      let decays = try call.perParameter(6, 0)
      let velocity = try call.dict(2)
      let context = call.vm.context
      try call.forEachParameter { parameter, gradient, index in
        let (rate, decay) = (try rates.value(of: parameter), try decays.value(of: parameter))
        guard momentum != 0 else {
          return try parameter.update { tensor throws(TensorError) in
            var none: Tensor?
            try context.sgdStep(
              &tensor, gradient: gradient, velocity: &none, lr: rate, weightDecay: decay)
          }
        }
        let place = try call.stateLeaf(velocity, parameter, index)
        try parameter.update(with: place) { tensor, velocity throws(TensorError) in
          // The step wants the only reference; the gradient keeps the place meanwhile.
          var moved: Tensor? = velocity
          velocity = gradient
          defer { if let moved { velocity = moved } }
          try context.sgdStep(
            &tensor, gradient: gradient, velocity: &moved, lr: rate, momentum: momentum,
            nesterov: nesterov, weightDecay: decay)
        }
      }
      return .nil
    },
    NativeFunction(
      "adam_update",
      "target, gradients, mean, square, steps, lr, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, decoupled = false, matrices_only = false",
      documentation:
        """
        Moves all parameters one step of Adam, in place. `mean` and `square` are dicts by parameter path, `steps` counts \
        from 1. `lr` and `weight_decay` are numbers, or dicts of numbers by path. With `matrices_only` parameters of \
        fewer than two axes do not decay.
        """,
      example: "adam_update(net, g, mean, square, 1, 1e-3)"
    ) { call in
      let count = try call.int(4)
      guard count >= 1 else { throw call.argumentError(4, "'steps' counts from 1") }
      let rates = try call.perParameter(5, 0)
      let beta1 = try call.optional(6, call.number) ?? 0.9
      let beta2 = try call.optional(7, call.number) ?? 0.999
      let epsilon = try call.optional(8, call.number) ?? 1e-8
      let decays = try call.perParameter(9, 0)
      let isDecoupled = try call.optional(10, call.bool) ?? false
      let matricesOnly = try call.optional(11, call.bool) ?? false
      let (mean, square) = (try call.dict(2), try call.dict(3))
      let context = call.vm.context
      try call.forEachParameter { parameter, gradient, index in
        let (rate, decay) = (try rates.value(of: parameter), try decays.value(of: parameter))
        let meanLeaf = try call.stateLeaf(mean, parameter, index)
        let squareLeaf = try call.stateLeaf(square, parameter, index)
        try parameter.update(with: meanLeaf, squareLeaf) {
          tensor, mean, square throws(TensorError) in
          try context.adamStep(
            &tensor, gradient: gradient, m: &mean, v: &square, step: count, lr: rate, beta1: beta1,
            beta2: beta2, epsilon: epsilon,
            weightDecay: matricesOnly && tensor.shape.rank < 2 ? 0 : decay, decoupled: isDecoupled)
        }
      }
      return .nil
    },
  ]
}

/// A number that is the same for all parameters, or one for each in a dict by path.
private struct PerParameter {
  let number: Double
  let dict: DictObject?
  let name: String

  func value(of parameter: TensorLeaf) throws -> Double {
    guard let dict else { return number }
    guard let found = dict[parameter.path], found.isPlainNumber else {
      throw ScriptError(.argument, "'\(name)' has no number for '\(parameter.name)'")
    }
    return found.number
  }
}

extension NativeCall {
  /// An argument that is a number or a dict of numbers by path.
  fileprivate func perParameter(_ index: Int, _ absent: Double) throws -> PerParameter {
    let name = name(of: index)
    guard has(index) else { return PerParameter(number: absent, dict: nil, name: name) }
    if let dict = self[index].asDict { return PerParameter(number: 0, dict: dict, name: name) }
    return PerParameter(number: try number(index), dict: nil, name: name)
  }

  /// Calls `body` with each parameter of argument 0 that is not frozen and its gradient from argument 1.
  fileprivate func forEachParameter(_ body: (TensorLeaf, Tensor, Int) throws -> Void) throws {
    guard let target = try TensorTree(self[0], in: vm, function.name) else {
      throw typeError(0, expected: "a model instance, or a dict or list of tensors")
    }
    guard let gradients = try TensorTree(self[1], in: vm, function.name) else {
      throw typeError(1, expected: "what grad gave for it: a dict or list of tensors")
    }
    for index in target.leaves.indices where !target.leaves[index].isFrozen {
      let parameter = target.leaves[index]
      guard let found = gradients.find(parameter.path, hint: index) else {
        throw ScriptError(
          .argument, "\(function.name): there is no gradient for '\(parameter.name)'",
          help: "the gradient must come from grad of the same model")
      }
      if found.value.isNil || parameter.value.isNil { continue }
      try body(parameter, try gradient(found, for: parameter), index)
    }
  }

  /// A gradient as a tensor of its parameter's shape and dtype.
  private func gradient(_ found: TensorLeaf, for parameter: TensorLeaf) throws -> Tensor {
    if let tensor = found.value.asTensor, let own = parameter.value.asTensor,
      tensor.dtype == own.dtype, tensor.shape == own.shape
    {
      return tensor
    }
    let dtype = parameter.value.asTensor?.dtype ?? .f64
    let shape = parameter.value.asTensor?.shape ?? Shape()
    if let tensor = found.value.asTensor {
      guard tensor.shape == shape else {
        throw ScriptError(
          .shape,
          "\(function.name): the gradient of '\(parameter.name)' has shape \(tensor.shape), the parameter \(shape)"
        )
      }
      return try vm.context.apply(Ops.to, [Operand(tensor)], [.dtype(dtype)]).tensor ?? tensor
    }
    return try Tensor(filling: shape, with: found.value.number, dtype: dtype)
  }

  /// Where an optimizer keeps its state for a parameter.
  fileprivate func stateLeaf(
    _ state: DictObject, _ parameter: TensorLeaf, _ index: Int
  ) throws -> TensorLeaf {
    var place = index
    if index >= state.used || state.entries[index].key.bits != parameter.path.bits {
      guard let found = state.find(parameter.path) else {
        throw ScriptError(
          .argument, "\(function.name): the optimizer has no state for '\(parameter.name)'",
          help: "make a new optimizer for this network")
      }
      place = found
    }
    let leaf = TensorLeaf(
      holder: .entry(.passUnretained(state), place), path: parameter.path, isFrozen: false)
    if let tensor = leaf.value.asTensor, let own = parameter.value.asTensor,
      tensor.shape != own.shape
    {
      throw ScriptError(
        .shape,
        "\(function.name): the optimizer's state for '\(parameter.name)' has shape \(tensor.shape), the parameter \(own.shape)"
      )
    }
    return leaf
  }
}

extension TensorLeaf {
  /// Moves the tensor out, lets `body` write into it and puts it back.
  fileprivate func update(_ body: (inout Tensor) throws(TensorError) -> Void) throws {
    var cell = try TakenTensor(self)
    try body(&cell.tensor)
  }

  fileprivate func update(
    with state: TensorLeaf, _ body: (inout Tensor, inout Tensor) throws(TensorError) -> Void
  ) throws {
    var cell = try TakenTensor(self)
    var stateCell = try TakenTensor(state)
    try body(&cell.tensor, &stateCell.tensor)
  }

  fileprivate func update(
    with first: TensorLeaf, _ second: TensorLeaf,
    _ body: (inout Tensor, inout Tensor, inout Tensor) throws(TensorError) -> Void
  ) throws {
    var cell = try TakenTensor(self)
    var firstCell = try TakenTensor(first)
    var secondCell = try TakenTensor(second)
    try body(&cell.tensor, &firstCell.tensor, &secondCell.tensor)
  }
}

/// A tensor that was moved out of its place, so that it can be written; goes back at the end of its scope, whatever happens.
private struct TakenTensor: ~Copyable {
  var tensor: Tensor
  private let leaf: TensorLeaf
  /// The place holds a number.
  private let isNumber: Bool

  init(_ leaf: TensorLeaf) throws {
    self.leaf = leaf
    let value = leaf.value
    isNumber = value.isNumber
    if value.isNumber {
      tensor = try Tensor(value.number, dtype: .f64)
    } else if value.isTensor {
      tensor = Unmanaged<Tensor>.fromOpaque(leaf.take().pointer).takeRetainedValue()
    } else {
      throw ScriptError(.type, "'\(leaf.name)' is \(value.describedType), not a tensor")
    }
  }

  deinit {
    leaf.put(isNumber ? Slot(tensor.number(at: 0)) : Slot(tensor))
  }
}
