internal import Model

/// The server's side of one connection, without I/O: it says how many bytes it wants next, is given exactly those, and says what to do.
///
/// It never wants more than `Protocol.longestOption` bytes at once and keeps none of them: what a peer can make it hold is bounded. The payload of a
/// write goes past it, from the socket to where it belongs.
struct ServerMachine {
  /// What to do, in order.
  enum Step: Equatable, Sendable {
    case send([UInt8])
    case serve(NBDRequest)
    /// The peer says that it is done.
    case leave
  }

  private enum State: Equatable {
    case clientFlags
    case option
    case optionData(UInt32)
    case request
    case skipping(Int, then: [UInt8])
  }

  /// Bytes to give to the next `take`.
  private(set) var wants = 4
  /// Whether replies are structured.
  private(set) var isStructured = false
  /// Whether the peer may ask for `base:allocation`.
  private(set) var hasContext = false
  let export: ExportFacts
  private var state = State.clientFlags
  private var sendsZeroes = true
  private var options = 0

  init(_ export: ExportFacts) { self.export = export }

  /// Whether requests may come.
  var isServing: Bool {
    switch state {
    case .request, .skipping: true
    case .clientFlags, .option, .optionData: false
    }
  }

  /// The first words.
  static var greeting: [UInt8] {
    var packed = Packed()
    packed.add(Protocol.greeting)
    packed.add(Protocol.optionMagic)
    packed.add(Protocol.fixedNewstyle | Protocol.noZeroes)
    return packed.bytes
  }

  /// Takes the bytes that it wanted. Throws `source_failed` for what makes the connection useless.
  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) -> [Step] {
    var message = Unpacked(bytes)
    switch state {
    case .clientFlags:
      let flags = try message.u32()
      guard flags & 1 != 0, flags & ~3 == 0 else { throw .violation("handshake flags that are not of fixed newstyle") }
      sendsZeroes = flags & 2 == 0
      want(16, .option)
      return []
    case .option:
      guard try message.u64() == Protocol.optionMagic else { throw .violation("an option without its magic number") }
      let option = try message.u32()
      let length = try message.u32()
      options += 1
      guard options <= Protocol.mostOptions else { throw .violation("options without end") }
      guard length <= UInt32(Protocol.longestOption) else { throw .violation("an option of \(length) bytes") }
      guard length > 0 else { return try negotiate(option, Unpacked([])) }
      want(Int(length), .optionData(option))
      return []
    case .optionData(let option):
      return try negotiate(option, message)
    case .request:
      return try request(&message)
    case .skipping(let left, let reply):
      if left > bytes.count {
        skip(left - bytes.count, then: reply)
        return []
      }
      want(28, .request)
      return [.send(reply)]
    }
  }

  /// The payload of a write was taken from the socket.
  mutating func payloadTaken() { want(28, .request) }

  private mutating func want(_ count: Int, _ state: State) {
    wants = count
    self.state = state
  }

  mutating func skip(_ left: Int, then reply: [UInt8]) { want(min(left, Protocol.longestOption), .skipping(left, then: reply)) }

  // MARK: Handshake

  private mutating func negotiate(_ option: UInt32, _ data: Unpacked) throws(SlipwayError) -> [Step] {
    want(16, .option)
    var data = data
    switch option {
    case Protocol.Option.exportName:
      guard try isOurs(data.text(data.rest)) else { throw .violation("the name of an export that is not here") }
      want(28, .request)
      var packed = Packed()
      packed.add(UInt64(export.size))
      packed.add(export.flags)
      if sendsZeroes { packed.zeros(124) }
      return [.send(packed.bytes)]
    case Protocol.Option.abort:
      return [.send(answer(option, Protocol.Answer.ack)), .leave]
    case Protocol.Option.list:
      guard data.rest == 0 else { return [.send(answer(option, Protocol.Answer.invalid))] }
      var entry = Packed()
      entry.add(UInt32(export.name.utf8.count))
      entry.add(export.name)
      return [.send(answer(option, Protocol.Answer.server, entry.bytes) + answer(option, Protocol.Answer.ack))]
    case Protocol.Option.structuredReply:
      guard data.rest == 0 else { return [.send(answer(option, Protocol.Answer.invalid))] }
      isStructured = true
      return [.send(answer(option, Protocol.Answer.ack))]
    case Protocol.Option.info, Protocol.Option.go:
      return [.send(describe(option, &data))]
    case Protocol.Option.listMetaContext, Protocol.Option.setMetaContext:
      return [.send(contexts(option, &data))]
    default:
      return [.send(answer(option, Protocol.Answer.unsupported))]
    }
  }

  private func isOurs(_ name: String) -> Bool { name.isEmpty || name == export.name }

  private mutating func describe(_ option: UInt32, _ data: inout Unpacked) -> [UInt8] {
    do throws(SlipwayError) {
      let name = try data.text(Int(try data.u32()))
      let count = Int(try data.u16())
      guard data.rest == count * 2, name.utf8.count <= Protocol.longestName else { return answer(option, Protocol.Answer.invalid) }
      guard isOurs(name) else { return answer(option, Protocol.Answer.unknown) }
    } catch {
      return answer(option, Protocol.Answer.invalid)
    }
    var facts = Packed()
    facts.add(Protocol.infoExport)
    facts.add(UInt64(export.size))
    facts.add(export.flags)
    var blocks = Packed()
    blocks.add(Protocol.infoBlockSize)
    blocks.add(UInt32(1))
    blocks.add(UInt32(4096))
    blocks.add(UInt32(export.longest))
    if option == Protocol.Option.go { want(28, .request) }
    return answer(option, Protocol.Answer.info, facts.bytes) + answer(option, Protocol.Answer.info, blocks.bytes)
      + answer(option, Protocol.Answer.ack)
  }

  private mutating func contexts(_ option: UInt32, _ data: inout Unpacked) -> [UInt8] {
    let isSet = option == Protocol.Option.setMetaContext
    if isSet { hasContext = false }
    guard isStructured else { return answer(option, Protocol.Answer.invalid) }
    var found = false
    do throws(SlipwayError) {
      let name = try data.text(Int(try data.u32()))
      let count = try data.u32()
      for _ in 0..<min(count, UInt32(Protocol.longestOption)) {
        let query = try data.text(Int(try data.u32()))
        if query == Protocol.context || (!isSet && query == "base:") { found = true }
      }
      guard data.rest == 0 else { return answer(option, Protocol.Answer.invalid) }
      guard isOurs(name) else { return answer(option, Protocol.Answer.unknown) }
      if !isSet, count == 0 { found = true }
    } catch {
      return answer(option, Protocol.Answer.invalid)
    }
    guard found, export.canRead else { return answer(option, Protocol.Answer.ack) }
    hasContext = isSet
    var entry = Packed()
    entry.add(isSet ? Protocol.contextID : 0)
    entry.add(Protocol.context)
    return answer(option, Protocol.Answer.metaContext, entry.bytes) + answer(option, Protocol.Answer.ack)
  }

  private func answer(_ option: UInt32, _ type: UInt32, _ data: [UInt8] = []) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.optionReplyMagic)
    packed.add(option)
    packed.add(type)
    packed.add(UInt32(data.count))
    packed.add(data)
    return packed.bytes
  }
}
