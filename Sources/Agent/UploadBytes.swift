internal import Glibc
internal import HTTPClient
internal import Transfer

/// Hands an image's bytes to an HTTP exchange as they pass, holes as zeros, and waits where the network is slower than the source. The last byte is held
/// back until `finish`: an image service takes the body for whole as soon as it has all of it.
final class UploadBytes: Observer, @unchecked Sendable {
  // Sendable by proof: the engine calls an observer one call at a time and is done with it when it returns; `finish` comes after that.
  private let body: UploadBody
  private var last: UInt8?

  init(_ body: UploadBody) { self.body = body }

  func update(_ bytes: UnsafeRawBufferPointer) throws {
    guard let end = bytes.last else { return }
    try giveLast()
    last = end
    if bytes.count > 1 { try give(UnsafeRawBufferPointer(rebasing: bytes.dropLast())) }
  }

  /// All is well: the last byte may go.
  func finish() throws {
    try giveLast()
    body.finish()
  }

  private func giveLast() throws {
    guard let byte = last else { return }
    try withUnsafeBytes(of: byte) { try give($0) }
    last = nil
  }

  // On a thread of its own, which may block; an exchange that is over ends the wait.
  private func give(_ bytes: UnsafeRawBufferPointer) throws {
    while try !body.offer(bytes) { usleep(1000) }
  }
}
