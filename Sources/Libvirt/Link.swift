internal import CLibvirt
internal import Model
internal import Runtime

/// One open connection: it closes when it was told to and the last call has left it, since libvirt frees what is under it.
final class Link: @unchecked Sendable {
  // Sendable by proof: a virConnect may be used from any thread; `pointer` is immutable; the rest is behind `state`.
  private struct State {
    var users = 0
    var isRetired = false
    var isClosed = false
    var registrations = Registrations()
  }
  /// What must be taken back before closing: each holds the connection.
  struct Registrations {
    var domain: [Int32] = []
    var pool: [Int32] = []
  }
  private let pointer: OpaquePointer
  private let uri: String
  private let state = Locked(State())
  /// Told once, when the connection is of no more use; the reason in words.
  let lost = Handoff<String>()

  private init(_ pointer: OpaquePointer, _ uri: String) {
    self.pointer = pointer
    self.uri = uri
  }

  /// Connects (Implements `virConnectOpen`, `virConnectSetKeepAlive`, `virConnectRegisterCloseCallback`). Blocks.
  static func open(_ options: LibvirtOptions) throws -> Link {
    let uri = options.uri
    try LoadedLibrary.libvirt.require()
    guard EventLoop.isRunning else {
      throw SlipwayError(.internalError, "libvirt's event loop could not be started", object: uri)
    }
    guard let pointer = virConnectOpen(uri) else {
      var error = SlipwayError.libvirt("virConnectOpen", doing: "reach libvirt at \(uri)", object: uri)
      if error.code == .libvirtFailed || error.code == .timeout { error.code = .libvirtUnavailable }
      if error.code == .libvirtUnavailable {
        error.hint = "start libvirt (systemctl start libvirtd), set libvirt.uri, or say libvirt.uri: none where there is none"
      }
      throw error
    }
    let link = Link(pointer, uri)
    let seconds = options.keepAlive.components.seconds
    // The test driver, and drivers without a daemon, have no keepalive and need none.
    if seconds > 0 { _ = virConnectSetKeepAlive(pointer, Int32(clamping: seconds), options.keepAliveCount) }
    let box = Unmanaged.passRetained(link.lost)
    let code = virConnectRegisterCloseCallback(
      pointer, closed, box.toOpaque(), { opaque in if let opaque { Unmanaged<Handoff<String>>.fromOpaque(opaque).release() } })
    if code < 0 { box.release() }
    return link
  }

  /// One constant, since taking it back compares the pointer.
  private static let closed: virConnectCloseFunc = { _, reason, opaque in
    guard let opaque else { return }
    Unmanaged<Handoff<String>>.fromOpaque(opaque).takeUnretainedValue().fulfill(.success(Link.words(reason)))
  }

  private static func words(_ reason: Int32) -> String {
    switch reason {
    case Int32(VIR_CONNECT_CLOSE_REASON_EOF.rawValue): "libvirt closed the connection"
    case Int32(VIR_CONNECT_CLOSE_REASON_KEEPALIVE.rawValue): "libvirt no longer answers"
    case Int32(VIR_CONNECT_CLOSE_REASON_ERROR.rawValue): "the connection to libvirt broke"
    default: "the connection to libvirt was closed"
    }
  }

  /// Whether calls may still be made (Implements `virConnectIsAlive`, which asks nobody).
  var isAlive: Bool {
    guard state.with({ !$0.isRetired }) else { return false }
    return (try? use { virConnectIsAlive($0) == 1 }) ?? false
  }

  /// Runs a call inside the connection. Blocks.
  func use<Value>(_ body: (OpaquePointer) throws -> Value) throws -> Value {
    let isOpen = state.with { state -> Bool in
      if state.isRetired { return false }
      state.users += 1
      return true
    }
    guard isOpen else {
      throw SlipwayError(.libvirtUnavailable, "the connection to libvirt at \(uri) was given up on", object: uri, hint: "try again")
    }
    defer { leave() }
    return try body(pointer)
  }

  /// Notes what was registered; nil is a registration that libvirt refused.
  func note(domain: Int32) { if domain >= 0 { state.with { $0.registrations.domain.append(domain) } } }
  func note(pool: Int32) { if pool >= 0 { state.with { $0.registrations.pool.append(pool) } } }

  /// Lets no call in any more, and closes as soon as the last one has left. Blocks only when that is now.
  func retire(_ reason: String) {
    lost.fulfill(.success(reason))
    let now = state.with { state -> Bool in
      state.isRetired = true
      return state.users == 0
    }
    if now { finish() }
  }

  private func leave() {
    let last = state.with { state -> Bool in
      state.users -= 1
      return state.isRetired && state.users == 0
    }
    if last { finish() }
  }

  /// Implements `virConnectDomainEventDeregisterAny`, `virConnectStoragePoolEventDeregisterAny`, `virConnectClose`.
  private func finish() {
    let registrations = state.with { state -> Registrations? in
      if state.isClosed { return nil }
      state.isClosed = true
      return state.registrations
    }
    guard let registrations else { return }
    for id in registrations.domain { _ = virConnectDomainEventDeregisterAny(pointer, id) }
    for id in registrations.pool { _ = virConnectStoragePoolEventDeregisterAny(pointer, id) }
    _ = virConnectUnregisterCloseCallback(pointer, Self.closed)
    _ = virConnectClose(pointer)
  }
}
