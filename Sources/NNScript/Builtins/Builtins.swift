// The table of everything a script finds defined: functions written in Swift, constants, and members of values.
import NNTensor

/// All builtins, by topic; each topic's file adds its list here.
enum Builtins {
  /// A named number.
  struct Constant: Sendable {
    let name: String
    let value: Double
    let documentation: String
  }

  /// Numbers that have names.
  static let constants = [
    Constant(
      name: "pi", value: .pi,
      documentation: "The ratio of a circle's circumference to its diameter."),
    Constant(name: "inf", value: .infinity, documentation: "Larger than every other number."),
    Constant(
      name: "nan", value: .nan, documentation: "Not a number: equal to nothing, itself included."),
  ]

  /// Every builtin function by name: the tensor ops, and over them the functions that are more than an op.
  private static let functionTable: [String: NativeFunction] = {
    let topics = [
      OpBinder.functions, basics, collections, reductions, trees, json, system, files, memory,
      tensorFunctions, randomness, models, snapshots, optimizers, tensorFiles, pictures, dataSets,
      texts, Differentiation.functions, [progress, help, summary, observation],
    ]
    var table: [String: NativeFunction] = [:]
    for function in topics.joined() { table[function.name] = function }
    return table
  }()

  /// The builtin function of this name.
  static func function(named name: String) -> NativeFunction? { functionTable[name] }

  /// The names of all builtin functions, sorted.
  static let functionNames = functionTable.keys.sorted()

  /// Members by the tag of the value that has them.
  private static let memberTables: [[String: NativeFunction]] = {
    var tables = [[String: NativeFunction]](repeating: [:], count: Int(Tag.sequence) + 1)
    func enter(_ tag: UInt64, _ functions: [NativeFunction]) {
      for function in functions { tables[Int(tag)][function.name] = function }
    }
    enter(Tag.string, stringMembers)
    enter(Tag.list, listMembers)
    enter(Tag.tuple, tupleMembers)
    enter(Tag.dict, dictMembers)
    enter(Tag.range, rangeMembers)
    enter(Tag.sequence, [map, filter])
    enter(Tag.tensor, OpBinder.functions + tensorFunctions)
    tables[Int(Tag.trackedTensor)] = tables[Int(Tag.tensor)]
    return tables
  }()

  /// The member function of this name that values of a kind have; it takes the value as its first argument.
  static func member(_ name: String, tag: UInt64) -> NativeFunction? {
    memberTables[Int(tag)][name]
  }

  /// The member functions of a value, in no order.
  static func members(of slot: Slot) -> [NativeFunction] {
    Array(memberTables[Int(slot.tag)].values)
  }

  /// What may follow the dot after a value, for messages and completion.
  static func memberNames(of slot: Slot) -> [String] {
    (members(of: slot).map(\.name) + attributeNames(of: slot)).sorted()
  }

  /// The same for values of a builtin type.
  static func memberNames(tag: UInt64) -> [String] {
    (memberTables[Int(tag)].keys + (tag == Tag.tensor ? tensorAttributes : [])).sorted()
  }
}
