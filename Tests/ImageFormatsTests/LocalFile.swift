import Foundation
import Glibc
import ImageFormats
import Runtime
import Testing

/// A file under positional reads and writes; closed with its last reference.
final class LocalFile: Sendable {
  let descriptor: Int32

  init(_ path: String, create: Bool = false, writable: Bool = false) throws {
    descriptor = open(path, create ? O_RDWR | O_CREAT | O_TRUNC : writable ? O_RDWR : O_RDONLY, 0o644)
    try #require(descriptor >= 0, "\(path): errno \(errno)")
  }

  deinit { close(descriptor) }

  var size: Int64 {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int64(status.st_size) : -1
  }

  func setSize(_ size: Int64) throws { try #require(ftruncate(descriptor, off_t(size)) == 0) }

  func write(_ bytes: [UInt8], at offset: Int64) throws {
    if !bytes.isEmpty { try #require(pwrite(descriptor, bytes, bytes.count, off_t(offset)) == bytes.count) }
  }

  func read(_ offset: Int64, _ buffer: UnsafeMutableRawBufferPointer) throws {
    let count = pread(descriptor, buffer.baseAddress, buffer.count, off_t(offset))
    try #require(count == buffer.count, "asked for \(buffer.count) bytes at \(offset), got \(count)")
  }

  func all() throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Int(size))
    if !bytes.isEmpty { try bytes.withUnsafeMutableBytes { try read(0, $0) } }
    return bytes
  }

  func apply(_ writes: some Sequence<MetadataWrite>) throws {
    for item in writes { try write(item.bytes, at: item.offset) }
  }
}
