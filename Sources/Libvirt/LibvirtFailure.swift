internal import CLibvirt
internal import Glibc
public import Model

/// What libvirt said about a call that failed. Carried as `cause` of the `SlipwayError` that a handle throws.
public struct LibvirtFailure: Error, Sendable, CustomStringConvertible {
  /// `virErrorNumber`.
  public let code: Int32
  /// `virErrorDomain`: which part of libvirt.
  public let domain: Int32
  /// Its sentence, without keys and passwords.
  public let text: String
  /// The errno beneath, where there is one.
  public let errno: Int32?
  /// The C function.
  public let call: String

  /// `call: sentence (code, domain)`.
  public var description: String { "\(call): \(text) (libvirt error \(code), domain \(domain))" }

  /// What libvirt said last on this thread (Implements `virGetLastError`). To be called right after the call that failed.
  static func last(_ call: String) -> LibvirtFailure {
    guard let error = virGetLastError() else {
      return LibvirtFailure(code: 0, domain: 0, text: "libvirt gives no reason", errno: nil, call: call)
    }
    let code = error.pointee.code
    let text = error.pointee.message.map { redacted(String(cString: $0)) } ?? "libvirt gives no reason"
    let number = code == Int32(VIR_ERR_SYSTEM_ERROR.rawValue) && error.pointee.int1 > 0 ? error.pointee.int1 : nil
    return LibvirtFailure(code: code, domain: error.pointee.domain, text: text, errno: number, call: call)
  }

  /// libvirt repeats names of backing files as somebody wrote them, keys included.
  static func redacted(_ text: String) -> String {
    text.replacing(/(?<word>key|secret|password|passwd)=[^:,;\s'"&}\]]+/.ignoresCase()) { "\($0.output.word)=…" }
  }

  /// Whether it means that the connection is of no more use.
  var isConnectionLost: Bool {
    if domain == Int32(VIR_FROM_RPC.rawValue) { return true }
    switch code {
    case Int32(VIR_ERR_RPC.rawValue), Int32(VIR_ERR_INVALID_CONN.rawValue), Int32(VIR_ERR_NO_CONNECT.rawValue): return true
    default: return false
    }
  }
}

extension SlipwayError {
  /// What libvirt said, if this error comes from it.
  public var libvirt: LibvirtFailure? { cause as? LibvirtFailure }

  /// Whether there is nothing at the place where libvirt is looked for: no socket, or nobody listens on it.
  public var isLibvirtAbsent: Bool { libvirt?.errno == ENOENT || libvirt?.errno == ECONNREFUSED }

  /// An error about `object` from what libvirt said last on this thread; `doing` completes "cannot … : reason".
  static func libvirt(_ call: String, doing: String, object: String, hint: String? = nil) -> SlipwayError {
    let failure = LibvirtFailure.last(call)
    var code = ErrorCode.libvirtFailed
    var hint = hint
    if failure.isConnectionLost {
      code = .libvirtUnavailable
      hint = "check that libvirt runs (systemctl status libvirtd) and that libvirt.uri is right"
    }
    switch failure.code {
    case Int32(VIR_ERR_NO_DOMAIN.rawValue): code = .domainNotFound
    case Int32(VIR_ERR_OPERATION_TIMEOUT.rawValue), Int32(VIR_ERR_AGENT_UNRESPONSIVE.rawValue): code = .timeout
    case Int32(VIR_ERR_AUTH_FAILED.rawValue), Int32(VIR_ERR_AUTH_CANCELLED.rawValue), Int32(VIR_ERR_AUTH_UNAVAILABLE.rawValue),
      Int32(VIR_ERR_OPERATION_DENIED.rawValue), Int32(VIR_ERR_ACCESS_DENIED.rawValue):
      code = .permissionDenied
      hint = "give our user access to libvirt's socket (group libvirt)"
    default: break
    }
    if failure.errno == EACCES || failure.errno == EPERM {
      code = .permissionDenied
      hint = "give our user access to libvirt's socket (group libvirt)"
    }
    return SlipwayError(code, "cannot \(doing): \(failure.text)", object: object, hint: hint, cause: failure)
  }
}
