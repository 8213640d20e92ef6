internal import Model

/// What a client waits for: one request of its own that is under way.
struct Awaited: Sendable {
  let command: Protocol.Command
  let offset: Int64
  let length: Int
  /// The ranges of a read that have come, ascending and apart; or extents.
  fileprivate(set) var covered: [Range<Int>] = []
  fileprivate(set) var extents: [Extent] = []
  fileprivate(set) var error: UInt32 = 0

  init(command: Protocol.Command, offset: Int64, length: Int) {
    self.command = command
    self.offset = offset
    self.length = length
  }

  /// How many bytes of a read have come.
  var count: Int { covered.reduce(0) { $0 + $1.count } }

  /// Notes a range, unless it lies outside the request or was told before.
  fileprivate mutating func cover(_ offset: UInt64, _ count: Int) throws(SlipwayError) -> Range<Int> {
    let (start, before) = offset.subtractingReportingOverflow(UInt64(self.offset))
    guard !before, count > 0, start < UInt64(length), count <= length - Int(start) else {
      throw .violation("bytes that were not asked for")
    }
    let range = Int(start)..<Int(start) + count
    let index = covered.firstIndex { $0.lowerBound >= range.lowerBound } ?? covered.endIndex
    guard index == 0 || covered[index - 1].upperBound <= range.lowerBound,
      index == covered.endIndex || range.upperBound <= covered[index].lowerBound
    else { throw .violation("the same bytes twice") }
    guard covered.count < 4096 else { throw .violation("a reply in too many pieces") }
    covered.insert(range, at: index)
    return range
  }
}

/// The replies to a client's requests, without I/O. As `ServerMachine`: it says how many bytes it wants next, and keeps none of the data.
struct ReplyMachine {
  enum Step: Equatable, Sendable {
    /// The next `range.count` bytes on the socket belong to the read `cookie`, at `range` of its buffer.
    case data(cookie: UInt64, range: Range<Int>)
    /// `range` of the read's buffer is zeros.
    case zeros(cookie: UInt64, range: Range<Int>)
    /// The request is over.
    case done(cookie: UInt64)
  }

  private enum State: Equatable {
    case head
    case rest
    case payload(type: UInt16, cookie: UInt64, isLast: Bool)
    case dataOffset(cookie: UInt64, count: Int, isLast: Bool)
  }

  private(set) var wants = 4
  private let facts: ServerFacts
  private var state = State.head
  private var magic: UInt32 = 0
  private(set) var awaited: [UInt64: Awaited] = [:]
  /// The longest payload without data: as many extents as we would ever look at, or an error with its message.
  private static let longestPayload = 1 << 20

  init(_ facts: ServerFacts) { self.facts = facts }

  /// Whether a message has begun.
  var isInMessage: Bool { state != .head }

  mutating func expect(_ request: Awaited, cookie: UInt64) { awaited[cookie] = request }

  /// What came of a request that is over, no longer kept.
  mutating func remove(_ cookie: UInt64) -> Awaited? { awaited.removeValue(forKey: cookie) }

  /// Takes the bytes that it wanted. After `.data` those are to be taken from the socket first. Throws `source_failed`; the connection is useless then.
  mutating func take(_ bytes: [UInt8]) throws(SlipwayError) -> [Step] {
    var message = Unpacked(bytes)
    switch state {
    case .head:
      magic = try message.u32()
      guard magic == Protocol.simpleReplyMagic || (magic == Protocol.structuredReplyMagic && facts.isStructured) else {
        throw .violation("a reply without its magic number")
      }
      want(magic == Protocol.simpleReplyMagic ? 12 : 16, .rest)
      return []
    case .rest:
      return magic == Protocol.simpleReplyMagic ? try simple(&message) : try structured(&message)
    case .dataOffset(let cookie, let count, let isLast):
      want(4, .head)
      let offset = try message.u64()
      let range = try change(cookie) { request throws(SlipwayError) in try request.cover(offset, count) }
      return [.data(cookie: cookie, range: range)] + (isLast ? try finished(cookie) : [])
    case .payload(let type, let cookie, let isLast):
      want(4, .head)
      return try payload(type, cookie, &message) + (isLast ? try finished(cookie) : [])
    }
  }

  private mutating func want(_ count: Int, _ state: State) {
    wants = count
    self.state = state
  }

  private mutating func change<Value>(
    _ cookie: UInt64, _ body: (inout Awaited) throws(SlipwayError) -> Value
  ) throws(SlipwayError) -> Value {
    guard var request = awaited[cookie] else { throw .violation("a reply to a request that was not sent") }
    let value = try body(&request)
    awaited[cookie] = request
    return value
  }

  private mutating func simple(_ message: inout Unpacked) throws(SlipwayError) -> [Step] {
    let error = try message.u32()
    let cookie = try message.u64()
    want(4, .head)
    let request = try change(cookie) { request throws(SlipwayError) in
      request.error = error
      return request
    }
    guard request.command == .read || request.command == .blockStatus else { return [.done(cookie: cookie)] }
    guard !facts.isStructured, request.command == .read else { throw .violation("a simple reply where a structured one was agreed") }
    guard error == 0 else { return [.done(cookie: cookie)] }
    let range = try change(cookie) { request throws(SlipwayError) in try request.cover(UInt64(request.offset), request.length) }
    return [.data(cookie: cookie, range: range), .done(cookie: cookie)]
  }

  private mutating func structured(_ message: inout Unpacked) throws(SlipwayError) -> [Step] {
    let isLast = try message.u16() & Protocol.Chunk.done != 0
    let type = try message.u16()
    let cookie = try message.u64()
    let length = Int(try message.u32())
    let request = try change(cookie) { request throws(SlipwayError) in request }
    if type == Protocol.Chunk.offsetData {
      guard request.command == .read, length > 8, length - 8 <= request.length else { throw .violation("a chunk of \(length) bytes") }
      want(8, .dataOffset(cookie: cookie, count: length - 8, isLast: isLast))
      return []
    }
    guard length <= Self.longestPayload else { throw .violation("a chunk of \(length) bytes") }
    guard length > 0 else {
      want(4, .head)
      guard type == Protocol.Chunk.none, isLast else { throw .violation("an empty chunk") }
      return try finished(cookie)
    }
    want(length, .payload(type: type, cookie: cookie, isLast: isLast))
    return []
  }

  private mutating func payload(_ type: UInt16, _ cookie: UInt64, _ message: inout Unpacked) throws(SlipwayError) -> [Step] {
    guard let request = awaited[cookie] else { throw .violation("a reply to a request that was not sent") }
    switch type {
    case Protocol.Chunk.offsetHole:
      guard request.command == .read, message.rest == 12 else { throw .violation("a hole in what is no read") }
      let offset = try message.u64()
      let count = Int(try message.u32())
      let range = try change(cookie) { request throws(SlipwayError) in try request.cover(offset, count) }
      return [.zeros(cookie: cookie, range: range)]
    case Protocol.Chunk.blockStatus:
      guard request.command == .blockStatus, request.extents.isEmpty, message.rest % 8 == 4, message.rest > 4 else {
        throw .violation("extents that were not asked for")
      }
      guard try message.u32() == facts.context else { throw .violation("extents of another context") }
      var extents: [Extent] = []
      var position = request.offset
      let end = request.offset + Int64(request.length)
      while message.rest > 0, position < end {
        let length = Int64(try message.u32())
        let state = try message.u32()
        guard length > 0 else { throw .violation("an empty extent") }
        // The last one may go on beyond what was asked.
        let stop = min(end, position + length)
        extents.append(Extent(offset: position, length: stop - position, isData: state & Protocol.zero == 0))
        position = stop
      }
      let found = extents
      try change(cookie) { request throws(SlipwayError) in request.extents = found }
      return []
    case _ where type & Protocol.Chunk.error != 0:
      let error = try message.u32()
      guard error != 0 else { throw .violation("an error that is none") }
      guard Int(try message.u16()) <= message.rest else { throw .violation("a message that is shorter than it says") }
      try change(cookie) { request throws(SlipwayError) in request.error = error }
      return []
    default: throw .violation("a chunk of type \(type)")
    }
  }

  private func finished(_ cookie: UInt64) throws(SlipwayError) -> [Step] {
    guard let request = awaited[cookie] else { throw .violation("a reply to a request that was not sent") }
    if request.error == 0 {
      if request.command == .read, request.count != request.length { throw .violation("fewer bytes than were asked for") }
      if request.command == .blockStatus, request.extents.isEmpty { throw .violation("no extents") }
    }
    return [.done(cookie: cookie)]
  }
}
