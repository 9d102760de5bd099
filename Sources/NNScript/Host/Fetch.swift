// Fetches the bytes behind a URL with the `curl` command, started without a shell.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// One transfer, into memory: whoever asked checks the bytes before they reach a file.
struct Fetch {
  let url: String
  /// More bytes than this are an error.
  let most: Int
  let isCancelled: () -> Bool

  /// Seconds to connect, and seconds of less than 1 kB/s after which the transfer counts as stalled.
  private static let connectSeconds = 10
  private static let stallSeconds = 20

  /// Runs the transfer and reports the bytes received, about ten times a second.
  func run(_ progress: (Int) -> Void) throws(HostError) -> [UInt8] {
    var pipe: [Int32] = [-1, -1]
    guard openPipe(&pipe) else { throw failure(FileSystem.reason(errno)) }
    let child: pid_t
    do throws(HostError) {
      defer { close(pipe[1]) }
      child = try start(output: pipe[1])
    } catch {
      close(pipe[0])
      throw error
    }
    do throws(HostError) {
      defer { close(pipe[0]) }
      let bytes = try receive(from: pipe[0], progress)
      let status = wait(for: child)
      if status != 0 { throw failure(Self.reason(status)) }
      return bytes
    } catch {
      kill(child, SIGKILL)
      _ = wait(for: child)
      throw error
    }
  }

  /// A pipe that no other child inherits.
  private func openPipe(_ ends: inout [Int32]) -> Bool {
    guard pipe(&ends) == 0 else { return false }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return true
  }

  /// Starts curl, silent, its output going to us.
  private func start(output: Int32) throws(HostError) -> pid_t {
    let arguments = [
      "curl", "--fail", "--silent", "--location", "--proto", "=https,http,file",
      "--proto-redir", "=https,http", "--connect-timeout", "\(Self.connectSeconds)",
      "--speed-limit", "1000", "--speed-time", "\(Self.stallSeconds)", "--url", url,
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
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    var child = pid_t()
    let code = posix_spawnp(&child, "curl", &actions, nil, &argv, environ)
    if code == ENOENT { throw failure("there is no curl command", help: "install curl") }
    guard code == 0 else { throw failure(FileSystem.reason(code)) }
    return child
  }

  /// All that comes through the pipe until the child closes it.
  private func receive(from pipe: Int32, _ progress: (Int) -> Void) throws(HostError) -> [UInt8] {
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 1 << 16)
    var reported = 0.0
    while true {
      var entry = pollfd(fd: pipe, events: Int16(POLLIN), revents: 0)
      let ready = poll(&entry, 1, 100)
      if isCancelled() { throw FileSystem.cancelled("fetching \(url)") }
      if Machine.seconds() - reported >= 0.1 {
        progress(bytes.count)
        reported = Machine.seconds()
      }
      guard ready > 0 else { continue }
      let count = piece.withUnsafeMutableBytes { read(pipe, $0.baseAddress!, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { break }
      bytes += piece[..<count]
      guard bytes.count <= most else { throw failure("it is larger than \(most) bytes") }
    }
    progress(bytes.count)
    return bytes
  }

  /// The exit status of the child once it has ended; 128 and more when a signal ended it.
  private func wait(for child: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(child, &status, 0) < 0 {
      guard errno == EINTR else { return 0 }
    }
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
  }

  private func failure(_ reason: String, help: String? = nil) -> HostError {
    HostError("cannot fetch \(url): \(reason)", help: help)
  }

  /// What curl's exit status says (`man curl`, "EXIT CODES").
  private static func reason(_ status: Int32) -> String {
    switch status {
    case 1, 3: "it is not an address that can be fetched"
    case 5, 6, 7: "no network, or the server cannot be reached"
    case 18, 52, 55, 56: "the connection was lost"
    case 22: "the server refused it"
    case 28: "it took too long"
    case 35, 60: "no secure connection could be made"
    case 37: "no such file"
    default: "curl ended with status \(status)"
    }
  }
}
