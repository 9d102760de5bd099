// A loaded file: its top-level variables.

/// One file that runs in an engine.
final class Module {
  let name: String

  init(name: String) { self.name = name }
}
