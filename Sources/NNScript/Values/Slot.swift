// A slot: the 16 trivial bytes in which the virtual machine keeps every value.
import NNTensor

/// What kind of value a slot holds, in the low byte of its `meta` word.
///
/// The order matters: everything from `tensor` on is counted, everything from `string` on is a `HeapObject`.
enum Tag {
  static let none: UInt64 = 0
  static let bool: UInt64 = 1
  static let number: UInt64 = 2
  static let trackedNumber: UInt64 = 3
  /// No value: an argument that was not given, a field or global that is not initialised yet. Scripts never see it.
  static let undefined: UInt64 = 4
  static let tensor: UInt64 = 5
  static let trackedTensor: UInt64 = 6
  static let string: UInt64 = 7
  static let list: UInt64 = 8
  static let dict: UInt64 = 9
  static let tuple: UInt64 = 10
  static let range: UInt64 = 11
  static let function: UInt64 = 12
  static let native: UInt64 = 13
  static let boundMethod: UInt64 = 14
  static let model: UInt64 = 15
  static let instance: UInt64 = 16
  static let module: UInt64 = 17
  static let error: UInt64 = 18
  /// A variable captured by a closure. Lives in registers only, scripts never see it.
  static let cell: UInt64 = 19
  /// A running iteration. Lives in registers only, scripts never see it.
  static let iterator: UInt64 = 20
  /// A lazy sequence (`map`, `zip`, ... over a sequence): indexable, has a length.
  static let sequence: UInt64 = 21

  static let firstCounted = tensor
  static let firstObject = string
}

/// One value: `meta` is the tag (low 8 bits) and, for tracked values, the handle above it; `bits` is a number, a bool or a pointer.
///
/// A slot is trivial: copying one does not touch any count. `retain` and `release` in `Heap.swift` are the only places that do.
struct Slot {
  var meta: UInt64
  var bits: UInt64

  @inline(__always) init(meta: UInt64, bits: UInt64) {
    self.meta = meta
    self.bits = bits
  }
  @inline(__always) init(_ number: Double) {
    meta = Tag.number
    bits = number.bitPattern
  }
  @inline(__always) init(_ number: Int) {
    meta = Tag.number
    bits = Double(number).bitPattern
  }
  @inline(__always) init(_ bool: Bool) {
    meta = Tag.bool
    bits = bool ? 1 : 0
  }
  /// A number on a trace; a plain number when the handle is empty.
  @inline(__always) init(_ number: Double, handle: Handle) {
    meta = handle.bits == 0 ? Tag.number : Tag.trackedNumber | handle.bits << 8
    bits = number.bitPattern
  }
  /// Holds one new reference to `tensor`, which is on a trace if `handle` is not empty.
  @inline(__always) init(_ tensor: Tensor, handle: Handle = Handle(bits: 0)) {
    meta = handle.bits == 0 ? Tag.tensor : Tag.trackedTensor | handle.bits << 8
    bits = UInt64(UInt(bitPattern: Unmanaged.passRetained(tensor).toOpaque()))
  }
  /// Refers to `object` without counting: the count its creator holds moves into the slot.
  @inline(__always) init(_ object: HeapObject) {
    meta = UInt64(object.tag)
    bits = UInt64(UInt(bitPattern: Unmanaged.passUnretained(object).toOpaque()))
  }

  @inline(__always) static var `nil`: Slot { Slot(meta: Tag.none, bits: 0) }
  @inline(__always) static var undefined: Slot { Slot(meta: Tag.undefined, bits: 0) }

  @inline(__always) var tag: UInt64 { meta & 0xff }
  @inline(__always) var isNil: Bool { meta == Tag.none }
  @inline(__always) var isUndefined: Bool { meta == Tag.undefined }
  @inline(__always) var isBool: Bool { meta == Tag.bool }
  @inline(__always) var isPlainNumber: Bool { meta == Tag.number }
  /// True for plain and for tracked numbers.
  @inline(__always) var isNumber: Bool { tag == Tag.number || tag == Tag.trackedNumber }
  /// True for plain and for tracked tensors.
  @inline(__always) var isTensor: Bool { tag == Tag.tensor || tag == Tag.trackedTensor }
  @inline(__always) var isObject: Bool { tag >= Tag.firstObject }

  /// The number; valid for plain and tracked numbers.
  @inline(__always) var number: Double { Double(bitPattern: bits) }
  /// The truth value; valid for bools.
  @inline(__always) var bool: Bool { bits != 0 }
  /// Where the value stands on a trace; empty for everything that is not tracked.
  @inline(__always) var handle: Handle {
    let tag = self.tag
    return Handle(bits: tag == Tag.trackedNumber || tag == Tag.trackedTensor ? meta >> 8 : 0)
  }
  /// The same value, no longer tracked.
  @inline(__always) var untracked: Slot {
    switch tag {
    case Tag.trackedNumber: Slot(meta: Tag.number, bits: bits)
    case Tag.trackedTensor: Slot(meta: Tag.tensor, bits: bits)
    default: self
    }
  }
  @inline(__always) var pointer: UnsafeMutableRawPointer {
    UnsafeMutableRawPointer(bitPattern: UInt(bits)).unsafelyUnwrapped
  }
  /// The object this slot refers to, uncounted: use it for field reads on hot paths.
  @inline(__always) func unmanaged<Object: HeapObject>(_: Object.Type) -> Unmanaged<Object> {
    Unmanaged.fromOpaque(pointer)
  }
  /// The object this slot refers to. The caller has checked the tag.
  @inline(__always) func object<Object: HeapObject>(_: Object.Type = Object.self) -> Object {
    Unmanaged<Object>.fromOpaque(pointer).takeUnretainedValue()
  }
  /// The tensor this slot refers to; valid for plain and tracked tensors.
  @inline(__always) var tensor: Tensor {
    Unmanaged<Tensor>.fromOpaque(pointer).takeUnretainedValue()
  }

  /// Both slots hold the same bits: the same object, number, bool or nil.
  @inline(__always) func isIdentical(to other: Slot) -> Bool {
    meta == other.meta && bits == other.bits
  }
}

extension Slot {
  var asString: StringObject? { meta == Tag.string ? object(StringObject.self) : nil }
  var asList: ListObject? { meta == Tag.list ? object(ListObject.self) : nil }
  var asDict: DictObject? { meta == Tag.dict ? object(DictObject.self) : nil }
  var asTuple: TupleObject? { meta == Tag.tuple ? object(TupleObject.self) : nil }
  var asRange: RangeObject? { meta == Tag.range ? object(RangeObject.self) : nil }
  var asFunction: FunctionObject? { meta == Tag.function ? object(FunctionObject.self) : nil }
  var asNative: NativeObject? { meta == Tag.native ? object(NativeObject.self) : nil }
  var asBoundMethod: BoundMethodObject? {
    meta == Tag.boundMethod ? object(BoundMethodObject.self) : nil
  }
  var asModel: ModelObject? { meta == Tag.model ? object(ModelObject.self) : nil }
  var asInstance: InstanceObject? { meta == Tag.instance ? object(InstanceObject.self) : nil }
  var asModule: ModuleObject? { meta == Tag.module ? object(ModuleObject.self) : nil }
  var asError: ErrorObject? { meta == Tag.error ? object(ErrorObject.self) : nil }
  var asTensor: Tensor? { isTensor ? tensor : nil }
  /// The number, plain or tracked, without its handle.
  var asNumber: Double? { isNumber ? number : nil }
  var asBool: Bool? { meta == Tag.bool ? bool : nil }

  /// True for what a call accepts as its callee; an instance is callable if its model has `call`.
  var isCallable: Bool {
    switch tag {
    case Tag.function, Tag.native, Tag.boundMethod, Tag.model: true
    case Tag.instance: object(InstanceObject.self).model.callMethod != nil
    default: false
    }
  }

  /// The name `type(x)` gives.
  var typeName: String {
    switch tag {
    case Tag.none: "nil"
    case Tag.bool: "bool"
    case Tag.number, Tag.trackedNumber: "number"
    case Tag.tensor, Tag.trackedTensor: "tensor"
    case Tag.string: "string"
    case Tag.list: "list"
    case Tag.dict: "dict"
    case Tag.tuple: "tuple"
    case Tag.range: "range"
    case Tag.function, Tag.native, Tag.boundMethod: "function"
    case Tag.model: "model"
    case Tag.instance: object(InstanceObject.self).model.name
    case Tag.module: "module"
    case Tag.error: "error"
    case Tag.sequence: "sequence"
    default: "undefined"
    }
  }

  /// The type with its article, for messages: "a number", "an error", "nil".
  var describedType: String {
    let name = typeName
    if isNil { return name }
    return ("aeiouAEIOU".contains(name.first ?? "x") ? "an " : "a ") + name
  }
}
