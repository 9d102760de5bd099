// The command `nnscript`: parses its arguments and turns what comes of them into an exit status.

import NNScript

#if canImport(Darwin)
  import Darwin
#elseif canImport(Musl)
  import Musl
#else
  import Glibc
#endif

let status: Int32
do {
  status = Launcher(command: try NNScriptCommand.parse()).run()
} catch {
  let text = NNScriptCommand.fullMessage(for: error) + "\n"
  let isHelp = NNScriptCommand.exitCode(for: error).isSuccess
  if isHelp { try? Host.system().write(text) } else { Host.system().writeError(text) }
  status = isHelp ? 0 : 2
}
exit(status)
