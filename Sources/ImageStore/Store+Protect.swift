internal import Files
internal import Model
internal import Runtime

/// How bases of the native layout are kept from being changed: root's, for reading alone, and immutable.
extension Store {
  /// What is missing of a base's protection, as its directory entry tells.
  private struct Lack {
    var owner = false
    var mode = false
    var flag = false
    var isNone: Bool { !owner && !mode && !flag }
  }

  /// The base's file becomes root's, if we may give it away: whoever owned it could change its mode, and then its bytes.
  func giveToRoot(_ file: File) {
    guard immutability == .on, File.mayBeGiven else { return }
    do throws(SlipwayError) { try file.setOwner(uid: 0, gid: 0) } catch { warn("\(file.path) stays another user's: \(error)") }
  }

  /// The last step of a publication, since an immutable file can be neither linked nor renamed. Never an error: what is missing, a sweep sets right.
  /// False when it may not be done.
  @discardableResult
  func makeImmutable(_ file: File) -> Bool {
    guard immutability == .on else { return true }
    do throws(SlipwayError) {
      _ = try file.setImmutable(true)
      return true
    } catch {
      // Who lacks CAP_LINUX_IMMUTABLE is told by `doctor`, and not by every fetch.
      if error.code == .permissionDenied { return false }
      warn("\(file.path) stays changeable: \(error)")
      return true
    }
  }

  /// Gives a published base the protection that it lacks. False when that may not be done.
  @discardableResult
  func protect(_ name: BaseName, _ file: File) -> Bool {
    guard immutability == .on, let lack = try? lack(of: name), !lack.isNone else { return true }
    // Neither owner nor mode of an immutable file can be changed.
    if lack.owner || lack.mode, (try? file.isImmutable()) == true { _ = try? file.setImmutable(false) }
    if lack.mode { _ = try? file.setMode(layout.baseMode) }
    if lack.owner { giveToRoot(file) }
    return makeImmutable(file)
  }

  /// Repairs what a crash left out, an older version did not know, or libvirt took. The number of bases that were repaired.
  @discardableResult
  func sweepProtection() -> Int {
    guard immutability == .on else { return 0 }
    var repaired = 0
    for text in (try? bases.names()) ?? [] {
      guard let name = layout.name(text), let seen = try? lack(of: name), !seen.isNone else { continue }
      do throws(SlipwayError) {
        // Whoever evicts has taken the flag off, and holds the lock. Only under it is the file opened: an opener breaks the eviction's lease.
        guard let held = try attemptLock(name) else { continue }
        defer { held.release() }
        guard try bases.status(of: text)?.kind == .regular else { continue }
        let file = try bases.openFile(text)
        defer { try? file.close() }
        guard protect(name, file) else { return repaired }
        if try lack(of: name).isNone { repaired += 1 }
      } catch {
        warn("\(path(of: name)) is not protected: \(error)")
      }
    }
    return repaired
  }

  private func lack(of name: BaseName) throws(SlipwayError) -> Lack {
    guard let status = try bases.status(of: name.text), status.kind == .regular else { return Lack() }
    var lack = Lack()
    lack.mode = status.mode != layout.baseMode
    lack.owner = File.mayBeGiven && (status.uid != 0 || status.gid != 0)
    lack.flag = try bases.isImmutable(name.text) == false
    return lack
  }
}

/// Whether files of the store can be made immutable.
public enum ImmutableTrial: Sendable, Hashable {
  case works, unsupported, denied
}

extension Store {
  /// Tries the immutable flag on a file of its own, which goes again.
  public func tryImmutable() async throws -> ImmutableTrial {
    try await pool.run {
      let file = try self.temporary.createUnnamed(fallback: TemporaryName(.json).text, unnamed: self.unnamed)
      defer {
        if let name = file.temporaryName { _ = try? self.temporary.remove(name) }
        try? file.close()
      }
      do throws(SlipwayError) {
        guard try file.setImmutable(true) else { return .unsupported }
        try file.setImmutable(false)
        return .works
      } catch {
        guard error.code == .permissionDenied else { throw error }
        return .denied
      }
    }
  }
}
