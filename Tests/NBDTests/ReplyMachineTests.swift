import Model
import Testing

@testable import NBD

/// What a client makes of what servers answer, well-meaning and not.
@Suite struct ReplyMachineTests {
  private func machine(_ request: Awaited, structured: Bool = true) -> ReplyMachine {
    var machine = ReplyMachine(ServerFacts(size: 1 << 20, flags: 0, isStructured: structured, context: structured ? 1 : nil))
    machine.expect(request, cookie: 5)
    return machine
  }

  private let read = Awaited(command: .read, offset: 1000, length: 100)

  private func chunk(_ type: UInt16, done: Bool = true, cookie: UInt64 = 5, length: UInt32) -> [UInt8] {
    var packed = Packed()
    packed.add(UInt16(done ? 1 : 0))
    packed.add(type)
    packed.add(cookie)
    packed.add(length)
    return packed.bytes
  }

  private func begin(_ machine: inout ReplyMachine) throws {
    _ = try machine.take([0x66, 0x8E, 0x33, 0xEF])
    #expect(machine.wants == 16)
  }

  private func number(_ value: UInt64) -> [UInt8] {
    var packed = Packed()
    packed.add(value)
    return packed.bytes
  }

  private func hole(_ offset: UInt64, _ count: UInt32) -> [UInt8] {
    var packed = Packed()
    packed.add(offset)
    packed.add(count)
    return packed.bytes
  }

  @Test func dataAndAHoleMakeARead() throws {
    var machine = machine(read)
    try begin(&machine)
    _ = try machine.take(chunk(1, done: false, length: 48))
    #expect(try machine.take(number(1060)) == [.data(cookie: 5, range: 60..<100)])
    try begin(&machine)
    _ = try machine.take(chunk(2, length: 12))
    #expect(try machine.take(hole(1000, 60)) == [.zeros(cookie: 5, range: 0..<60), .done(cookie: 5)])
  }

  @Test(arguments: [(UInt64(999), UInt32(9)), (1099, 10), (1100, 9), (UInt64.max, 9), (0, 108), (1000, 109)] as [(UInt64, UInt32)])
  func bytesThatWereNotAskedForEndTheConnection(_ offset: UInt64, _ length: UInt32) throws {
    var machine = machine(read)
    try begin(&machine)
    #expect(throws: SlipwayError.self) {
      _ = try machine.take(chunk(1, length: length))
      _ = try machine.take(number(offset))
    }
  }

  @Test(arguments: [(UInt64(1000), UInt32(10)), (1005, 1), (1009, 50), (1000, 100)] as [(UInt64, UInt32)])
  func bytesThatComeTwiceEndTheConnection(_ offset: UInt64, _ count: UInt32) throws {
    var machine = machine(read)
    try begin(&machine)
    _ = try machine.take(chunk(2, done: false, length: 12))
    _ = try machine.take(hole(1000, 10))
    try begin(&machine)
    _ = try machine.take(chunk(2, length: 12))
    #expect(throws: SlipwayError.self) { try machine.take(hole(offset, count)) }
  }

  @Test func successWithoutAllBytesEndsTheConnection() throws {
    var machine = machine(read)
    try begin(&machine)
    _ = try machine.take(chunk(2, done: false, length: 12))
    _ = try machine.take(hole(1000, 99))
    try begin(&machine)
    #expect(throws: SlipwayError.self) { try machine.take(chunk(0, length: 0)) }
  }

  @Test func anUnknownCookieEndsTheConnection() throws {
    var machine = machine(read)
    try begin(&machine)
    #expect(throws: SlipwayError.self) { try machine.take(chunk(1, cookie: 6, length: 20)) }
  }

  @Test func aChunkThatIsTooLongIsRefusedBeforeItIsRead() throws {
    for type: UInt16 in [1, 2, 5, 1 << 15 | 1, 1 << 15 | 900] {
      var machine = machine(read)
      try begin(&machine)
      #expect(throws: SlipwayError.self) { try machine.take(chunk(type, length: .max)) }
    }
  }

  @Test func aSimpleReplyToAReadIsRefusedWhereStructuredOnesWereAgreed() throws {
    var machine = machine(read)
    _ = try machine.take([0x67, 0x44, 0x66, 0x98])
    #expect(throws: SlipwayError.self) { try machine.take([0, 0, 0, 0] + number(5)) }
  }

  @Test func aSimpleReplyBringsAllBytes() throws {
    var machine = machine(read, structured: false)
    _ = try machine.take([0x67, 0x44, 0x66, 0x98])
    #expect(try machine.take([0, 0, 0, 0] + number(5)) == [.data(cookie: 5, range: 0..<100), .done(cookie: 5)])
  }

  @Test func anErrorEndsTheRequestAlone() throws {
    var machine = machine(read)
    try begin(&machine)
    _ = try machine.take(chunk(1 << 15 | 1, length: 8))
    #expect(try machine.take([0, 0, 0, 28, 0, 2, 65, 66]) == [.done(cookie: 5)])
    #expect(machine.remove(5)?.error == 28)
  }

  @Test(arguments: [[0, 0, 0, 0, 0, 0], [0, 0, 0, 5, 0, 1], [0, 0, 0, 5]] as [[UInt8]])
  func anErrorThatLiesEndsTheConnection(_ payload: [UInt8]) throws {
    var machine = machine(read)
    try begin(&machine)
    _ = try machine.take(chunk(1 << 15 | 1, length: UInt32(payload.count)))
    #expect(throws: SlipwayError.self) { try machine.take(payload) }
  }

  @Test func extentsAreCutToWhatWasAsked() throws {
    var machine = machine(Awaited(command: .blockStatus, offset: 4096, length: 8192))
    try begin(&machine)
    _ = try machine.take(chunk(5, length: 20))
    var packed = Packed()
    for value: UInt32 in [1, 4096, 3, .max, 0] { packed.add(value) }
    #expect(try machine.take(packed.bytes) == [.done(cookie: 5)])
    #expect(
      machine.remove(5)?.extents == [
        Extent(offset: 4096, length: 4096, isData: false), Extent(offset: 8192, length: 4096, isData: true),
      ])
  }

  @Test(arguments: [[2, 4096, 0], [1, 0, 0], [1], [1, 4096]] as [[UInt32]])
  func extentsThatLieEndTheConnection(_ values: [UInt32]) throws {
    var machine = machine(Awaited(command: .blockStatus, offset: 0, length: 8192))
    try begin(&machine)
    #expect(throws: SlipwayError.self) {
      _ = try machine.take(chunk(5, length: UInt32(values.count * 4)))
      var packed = Packed()
      for value in values { packed.add(value) }
      _ = try machine.take(packed.bytes)
    }
  }

  @Test func noFloodOfRandomBytesBreaksIt() {
    var generator = SplitMix(seed: 11)
    for _ in 0..<3000 {
      var machine = machine(read)
      do {
        for _ in 0..<30 {
          #expect(machine.wants <= 1 << 20)
          var bytes = (0..<machine.wants).map { _ in UInt8.random(in: 0...255, using: &generator) }
          if machine.wants == 4 { bytes = [0x66, 0x8E, 0x33, 0xEF] }
          if machine.wants == 16 {
            bytes = chunk(
              [0, 1, 2, 5, 32769, 32770].randomElement(using: &generator) ?? 0, done: .random(using: &generator),
              length: .random(in: 0...120, using: &generator))
          }
          for step in try machine.take(bytes) {
            switch step {
            case .data(_, let range), .zeros(_, let range): #expect(range.lowerBound >= 0 && range.upperBound <= 100)
            case .done: break
            }
          }
        }
      } catch {
        continue
      }
    }
  }

  // MARK: Handshake

  @Test func aHandshakeAsksForAllThatItUses() throws {
    var server = ServerMachine(ExportFacts(size: 12345, longest: 65536))
    var client = ClientHandshake(export: "")
    var toClient = ServerMachine.greeting
    var toServer: [UInt8] = []
    var facts: ServerFacts?
    while facts == nil {
      while toClient.count >= client.wants {
        let bytes = Array(toClient.prefix(client.wants))
        toClient.removeFirst(client.wants)
        for step in try client.take(bytes) {
          switch step {
          case .send(let more): toServer += more
          case .ready(let told): facts = told
          }
        }
        if facts != nil { break }
      }
      while toServer.count >= server.wants, !server.isServing {
        let bytes = Array(toServer.prefix(server.wants))
        toServer.removeFirst(server.wants)
        for case .send(let more) in try server.take(bytes) { toClient += more }
      }
    }
    #expect(facts?.size == 12345)
    #expect(facts?.isStructured == true)
    #expect(facts?.context == 1)
    #expect(facts?.longest == 65536)
    #expect(server.hasContext)
  }

  @Test(arguments: [
    Array("NBDMAGIC".utf8) + [0, 0, 0x42, 2, 0x81, 0x86, 0x12, 0x53, 0, 1],
    Array("NBDMAGIC".utf8) + Array("IHAVEOPT".utf8) + [0, 0],
    [UInt8](repeating: 0, count: 18),
  ])
  func aServerOfAnotherKindIsRefused(_ greeting: [UInt8]) {
    var client = ClientHandshake(export: "")
    #expect(throws: SlipwayError.self) { try client.take(greeting) }
  }

  @Test func anAnswerToAnotherOptionIsRefused() throws {
    var client = ClientHandshake(export: "")
    _ = try client.take(ServerMachine.greeting)
    var packed = Packed()
    packed.add(Protocol.optionReplyMagic)
    packed.add(Protocol.Option.go)
    packed.add(Protocol.Answer.ack)
    packed.add(UInt32(0))
    #expect(throws: SlipwayError.self) { try client.take(packed.bytes) }
  }
}
