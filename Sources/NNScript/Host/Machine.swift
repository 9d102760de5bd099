// What a program can ask the machine: clock, environment, terminal, memory, folders of the user.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Questions to the operating system that need no file.
enum Machine {
  /// Seconds on the monotonic clock.
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// The value of an environment variable.
  static func environment(_ name: String) -> String? {
    guard !name.utf8.contains(0) else { return nil }
    return getenv(name).map { String(cString: $0) }
  }

  /// Like `environment`, with an empty value counting as none.
  static func setting(_ name: String) -> String? {
    environment(name).flatMap { $0.isEmpty ? nil : $0 }
  }

  /// Columns of the terminal behind the output or error stream: what it says, or `COLUMNS`, or 80.
  static func terminalWidth() -> Int {
    var size = winsize()
    for stream in [STDERR_FILENO, STDOUT_FILENO] {
      if ioctl(stream, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
    }
    return environment("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
  }

  /// The folder of this program's cached files.
  static func cacheFolder() -> String? {
    if let folder = setting("XDG_CACHE_HOME"), folder.hasPrefix("/") { return folder + "/nnscript" }
    guard let home = setting("HOME") else { return nil }
    #if canImport(Darwin)
      return home + "/Library/Caches/nnscript"
    #else
      return home + "/.cache/nnscript"
    #endif
  }

  /// The folder of what this program keeps between runs, such as the history of its prompt.
  static func stateFolder() -> String? {
    if let folder = setting("XDG_STATE_HOME"), folder.hasPrefix("/") { return folder + "/nnscript" }
    return setting("HOME").map { $0 + "/.local/state/nnscript" }
  }

  /// Bytes of memory, or of the share of it that the process's control group may use.
  static func memorySize() -> Int? {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let pageSize = sysconf(Int32(_SC_PAGESIZE))
    guard pages > 0, pageSize > 0 else { return nil }
    let installed = Int(pages) * Int(pageSize)
    return min(installed, controlGroupLimit() ?? .max)
  }

  /// The memory limit that a container set, nil without one.
  private static func controlGroupLimit() -> Int? {
    let files = FileSystem(isCancelled: { false })
    for path in ["/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"] {
      guard FileSystem.entry(path) != nil, let bytes = try? files.read(path) else { continue }
      let digits = String(decoding: bytes.prefix { $0 >= 0x30 && $0 <= 0x39 }, as: UTF8.self)
      if let limit = Int(digits), limit > 0 { return limit }
    }
    return nil
  }
}
