import Model
import Testing

@testable import NBD

/// What a server makes of what peers send, well-meaning and not.
@Suite struct ServerMachineTests {
  private static let size: Int64 = 1 << 20

  /// A machine past the handshake; `structured` as most clients ask, with `base:allocation`.
  private func serving(canWrite: Bool = false, structured: Bool = true) throws -> ServerMachine {
    var machine = ServerMachine(ExportFacts(size: Self.size, canWrite: canWrite, longest: 65536))
    _ = try machine.take([0, 0, 0, 3])
    if structured {
      _ = try option(&machine, 8)
      _ = try option(&machine, 10, context("base:allocation"))
    }
    _ = try option(&machine, 7, go(""))
    try #require(machine.isServing)
    return machine
  }

  private func option(_ machine: inout ServerMachine, _ number: UInt32, _ data: [UInt8] = []) throws -> [ServerMachine.Step] {
    var packed = Packed()
    packed.add(Protocol.optionMagic)
    packed.add(number)
    packed.add(UInt32(data.count))
    let steps = try machine.take(packed.bytes)
    return data.isEmpty ? steps : try machine.take(data)
  }

  private func go(_ name: String) -> [UInt8] {
    var packed = Packed()
    packed.add(UInt32(name.utf8.count))
    packed.add(name)
    packed.add(UInt16(0))
    return packed.bytes
  }

  private func context(_ query: String) -> [UInt8] {
    var packed = Packed()
    packed.add(UInt32(0))
    packed.add(UInt32(1))
    packed.add(UInt32(query.utf8.count))
    packed.add(query)
    return packed.bytes
  }

  private func request(_ type: UInt16, _ offset: UInt64, _ length: UInt32, flags: UInt16 = 0, magic: UInt32 = Protocol.requestMagic)
    -> [UInt8]
  {
    var packed = Packed()
    packed.add(magic)
    packed.add(flags)
    packed.add(type)
    packed.add(UInt64(77))
    packed.add(offset)
    packed.add(length)
    return packed.bytes
  }

  /// The error in a structured reply.
  private func refused(_ steps: [ServerMachine.Step]) throws -> UInt32 {
    guard case .send(let bytes) = try #require(steps.first), steps.count == 1 else { return 0 }
    var message = Unpacked(bytes)
    #expect(try message.u32() == Protocol.structuredReplyMagic)
    _ = try message.u16()
    #expect(try message.u16() == Protocol.Chunk.error + 1)
    #expect(try message.u64() == 77)
    #expect(try message.u32() == 6)
    return try message.u32()
  }

  @Test func aRequestWithinTheExportIsServed() throws {
    var machine = try serving()
    #expect(
      try machine.take(request(0, 4096, 512))
        == [.serve(NBDRequest(command: .read, flags: 0, cookie: 77, offset: 4096, length: 512))])
    #expect(machine.wants == 28)
  }

  @Test(
    arguments: [
      (UInt64(1 << 20), UInt32(1)), (UInt64((1 << 20) - 1), 2), (UInt64.max, 1), (UInt64.max - 1, 4), (UInt64(1) << 63, 512), (0, 0),
      (0, 65537), (0, UInt32.max),
    ] as [(UInt64, UInt32)])
  func aReadOutsideTheExportOrTooLongIsInvalid(_ offset: UInt64, _ length: UInt32) throws {
    var machine = try serving()
    #expect(try refused(machine.take(request(0, offset, length))) == WireError.invalid)
    #expect(machine.wants == 28)
  }

  @Test func aWriteToWhatIsReadOnlyIsSkippedAndRefused() throws {
    var machine = try serving()
    #expect(try machine.take(request(1, 0, 40000)) == [])
    #expect(machine.wants == Protocol.longestOption)
    #expect(try machine.take([UInt8](repeating: 1, count: 16384)) == [])
    #expect(try machine.take([UInt8](repeating: 1, count: 16384)) == [])
    #expect(machine.wants == 40000 - 32768)
    #expect(try refused(machine.take([UInt8](repeating: 1, count: 40000 - 32768))) == WireError.notPermitted)
    #expect(machine.wants == 28)
  }

  @Test func aWriteBehindTheEndIsSkippedAndRefused() throws {
    var machine = try serving(canWrite: true)
    #expect(try machine.take(request(1, UInt64(Self.size) - 10, 11)) == [])
    #expect(try refused(machine.take([UInt8](repeating: 1, count: 11))) == WireError.noSpace)
  }

  @Test func aWriteThatIsTooLongEndsTheConnection() throws {
    var machine = try serving(canWrite: true)
    #expect(throws: SlipwayError.self) { try machine.take(request(1, 0, 65537)) }
  }

  @Test func aRequestWithoutItsMagicEndsTheConnection() throws {
    var machine = try serving()
    #expect(throws: SlipwayError.self) { try machine.take(request(0, 0, 512, magic: 0x1234_5678)) }
  }

  @Test(arguments: [(UInt16(5), UInt16(0)), (8, 0), (999, 0), (0, 1 << 4), (0, 0x8000), (7, 4)] as [(UInt16, UInt16)])
  func unknownRequestsAndFlagsAreInvalid(_ type: UInt16, _ flags: UInt16) throws {
    var machine = try serving()
    #expect(try refused(machine.take(request(type, 0, 512, flags: flags))) == WireError.invalid)
  }

  @Test func extentsAreNotToldToWhomDidNotAskForTheContext() throws {
    var machine = try serving(structured: false)
    guard case .send(let bytes) = try #require(machine.take(request(7, 0, 512)).first) else {
      Issue.record("no refusal")
      return
    }
    var message = Unpacked(bytes)
    #expect(try message.u32() == Protocol.simpleReplyMagic)
    #expect(try message.u32() == WireError.invalid)
  }

  @Test func zerosOfAnyLengthAreOneRequest() throws {
    var machine = try serving(canWrite: true)
    #expect(
      try machine.take(request(6, 0, UInt32(Self.size)))
        == [.serve(NBDRequest(command: .writeZeroes, flags: 0, cookie: 77, offset: 0, length: Int(Self.size)))])
  }

  @Test func leavingNeedsNoAnswer() throws {
    var machine = try serving()
    #expect(try machine.take(request(2, 0, 0)) == [.leave])
  }

  // MARK: Handshake

  @Test(arguments: [[0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 5], [255, 255, 255, 255]] as [[UInt8]])
  func aClientThatIsNotOfFixedNewstyleIsRefused(_ flags: [UInt8]) {
    var machine = ServerMachine(ExportFacts(size: 1))
    #expect(throws: SlipwayError.self) { try machine.take(flags) }
  }

  @Test func anOptionThatIsTooLongIsRefusedBeforeItIsRead() throws {
    var machine = ServerMachine(ExportFacts(size: 1))
    _ = try machine.take([0, 0, 0, 1])
    var packed = Packed()
    packed.add(Protocol.optionMagic)
    packed.add(UInt32(7))
    packed.add(UInt32.max)
    #expect(throws: SlipwayError.self) { try machine.take(packed.bytes) }
  }

  @Test func optionsWithoutEndAreRefused() throws {
    var machine = ServerMachine(ExportFacts(size: 1))
    _ = try machine.take([0, 0, 0, 1])
    for _ in 0..<Protocol.mostOptions { _ = try option(&machine, 3) }
    #expect(throws: SlipwayError.self) { try option(&machine, 3) }
  }

  @Test func anotherExportIsUnknownAndTheNextQuestionAnswered() throws {
    var machine = ServerMachine(ExportFacts(size: 1))
    _ = try machine.take([0, 0, 0, 1])
    guard case .send(let bytes) = try #require(option(&machine, 7, go("other")).first) else {
      Issue.record("no answer")
      return
    }
    #expect(Array(bytes[12..<16]) == [0x80, 0, 0, 6])
    #expect(!machine.isServing)
    _ = try option(&machine, 7, go(""))
    #expect(machine.isServing)
  }

  @Test(
    arguments: [
      [0, 0, 0, 200, 0, 0], [255, 255, 255, 255, 0, 0], [0, 0, 0, 0, 0, 9], [0, 0, 0, 0], [0], [0, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]])
  func aQuestionThatLiesAboutItsLengthIsInvalid(_ data: [UInt8]) throws {
    var machine = ServerMachine(ExportFacts(size: 1))
    _ = try machine.take([0, 0, 0, 1])
    guard case .send(let bytes) = try #require(option(&machine, 7, data).first) else {
      Issue.record("no answer")
      return
    }
    #expect(Array(bytes[12..<16]) == [0x80, 0, 0, 3])
    #expect(!machine.isServing)
  }

  @Test(
    arguments: [[0, 0, 0, 0, 255, 255, 255, 255], [0, 0, 0, 0, 0, 0, 0, 1, 127, 255, 255, 255], [0, 0, 0, 0, 0, 0, 0, 0, 9]] as [[UInt8]])
  func aListOfContextsThatLiesIsInvalid(_ data: [UInt8]) throws {
    var machine = ServerMachine(ExportFacts(size: 1))
    _ = try machine.take([0, 0, 0, 1])
    _ = try option(&machine, 8)
    guard case .send(let bytes) = try #require(option(&machine, 10, data).first) else {
      Issue.record("no answer")
      return
    }
    #expect(Array(bytes[12..<16]) == [0x80, 0, 0, 3])
    #expect(!machine.hasContext)
  }

  @Test func noFloodOfRandomBytesBreaksIt() {
    var generator = SplitMix(seed: 7)
    for _ in 0..<2000 {
      var machine = ServerMachine(ExportFacts(size: 4096, canWrite: true, longest: 65536))
      do {
        for round in 0..<40 {
          #expect(machine.wants <= Protocol.longestOption)
          var bytes = (0..<machine.wants).map { _ in UInt8.random(in: 0...255, using: &generator) }
          // Near enough to right that it goes on.
          if round == 0 { bytes = [0, 0, 0, 3] }
          if machine.wants == 16 {
            var packed = Packed()
            packed.add(Protocol.optionMagic)
            packed.add(UInt32.random(in: 1...11, using: &generator))
            packed.add(UInt32.random(in: 0...40, using: &generator))
            bytes = packed.bytes
          } else if machine.wants == 28 {
            bytes = request(
              .random(in: 0...9, using: &generator), .random(in: 0...5000, using: &generator), .random(in: 0...70000, using: &generator))
          }
          for step in try machine.take(bytes) {
            guard case .serve(let request) = step else { continue }
            #expect(request.offset + Int64(request.length) <= 4096)
            if request.command == .write { machine.payloadTaken() }
          }
        }
      } catch {
        continue
      }
    }
  }
}

struct SplitMix: RandomNumberGenerator {
  var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
