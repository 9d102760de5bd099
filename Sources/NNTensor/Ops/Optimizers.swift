// Optimizer steps and batch gathers: functions on tensors with kernels of their own.
import NNKernels

extension TensorContext {
  /// One step of stochastic gradient descent in PyTorch's form: `v = momentum * v + (g + weightDecay * p)`, `p -= lr * v` (with
  /// Nesterov's look ahead `p -= lr * (g + momentum * v)`). Writes in place where nobody else holds the storage.
  package func sgdStep(
    _ parameter: inout Tensor, gradient: Tensor, velocity: inout Tensor?, lr: Double,
    momentum: Double = 0, nesterov: Bool = false, weightDecay: Double = 0
  ) throws(TensorError) {
    let gradient = try Self.fitting(gradient, parameter)
    try Self.makeOwn(&parameter)
    if momentum != 0 {
      var speed: Tensor
      if let old = velocity.take() {
        speed = old
        try Self.makeOwn(&speed)
      } else {
        speed = try Tensor(filling: parameter.shape, with: 0, dtype: parameter.dtype)
      }
      _ = nnk_sgd(
        parameter.dtype.kernelType, parameter.data, gradient.data, speed.data, parameter.count, lr,
        momentum, weightDecay, nesterov)
      velocity = speed
    } else {
      _ = nnk_sgd(
        parameter.dtype.kernelType, parameter.data, gradient.data, nil, parameter.count, lr, 0,
        weightDecay, false)
    }
  }

  /// One step of Adam (AdamW where `decoupled`) with bias correction; `step` counts from 1. Writes in place where it can.
  package func adamStep(
    _ parameter: inout Tensor, gradient: Tensor, m: inout Tensor, v: inout Tensor, step: Int,
    lr: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    weightDecay: Double = 0, decoupled: Bool = false
  ) throws(TensorError) {
    let gradient = try Self.fitting(gradient, parameter)
    for moment in [m, v] where moment.shape != parameter.shape || moment.dtype != parameter.dtype {
      throw TensorError(
        "shape",
        "the optimizer's state \(moment.dtype.name)\(moment.shape) does not fit a parameter \(parameter.dtype.name)\(parameter.shape)"
      )
    }
    try Self.makeOwn(&parameter)
    try Self.makeOwn(&m)
    try Self.makeOwn(&v)
    _ = nnk_adam(
      parameter.dtype.kernelType, parameter.data, gradient.data, m.data, v.data, parameter.count,
      lr,
      beta1, beta2, epsilon, weightDecay, decoupled, UInt64(max(step, 1)))
  }

  /// A gradient in the type of its parameter; their shapes must agree.
  private static func fitting(
    _ gradient: Tensor, _ parameter: Tensor
  ) throws(TensorError) -> Tensor {
    guard parameter.dtype.isFloat else {
      throw TensorError("type", "a parameter of \(parameter.dtype.name) cannot be trained")
    }
    guard gradient.shape == parameter.shape else {
      throw TensorError(
        "shape",
        "a gradient of shape \(gradient.shape) does not fit a parameter of shape \(parameter.shape)"
      )
    }
    return try gradient.converted(to: parameter.dtype)
  }

  /// Leaves a tensor that nobody else holds.
  private static func makeOwn(_ tensor: inout Tensor) throws(TensorError) {
    if isKnownUniquelyReferenced(&tensor), tensor.ownsBlock { return }
    tensor = try tensor.copied()
  }

  /// Images (or other rows of bytes) by index, as f32 between 0 and 1.
  package func gatherImages(
    _ images: Tensor, _ indices: Tensor
  ) throws(TensorError) -> Tensor {
    guard images.dtype == .u8, images.shape.rank >= 1, indices.shape.rank == 1 else {
      throw TensorError(
        "type", "gather_images takes u8 images and a vector of indices",
        notes: [
          (0, "\(images.dtype.name)\(images.shape)"), (1, "\(indices.dtype.name)\(indices.shape)"),
        ])
    }
    let indices = try indices.integersOnly("gather_images")
    let places = indices.dtype == .u8 ? try indices.converted(to: .i32) : indices
    var shape = images.shape
    shape[0] = places.count
    let output = try Tensor(shape: shape, dtype: .f32)
    let bad = nnk_gather_rows_u8_f32(
      images.data.assumingMemoryBound(to: UInt8.self), images.shape[0],
      images.shape.product(1..<images.shape.rank), places.dtype.kernelType, places.data,
      places.count,
      1 / 255, output.data.assumingMemoryBound(to: Float.self))
    try places.refuse(bad, limit: images.shape[0], in: "gather_images")
    return output
  }
}

extension Ops {
  static let images: [Op] = [gatherImages]

  package static let gatherImages: Op = Op(
    "gather_images",
    [Parameter("images", .tensor), Parameter("indices", .tensor, wantsIntegers: true)],
    summary: "u8 images by index, as f32 between 0 and 1.",
    example: "gather_images(train.x, permutation(100))", dtypes: .fixed(.f32), shape: TakeRule(),
    forward: .custom { call throws(TensorError) in
      Operand(try call.context.gatherImages(call.tensor(0), call.tensor(1)))
    })
}
