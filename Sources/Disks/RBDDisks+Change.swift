internal import Ceph
public import Model
public import Runtime

/// Changes of a disk that is there. Machines may run on it meanwhile, here or elsewhere: librbd hands what needs the exclusive lock to whoever has it.
extension RBDDisks {
  /// Makes a disk of ours larger; one that has that size already is answered. A running machine sees it once its libvirt tells it.
  ///
  /// Throws `size_too_small` for less than it has, `disk_not_found`, `not_ours`, `busy` for one that is being made or deleted.
  public func grow(_ name: DiskName, to size: ByteCount) async throws -> DiskInfo {
    try await withReady(name) { image, info in
      guard size >= info.size else { throw info.shrinks(to: size) }
      if size > info.size { try await image.resize(to: size) }
      var grown = info
      grown.size = size
      return grown
    }
  }

  /// Copies what a disk of ours still has from the image's snapshot, so that it stands alone; false when it did already. Throws as `grow`.
  public func flatten(_ name: DiskName, context: RequestContext) async throws -> Bool {
    try await withReady(name) { image, _ in
      guard try await image.parent() != nil else { return false }
      let goesOn = Locked(true)
      let size = image.size
      try await withTaskCancellationHandler {
        try await image.flatten { done, total in
          let position = total == 0 ? 0 : Int64(Double(size) * Double(done) / Double(total))
          context.progress(Progress(phase: .transferring, position: position, total: size))
          return goesOn.with { $0 } && !context.deadline.hasPassed
        }
      } onCancel: {
        goesOn.with { $0 = false }
      }
      return true
    }
  }

  private func withReady<Value: Sendable>(_ name: DiskName, _ body: (Image, DiskInfo) async throws -> Value) async throws -> Value {
    let info = try await show(name)
    guard info.state == .ready else {
      throw SlipwayError(
        .busy, "disk \(info.path) is \(info.state.rawValue)", object: info.path, hint: "wait until it is done, and try again")
    }
    let image = try await pool.open(name.text, readOnly: false)
    do {
      guard image.id == info.record.imageID else {
        throw SlipwayError(.busy, "disk \(info.path) was replaced while it was looked at", object: info.path, hint: "try again")
      }
      let value = try await body(image, info)
      await image.close()
      return value
    } catch {
      await image.close()
      throw error
    }
  }
}

extension DiskInfo {
  /// The error for a size below what the disk has.
  public func shrinks(to size: ByteCount) -> SlipwayError {
    SlipwayError(
      .sizeTooSmall, "disk \(path) has \(self.size) (\(self.size.bytes) bytes) and is not made smaller, to \(size.bytes)", object: path,
      hint: "ask for more than \(self.size.bytes) bytes; what lies beyond the end would be lost")
  }
}
