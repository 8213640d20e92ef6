internal import Model

/// What a server told before the first request.
struct ServerFacts: Equatable, Sendable {
  var size: Int64
  var flags: UInt16
  var isStructured = false
  /// The id of `base:allocation`, nil where the server has none.
  var context: UInt32?
  /// The longest read or write, in bytes.
  var longest = 32 << 20
}

/// The client's side of the handshake, without I/O: as `ServerMachine`, it says how many bytes it wants next.
///
/// It asks for structured replies, for `base:allocation`, and for the export, in this order; a server that is not fixed newstyle is refused.
struct ClientHandshake {
  enum Step: Equatable, Sendable {
    case send([UInt8])
    case ready(ServerFacts)
  }

  private enum State: Equatable {
    case greeting
    case reply
    case replyData(option: UInt32, type: UInt32)
  }

  private(set) var wants = 18
  private let export: String
  private var state = State.greeting
  private var facts = ServerFacts(size: -1, flags: 0)
  private var asked = Protocol.Option.structuredReply
  private var replies = 0

  init(export: String) { self.export = export }

  /// Takes the bytes that it wanted. Throws `source_failed` for a server that it cannot use.
  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) -> [Step] {
    var message = Unpacked(bytes)
    switch state {
    case .greeting:
      guard try message.u64() == Protocol.greeting, try message.u64() == Protocol.optionMagic,
        try message.u16() & Protocol.fixedNewstyle != 0
      else { throw .violation("a greeting that is not of fixed newstyle") }
      want(20, .reply)
      var flags = Packed()
      flags.add(UInt32(Protocol.fixedNewstyle | Protocol.noZeroes))
      return [.send(flags.bytes + ask(Protocol.Option.structuredReply))]
    case .reply:
      guard try message.u64() == Protocol.optionReplyMagic else { throw .violation("an answer without its magic number") }
      let option = try message.u32()
      let type = try message.u32()
      let length = try message.u32()
      replies += 1
      guard option == asked else { throw .violation("an answer to an option that was not sent") }
      guard replies <= Protocol.mostOptions else { throw .violation("answers without end") }
      guard length <= UInt32(Protocol.longestOption) else { throw .violation("an answer of \(length) bytes") }
      guard length > 0 else { return try answered(type, Unpacked([])) }
      want(Int(length), .replyData(option: option, type: type))
      return []
    case .replyData(_, let type):
      return try answered(type, message)
    }
  }

  private mutating func want(_ count: Int, _ state: State) {
    wants = count
    self.state = state
  }

  private mutating func answered(_ type: UInt32, _ data: Unpacked) throws(SlipwayError) -> [Step] {
    want(20, .reply)
    var data = data
    let isOver = type == Protocol.Answer.ack || type & Protocol.Answer.error != 0
    switch asked {
    case Protocol.Option.structuredReply:
      guard isOver else { throw .violation("an answer that does not belong to its option") }
      facts.isStructured = type == Protocol.Answer.ack
      return [.send(facts.isStructured ? askContext() : askExport())]
    case Protocol.Option.setMetaContext:
      if type == Protocol.Answer.metaContext {
        let id = try data.u32()
        if try data.text(data.rest) == Protocol.context { facts.context = id }
        return []
      }
      guard isOver else { throw .violation("an answer that does not belong to its option") }
      if type != Protocol.Answer.ack { facts.context = nil }
      return [.send(askExport())]
    default:
      if type == Protocol.Answer.info {
        try learn(&data)
        return []
      }
      guard type == Protocol.Answer.ack else {
        throw SlipwayError(.sourceFailed, "the NBD server does not give the export '\(export)' (answer \(type & 0xFFFF))")
      }
      guard facts.size >= 0 else { throw .violation("no size of its export") }
      return [.ready(facts)]
    }
  }

  private mutating func learn(_ data: inout Unpacked) throws(SlipwayError) {
    switch try data.u16() {
    case Protocol.infoExport:
      let size = try data.u64()
      facts.flags = try data.u16()
      guard size <= UInt64(Int64.max) else { throw .violation("an export of \(size) bytes") }
      facts.size = Int64(size)
    case Protocol.infoBlockSize:
      _ = (try data.u32(), try data.u32())
      let most = try data.u32()
      guard most >= 4096 else { throw .violation("a longest request of \(most) bytes") }
      facts.longest = min(facts.longest, Int(most))
    default: return
    }
  }

  private mutating func ask(_ option: UInt32, _ data: [UInt8] = []) -> [UInt8] {
    asked = option
    var packed = Packed()
    packed.add(Protocol.optionMagic)
    packed.add(option)
    packed.add(UInt32(data.count))
    packed.add(data)
    return packed.bytes
  }

  private mutating func askContext() -> [UInt8] {
    var data = Packed()
    data.add(UInt32(export.utf8.count))
    data.add(export)
    data.add(UInt32(1))
    data.add(UInt32(Protocol.context.utf8.count))
    data.add(Protocol.context)
    return ask(Protocol.Option.setMetaContext, data.bytes)
  }

  private mutating func askExport() -> [UInt8] {
    var data = Packed()
    data.add(UInt32(export.utf8.count))
    data.add(export)
    data.add(UInt16(1))
    data.add(Protocol.infoBlockSize)
    return ask(Protocol.Option.go, data.bytes)
  }
}
