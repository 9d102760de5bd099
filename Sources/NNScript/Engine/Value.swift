// Script values as a Swift host sees them.
public import NNTensor

/// A value that goes into or comes out of a script.
///
/// Literals work: `engine.call("f", [1, "two", [3, 4], ["key": 5]])`. Lists, tuples and dictionaries are copied at the border; functions, models and
/// their instances cross as a ``Reference``, which keeps its identity.
public enum Value {
  case `nil`
  case bool(Bool)
  case number(Double)
  case string(String)
  case tensor(Tensor)
  case list([Value])
  case tuple([Value])
  case dictionary(ValueDictionary)
  case reference(Reference)
}

extension Value {
  /// The number, if this is one or a tensor of one element.
  public var number: Double? {
    switch self {
    case .number(let number): number
    case .tensor(let tensor) where tensor.count == 1: tensor.number(at: 0)
    default: nil
    }
  }
  /// The bool, if this is one.
  public var bool: Bool? { if case .bool(let bool) = self { bool } else { nil } }
  /// The text, if this is a string.
  public var string: String? { if case .string(let string) = self { string } else { nil } }
  /// The tensor, if this is one.
  public var tensor: Tensor? { if case .tensor(let tensor) = self { tensor } else { nil } }
  /// The elements, if this is a list or a tuple.
  public var elements: [Value]? {
    switch self {
    case .list(let elements), .tuple(let elements): elements
    default: nil
    }
  }
  /// The dictionary, if this is one.
  public var dictionary: ValueDictionary? {
    if case .dictionary(let dictionary) = self { dictionary } else { nil }
  }
  /// The reference, if this is a function, model, instance or module.
  public var reference: Reference? {
    if case .reference(let reference) = self { reference } else { nil }
  }
}

extension Value: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .nil }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int) { self = .number(Double(value)) }
  public init(floatLiteral value: Double) { self = .number(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: Value...) { self = .list(elements) }
  public init(dictionaryLiteral elements: (String, Value)...) {
    self = .dictionary(
      ValueDictionary(elements.map { .init(key: .string($0.0), value: $0.1) }))
  }
}

/// The entries of a script's dict, in the order in which they were inserted.
public struct ValueDictionary {
  /// A key, which is a string or a whole number, and its value.
  public struct Entry {
    public var key: Value
    public var value: Value

    public init(key: Value, value: Value) {
      self.key = key
      self.value = value
    }
  }

  public var entries: [Entry]

  public init(_ entries: [Entry] = []) { self.entries = entries }

  /// The value for a text key, nil if there is none.
  public subscript(key: String) -> Value? {
    entries.first { $0.key.string == key }?.value
  }

  /// The text keys, in order.
  public var keys: [String] { entries.compactMap(\.key.string) }
}
