// Functions that reach outside the script: input, time, arguments, environment, files. All through `Host`.

extension Builtins {
  /// The process around the script.
  static let system: [NativeFunction] = [
    NativeFunction(
      "input", "prompt = \"\"",
      documentation: "The next line of the standard input without its end; nil when there is none.",
      example: "let name = input(\"name: \")"
    ) { call in
      let prompt = call.has(0) ? try ValueText.plain(call[0], in: call.vm) : ""
      let line = try call.vm.lent { host throws(HostError) in
        if !prompt.isEmpty { try host.write(prompt) }
        try host.flush()
        return try host.readLine()
      }
      return line.map { call.string($0) } ?? .nil
    },
    NativeFunction(
      "time", "",
      documentation: "Seconds on a clock that never goes back; only differences mean something.",
      example: "let start = time()"
    ) { call in Slot(call.vm.host.seconds()) },
    NativeFunction(
      "args", "", documentation: "The arguments given to the program after its file, as strings.",
      example: "let path = args()[0]"
    ) { call in call.strings(call.vm.arguments) },
    NativeFunction(
      "env", "name, default = nil",
      documentation: "The value of an environment variable, or the default where it is not set.",
      example: "env(\"HOME\")"
    ) { call in
      if let value = call.vm.host.environment(try call.text(0)) { return call.string(value) }
      return call.has(1) ? retained(call[1]) : .nil
    },
    NativeFunction(
      "exit", "status = 0", documentation: "Ends the program with an exit status from 0 to 255.",
      example: "exit(1)"
    ) { call in
      let status = try call.optional(0, call.int) ?? 0
      guard (0...255).contains(status) else {
        throw call.argumentError(0, "a status is a number from 0 to 255")
      }
      throw ScriptError.exit(Int32(status))
    },
  ]

  /// Text files and folders.
  static let files: [NativeFunction] = [
    NativeFunction(
      "read_text", "path", documentation: "The text of a UTF-8 file.",
      example: "let text = read_text(\"corpus.txt\")"
    ) { call in call.string(try call.fileText(0)) },
    NativeFunction(
      "read_lines", "path", documentation: "The lines of a UTF-8 file, without their ends.",
      example: "for line in read_lines(\"names.txt\") { print(line) }"
    ) { call in call.strings(TextSearch.lines(of: try call.fileText(0))) },
    NativeFunction(
      "write_text", "path, text",
      documentation: "Writes a file; whoever reads it sees all of the old text or all of the new.",
      example: "write_text(\"log.txt\", \"done\\n\")"
    ) { call in
      let (path, text) = (try call.text(0), try call.text(1))
      try call.vm.lent { host throws(HostError) in try host.writeFile(path, Array(text.utf8)) }
      return .nil
    },
    NativeFunction(
      "exists", "path", documentation: "Whether there is a file or folder at a path.",
      example: "exists(\"model.safetensors\")"
    ) { call in Slot(call.vm.host.exists(try call.text(0))) },
    NativeFunction(
      "list_dir", "path = \".\"", documentation: "The names in a folder, sorted.",
      example: "list_dir(\"data\")"
    ) { call in
      let path = try call.optional(0, call.text) ?? "."
      return call.strings(
        try call.vm.lent { host throws(HostError) in try host.listFolder(path) })
    },
  ]
}

extension NativeCall {
  /// The text of the file whose path is an argument.
  fileprivate func fileText(_ index: Int) throws -> String {
    let path = try text(index)
    let bytes = try vm.lent { host throws(HostError) in try host.readFile(path) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ScriptError(
        .io, "\(function.name): \(QuotedText.quoted(path)) is not UTF-8 text",
        help: "convert the file to UTF-8 first")
    }
    return text
  }
}

extension VM {
  /// Does something with the host and turns its errors into the script's.
  func lent<Result>(_ body: (Host) throws(HostError) -> Result) throws -> Result {
    do throws(HostError) {
      return try body(host)
    } catch {
      switch error.kind {
      case .cancelled: throw ScriptError.cancelled
      // Nobody reads on: the program ends without a word, as others in a pipe do.
      case .closedPipe: throw ScriptError.exit(141)
      case .failed, .denied: throw ScriptError(.io, error.message, help: error.help)
      }
    }
  }

  /// Writes text to the standard output.
  func write(_ text: String) throws {
    try lent { host throws(HostError) in try host.write(text) }
  }
}
