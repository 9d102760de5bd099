// A pseudo terminal with the prompt on it.
import Foundation

/// The command on a terminal of its own, driven by keys.
final class Terminal {
  struct Missing: Error, CustomStringConvertible {
    let expected: String
    let seen: String
    var description: String {
      "expected \(expected.debugDescription), seen \(seen.debugDescription)"
    }
  }

  private let keyboard: Int32
  private var process = pid_t()
  private var isRunning = true

  /// Starts the command with no arguments, `folder` being its home.
  init(folder: Folder) throws {
    let name: String
    (keyboard, name) = try Self.openPair()
    let path = try Command.path()
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
      var attributes: posix_spawnattr_t?
      let newSession: Int32 = 0x0400
    #else
      var actions = posix_spawn_file_actions_t()
      var attributes = posix_spawnattr_t()
      let newSession: Int32 = 0x80
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    // The first terminal that the leader of a session opens becomes its own, so that Ctrl-C reaches it.
    posix_spawn_file_actions_addopen(&actions, 0, name, O_RDWR, 0)
    posix_spawn_file_actions_adddup2(&actions, 0, 1)
    posix_spawn_file_actions_adddup2(&actions, 0, 2)
    posix_spawn_file_actions_addclose(&actions, keyboard)
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    posix_spawnattr_setflags(&attributes, Int16(newSession))
    var arguments: [UnsafeMutablePointer<CChar>?] = [strdup(path), nil]
    let settings = ["HOME=\(folder.url.path)", "TERM=xterm", "PATH=/usr/bin:/bin"]
    var environment: [UnsafeMutablePointer<CChar>?] = settings.map { strdup($0) } + [nil]
    defer { for text in arguments + environment { free(text) } }
    guard posix_spawn(&process, path, &actions, &attributes, &arguments, &environment) == 0 else {
      throw Missing(expected: "a process", seen: "none")
    }
  }

  /// A new pseudo terminal: our end of it, and the name of the other.
  private static func openPair() throws -> (Int32, String) {
    #if canImport(Darwin)
      let end = posix_openpt(O_RDWR | O_NOCTTY)
      if end >= 0, grantpt(end) == 0, unlockpt(end) == 0, let name = ptsname(end) {
        return (end, String(cString: name))
      }
    #else
      // What glibc's functions of these names do, which Swift does not see.
      let unlock: UInt = 0x4004_5431
      let getNumber: UInt = 0x8004_5430
      let end = open("/dev/ptmx", O_RDWR | O_NOCTTY)
      var isLocked: Int32 = 0
      var number: Int32 = 0
      if end >= 0, ioctl(end, unlock, &isLocked) == 0, ioctl(end, getNumber, &number) == 0 {
        return (end, "/dev/pts/\(number)")
      }
    #endif
    throw Missing(expected: "a pseudo terminal", seen: "none")
  }

  deinit {
    if isRunning {
      kill(process, SIGKILL)
      waitpid(process, nil, 0)
    }
    close(keyboard)
  }

  /// Types keys, then reads until texts have come, one after the other.
  ///
  /// Keys are to be typed when the prompt waits for them: until then the terminal itself acts on Ctrl-C and Ctrl-D.
  func type(_ keys: String, expecting texts: String...) throws {
    var bytes = Array(keys.utf8)
    guard write(keyboard, &bytes, bytes.count) == bytes.count else {
      throw Missing(expected: "keys to be taken", seen: "")
    }
    var seen: [UInt8] = []
    try read(into: &seen, until: texts)
  }

  /// Reads what the terminal shows until a text has come.
  func expect(_ text: String) throws {
    var seen: [UInt8] = []
    try read(into: &seen, until: [text])
  }

  /// Reads on, at most for ten seconds, until all texts have come in this order.
  private func read(into seen: inout [UInt8], until texts: [String]) throws {
    let end = Date().addingTimeInterval(10)
    while !Self.contains(texts, in: seen) {
      guard Date() < end else {
        throw Missing(expected: texts.joined(separator: " then "), seen: Self.plain(seen))
      }
      var entry = pollfd(fd: keyboard, events: Int16(POLLIN), revents: 0)
      guard poll(&entry, 1, 100) > 0 else { continue }
      var piece = [UInt8](repeating: 0, count: 4096)
      let count = Foundation.read(keyboard, &piece, piece.count)
      guard count > 0 else {
        throw Missing(
          expected: texts.joined(separator: " then "), seen: Self.plain(seen) + " and the end")
      }
      seen += piece[..<count]
    }
  }

  private static func contains(_ texts: [String], in seen: [UInt8]) -> Bool {
    var rest = Substring(plain(seen))
    for text in texts {
      guard let place = rest.firstRange(of: text) else { return false }
      rest = rest[place.upperBound...]
    }
    return true
  }

  /// The exit status, once it has ended; nil if it has not after ten seconds.
  func status() -> Int32? {
    var status: Int32 = 0
    for _ in 0..<1000 {
      if waitpid(process, &status, WNOHANG) == process {
        isRunning = false
        return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
      }
      usleep(10_000)
    }
    return nil
  }

  /// The text without escape sequences and carriage returns.
  private static func plain(_ bytes: [UInt8]) -> String {
    var text = ""
    var isEscape = false
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      if isEscape {
        isEscape = scalar == "[" || scalar == "?" || scalar == ";" || ("0"..."9").contains(scalar)
      } else if scalar == "\u{1B}" {
        isEscape = true
      } else if scalar != "\r" {
        text.unicodeScalars.append(scalar)
      }
    }
    return text
  }
}
