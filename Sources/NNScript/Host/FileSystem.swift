// Files and folders of the machine through POSIX calls, every failure with its path and reason.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// Reads and writes files and folders; a call that a signal interrupts goes on unless the run was cancelled.
struct FileSystem {
  /// Whether the run was cancelled, asked when a signal interrupts a call.
  let isCancelled: () -> Bool

  /// Most bytes read from something that is no regular file and so has no size (a device may never end).
  private static let streamLimit = 1 << 30

  /// All bytes of the file at `path`.
  func read(_ path: String) throws(HostError) -> [UInt8] {
    let file = try open(path, O_RDONLY, to: "read")
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else { throw failure("read", path) }
    if status.st_mode & S_IFMT == S_IFDIR {
      throw HostError("cannot read \"\(path)\": it is a folder")
    }
    let isRegular = status.st_mode & S_IFMT == S_IFREG
    var wanted = isRegular ? Int(status.st_size) + 1 : 1 << 16
    var bytes = try chunk(of: wanted, from: file, path)
    var isAtEnd = bytes.count < wanted
    wanted = 1 << 16
    while !isAtEnd {
      if !isRegular, bytes.count > Self.streamLimit {
        throw HostError("cannot read \"\(path)\": it is not a regular file and gives over 1 GiB")
      }
      let more = try chunk(of: wanted, from: file, path)
      isAtEnd = more.count < wanted
      bytes += more
    }
    return bytes
  }

  /// The next `size` bytes of an open file, fewer only at its end.
  private func chunk(of size: Int, from file: Int32, _ path: String) throws(HostError) -> [UInt8] {
    var problem: HostError?
    let bytes = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
      while count < size {
        let got = systemRead(file, buffer.baseAddress! + count, size - count)
        if got == 0 { return }
        if got > 0 {
          count += got
        } else if errno != EINTR {
          problem = failure("read", path)
          return
        } else if isCancelled() {
          problem = FileSystem.cancelled("reading \"\(path)\"")
          return
        }
      }
    }
    if let problem { throw problem }
    return bytes
  }

  /// Replaces the file at `path` at once: the bytes go to a temporary file beside it, to the disk, then to its name.
  /// What is there and is no regular file (a device, a pipe) is written to directly.
  func write(_ path: String, _ bytes: [UInt8]) throws(HostError) {
    var status = stat()
    let exists = stat(path, &status) == 0
    if exists, status.st_mode & S_IFMT == S_IFDIR {
      throw HostError("cannot write \"\(path)\": it is a folder")
    }
    if exists, status.st_mode & S_IFMT != S_IFREG {
      let file = try open(path, O_WRONLY, to: "write")
      defer { close(file) }
      return try write(bytes, to: file, path)
    }
    let target = exists ? resolved(path) : path
    if exists { removeLeftOvers(beside: target) }
    let temporary = "\(target).\(getpid())-\(UInt32.random(in: 0 ... .max)).part"
    let file = try open(temporary, O_WRONLY | O_CREAT | O_EXCL, to: "write", as: path)
    do throws(HostError) {
      defer { close(file) }
      if exists { fchmod(file, status.st_mode & 0o7777) }
      try write(bytes, to: file, path)
      guard fsync(file) == 0 else { throw failure("write", path) }
    } catch {
      unlink(temporary)
      throw error
    }
    guard rename(temporary, target) == 0 else {
      let problem = failure("write", path)
      unlink(temporary)
      throw problem
    }
  }

  /// Removes the temporary files of writers of this file that were killed: those whose process is no more.
  private func removeLeftOvers(beside target: String) {
    let folder = FileSystem.parent(of: target)
    let base = target.split(separator: "/").last.map(String.init) ?? target
    guard let names = try? list(folder) else { return }
    for name in names where name.hasPrefix(base + ".") && name.hasSuffix(".part") {
      let parts = name.dropFirst(base.count + 1).dropLast(5).split(separator: "-")
      guard parts.count == 2, let process = pid_t(parts[0]), process > 0, UInt32(parts[1]) != nil,
        kill(process, 0) != 0, errno == ESRCH
      else { continue }
      unlink(folder + "/" + name)
    }
  }

  private func write(_ bytes: [UInt8], to file: Int32, _ path: String) throws(HostError) {
    var written = 0
    while written < bytes.count {
      let count = bytes.withUnsafeBytes { buffer in
        systemWrite(file, buffer.baseAddress! + written, bytes.count - written)
      }
      if count >= 0 {
        written += count
      } else if errno != EINTR {
        throw failure("write", path)
      } else if isCancelled() {
        throw FileSystem.cancelled("writing \"\(path)\"")
      }
    }
  }

  /// The names in the folder at `path`, sorted, without `.` and `..`.
  func list(_ path: String) throws(HostError) -> [String] {
    guard !path.utf8.contains(0), let folder = opendir(path) else { throw failure("list", path) }
    defer { closedir(folder) }
    var names: [String] = []
    while let item = readdir(folder) {
      let name = withUnsafePointer(to: &item.pointee.d_name) { pointer in
        pointer.withMemoryRebound(to: CChar.self, capacity: 1) { String(cString: $0) }
      }
      if name != "." && name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Makes the folder at `path` and those above it.
  func makeFolder(_ path: String) throws(HostError) {
    if mkdir(path, 0o777) == 0 || FileSystem.entry(path) == .folder { return }
    let parent = FileSystem.parent(of: path)
    guard errno == ENOENT, parent != path, parent != "." else {
      throw failure("make the folder", path)
    }
    try makeFolder(parent)
    guard mkdir(path, 0o777) == 0 || errno == EEXIST else {
      throw failure("make the folder", path)
    }
  }

  /// What stands at `path`, nil when nothing does.
  static func entry(_ path: String) -> Host.Entry? {
    var status = stat()
    guard !path.utf8.contains(0), stat(path, &status) == 0 else { return nil }
    switch status.st_mode & S_IFMT {
    case S_IFREG: return .file
    case S_IFDIR: return .folder
    default: return .other
    }
  }

  /// The folder part of a path: `a` for `a/b`, `.` for `b`, `/` for `/b`.
  static func parent(of path: String) -> String {
    var trimmed = path[...]
    while trimmed.count > 1, trimmed.hasSuffix("/") { trimmed.removeLast() }
    guard let slash = trimmed.lastIndex(of: "/") else { return "." }
    return slash == trimmed.startIndex ? "/" : String(trimmed[..<slash])
  }

  /// Where the file of `path` really is, through symbolic links.
  private func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Opens a file; a failure names `shown` (the path the caller gave), with a file of a similar name as help.
  private func open(
    _ path: String, _ flags: Int32, to action: String, as shown: String? = nil
  ) throws(HostError) -> Int32 {
    if path.utf8.contains(0) {
      throw HostError("cannot \(action) a file whose name contains a zero byte")
    }
    while true {
      let file = systemOpen(path, flags | O_CLOEXEC, 0o666)
      if file >= 0 { return file }
      if errno != EINTR { throw failure(action, shown ?? path) }
      if isCancelled() { throw FileSystem.cancelled("opening \"\(path)\"") }
    }
  }

  /// The error for a call that has just failed, from `errno`.
  func failure(_ action: String, _ path: String) -> HostError {
    let code = errno
    var help: String?
    if code == ENOENT, action == "read", let near = similarPath(to: path) {
      help = "did you mean \"\(near)\"?"
    }
    return HostError("cannot \(action) \"\(path)\": \(FileSystem.reason(code))", help: help)
  }

  /// What an error number means, in lower case.
  static func reason(_ code: Int32) -> String {
    switch code {
    case ENOENT: "no such file or folder"
    case ENOTDIR: "a part of the path is not a folder"
    case EISDIR: "it is a folder"
    case EACCES, EPERM: "permission denied"
    case ENOSPC: "no space left on the disk"
    default: String(cString: strerror(code)).lowercased()
    }
  }

  static func cancelled(_ action: String) -> HostError {
    HostError("cancelled while \(action)", kind: .cancelled)
  }
}

// The bare system calls, named apart from the methods above.

private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 {
  open(path, flags, mode)
}

private func systemRead(_ file: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
  read(file, buffer, count)
}

private func systemWrite(_ file: Int32, _ buffer: UnsafeRawPointer, _ count: Int) -> Int {
  write(file, buffer, count)
}
