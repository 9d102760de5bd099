// Fetches a URL into a file with the `curl` command, started without a shell.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One transfer; its file appears under its name only when it is complete.
struct Download {
  let url: String
  let path: String
  let files: FileSystem

  /// Seconds to connect, and seconds of less than 1 kB/s after which the transfer counts as stalled.
  private static let connectSeconds = 10
  private static let stallSeconds = 20

  /// Runs the transfer and reports the bytes received about ten times a second.
  func run(_ progress: (Int) -> Void) throws(HostError) {
    let temporary = "\(path).\(getpid())-\(UInt32.random(in: 0 ... .max)).part"
    do throws(HostError) {
      let child = try start(into: temporary)
      let status = try wait(for: child) { progress(size(of: temporary)) }
      if status != 0 { throw failure(status) }
      progress(size(of: temporary))
    } catch {
      unlink(temporary)
      throw error
    }
    try files.move(temporary, to: path, as: path)
  }

  /// Starts curl, silent, with only the signals' defaults and our error stream closed to it.
  private func start(into temporary: String) throws(HostError) -> pid_t {
    let arguments = [
      "curl", "--fail", "--silent", "--location", "--proto", "=https,http,file", "--proto-redir",
      "=https,http",
      "--connect-timeout", "\(Self.connectSeconds)", "--speed-limit", "1000", "--speed-time",
      "\(Self.stallSeconds)",
      "--retry", "2", "--output", temporary, "--url", url,
    ]
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for stream in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] {
      posix_spawn_file_actions_addopen(&actions, stream, "/dev/null", O_RDWR, 0)
    }
    var child = pid_t()
    let code = posix_spawnp(&child, "curl", &actions, nil, &argv, environ)
    if code == ENOENT {
      throw HostError("cannot fetch \(url): there is no curl command", help: "install curl")
    }
    guard code == 0 else { throw HostError("cannot fetch \(url): \(FileSystem.reason(code))") }
    return child
  }

  /// Waits for the child to end, calling `tick` meanwhile; a cancelled run ends it. Returns its exit status.
  private func wait(for child: pid_t, tick: () -> Void) throws(HostError) -> Int32 {
    var status: Int32 = 0
    while true {
      let ended = waitpid(child, &status, WNOHANG)
      if ended == child { return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F) }
      if ended < 0, errno != EINTR { throw HostError("cannot fetch \(url): curl was lost") }
      if files.isCancelled() {
        kill(child, SIGTERM)
        waitpid(child, &status, 0)
        throw FileSystem.cancelled("fetching \(url)")
      }
      tick()
      usleep(30_000)
    }
  }

  private func size(of path: String) -> Int {
    var status = stat()
    return stat(path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// What curl's exit status says (`man curl`, "EXIT CODES").
  private func failure(_ status: Int32) -> HostError {
    let reason =
      switch status {
      case 1, 3: "it is not an address that can be fetched"
      case 5, 6, 7: "no network, or the server cannot be reached"
      case 18, 52, 55, 56: "the connection was lost"
      case 22: "the server refused it"
      case 23: "the file cannot be written"
      case 28: "it took too long"
      case 35, 60: "no secure connection could be made"
      case 37: "no such file"
      default: "curl ended with status \(status)"
      }
    return HostError("cannot fetch \(url): \(reason)")
  }
}
