// Convolutions: the forward pass and both gradients over shapes of known networks.
import NNKernels

let convBench = Bench(name: "conv", summary: "convolutions, forward and both gradients, f32") {
  options in
  compare(
    convolutions, Report(title: "conv (\(String(cString: nnk_isa_name())))", options: options),
    options)
}

/// Measures the passes of every shape.
private func compare(_ shapes: [BenchConvolution], _ report: Report, _ options: BenchOptions) {
  let peak = measuredPeak()
  for shape in shapes {
    for pass in ConvolutionPass.allCases where report.wants(pass.rawValue, shape.name) {
      for threads in options.threads {
        nnk_set_threads(Int32(threads))
        report.row(
          pass.rawValue, shape.name, threads: threads, time(shape.conv, pass),
          work: shape.operations, unit: "GFLOP/s", peak: peak * Double(threads))
      }
    }
  }
}

private enum ConvolutionPass: String, CaseIterable {
  case forward = "conv forward"
  case inputGrad = "conv grad x"
  case weightGrad = "conv grad w"
}

/// A convolution of square images and windows, as PyTorch's peers are measured with.
private struct BenchConvolution: Sendable {
  let name: String
  let conv: nnk_conv

  init(
    _ batch: Int, _ size: Int, _ channels: Int, _ kernel: Int, _ outputs: Int, stride: Int = 1,
    padding: Int = 0, groups: Int = 1
  ) {
    name =
      "\(batch)x\(size)x\(channels) \(kernel)x\(outputs) s\(stride)p\(padding)\(groups > 1 ? "g" : "")"
    let places = (size + 2 * padding - kernel) / stride + 1
    conv = nnk_conv(
      batch: batch, in_height: size, in_width: size, in_channels: channels, out_height: places,
      out_width: places, out_channels: outputs, kernel_height: kernel, kernel_width: kernel,
      stride_y: stride, stride_x: stride, dilation_y: 1, dilation_x: 1, pad_top: padding,
      pad_left: padding, groups: groups)
  }

  /// Multiplications and additions, those by padding included.
  var operations: Double {
    2 * Double(conv.batch * conv.out_height * conv.out_width * conv.out_channels)
      * Double(conv.kernel_height * conv.kernel_width * conv.in_channels / conv.groups)
  }
}

private let convolutions = [
  BenchConvolution(128, 28, 1, 3, 32), BenchConvolution(128, 13, 32, 3, 64),
  BenchConvolution(32, 28, 64, 3, 64, padding: 1),
  BenchConvolution(32, 14, 128, 3, 128, padding: 1),
  BenchConvolution(32, 14, 128, 3, 128, stride: 2, padding: 1), BenchConvolution(4, 32, 3, 5, 6),
  BenchConvolution(4, 14, 6, 5, 16), BenchConvolution(32, 32, 3, 3, 32, padding: 1),
  BenchConvolution(32, 28, 64, 3, 64, padding: 1, groups: 64), BenchConvolution(8, 56, 64, 1, 256),
]

/// Layers with few input or output channels, or few in each group: every pair of counts with a small one.
let narrowConvBench = Bench(
  name: "narrow", summary: "convolutions with few channels, forward and both gradients, f32"
) { options in
  compare(narrowConvolutions, Report(title: "narrow", options: options), options)
}

private let narrowConvolutions: [BenchConvolution] =
  [1, 2].flatMap { stride in
    [(1, 1), (1, 64), (3, 1), (3, 3), (3, 64), (64, 1), (64, 3), (16, 2)].flatMap { counts in
      [3, 5, 7].map {
        BenchConvolution(32, 28, counts.0, $0, counts.1, stride: stride, padding: $0 / 2)
      }
    }
      + [(3, 3, 3), (16, 16, 4), (128, 64, 64)].map { counts in
        BenchConvolution(
          32, 28, counts.0, 3, counts.1, stride: stride, padding: 1, groups: counts.2)
      }
  }

/// Measures one pass.
private func time(_ convolution: nnk_conv, _ pass: ConvolutionPass) -> Timing {
  var conv = convolution
  let x = filledBlock(
    conv.batch * conv.in_height * conv.in_width * conv.in_channels, as: Float.self)
  let w = filledBlock(
    conv.kernel_height * conv.kernel_width * conv.in_channels / conv.groups * conv.out_channels,
    as: Float.self)
  let y = filledBlock(
    conv.batch * conv.out_height * conv.out_width * conv.out_channels, as: Float.self)
  defer { for block in [x, w, y] { nnk_block_release(block) } }
  return measure {
    switch pass {
    case .forward: _ = nnk_conv_forward(NNK_F32, &conv, x, w, nil, false, y)
    case .inputGrad: _ = nnk_conv_input_grad(NNK_F32, &conv, y, w, x)
    case .weightGrad: _ = nnk_conv_weight_grad(NNK_F32, &conv, x, y, w)
    }
  }
}
