internal import Files
internal import Foundation
public import Model
public import Runtime

/// An image that is being made of a local disk: noted beside the disks, so that cleaning can remove what a dead process left.
public struct FileUploadNote: Sendable, Hashable, Codable {
  /// The image's id in the image service.
  public var image: ImageID
  /// A random text that the image carries too, by which it is known to be this upload's.
  public var mark: String
  /// Whether it was made with a caller's token.
  public var isCallers: Bool
  /// Who makes it.
  public var owner: ProcessOwner

  /// A note of this process's.
  public init(image: ImageID, mark: String, isCallers: Bool, owner: ProcessOwner = .current) {
    self.image = image
    self.mark = mark
    self.isCallers = isCallers
    self.owner = owner
  }
}

extension FileDisks {
  private static let prefix = "upload-"

  /// Runs `body` while a disk of ours neither is in use nor can be changed or deleted. Throws `in_use`, `disk_not_found`.
  public func reading<Value: Sendable>(_ name: DiskName, context: RequestContext, _ body: () async throws -> Value) async throws -> Value {
    try await changing(name, context) { _, _ in
      try await untilUnused(name)
      return try await body()
    }
  }

  /// Writes a note down.
  public func noteUpload(_ note: FileUploadNote) async throws {
    let (hidden, name) = (hidden, Self.prefix + note.image.text)
    let bytes = Array(try JSONEncoder().encode(note))
    try await workers.run {
      _ = try hidden.remove(name + ".tmp")
      try hidden.replace(name, with: bytes, temporary: name + ".tmp", in: hidden)
    }
  }

  /// Takes a note back.
  public func forgetUpload(_ image: ImageID) async throws {
    let (hidden, name) = (hidden, Self.prefix + image.text)
    _ = try await workers.runAlways { try hidden.remove(name) }
  }

  /// The notes whose makers are known to have ended.
  public func deadUploads() async throws -> [FileUploadNote] {
    let hidden = hidden
    return try await workers.run {
      var found: [FileUploadNote] = []
      for name in try hidden.names() where name.hasPrefix(Self.prefix) && !name.hasSuffix(".tmp") {
        guard let bytes = try hidden.contents(of: name), let note = try? JSONDecoder().decode(FileUploadNote.self, from: Data(bytes)) else {
          continue
        }
        if note.owner.liveness == .gone { found.append(note) }
      }
      return found
    }
  }
}
