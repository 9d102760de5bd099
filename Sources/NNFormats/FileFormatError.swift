// The one error of this room: which file, and what is wrong with it.

/// Why bytes could not be read as, or written in, a format.
package struct FileFormatError: Error, Equatable {
  /// The file's name as the user knows it.
  package let file: String
  /// What is wrong, such as `its header says 100 images, its data ends after 7`.
  package let problem: String

  package init(_ file: String, _ problem: String) {
    self.file = file
    self.problem = problem
  }

  /// Both in one line.
  package var message: String { "\(file): \(problem)" }
}
