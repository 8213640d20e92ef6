internal import Files
internal import Model

extension Store {
  /// Writes a record beside its base, whole or not at all, and then into the catalog (unless the base is still to come).
  func writeSidecar(_ record: BaseRecord, isIndexed: Bool = true) throws {
    let bytes = try StoreJSON.encode(record)
    try meta.replace(record.name.sidecar, with: bytes, temporary: TemporaryName(.json).text, in: temporary)
    if isIndexed { index(record.name) }
  }

  /// What the directory says about a base now: the file is regular, its evidence can be read, is about it, and tells its size.
  func stateNow(_ name: BaseName) throws(SlipwayError) -> BaseState {
    guard let status = try bases.status(of: name.text) else { return .absent }
    guard status.kind == .regular else { return .unknown }
    let state = try evidenceNow(name, size: status.size)
    if case .ready = state, let mark = try damageNow(name) { return .damaged(mark.reason) }
    return state
  }

  /// As `stateNow`, without regard to a mark: what the evidence says about the very file under the name.
  func evidenceNow(_ name: BaseName, size: Int64) throws(SlipwayError) -> BaseState {
    let state = try evidence(of: name, size: size)
    guard let sharing = layout.sharing else { return state }
    switch state {
    // Evidence that fails about a file of theirs says nothing about the file.
    case .damaged(let reason): return .foreign("\(sharing.with) made it: \(reason)")
    case .ready(let record):
      guard let mark = try bases.birthMark(of: name.text) else { return .absent }
      return record.file == mark ? state : .foreign("\(sharing.with) made it anew since its evidence was written")
    default: return state
    }
  }

  /// What the sidecar says, held against the file's size alone.
  func evidence(of name: BaseName, size: Int64) throws(SlipwayError) -> BaseState {
    let path = "\(meta.path)/\(name.sidecar)"
    guard let bytes = try meta.contents(of: name.sidecar) else { return .damaged("its evidence \(path) is missing") }
    struct Versioned: Decodable { let version: Int }
    guard let version = (try? StoreJSON.decode(Versioned.self, bytes))?.version else {
      return .damaged("its evidence \(path) is unreadable")
    }
    guard version <= BaseRecord.currentVersion else {
      return .newer("the evidence \(path) has version \(version), and this Slipway knows versions up to \(BaseRecord.currentVersion)")
    }
    guard let record = try? StoreJSON.decode(BaseRecord.self, bytes) else { return .damaged("its evidence \(path) is unreadable") }
    guard record.name == name else { return .damaged("its evidence \(path) is about \(record.name)") }
    guard record.fileSize.bytes == size else {
      return .damaged("it has \(size) bytes, and \(record.fileSize.bytes) were published")
    }
    return .ready(record)
  }

  /// The record of a base that must be ready. Throws `base_not_found`, `base_damaged`, `store_refused`.
  func readyRecord(_ name: BaseName) throws(SlipwayError) -> BaseRecord { try readyRecord(name, stateNow(name)) }

  /// The same of a state that was seen.
  func readyRecord(_ name: BaseName, _ state: BaseState) throws(SlipwayError) -> BaseRecord {
    switch state {
    case .ready(let record): return record
    case .absent: throw SlipwayError(.baseNotFound, "there is no base \(path(of: name))", object: path(of: name))
    case .damaged(let reason): throw SlipwayError(.baseDamaged, "\(path(of: name)) is damaged: \(reason)", object: path(of: name))
    case .foreign(let reason):
      throw SlipwayError(
        .baseNotFound, "nothing of ours vouches for \(path(of: name)): \(reason)", object: path(of: name),
        hint: "fetch the image: its bytes are held against the file's, which is kept")
    case .newer(let reason): throw SlipwayError(.storeRefused, reason, object: path(of: name), hint: "update Slipway")
    case .unknown: throw SlipwayError(.baseDamaged, "\(path(of: name)) is no regular file", object: path(of: name))
    }
  }
}
