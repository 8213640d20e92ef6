public import Model
internal import Glibc

/// What librados or librbd returned: a negative errno, and the call. Carried as `cause` of the `SlipwayError` that a handle throws.
public struct CephFailure: Error, Sendable, CustomStringConvertible {
  /// The errno, positive (`ENOENT` is 2).
  public let errno: Int32
  /// The C function.
  public let call: String

  /// `call: text of errno`.
  public var description: String { "\(call): \(String(cString: strerror(errno))) (\(errno))" }
}

extension SlipwayError {
  /// The errno that Ceph returned, if this error comes from it.
  public var cephErrno: Int32? { (cause as? CephFailure)?.errno }
}

/// The one place that turns a return code of librados or librbd into an error.
enum CephCheck {
  /// Returns a non-negative `code`; throws for a negative one. `doing` completes "cannot … : reason", `object` names what it is about.
  @discardableResult
  static func check(
    _ code: Int, _ call: String, object: @autoclosure () -> String, doing: @autoclosure () -> String, missing: ErrorCode = .sourceNotFound
  ) throws(SlipwayError) -> Int {
    guard code < 0 else { return code }
    throw error(-code, call, object: object(), doing: doing(), missing: missing)
  }

  @discardableResult
  static func check(
    _ code: Int32, _ call: String, object: @autoclosure () -> String, doing: @autoclosure () -> String, missing: ErrorCode = .sourceNotFound
  ) throws(SlipwayError) -> Int32 {
    guard code < 0 else { return code }
    throw error(Int(-code), call, object: object(), doing: doing(), missing: missing)
  }

  private static func error(_ number: Int, _ call: String, object: String, doing: String, missing: ErrorCode) -> SlipwayError {
    let failure = CephFailure(errno: Int32(truncatingIfNeeded: number), call: call)
    let (code, reason, hint) = meaning(failure.errno, missing: missing)
    return SlipwayError(code, "cannot \(doing): \(reason)", object: object, hint: hint, cause: failure)
  }

  private static func meaning(_ number: Int32, missing: ErrorCode) -> (ErrorCode, String, String?) {
    switch number {
    case ENOENT: (missing, "it does not exist", nil)
    case EPERM, EACCES:
      (.permissionDenied, "Ceph denies it to this cephx user", "check the user's key and caps with 'ceph auth get client.USER'")
    case ETIMEDOUT: (.timeout, "Ceph did not answer in time", "check the cluster with 'ceph -s', or raise the cluster's timeout")
    case ENOTCONN, ESHUTDOWN, EHOSTUNREACH, ECONNREFUSED, ENETUNREACH, ECONNRESET, EPIPE:
      (.clusterUnreachable, "the connection to Ceph is gone", "check the cluster with 'ceph -s'")
    case ENOSPC, EDQUOT: (.noSpace, "the pool is full or over its quota", "free space in the pool or raise its quota")
    case EBUSY: (.inUse, "it is in use", nil)
    case EEXIST: (.nameConflict, "that name is taken", nil)
    case ENOTEMPTY: (.inUse, "it still has snapshots", nil)
    case EROFS: (.permissionDenied, "it is read-only", nil)
    default: (.ioError, String(cString: strerror(number)), nil)
    }
  }
}
