internal import Files
public import Model
internal import Runtime

/// A base that was taken out of use because it is damaged, kept for a look at it.
public struct QuarantinedBase: Sendable, Hashable {
  /// Its file's name in `quarantine`.
  public let fileName: String
  /// Absolute path.
  public let path: String
  /// The base that it was; nil when its note cannot be read.
  public let name: BaseName?
  /// One sentence why it is there.
  public let reason: String
  /// When it came, seconds since 1970.
  public let since: Int64
  /// Bytes that it occupies.
  public let allocated: ByteCount
}

/// What lies beside a file in `quarantine`.
struct QuarantineNote: Codable {
  static let currentVersion = 1
  var version: Int
  var name: BaseName
  var reason: String
  var since: Int64
  var record: BaseRecord?
}

extension Store {
  /// Takes a damaged base that nothing uses out of `bases`, so that it can be fetched again, and keeps its bytes in `quarantine`. By the protocol
  /// of `evict`, and with its outcomes; only what uses the base is looked at, so a mark is no condition. Throws as `evict`.
  public func quarantine(_ lock: BaseLock, reason: String, ownsSharedFileSystem: Bool = false) async throws -> EvictionOutcome {
    try await pool.run { try self.removeNow(lock, to: .quarantine(reason: reason), ownsSharedFileSystem) }
  }

  /// What lies in quarantine, sorted by file name.
  public func quarantined() async throws -> [QuarantinedBase] {
    try await pool.run {
      try self.quarantine.names().compactMap { text in
        guard !text.hasSuffix(".json"), let status = try self.quarantine.status(of: text), status.kind == .regular else { return nil }
        let bytes = try? self.quarantine.contents(of: text + ".json")
        let note = bytes.flatMap { try? StoreJSON.decode(QuarantineNote.self, $0) }
        return QuarantinedBase(
          fileName: text, path: "\(self.quarantine.path)/\(text)", name: note?.name,
          reason: note?.reason ?? "its note is missing or unreadable", since: note?.since ?? status.modified / 1_000_000_000,
          allocated: ByteCount(status.allocated))
      }
    }
  }

  /// What has been in quarantine for longer than `time`, the oldest first. A file from the future (the clock was moved back) is young.
  public func quarantined(longerThan time: Duration) async throws -> [QuarantinedBase] {
    let end = now() - time.components.seconds
    return try await quarantined().filter { $0.since <= end }.sorted { $0.since < $1.since }
  }

  /// Removes a file from quarantine for good; the bytes that came free, nil when it was not there.
  public func discardQuarantined(_ fileName: String) async throws -> ByteCount? {
    try await pool.run {
      guard let status = try self.quarantine.status(of: fileName), status.kind == .regular, !fileName.hasSuffix(".json") else { return nil }
      try self.quarantine.remove(fileName)
      try self.quarantine.remove(fileName + ".json")
      try self.quarantine.sync()
      return ByteCount(status.links > 1 ? 0 : status.allocated)
    }
  }

  /// Moves a file of `tmp` that was the base `name`; its path then.
  func moveToQuarantine(_ aside: String, _ name: BaseName, reason: String) throws -> String {
    let record: BaseRecord?
    let size = try temporary.status(of: aside)?.size ?? 0
    if case .ready(let found) = try evidence(of: name, size: size) { record = found } else { record = nil }
    let note = QuarantineNote(version: QuarantineNote.currentVersion, name: name, reason: reason, since: now(), record: record)
    let bytes = try StoreJSON.encode(note)
    for number in 0..<1000 {
      // Not a base's name, lest it is taken for one.
      let target = "\(now())-\(number)-\(name)"
      do throws(SlipwayError) {
        try temporary.rename(aside, to: target, in: quarantine)
      } catch {
        if error.isNameTaken { continue }
        throw error
      }
      // The bytes first: a note that is missing loses a sentence, a note alone would be rubbish.
      do throws(SlipwayError) {
        try quarantine.replace(target + ".json", with: bytes, temporary: TemporaryName(.json).text, in: temporary)
      } catch {
        warn("\(quarantine.path)/\(target) has no note: \(error)")
      }
      return "\(quarantine.path)/\(target)"
    }
    throw SlipwayError(.ioError, "no name is free in \(quarantine.path)", object: quarantine.path, hint: "empty the quarantine")
  }
}
