// Every sample runs to its end on a little data and says what it is to say.
import Foundation
import Testing

struct SampleTests {
  /// A sample, its arguments, what its output must contain and the pictures it must leave.
  struct Sample: CustomTestStringConvertible {
    let name: String
    var arguments: [String] = []
    let says: [String]
    var draws: [String] = []

    var testDescription: String { ([name] + arguments).joined(separator: " ") }
  }

  static let samples = [
    Sample(name: "train_mnist", says: ["epoch 10: loss", "test accuracy"]),
    Sample(name: "fit_mnist", says: ["epoch 10  loss", "test accuracy"]),
    Sample(name: "mnist_cnn", says: ["epoch 3  loss", "test accuracy"]),
    Sample(name: "mnist_rnn", arguments: ["rnn"], says: ["epoch 5  loss", "test accuracy"]),
    Sample(name: "mnist_rnn", arguments: ["lstm"], says: ["epoch 5  loss", "test accuracy"]),
    Sample(name: "mnist_rnn", arguments: ["gru"], says: ["epoch 5  loss", "test accuracy"]),
    Sample(name: "xor", says: ["solved with 20 of 20 seeds"]),
    Sample(name: "linear_regression", says: ["formula", "least squares", "by hand", "grad"]),
    Sample(name: "logistic", says: ["largest difference of the two"]),
    Sample(name: "vanishing", says: ["sigmoid, batch norm", "relu, He's start"]),
    Sample(name: "cartpole", arguments: ["10"], says: ["average return of 100 new episodes"]),
    Sample(name: "char_gpt", arguments: ["10"], says: ["step 10: loss"]),
    Sample(name: "names", arguments: ["1"], says: ["epoch 1: loss on new names"]),
    Sample(name: "speaker", says: ["epoch 10  loss", "always naming"]),
    Sample(name: "cifar_lenet", arguments: ["1"], says: ["epoch 1  loss", "test accuracy"]),
    Sample(
      name: "vae", arguments: ["1"], says: ["epoch 1: loss on test images"],
      draws: ["vae_reconstructed.png", "vae_drawn.png"]),
    Sample(
      name: "gan", arguments: ["1"], says: ["epoch 1: judge's loss"], draws: ["gan_drawn.png"]),
    Sample(name: "transfer", says: ["from scratch", "fine-tuned"]),
    Sample(
      name: "explain", says: ["attributions add up to", "largest gap"], draws: ["explain.png"]),
    Sample(name: "augment", says: ["as they are", "turned"], draws: ["augment.png"]),
    Sample(name: "tune_lr", says: ["learning rate", "best rate"]),
    Sample(name: "regularize", says: ["too small", "dropout", "early stopping"]),
  ]

  @Test(arguments: samples) func runs(sample: Sample) throws {
    let folder = try Folder()
    try SampleData.write(in: folder)
    let run = try Command.run(
      [Self.path(sample.name)] + sample.arguments, in: folder,
      environment: ["NNSCRIPT_DATA": folder.url.path])
    #expect(run.errors == "")
    #expect(run.status == 0)
    for text in sample.says {
      #expect(run.output.contains(text), "\(sample.name) said: \(run.output)")
    }
    for picture in sample.draws {
      let data = try Data(contentsOf: folder.url.appendingPathComponent(picture))
      #expect(data.starts(with: [0x89, 0x50, 0x4E, 0x47]))
    }
  }

  /// Texts and coloured pictures cannot be drawn as digits are: without them a sample says which file it lacks.
  @Test(arguments: ["char_gpt", "names", "speaker", "cifar_lenet"])
  func aMissingFileIsNamed(name: String) throws {
    let folder = try Folder()
    let run = try Command.run(
      [Self.path(name)], in: folder, environment: ["NNSCRIPT_DATA": folder.url.path])
    #expect(run.status == 1)
    #expect(run.errors.contains("there is no ") && run.errors.contains("NNSCRIPT_DATA"))
  }

  @Test func everySampleIsHere() throws {
    let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    let programs = Set(files.filter { $0.hasSuffix(".nn") })
    #expect(programs == Set(Self.samples.map { $0.name + ".nn" }))
  }

  private static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("samples")

  private static func path(_ name: String) -> String {
    folder.appendingPathComponent(name + ".nn").path
  }
}
