internal import Glibc
internal import Runtime

/// An HTTP/1.1 server on loopback, on a port of the kernel's choice, that answers as told and fails on demand. For tests.
public final class FaultServer: Sendable {
  /// What a client asked.
  public struct Request: Sendable {
    /// `GET`, `POST`, …
    public var method: String
    /// Path and query, as sent.
    public var path: String
    /// Names in lower case.
    public var headers: [String: String]
    /// The body.
    public var body: [UInt8]

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }
  }

  private struct State: Sendable {
    var requests: [Request] = []
    var connections: Set<Int32> = []
    var accepted = 0
    var written = 0
    var stopped = false
  }
  private let listener: Int32
  private let state = Locked(State())
  /// The port.
  public let port: Int
  /// `http://127.0.0.1:PORT`.
  public var url: String { "http://127.0.0.1:\(port)" }

  /// Starts; `answer` runs on a thread of each connection.
  public init(_ answer: @escaping @Sendable (Request) -> FaultReply) throws {
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
    port = Int(UInt16(bigEndian: address.sin_port))
    guard code == 0 else { throw FaultServerError.noSocket(errno) }
    let state = self.state
    Thread.detach(name: "fault-accept") {
      while true {
        let connection = accept(fd, nil, nil)
        guard connection >= 0 else { break }
        let stopped = state.with { state -> Bool in
          state.accepted += 1
          if !state.stopped { state.connections.insert(connection) }
          return state.stopped
        }
        if stopped {
          close(connection)
          break
        }
        Thread.detach(name: "fault-serve") {
          FaultConnection(fd: connection).serve { request in
            state.with { $0.requests.append(request) }
            return answer(request)
          } wrote: { count in
            state.with { state in
              state.written += count
              return !state.stopped
            }
          }
          state.with { _ = $0.connections.remove(connection) }
          close(connection)
        }
      }
      close(fd)
    }
  }

  deinit { stop() }

  /// Breaks every connection and stops listening.
  public func stop() {
    state.with { state in
      guard !state.stopped else { return }
      state.stopped = true
      for connection in state.connections { shutdown(connection, Int32(SHUT_RDWR)) }
      shutdown(listener, Int32(SHUT_RDWR))
    }
  }

  /// What was asked so far.
  public var requests: [Request] { state.with { $0.requests } }
  /// How many connections were made.
  public var accepted: Int { state.with { $0.accepted } }
  /// How many connections are open.
  public var open: Int { state.with { $0.connections.count } }
  /// How many body bytes the sockets took.
  public var written: Int { state.with { $0.written } }
}

/// Why a server did not start.
public enum FaultServerError: Error {
  /// With the errno.
  case noSocket(Int32)
}
