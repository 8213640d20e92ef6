internal import Glibc
internal import Model

/// The place of a Unix socket: bound out of reach, given its group and mode there, and then put into its place, so that nobody else ever can connect to it.
struct UnixSocket: Sendable {
  /// Where callers find it.
  let path: String
  /// The group that may use it; nil leaves it to the owner.
  let group: UInt32?
  /// Its mode.
  let mode: UInt32
  /// Where it is bound.
  let bound: String
  private let hidden: String

  /// Checks the path. Throws `configuration` for one that the kernel has no room for, `busy` when somebody listens there.
  init(path: String, group: UInt32?, mode: UInt32) throws(SlipwayError) {
    self.path = path
    self.group = group
    self.mode = mode
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    hidden = "\(folder)/.slipway-\(getpid())-\(path.utf8.reduce(UInt16(0)) { $0 &* 31 &+ UInt16($1) })"
    bound = hidden + "/s"
    guard path.utf8.count < 104, bound.utf8.count < 104 else {
      throw SlipwayError(.configuration, "the socket's path '\(path)' is too long", object: path, hint: "give one of at most 80 bytes")
    }
    if Self.isAnswered(path) {
      throw SlipwayError(
        .busy, "somebody listens on '\(path)' already", object: path, hint: "stop the other daemon, or give another api.socket")
    }
  }

  /// Makes the directory in which it is bound, which nobody else may enter, and the one in which it will lie, if only that is missing.
  func prepare() throws(SlipwayError) {
    let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
    _ = mkdir(folder, 0o755)
    unlink(bound)
    guard mkdir(hidden, 0o700) == 0 || errno == EEXIST else { throw failure("make the directory \(hidden)") }
    guard chmod(hidden, 0o700) == 0 else { throw failure("set the mode of \(hidden)") }
  }

  /// Gives it its group and mode, and puts it into its place, over one that a daemon left behind.
  func publish() throws(SlipwayError) {
    if let group, chown(bound, uid_t.max, group) != 0 { throw failure("give \(path) to its group") }
    guard chmod(bound, mode) == 0 else { throw failure("set the mode of \(path)") }
    guard rename(bound, path) == 0 else { throw failure("put the socket to \(path)") }
    rmdir(hidden)
  }

  /// Takes it away.
  func remove() {
    unlink(bound)
    rmdir(hidden)
    if !Self.isAnswered(path) { unlink(path) }
  }

  /// Whether somebody accepts connections there: what a crash left behind does not.
  static func isAnswered(_ path: String) -> Bool {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    let connected = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) }
    }
    // Somebody whose queue is full listens, too; and one who may not be asked may listen.
    return connected == 0 || errno == EAGAIN || errno == EACCES
  }

  /// The id of a group; nil when there is none of that name.
  static func group(named name: String) -> UInt32? {
    if let number = UInt32(name) { return number }
    var entry = group_entry()
    var found: UnsafeMutablePointer<group_entry>?
    var buffer = [CChar](repeating: 0, count: 65536)
    guard getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, found != nil else { return nil }
    return entry.gr_gid
  }

  private typealias group_entry = Glibc.group

  private func failure(_ doing: String) -> SlipwayError {
    let number = errno
    let code: ErrorCode = number == EACCES || number == EPERM ? .permissionDenied : .ioError
    return SlipwayError(code, "cannot \(doing): \(String(cString: strerror(number)))", object: path, hint: "check api.socket and api.group")
  }
}
