// The loop of the virtual machine: fetches and runs instructions.

extension VM {
  /// Stores a number in a register, which most often held one before.
  @inline(__always) func put(_ number: Double, _ target: Registers) {
    if target.pointee.isPlainNumber {
      target.pointee.bits = number.bitPattern
    } else {
      assign(Slot(number), to: target)
    }
  }

  /// Runs the frames above `floor` until the first of them returns; gives its result, owned.
  func run(above floor: Int) throws -> Slot {
    while true {
      do {
        return try loop(floor)
      } catch {
        try unwind(error, to: floor)
      }
    }
  }

  // The one long function of the project: keeping the state of the running frame in local variables is what makes it fast.
  // Before anything that can fail, `frame.pointee.pc` is set, so that errors know their instruction.
  private func loop(_ floor: Int) throws -> Slot {
    var frame = frames + (depth - 1)
    var pc = frame.pointee.pc
    var base = frame.pointee.base
    var code = frame.pointee.code
    var constants = code._withUnsafeGuaranteedRef { $0.constants }
    var globals = code._withUnsafeGuaranteedRef { $0.globals }
    let framesEnd = frames + VM.mostFrames
    let stackEnd = self.stackEnd
    var fuel = self.fuel

    while true {
      /// The call that ends the inner loop: callee register and result register. Its arguments are in place.
      let callee: Registers
      let result: Int

      execute: while true {
        let word = pc.pointee
        pc += 1
        let a = base + Int(word >> 8 & 255)
        // The verifier checks that every opcode byte is a case.
        switch unsafeBitCast(UInt8(truncatingIfNeeded: word), to: Opcode.self) {

        // MARK: Values
        case .move:
          let value = base[Int(word >> 16 & 255)]
          retain(value)
          assign(value, to: a)
        case .take:
          let source = base + Int(word >> 16 & 255)
          let value = source.pointee
          source.pointee = .nil
          assign(value, to: a)
        case .loadConstant:
          let value = constants[Int(word >> 16)]
          retain(value)
          assign(value, to: a)
        case .loadNil: assign(.nil, to: a)
        case .loadBool: assign(Slot(word >> 16 & 1 != 0), to: a)
        case .loadBuiltin:
          frame.pointee.pc = pc
          self.fuel = fuel
          let value = try link(constants + Int(word >> 16), pc - 1)
          fuel = self.fuel
          assign(retained(value), to: a)
        case .release: assign(.nil, to: a)

        // MARK: Variables
        case .getGlobal:
          let value = globals[Int(word >> 16)]
          if value.isUndefined {
            frame.pointee.pc = pc
            throw undefinedGlobal(code, Int(word >> 16))
          }
          retain(value)
          assign(value, to: a)
        case .peekGlobal:
          let value = globals[Int(word >> 16)]
          assign(value.isUndefined ? .nil : retained(value), to: a)
        case .setGlobal:
          if a.pointee.tag == Tag.trackedTensor {
            frame.pointee.pc = pc
            try checkKept(a.pointee, in: 0, "a variable outside of it")
          }
          assign(retained(a.pointee), to: globals + Int(word >> 16))
        case .setGlobalTake:
          let value = a.pointee
          if value.tag == Tag.trackedTensor {
            frame.pointee.pc = pc
            try checkKept(value, in: 0, "a variable outside of it")
          }
          a.pointee = .nil
          assign(value, to: globals + Int(word >> 16))
        case .takeGlobal:
          let place = globals + Int(word >> 16)
          if place.pointee.isUndefined {
            frame.pointee.pc = pc
            throw undefinedGlobal(code, Int(word >> 16))
          }
          takeTensor(place, to: a)
        case .newCell:
          let value = a.pointee
          a.pointee = Slot(CellObject(heap: heap, owned: value))
        case .getCell: assign(retained(cellValue(base[Int(word >> 16 & 255)])), to: a)
        case .setCell:
          setCell(a.pointee, retained(base[Int(word >> 16 & 255)]))
        case .setCellTake:
          let source = base + Int(word >> 16 & 255)
          let value = source.pointee
          source.pointee = .nil
          setCell(a.pointee, value)
        case .takeCell: takeCell(base[Int(word >> 16 & 255)], to: a)
        case .getCapture:
          assign(retained(captures(base)[Int(word >> 16 & 255)]), to: a)
        case .getCaptureCell:
          assign(retained(cellValue(captures(base)[Int(word >> 16 & 255)])), to: a)
        case .setCaptureCell:
          if a.pointee.tag == Tag.trackedTensor {
            frame.pointee.pc = pc
            try checkCaptured(a.pointee, captures(base)[Int(word >> 16 & 255)])
          }
          setCell(captures(base)[Int(word >> 16 & 255)], retained(a.pointee))
        case .setCaptureCellTake:
          if a.pointee.tag == Tag.trackedTensor {
            frame.pointee.pc = pc
            try checkCaptured(a.pointee, captures(base)[Int(word >> 16 & 255)])
          }
          let value = a.pointee
          a.pointee = .nil
          setCell(captures(base)[Int(word >> 16 & 255)], value)
        case .takeCaptureCell:
          takeCell(captures(base)[Int(word >> 16 & 255)], to: a)
        case .thisFunction: assign(retained(base[-1]), to: a)
        case .closure: assign(makeClosure(code, Int(word >> 16), base), to: a)
        case .makeModel: assign(makeModel(code, Int(word >> 16), base), to: a)

        // MARK: Arithmetic
        case .add:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(x.number + y.number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .subtract:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(x.number - y.number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .multiply:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(x.number * y.number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .divide:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(x.number / y.number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .floorDivide:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(Arithmetic.floorDivide(x.number, y.number), a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .remainder:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(Arithmetic.remainder(x.number, y.number), a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .addK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(x.number + constants[Int(word >> 24)].number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .subtractK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(x.number - constants[Int(word >> 24)].number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .multiplyK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(x.number * constants[Int(word >> 24)].number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .divideK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(x.number / constants[Int(word >> 24)].number, a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .floorDivideK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(Arithmetic.floorDivide(x.number, constants[Int(word >> 24)].number), a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .remainderK:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(Arithmetic.remainder(x.number, constants[Int(word >> 24)].number), a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .power:
          let x = base[Int(word >> 16 & 255)]
          let y = base[Int(word >> 24)]
          if x.isPlainNumber && y.isPlainNumber {
            put(power(x.number, y.number), a)
          } else {
            frame.pointee.pc = pc
            try arithmetic(word, base, code)
          }
        case .matmul, .concatenate, .contains, .less, .lessEqual, .equal, .notEqual:
          frame.pointee.pc = pc
          try arithmetic(word, base, code)
        case .negate:
          let x = base[Int(word >> 16 & 255)]
          if x.isPlainNumber {
            put(-x.number, a)
          } else {
            frame.pointee.pc = pc
            try negate(word, base, code)
          }
        case .not:
          let x = base[Int(word >> 16 & 255)]
          if x.isBool {
            assign(Slot(!x.bool), to: a)
          } else {
            frame.pointee.pc = pc
            let outcome = try condition(x)
            releaseTemporary(base + Int(word >> 16 & 255), base, code)
            assign(Slot(!outcome), to: a)
          }

        // MARK: Jumps
        case .jumpLess:
          let x = a.pointee
          let y = base[Int(word >> 16 & 255)]
          let outcome: Bool
          if x.isPlainNumber && y.isPlainNumber {
            outcome = x.number < y.number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpLessEqual:
          let x = a.pointee
          let y = base[Int(word >> 16 & 255)]
          let outcome: Bool
          if x.isPlainNumber && y.isPlainNumber {
            outcome = x.number <= y.number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpEqual:
          let x = a.pointee
          let y = base[Int(word >> 16 & 255)]
          let outcome: Bool
          if x.isPlainNumber && y.isPlainNumber {
            outcome = x.number == y.number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpLessK:
          let x = a.pointee
          let outcome: Bool
          if x.isPlainNumber {
            outcome = x.number < constants[Int(word >> 16 & 255)].number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpLessEqualK:
          let x = a.pointee
          let outcome: Bool
          if x.isPlainNumber {
            outcome = x.number <= constants[Int(word >> 16 & 255)].number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpGreaterK:
          let x = a.pointee
          let outcome: Bool
          if x.isPlainNumber {
            outcome = x.number > constants[Int(word >> 16 & 255)].number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpGreaterEqualK:
          let x = a.pointee
          let outcome: Bool
          if x.isPlainNumber {
            outcome = x.number >= constants[Int(word >> 16 & 255)].number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpEqualK:
          let x = a.pointee
          let outcome: Bool
          if x.isPlainNumber {
            outcome = x.number == constants[Int(word >> 16 & 255)].number
          } else {
            frame.pointee.pc = pc
            outcome = try compare(word, base, code)
          }
          if outcome == (word >> 24 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jump: pc += Int(Int32(bitPattern: pc.pointee)) &+ 1
        case .jumpBack:
          try branch(&pc, &fuel, frame)
          pc += 1
        case .jumpIf:
          let x = a.pointee
          let outcome: Bool
          if x.isBool {
            outcome = x.bool
          } else {
            frame.pointee.pc = pc
            outcome = try condition(x)
            releaseTemporary(a, base, code)
          }
          if outcome == (word >> 16 & 255 != 0) {
            try branch(&pc, &fuel, frame)
          }
          pc += 1
        case .jumpIfGiven:
          if !a.pointee.isUndefined { pc += Int(Int32(bitPattern: pc.pointee)) }
          pc += 1
        case .jumpIfCallable:
          if a.pointee.isCallable {
            pc += Int(Int32(bitPattern: pc.pointee))
          } else {
            warnPassedOver(a.pointee, in: frame.pointee.code, before: pc)
          }
          pc += 1
        case .jumpUnlessTensor:
          if !a.pointee.isTensor { pc += Int(Int32(bitPattern: pc.pointee)) }
          pc += 1

        // MARK: Calls
        case .call:
          frame.pointee.pc = pc
          let count = Int(word >> 16 & 255)
          if a.pointee.meta == Tag.function,
            a.pointee.unmanaged(FunctionObject.self)._withUnsafeGuaranteedRef({
              $0.code.simpleCount
            }) == count
          {
            callee = a
            result = Int(word >> 24)
            break execute
          }
          self.fuel = fuel
          let ready = try prepare(a, count, nil, result: base + Int(word >> 24))
          fuel = self.fuel
          if ready {
            callee = a
            result = Int(word >> 24)
            break execute
          }
        case .callSpecial:
          frame.pointee.pc = pc
          let shape = Int(pc.pointee)
          pc += 1
          self.fuel = fuel
          frame.pointee.pc = pc
          let ready = try prepare(
            a, Int(word >> 16 & 255), code._withUnsafeGuaranteedRef { $0.callShapes[shape] },
            result: base + Int(word >> 24))
          fuel = self.fuel
          if ready {
            callee = a
            result = Int(word >> 24)
            break execute
          }
        case .callMember, .callMemberSpecial:
          var count = Int(word >> 16 & 255)
          let words = pc
          let isSpecial = UInt8(truncatingIfNeeded: word) == Opcode.callMemberSpecial.rawValue
          pc += isSpecial ? 3 : 2
          frame.pointee.pc = pc
          self.fuel = fuel
          let shift = try selectMember(a, &count, words, constants)
          let target = a
          if !isSpecial, target.pointee.meta == Tag.function,
            target.pointee.unmanaged(FunctionObject.self)._withUnsafeGuaranteedRef({
              $0.code.simpleCount
            }) == count
          {
            callee = target
            result = Int(word >> 24)
            break execute
          }
          let ready = try prepare(
            target, count, isSpecial ? memberShape(code, Int(words[2]), shift) : nil,
            result: base + Int(word >> 24))
          fuel = self.fuel
          if ready {
            callee = target
            result = Int(word >> 24)
            break execute
          }
        case .returnValue, .returnNil:
          var value = Slot.nil
          if UInt8(truncatingIfNeeded: word) == Opcode.returnValue.rawValue {
            value = a.pointee
            a.pointee = .nil
          }
          let end = base + code._withUnsafeGuaranteedRef { $0.firstTemporary }
          let function = base[-1]
          base[-1] = .nil
          releaseCounted(function)
          var register = base
          while register < end {
            let old = register.pointee
            if old.tag >= Tag.firstCounted {
              register.pointee = .nil
              releaseCounted(old)
            }
            register += 1
          }
          let target = frame.pointee.result
          depth &-= 1
          if depth == floor {
            self.fuel = fuel
            return value
          }
          frame -= 1
          base = frame.pointee.base
          pc = frame.pointee.pc
          code = frame.pointee.code
          constants = code._withUnsafeGuaranteedRef { $0.constants }
          globals = code._withUnsafeGuaranteedRef { $0.globals }
          assign(value, to: base + target)
        case .throwValue:
          frame.pointee.pc = pc
          let value = a.pointee
          a.pointee = .nil
          throw thrown(value)

        // MARK: Containers
        case .newList:
          assign(makeList(base + Int(word >> 16 & 255), Int(word >> 24)), to: a)
        case .newTuple:
          assign(makeTuple(base + Int(word >> 16 & 255), Int(word >> 24)), to: a)
        case .newDict:
          frame.pointee.pc = pc
          assign(try makeDict(base + Int(word >> 16 & 255), Int(word >> 24)), to: a)
        case .putPairs:
          frame.pointee.pc = pc
          try putPairs(a.pointee.object(), base + Int(word >> 16 & 255), Int(word >> 24))
        case .appendTake:
          let source = base + Int(word >> 16 & 255)
          let value = source.pointee
          source.pointee = .nil
          a.pointee.unmanaged(ListObject.self)._withUnsafeGuaranteedRef { $0.append(owned: value) }
        case .appendAll:
          frame.pointee.pc = pc
          self.fuel = fuel
          try appendAll(a.pointee.object(), base + Int(word >> 16 & 255))
          fuel = self.fuel
        case .listToTuple: listToTuple(a)
        case .newRange, .newRangeClosed:
          frame.pointee.pc = pc
          let isClosed = UInt8(truncatingIfNeeded: word) == Opcode.newRangeClosed.rawValue
          let range = try makeRange(
            base[Int(word >> 16 & 255)], base[Int(word >> 24)], isClosed: isClosed)
          releaseTemporary(base + Int(word >> 16 & 255), base, code)
          releaseTemporary(base + Int(word >> 24), base, code)
          assign(range, to: a)

        // MARK: Elements
        case .getIndex:
          let container = base[Int(word >> 16 & 255)]
          let key = base[Int(word >> 24)]
          if container.meta == Tag.list && key.isPlainNumber {
            let (storage, size) = container.unmanaged(ListObject.self)._withUnsafeGuaranteedRef {
              ($0.storage, $0.size)
            }
            let index = position(key.number)
            if UInt(bitPattern: index) < UInt(bitPattern: size) && Double(index) == key.number {
              assign(retained(storage[index]), to: a)
              continue execute
            }
          }
          frame.pointee.pc = pc
          self.fuel = fuel
          let element = try element(of: container, key)
          fuel = self.fuel
          releaseTemporary(base + Int(word >> 24), base, code)
          assign(element, to: a)
        case .setIndex, .setIndexTake:
          let key = base[Int(word >> 16 & 255)]
          let source = base + Int(word >> 24)
          if UInt8(truncatingIfNeeded: word) == Opcode.setIndex.rawValue { retain(source.pointee) }
          let value = source.pointee
          if a.pointee.meta == Tag.list && key.isPlainNumber {
            let (storage, size) = a.pointee.unmanaged(ListObject.self)._withUnsafeGuaranteedRef {
              ($0.storage, $0.size)
            }
            let index = position(key.number)
            if UInt(bitPattern: index) < UInt(bitPattern: size) && Double(index) == key.number {
              if UInt8(truncatingIfNeeded: word) != Opcode.setIndex.rawValue {
                source.pointee = .nil
              }
              assign(value, to: storage + index)
              continue execute
            }
          }
          if UInt8(truncatingIfNeeded: word) == Opcode.setIndex.rawValue { release(value) }
          frame.pointee.pc = pc
          self.fuel = fuel
          try setElement(
            a, key, source, code,
            isTaken: UInt8(truncatingIfNeeded: word) != Opcode.setIndex.rawValue)
          fuel = self.fuel
          releaseTemporary(base + Int(word >> 16 & 255), base, code)
        case .takeIndex:
          frame.pointee.pc = pc
          self.fuel = fuel
          let element = try takeElement(base[Int(word >> 16 & 255)], base[Int(word >> 24)])
          fuel = self.fuel
          assign(element, to: a)
        case .getSlice:
          let layout = Int(pc.pointee)
          pc += 1
          frame.pointee.pc = pc
          let slice = try slice(
            of: base[Int(word >> 16 & 255)], base + Int(word >> 24), code, layout)
          assign(slice, to: a)
        case .setSlice:
          let layout = Int(pc.pointee)
          pc += 1
          frame.pointee.pc = pc
          try setSlice(
            a, base[Int(word >> 16 & 255)], base + Int(word >> 24), code, layout)

        // MARK: Members
        case .getMember:
          let object = base[Int(word >> 16 & 255)]
          let key = constants[Int(pc.pointee)]
          if let place = cachedPlace(object, key, pc[1]), !place.pointee.isUndefined {
            pc += 2
            assign(retained(place.pointee), to: a)
            continue execute
          }
          let words = pc
          pc += 2
          frame.pointee.pc = pc
          self.fuel = fuel
          let member = try member(of: object, key, words + 1)
          fuel = self.fuel
          assign(member, to: a)
        case .setMember, .setMemberTake:
          let source = base + Int(word >> 16 & 255)
          let key = constants[Int(pc.pointee)]
          let isTaken = UInt8(truncatingIfNeeded: word) == Opcode.setMemberTake.rawValue
          if a.pointee.meta == Tag.dict, let place = cachedPlace(a.pointee, key, pc[1]) {
            pc += 2
            let value = source.pointee
            if isTaken { source.pointee = .nil } else { retain(value) }
            assign(value, to: place)
            continue execute
          }
          let words = pc
          pc += 2
          frame.pointee.pc = pc
          self.fuel = fuel
          try setMember(a.pointee, key, source, words + 1, isTaken: isTaken)
          fuel = self.fuel
        case .takeMember:
          let object = base[Int(word >> 16 & 255)]
          let key = constants[Int(pc.pointee)]
          // Only a tensor has to be moved; a plain value is read like any other.
          if let place = cachedPlace(object, key, pc[1]), place.pointee.tag < Tag.undefined {
            pc += 2
            assign(place.pointee, to: a)
            continue execute
          }
          let words = pc
          pc += 2
          frame.pointee.pc = pc
          let member = try takeMember(object, key, words + 1)
          assign(member, to: a)

        // MARK: Fields
        case .getField:
          let value = fields(base[Int(word >> 16 & 255)])[Int(word >> 24)]
          if value.isUndefined {
            frame.pointee.pc = pc
            throw undefinedField(base[Int(word >> 16 & 255)], Int(word >> 24))
          }
          assign(retained(value), to: a)
        case .setField, .setFieldTake:
          frame.pointee.pc = pc
          let isTaken = UInt8(truncatingIfNeeded: word) == Opcode.setFieldTake.rawValue
          let (layout, fields) = a.pointee.unmanaged(InstanceObject.self)
            ._withUnsafeGuaranteedRef { ($0.layout, $0.fields) }
          if layout._withUnsafeGuaranteedRef({ $0.isStorable[Int(word >> 24)] }) {
            let source = base + Int(word >> 16 & 255)
            let value = source.pointee
            if value.tag == Tag.trackedTensor { try checkKept(value, inField: a.pointee) }
            if isTaken { source.pointee = .nil } else { retain(value) }
            assign(value, to: fields + Int(word >> 24))
            continue execute
          }
          try setField(
            a.pointee.object(), Int(word >> 24), base + Int(word >> 16 & 255), isTaken: isTaken)
        case .takeField:
          let place = fields(base[Int(word >> 16 & 255)]) + Int(word >> 24)
          if place.pointee.isUndefined {
            frame.pointee.pc = pc
            throw undefinedField(base[Int(word >> 16 & 255)], Int(word >> 24))
          }
          takeTensor(place, to: a)
        case .initField:
          frame.pointee.pc = pc
          try initializeField(a.pointee.object(), Int(word >> 24), base + Int(word >> 16 & 255))
        case .bindMethod:
          assign(bindMethod(base[Int(word >> 16 & 255)], Int(word >> 24)), to: a)
        case .loadMethod:
          let instance = base[Int(word >> 16 & 255)].object(InstanceObject.self)
          assign(retained(instance.model.methods[Int(word >> 24)]), to: a)

        // MARK: Loops
        case .rangePrepare:
          frame.pointee.pc = pc
          let counter = a
          let isEmpty = try prepareRange(counter, isClosed: word >> 24 != 0)
          if isEmpty {
            pc += Int(Int32(bitPattern: pc.pointee)) &+ 1
          } else {
            assign(counter.pointee, to: base + Int(word >> 16 & 255))
            pc += 1
          }
        case .rangeLoop:
          fuel &-= 1
          if fuel < 0 {
            frame.pointee.pc = pc
            fuel = try refuel()
          }
          let next = a.pointee.number + 1
          a.pointee = Slot(next)
          if next < a[1].number {
            put(next, base + Int(word >> 16 & 255))
            pc += Int(Int32(bitPattern: pc.pointee))
          }
          pc += 1
        case .iteratePrepare:
          frame.pointee.pc = pc
          self.fuel = fuel
          try prepareIteration(a)
          fuel = self.fuel
        case .iterateNext:
          let source = base + Int(word >> 16 & 255)
          if source.pointee.meta == Tag.list {
            let (storage, size) = source.pointee.unmanaged(ListObject.self)
              ._withUnsafeGuaranteedRef { ($0.storage, $0.size) }
            let index = Int(truncatingIfNeeded: source[1].bits)
            if index < size {
              source[1].bits = UInt64(truncatingIfNeeded: index &+ 1)
              assign(retained(storage[index]), to: a)
              try branch(&pc, &fuel, frame)
            }
            pc += 1
          } else {
            frame.pointee.pc = pc
            self.fuel = fuel
            let next = try nextElement(source)
            fuel = self.fuel
            if let next {
              assign(next, to: a)
              try branch(&pc, &fuel, frame)
            }
            pc += 1
          }
        case .unpack:
          frame.pointee.pc = pc
          try unpack(a, base + Int(word >> 16 & 255), Int(word >> 24))
          releaseTemporary(a, base, code)
        case .interpolate:
          let parts = Int(pc.pointee)
          pc += 1
          frame.pointee.pc = pc
          assign(try interpolate(code, parts, base + Int(word >> 16 & 255)), to: a)

        // MARK: Types and modules
        case .checkParameters:
          frame.pointee.pc = pc
          try checkParameters(code, base)
        case .checkResult:
          frame.pointee.pc = pc
          try checkResult(code, Int(word >> 16), base, a)
        case .importModule:
          frame.pointee.pc = pc
          self.fuel = fuel
          let module = try importModule(constants[Int(word >> 16)], from: code)
          fuel = self.fuel
          assign(module, to: a)
        }
      }

      // A call of the script function in `callee`, whose parameters are in the registers after it.
      let function = callee.pointee.unmanaged(FunctionObject.self)
      code = function._withUnsafeGuaranteedRef { Unmanaged.passUnretained($0.code) }
      fuel &-= 1
      if fuel < 0 { fuel = try refuel() }
      frame += 1
      if frame == framesEnd || callee > stackEnd { throw tooDeep() }
      base = callee + 1
      let words: UnsafeMutablePointer<UInt32>
      (words, constants, globals) = code._withUnsafeGuaranteedRef {
        ($0.words, $0.constants, $0.globals)
      }
      pc = words
      frame.pointee = Frame(code: code, pc: pc, base: base, result: result)
      depth &+= 1
    }
  }

  /// Takes the jump at `pc`; one that goes backward uses fuel.
  @inline(__always) private func branch(
    _ pc: inout UnsafeMutablePointer<UInt32>, _ fuel: inout Int,
    _ frame: UnsafeMutablePointer<Frame>
  ) throws {
    let offset = Int(Int32(bitPattern: pc.pointee))
    if offset < 0 {
      fuel &-= 1
      if fuel < 0 {
        frame.pointee.pc = pc
        fuel = try refuel()
      }
    }
    pc += offset
  }

  @inline(__always) private func cellValue(_ cell: Slot) -> Slot {
    cell.unmanaged(CellObject.self)._withUnsafeGuaranteedRef { $0.value }
  }

  /// Refuses to keep a batched value in a variable captured from outside of its batched call.
  @inline(never) private func checkCaptured(_ value: Slot, _ cell: Slot) throws {
    try checkKept(value, in: cell.object(CellObject.self).batchDepth, "a captured variable")
  }

  /// Refuses to keep a batched value in a model made outside of its batched call.
  @inline(never) func checkKept(_ value: Slot, inField instance: Slot) throws {
    try checkKept(value, in: instance.object(HeapObject.self).batchDepth, "a model's state")
  }

  /// Stores a value, whose count moves in, in a cell.
  @inline(__always) private func setCell(_ cell: Slot, _ value: Slot) {
    let old = cell.unmanaged(CellObject.self)._withUnsafeGuaranteedRef {
      let old = $0.value
      $0.value = value
      return old
    }
    release(old)
  }

  @inline(__always) private func takeCell(_ cell: Slot, to target: Registers) {
    let value = cellValue(cell)
    if value.isTensor, heap.batchDepth == 0 {
      cell.unmanaged(CellObject.self)._withUnsafeGuaranteedRef { $0.value = .nil }
    } else {
      retain(value)
    }
    assign(value, to: target)
  }

  /// The number as a list position; -1 if it cannot be one.
  @inline(__always) private func position(_ number: Double) -> Int {
    number >= 0 && number < 0x1p52 ? Int(number) : -1
  }

  @inline(__always) private func captures(_ base: Registers) -> Registers {
    base[-1].unmanaged(FunctionObject.self)._withUnsafeGuaranteedRef { $0.captures }
  }

  @inline(__always) private func fields(_ instance: Slot) -> Registers {
    instance.unmanaged(InstanceObject.self)._withUnsafeGuaranteedRef { $0.fields }
  }

  /// Where the value of a member is, if it is still where the instruction found it last time.
  @inline(__always) private func cachedPlace(
    _ object: Slot, _ key: Slot, _ hint: UInt32
  ) -> Registers? {
    let hint = Int(hint)
    if object.meta == Tag.dict {
      let (entries, used) = object.unmanaged(DictObject.self)._withUnsafeGuaranteedRef {
        ($0.entries, $0.used)
      }
      if hint < used && entries[hint].key.bits == key.bits { return entries.value(at: hint) }
    } else if object.meta == Tag.instance {
      let (layout, fields) = object.unmanaged(InstanceObject.self)._withUnsafeGuaranteedRef {
        ($0.layout, $0.fields)
      }
      let isThere = layout._withUnsafeGuaranteedRef {
        hint < $0.fieldCount && $0.keys[hint].bits == key.bits
      }
      if isThere { return fields + hint }
    }
    return nil
  }

  /// Copies a value into a register; a tensor is moved, so that the register holds its only count. In a batched call, where the
  /// assignment that follows may be refused, it stays.
  @inline(__always) private func takeTensor(_ place: Registers, to target: Registers) {
    let value = place.pointee
    if value.isTensor, heap.batchDepth == 0 { place.pointee = .nil } else { retain(value) }
    assign(value, to: target)
  }

  /// Releases an operand that was a temporary.
  @inline(__always) func releaseTemporary(
    _ register: Registers, _ base: Registers, _ code: Unmanaged<Code>
  ) {
    if register - base >= code._withUnsafeGuaranteedRef({ $0.firstTemporary }) {
      assign(.nil, to: register)
    }
  }
}
