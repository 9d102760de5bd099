// Warnings that arise while a script runs.
import NNSyntax

extension VM {
  /// Warns that a name that was called holds something else, once for each place in the source.
  @inline(never)
  func warnPassedOver(
    _ value: Slot, in code: Unmanaged<Code>, before pc: UnsafeMutablePointer<UInt32>
  ) {
    let code = code.takeUnretainedValue()
    guard let span = code.place(before: pc - code.words)?.span,
      let name = modules.sources.file(of: span)?.text(of: span),
      warnedPlaces.insert(span).inserted
    else { return }
    onWarning?(
      Diagnostic(
        "`\(name)` is not a function here: the one around it is called", at: span,
        severity: .warning, label: "this is \(value.describedType)",
        help: ["give the value another name"]))
  }
}
