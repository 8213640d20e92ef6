import Foundation
import Runtime

/// A listener on loopback that takes connections and never says a word: a service that hangs.
final class Silence: Sendable {
  private let listener: Int32
  private let connections = Locked<[Int32]>([])
  let port: Int

  init() throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let fd = listener
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
        bind(fd, pointer, length) == 0 && listen(fd, 64) == 0 ? getsockname(fd, pointer, &length) : -1
      }
    }
    guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = Int(UInt16(bigEndian: address.sin_port))
    let connections = connections
    Runtime.Thread.detach(name: "silence") {
      while true {
        let connection = accept(fd, nil, nil)
        guard connection >= 0 else { break }
        connections.with { $0.append(connection) }
      }
    }
  }

  /// How many have called.
  var callers: Int { connections.with { $0.count } }

  deinit {
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
    for connection in connections.with({ $0 }) { close(connection) }
  }
}
