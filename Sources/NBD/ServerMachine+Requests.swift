internal import Model

extension ServerMachine {
  /// Judges a request. One that is not in order gets its error, after its payload was skipped; one whose payload would be too long ends the connection.
  mutating func request(_ message: inout Unpacked) throws(SlipwayError) -> [Step] {
    guard try message.u32() == Protocol.requestMagic else { throw .violation("a request without its magic number") }
    let flags = try message.u16()
    let type = try message.u16()
    let cookie = try message.u64()
    let offset = try message.u64()
    let length = try message.u32()
    guard let command = Protocol.Command(rawValue: type) else { return [.send(refusal(cookie, WireError.invalid))] }
    if command == .disconnect { return [.leave] }
    let error = fault(command, flags, offset, length)
    if command == .write {
      // Only then is it known where the next request begins.
      guard length <= UInt32(export.longest) else { throw .violation("a write of \(length) bytes") }
      if let error {
        guard length > 0 else { return [.send(refusal(cookie, error))] }
        skip(Int(length), then: refusal(cookie, error))
        return []
      }
    }
    if let error { return [.send(refusal(cookie, error))] }
    return [
      .serve(NBDRequest(command: command, flags: flags, cookie: cookie, offset: Int64(clamping: offset), length: Int(length)))
    ]
  }

  /// What is wrong with a request, as a number for the wire; nil when it is in order.
  private func fault(_ command: Protocol.Command, _ flags: UInt16, _ offset: UInt64, _ length: UInt32) -> UInt32? {
    let allowed: UInt16 =
      switch command {
      case .read: Protocol.Flag.dontFragment | Protocol.Flag.fua
      case .writeZeroes: Protocol.Flag.fua | Protocol.Flag.noHole
      case .blockStatus: Protocol.Flag.oneExtent | Protocol.Flag.fua
      default: Protocol.Flag.fua
      }
    guard flags & ~allowed == 0 else { return WireError.invalid }
    switch command {
    case .read:
      guard export.canRead else { return WireError.notPermitted }
      guard length <= UInt32(export.longest) else { return WireError.invalid }
    case .write, .writeZeroes, .trim:
      guard export.canWrite else { return WireError.notPermitted }
    case .blockStatus:
      guard hasContext else { return WireError.invalid }
    case .flush:
      return offset == 0 && length == 0 ? nil : WireError.invalid
    case .disconnect: return nil
    }
    guard length > 0 else { return WireError.invalid }
    let (end, overflow) = offset.addingReportingOverflow(UInt64(length))
    guard !overflow, end <= UInt64(export.size) else { return command == .write ? WireError.noSpace : WireError.invalid }
    return nil
  }

  // MARK: Replies

  /// A request that failed, or was not in order.
  func refusal(_ cookie: UInt64, _ error: UInt32) -> [UInt8] {
    guard isStructured else { return simple(cookie, error) }
    var packed = Packed()
    packed.add(error)
    packed.add(UInt16(0))
    return chunk(Protocol.Chunk.error + 1, cookie, packed.bytes)
  }

  /// A request without data that is done. (Simple replies are allowed for all but reads, whatever was negotiated.)
  func done(_ cookie: UInt64) -> [UInt8] { simple(cookie, 0) }

  /// What goes before the `length` bytes of a read.
  func dataHead(_ request: NBDRequest) -> [UInt8] {
    guard isStructured else { return simple(request.cookie, 0) }
    var packed = Packed()
    packed.add(UInt64(request.offset))
    return chunk(Protocol.Chunk.offsetData, request.cookie, packed.bytes, more: request.length)
  }

  /// The reply to a read of nothing but zeros; nil where they must be sent one by one.
  func zeros(_ request: NBDRequest) -> [UInt8]? {
    guard isStructured else { return nil }
    var packed = Packed()
    packed.add(UInt64(request.offset))
    packed.add(UInt32(request.length))
    return chunk(Protocol.Chunk.offsetHole, request.cookie, packed.bytes)
  }

  /// The reply to a question for extents; those that do not belong to the answer are cut off.
  func status(_ request: NBDRequest, _ extents: [Extent]) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.contextID)
    let end = request.offset + Int64(request.length)
    var position = request.offset
    for extent in extents.prefix(request.flags & Protocol.Flag.oneExtent != 0 ? 1 : 1024) {
      let stop = min(end, extent.end)
      guard extent.offset <= position, stop > position else { break }
      packed.add(UInt32(stop - position))
      packed.add(extent.isData ? 0 : Protocol.hole | Protocol.zero)
      position = stop
    }
    guard position > request.offset else { return refusal(request.cookie, WireError.io) }
    return chunk(Protocol.Chunk.blockStatus, request.cookie, packed.bytes)
  }

  private func simple(_ cookie: UInt64, _ error: UInt32) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.simpleReplyMagic)
    packed.add(error)
    packed.add(cookie)
    return packed.bytes
  }

  private func chunk(_ type: UInt16, _ cookie: UInt64, _ payload: [UInt8], more: Int = 0) -> [UInt8] {
    var packed = Packed()
    packed.add(Protocol.structuredReplyMagic)
    packed.add(Protocol.Chunk.done)
    packed.add(type)
    packed.add(cookie)
    packed.add(UInt32(payload.count + more))
    packed.add(payload)
    return packed.bytes
  }
}
