// swift-tools-version: 6.2
// A program that embeds the language: it depends on the package two folders up.
import PackageDescription

let package = Package(
  name: "host",
  platforms: [.macOS(.v26)],
  dependencies: [.package(name: "nnscript", path: "../..")],
  targets: [
    .executableTarget(name: "host", dependencies: [.product(name: "NNScript", package: "nnscript")])
  ],
  swiftLanguageModes: [.v6]
)
