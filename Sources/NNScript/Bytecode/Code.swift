// The compiled form of one function.

/// Bytecode, constants and tables of one function.
final class Code {
  let name: String

  init(name: String) { self.name = name }
}
