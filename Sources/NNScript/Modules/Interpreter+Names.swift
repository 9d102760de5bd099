// What a prompt asks about names: completion and descriptions, without running anything of the session.

extension Interpreter {
  /// Names that begin with a prefix: those in scope, or the members of what a chain of names stands for.
  ///
  /// - Parameter owner: the names before the last dot, `["net", "l1"]` for `net.l1.`; empty for a plain name; nil for
  ///   an owner that is no chain of names, which can have any member.
  package func completions(of prefix: String, owner: [String]?) -> [String] {
    let candidates: [String]
    switch owner {
    case .some([]): candidates = namesInScope
    case .some(let path): candidates = value(at: path).map(vm.memberNames) ?? []
    case nil: candidates = Builtins.functionNames
    }
    let isPrivate = prefix.hasPrefix("_")
    let fitting = candidates.filter { $0.hasPrefix(prefix) && (isPrivate || !$0.hasPrefix("_")) }
    return Set(fitting).sorted()
  }

  /// Signature and documentation of a name or a chain of names.
  package func description(of name: String) -> String {
    let path = name.split(separator: ".").map(String.init)
    if let value = value(at: path) { return Builtins.helpText(of: value) }
    let suggestion = Suggestion.help(for: name, among: namesInScope)
    return "there is no '\(name)'" + (suggestion.map { "; " + $0 } ?? "")
  }

  /// Everything that a name can mean here: what the session declared, builtins, the library.
  private var namesInScope: [String] {
    module.names + Builtins.functionNames + Builtins.constants.map(\.name)
      + Library.fileOfName.keys
  }

  /// The value of a chain of names, borrowed; only fields are followed, so that nothing runs.
  private func value(at path: [String]) -> Slot? {
    guard let first = path.first, var value = value(named: first) else { return nil }
    for name in path.dropFirst() {
      guard let member = storedMember(name, of: value) else { return nil }
      value = member
    }
    return value
  }

  private func value(named name: String) -> Slot? {
    let vm = vm
    return module.value(name) ?? vm.registry.value(name)
      ?? (try? vm.modules.libraryValue(name, vm: vm))
  }

  /// A member that is there without any code being run, borrowed.
  private func storedMember(_ name: String, of slot: Slot) -> Slot? {
    switch slot.tag {
    case Tag.instance:
      let instance = slot.object(InstanceObject.self)
      guard let index = instance.model.layout.find(name) else { return nil }
      let fields = instance.model.layout.fieldCount
      let value = index < fields ? instance.fields[index] : instance.model.methods[index - fields]
      return value.isUndefined ? nil : value
    case Tag.dict:
      let dict = slot.object(DictObject.self)
      let key = vm.heap.intern(name)
      defer { release(key) }
      return dict.find(key).map { dict.entries[$0].value }
    case Tag.module: return slot.object(ModuleObject.self).module.value(name)
    default:
      return Builtins.member(name, tag: slot.tag).flatMap { vm.registry.value($0.name) }
    }
  }
}
