// Keeps what the checker changed, so that branches can be tried one after the other and their outcomes joined.
import NNSyntax

/// The values of places at the end of a branch.
typealias Snapshot = [ObjectIdentifier: (place: Place, value: AbstractValue)]

/// What makes it uncertain that the code being looked at will run.
struct Doubts: OptionSet {
  let rawValue: UInt8

  /// A branch whose condition is not known.
  static let branch = Doubts(rawValue: 1)
  /// The loop may have been left.
  static let loop = Doubts(rawValue: 2)
  /// The function may have returned.
  static let function = Doubts(rawValue: 4)
  /// The program may have ended, or an error may have been thrown.
  static let program = Doubts(rawValue: 8)
  /// An error would be caught.
  static let attempt = Doubts(rawValue: 16)
  /// The loop has no turn where there is no data.
  static let data = Doubts(rawValue: 32)
}

/// Why the evaluation of something ended early.
enum Flow: Error {
  /// `return`; the value is in the frame.
  case returns
  case breaks
  case continues
  /// Nothing after this runs on any path, or what would is recorded elsewhere.
  case ended
  /// An error that is certain to happen and was reported.
  case failed
  /// The checker gives up: the program is too large or too deep for it.
  case stopped
}

/// A function, constructor or top level that is being looked into.
final class CheckFrame {
  let name: String
  let module: Module
  var locals: [Place?]
  let captures: [Place]
  /// What a local function means by its own name.
  let ownFunction: AbstractFunction?
  let result: TypeAnnotation?
  /// What it is doing, of the program's own code.
  var running: RunningCode?
  /// Where the call stands that is running.
  var site = Span(file: 0, start: 0, end: 0)
  /// The state of the trail when it was entered.
  let mark: Int
  /// The values and states of `return` in branches.
  var exits: [(value: AbstractValue, state: Snapshot)] = []
  var returned = AbstractValue.nil
  var loops: [LoopFrame] = []

  init(
    name: String, module: Module, localCount: Int, captures: [Place],
    ownFunction: AbstractFunction?,
    result: TypeAnnotation?, mark: Int
  ) {
    self.name = name
    self.module = module
    locals = Array(repeating: nil, count: localCount)
    self.captures = captures
    self.ownFunction = ownFunction
    self.result = result
    self.mark = mark
  }
}

/// A loop that is being looked into.
final class LoopFrame {
  /// The states of the trail at the loop's start and at the start of its turn.
  let mark: Int
  var turn: Int
  var breaks: [Snapshot] = []
  var continues: [Snapshot] = []

  init(mark: Int) {
    self.mark = mark
    turn = mark
  }
}

extension Checker {
  // MARK: Writing

  /// Gives a place a value.
  func set(_ place: Place, _ value: AbstractValue) {
    if place.isEscaped { escape(value) }
    trail.append((place, place.stored))
    if !touched.isEmpty { touched[touched.count - 1].append((place, value)) }
    place.stored = value
  }

  /// The values that places written since a mark have now.
  func snapshot(since mark: Int) -> Snapshot {
    var result: Snapshot = [:]
    for entry in trail[mark...] {
      result[ObjectIdentifier(entry.place)] = (entry.place, entry.place.stored)
    }
    return result
  }

  /// Undoes what was written since a mark.
  func rollback(to mark: Int) {
    for entry in trail[mark...].reversed() { entry.place.stored = entry.old }
    trail.removeLast(trail.count - mark)
  }

  /// Brings the state to what is common to several outcomes.
  func merge(_ states: [Snapshot]) {
    if states.isEmpty { return }
    var places: Snapshot = [:]
    for state in states { places.merge(state) { first, _ in first } }
    for (key, entry) in places {
      var value: AbstractValue?
      for state in states {
        let next = state[key]?.value ?? entry.place.stored
        value = value.map { join($0, next) } ?? next
      }
      if let value { set(entry.place, value) }
    }
  }

  // MARK: Joining

  /// What is known of a value that is one of the two.
  func join(_ a: AbstractValue, _ b: AbstractValue) -> AbstractValue {
    if a.isSame(as: b) { return a }
    switch (a, b) {
    case (.bool, .bool): return .bool(nil)
    case (.number, .number): return .number(nil)
    case (.string, .string): return .string(nil)
    case (.range, .range): return .range(nil)
    case (.tensor(let x), .tensor(let y)): return .tensor(x.joined(with: y))
    case (.tuple(let x), .tuple(let y)) where x.count == y.count:
      return .tuple(zip(x, y).map { join($0, $1) })
    case (.elements(let x, let p), .elements(let y, let q)):
      return .elements(join(x, y), isFilled: p && q)
    case (.count, .range), (.range, .count), (.count, .count): return .range(nil)
    default:
      escape(a)
      escape(b)
      return .unknown
    }
  }

  /// Tries two alternatives of which one, unknown which, will run, and joins their outcomes.
  func fork(
    because doubt: Doubts = .branch, _ first: () throws(Flow) -> AbstractValue,
    or second: () throws(Flow) -> AbstractValue
  ) throws(Flow) -> AbstractValue {
    let before = doubts
    let (a, afterFirst) = try attempt(doubt, first)
    let (b, afterSecond) = try attempt(doubt, second)
    doubts = before.union(afterFirst).union(afterSecond)
    let ends = [a, b].compactMap { $0 }
    guard let end = ends.first else { throw .ended }
    let value = ends.dropFirst().reduce(end.value) { join($0, $1.value) }
    merge(ends.map(\.state))
    return value
  }

  /// Tries one alternative and undoes it; gives its outcome, if it has one, and what is in doubt after it.
  private func attempt(_ doubt: Doubts, _ branch: () throws(Flow) -> AbstractValue) throws(Flow)
    -> ((value: AbstractValue, state: Snapshot)?, Doubts)
  {
    let mark = trail.count
    let before = doubts
    doubts.formUnion(doubt)
    var end: (AbstractValue, Snapshot)?
    var after: Doubts = []
    do throws(Flow) {
      let value = try branch()
      end = (value, snapshot(since: mark))
    } catch {
      if case .failed = error {
        end = (.unknown, snapshot(since: mark))
      } else {
        after = try leave(error)
      }
    }
    after.formUnion(doubts.subtracting([.branch, .data]))
    rollback(to: mark)
    doubts = before
    return (end, after)
  }

  /// Records how a branch was left; gives what is in doubt after it.
  private func leave(_ flow: Flow) throws(Flow) -> Doubts {
    switch flow {
    case .returns:
      frame.exits.append((frame.returned, snapshot(since: frame.mark)))
      return .function
    case .breaks:
      frame.loops.last.map { $0.breaks.append(snapshot(since: $0.mark)) }
      return .loop
    case .continues:
      frame.loops.last.map { $0.continues.append(snapshot(since: $0.turn)) }
      return .loop
    case .ended: return .program
    case .failed, .stopped: throw flow
    }
  }
}
