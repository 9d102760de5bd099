// The host that lends a script all that the process itself may do.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

extension Host {
  /// The machine's own files, streams, network and clock.
  ///
  /// - Parameter isCancelled: asked when a signal interrupts a call that waits; true makes it fail with `.cancelled`.
  ///
  /// Writing to a pipe that nobody reads any more is an error of kind `.closedPipe`; for that the process ignores
  /// `SIGPIPE` from now on.
  public static func system(isCancelled: @escaping () -> Bool = { false }) -> Host {
    signal(SIGPIPE, SIG_IGN)
    let files = FileSystem(isCancelled: isCancelled)
    var host = Host()
    host.lendStreams(isCancelled: isCancelled)
    host.readFile = { path throws(HostError) in try files.read(path) }
    host.writeFile = { path, bytes throws(HostError) in try files.write(path, bytes) }
    host.listFolder = { path throws(HostError) in try files.list(path) }
    host.makeFolder = { path throws(HostError) in try files.makeFolder(path) }
    host.entry = FileSystem.entry
    host.fetch = { url, most, progress throws(HostError) in
      try Fetch(url: url, most: most, isCancelled: isCancelled).run(progress)
    }
    host.environment = Machine.environment
    host.seconds = Machine.seconds
    host.isTerminal = { isatty($0.rawValue) == 1 }
    host.terminalWidth = Machine.terminalWidth
    host.cacheFolder = Machine.cacheFolder
    host.stateFolder = Machine.stateFolder
    host.memorySize = Machine.memorySize
    return host
  }

  private mutating func lendStreams(isCancelled: @escaping () -> Bool) {
    let output = OutputStream(file: STDOUT_FILENO, isCancelled: isCancelled)
    let errors = OutputStream(file: STDERR_FILENO, isCancelled: isCancelled)
    let input = InputStream(file: STDIN_FILENO, isCancelled: isCancelled)
    write = { text throws(HostError) in try output.write(text) }
    flush = { () throws(HostError) in try output.flush() }
    writeError = { text in
      try? output.flush()
      try? errors.write(text)
      try? errors.flush()
    }
    readLine = { () throws(HostError) in
      try output.flush()
      return try input.readLine()
    }
    readInput = { () throws(HostError) in try input.readAll() }
  }
}
