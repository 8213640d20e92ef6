internal import CLibvirt
internal import Model

/// An open connection, inside a call of `LibvirtClient`: its methods block and belong to that call's thread. Errors are `libvirt_failed`,
/// `libvirt_unavailable`, `permission_denied`, `timeout` and what a method names.
public final class LibvirtConnection {
  let pointer: OpaquePointer
  init(_ pointer: OpaquePointer) { self.pointer = pointer }

  /// The host's name as libvirt knows it (Implements `virConnectGetHostname`).
  public func hostname() throws -> String {
    guard let name = take(virConnectGetHostname(pointer)) else {
      throw SlipwayError.libvirt("virConnectGetHostname", doing: "ask libvirt for the host's name", object: "libvirt")
    }
    return name
  }

  /// The version of the daemon's library (Implements `virConnectGetLibVersion`): `9.0.0`.
  public func version() throws -> String {
    var version: UInt = 0
    guard virConnectGetLibVersion(pointer, &version) == 0 else {
      throw SlipwayError.libvirt("virConnectGetLibVersion", doing: "ask libvirt for its version", object: "libvirt")
    }
    return "\(version / 1_000_000).\(version / 1000 % 1000).\(version % 1000)"
  }

  /// What the host can run, XML (Implements `virConnectGetCapabilities`).
  public func capabilities() throws -> String {
    guard let text = take(virConnectGetCapabilities(pointer)) else {
      throw SlipwayError.libvirt("virConnectGetCapabilities", doing: "ask libvirt for its capabilities", object: "libvirt")
    }
    return text
  }

  /// What a domain of the default machine may have, XML (Implements `virConnectGetDomainCapabilities`); `type` is `kvm` or `qemu`.
  public func domainCapabilities(type: String? = nil) throws -> String {
    guard let text = take(virConnectGetDomainCapabilities(pointer, nil, nil, nil, type, 0)) else {
      throw SlipwayError.libvirt("virConnectGetDomainCapabilities", doing: "ask libvirt for its capabilities", object: "libvirt")
    }
    return text
  }
}

/// Throws for a negative code of libvirt.
@discardableResult
func check(_ code: Int32, _ call: String, doing: @autoclosure () -> String, object: @autoclosure () -> String) throws -> Int32 {
  guard code >= 0 else { throw SlipwayError.libvirt(call, doing: doing(), object: object()) }
  return code
}

/// Whether what libvirt said last on this thread has that number.
func lastErrorIs(_ code: virErrorNumber) -> Bool { virGetLastErrorCode() == Int32(code.rawValue) }
