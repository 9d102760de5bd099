// Runs work on a thread of its own whose stack is large enough for deep recursion.

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

/// The one thread on which scripts are parsed, compiled and run.
enum ScriptThread {
  /// Address space for its stack; pages are only used when they are reached.
  private static let stackSize = 512 << 20

  /// Runs `body` there and waits for its end. Where no such thread can be had, the caller runs it.
  static func run(_ body: @escaping () -> Void) {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    pthread_attr_setstacksize(&attributes, stackSize)
    let work = Unmanaged.passRetained(Work(body)).toOpaque()
    defer { pthread_attr_destroy(&attributes) }
    #if canImport(Darwin)
      var thread: pthread_t?
      let code = pthread_create(&thread, &attributes, { perform($0) }, work)
      guard code == 0, let thread else {
        _ = perform(work)
        return
      }
    #else
      var thread = pthread_t()
      let code = pthread_create(&thread, &attributes, { perform($0) }, work)
      guard code == 0 else {
        _ = perform(work)
        return
      }
    #endif
    pthread_join(thread, nil)
  }
}

/// What the new thread does.
private func perform(_ work: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let work else { return nil }
  Unmanaged<Work>.fromOpaque(work).takeRetainedValue().body()
  return nil
}

/// Carries the closure to the thread.
private final class Work {
  let body: () -> Void

  init(_ body: @escaping () -> Void) { self.body = body }
}
