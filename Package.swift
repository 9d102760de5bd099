// swift-tools-version: 6.2
// Builds the nnscript language: kernels in C, tensors, syntax, the language itself, and its command.
import PackageDescription

let package = Package(
  name: "nnscript",
  platforms: [.macOS(.v26)],
  products: [
    .executable(name: "nnscript", targets: ["nnscript-cli"]),
    .library(name: "NNScript", targets: ["NNScript"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0")
  ],
  targets: [
    .target(name: "NNKernels"),
    .target(name: "NNTensor", dependencies: ["NNKernels"]),
    .target(name: "NNSyntax"),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "NNFormats", dependencies: ["NNTensor", "CZlib"]),
    .target(name: "NNStdlib", path: "stdlib"),
    .target(
      name: "NNScript",
      dependencies: ["NNSyntax", "NNTensor", "NNKernels", "NNFormats", "NNStdlib"]),
    .target(name: "NNFuzz", dependencies: ["NNScript", "NNSyntax", "NNTensor"]),
    .target(name: "CReadline", linkerSettings: [.linkedLibrary("readline")]),
    .executableTarget(
      name: "nnscript-cli",
      dependencies: [
        "NNScript", "NNSyntax", "CReadline",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(
      name: "nnbench", dependencies: ["NNFuzz", "NNScript", "NNTensor", "NNKernels"],
      exclude: ["programs", "peers.py", "conv_peers.py", "count_lines.py", "peers_ops.py"]),
    .testTarget(name: "NNKernelsTests", dependencies: ["NNKernels"]),
    .testTarget(
      name: "NNTensorTests", dependencies: ["NNTensor", "NNKernels"], exclude: ["reference"]),
    .testTarget(name: "NNSyntaxTests", dependencies: ["NNSyntax", "NNFuzz"], exclude: ["golden"]),
    .testTarget(name: "NNFormatsTests", dependencies: ["NNFormats", "NNTensor", "CZlib"]),
    .testTarget(
      name: "NNScriptTests",
      dependencies: ["NNScript", "NNSyntax", "NNTensor", "NNFuzz"],
      exclude: ["language", "mlp_agrees_with_jax.py"]),
    .testTarget(name: "CommandTests"),
  ],
  swiftLanguageModes: [.v6]
)
