internal import Glibc
public import Model

/// The error number of a failed system call: the `cause` of every `SlipwayError` that this room throws for one.
public struct SystemError: Error, Sendable, Hashable, CustomStringConvertible {
  /// The number (`errno(3)`).
  public let errno: Int32

  /// An error number as an error.
  public init(_ errno: Int32) { self.errno = errno }

  /// ENOENT: there is no such name.
  public static let notThere: Int32 = ENOENT

  /// The C library's words for it.
  public var description: String { String(cString: strerror(errno)) }
}

extension SlipwayError {
  /// The error number beneath, when a system call failed.
  public var errno: Int32? { (cause as? SystemError)?.errno }

  /// Whether a system call failed because the name is taken (EEXIST).
  public var isNameTaken: Bool { errno == EEXIST }
}

/// What was tried, for the sentence: "cannot <verb> <path>".
struct Attempt {
  let verb: String
  let path: String
  /// The code for "there is no such thing".
  var missing: ErrorCode = .ioError

  /// The one place where an error number becomes an error of ours.
  func failure(_ number: Int32) -> SlipwayError {
    let cause = SystemError(number)
    var error = SlipwayError(.ioError, "cannot \(verb) \(path): \(cause)", object: path, cause: cause)
    switch number {
    case ENOSPC:
      error.code = .noSpace
      error.hint = "free space on the file system of \(path)"
    case EDQUOT:
      error.code = .noSpace
      error.hint = "free space or raise the disk quota on the file system of \(path)"
    case EFBIG:
      error.code = .noSpace
      error.hint = "its file system cannot hold a file of that size"
    case ENOENT: error.code = missing
    case EACCES, EPERM:
      error.code = .permissionDenied
      error.hint = "run as a user who may, or change the permissions"
    case ELOOP:
      error.code = .locationNotAllowed
      error.message = "cannot \(verb) \(path): a symbolic link is in the way, and none is followed"
      error.hint = "put the real file or directory there"
    case EWOULDBLOCK:
      error.code = .busy
      error.message = "cannot \(verb) \(path): somebody else holds a lease on it"
      error.hint = "see in /proc/locks who does"
    case EROFS: error.hint = "mount the file system for writing"
    case EMFILE, ENFILE: error.hint = "raise the limit of open files"
    case EIO: error.hint = "check the storage device and the kernel log"
    default: break
    }
    return error
  }
}

/// Makes a system call, again after EINTR, and throws the attempt's error when it returns less than 0: the one place for both.
@discardableResult
func checked<Value: SignedInteger>(_ attempt: @autoclosure () -> Attempt, _ call: () -> Value) throws(SlipwayError) -> Value {
  while true {
    let value = call()
    if value >= 0 { return value }
    let number = errno
    if number != EINTR { throw attempt().failure(number) }
  }
}
