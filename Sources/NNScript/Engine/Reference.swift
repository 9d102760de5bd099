// A function, model, instance or module of a script, held by the host.

/// Something of a script that keeps its identity outside: a function, a model, an instance, a module, an error.
///
/// Call a callable one with `reference(1, 2)`, read a member with `reference["name"]`. It keeps its engine alive.
public final class Reference {
  let engine: Engine
  let slot: Slot

  /// Holds a value of the engine; the count of `slot` moves in.
  init(_ engine: Engine, owned slot: Slot) {
    self.engine = engine
    self.slot = slot
  }

  deinit { engine.discard(slot) }

  /// What `type(x)` gives in a script: `"function"`, `"model"`, the name of an instance's model.
  public var typeName: String { slot.typeName }

  /// Calls it.
  /// - Throws: ``ScriptFailure``.
  @discardableResult public func callAsFunction(_ arguments: Value...) throws -> Value {
    try engine.call(self, arguments)
  }

  /// A member: a field of an instance, a name of a module.
  /// - Throws: ``ScriptFailure`` if there is none.
  public func member(_ name: String) throws -> Value {
    try engine.member(name, of: self)
  }
}
