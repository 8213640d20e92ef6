internal import CLinux
internal import Glibc
public import Model

extension File {
  /// Opens a regular file or block device that an operator or a location names, for reading. The path is resolved once, symbolic links
  /// and `..` included; then the file that was found must lie under one of `roots` (each resolved likewise); nil means anywhere. Nothing but
  /// a regular file or block device is opened, so that a FIFO cannot make us wait.
  ///
  /// Throws `source_not_found`, `permission_denied`, `location_not_allowed`.
  public static func open(_ path: String, under roots: [String]?, followSymlinks: Bool = true) throws(SlipwayError) -> File {
    let attempt = Attempt(verb: "open", path: path, missing: .sourceNotFound)
    // O_PATH touches nothing but the name, so a device or FIFO outside the roots is not disturbed by the look.
    let flags = slipway_O_PATH | O_CLOEXEC | (followSymlinks ? 0 : O_NOFOLLOW)
    let found = Descriptor(try checked(attempt) { Glibc.open(path, flags) }, path: path)
    defer { try? found.close() }
    return try found.with { number throws(SlipwayError) in
      var status = stat()
      try checked(attempt) { fstat(number, &status) }
      if let roots { try prove(number, under: roots, path) }
      switch FileStatus(status).kind {
      case .regular, .blockDevice: break
      case .symbolicLink: throw attempt.failure(ELOOP)
      case .directory, .other:
        throw SlipwayError(
          .locationNotAllowed, "\(path) is neither a regular file nor a block device", object: path, hint: "name the image's file")
      }
      let opened = try checked(attempt) { Glibc.open("/proc/self/fd/\(number)", O_RDONLY | O_CLOEXEC | O_NOCTTY) }
      return File(opened, path: path)
    }
  }

  private static func prove(_ number: Int32, under roots: [String], _ path: String) throws(SlipwayError) {
    let real = try resolved(number, path)
    for root in roots {
      let handle = Glibc.open(root, slipway_O_PATH | O_CLOEXEC | O_DIRECTORY)
      // A root that is not there allows nothing.
      guard handle >= 0 else { continue }
      let directory = Descriptor(handle, path: root)
      defer { try? directory.close() }
      var prefix = try directory.with { handle throws(SlipwayError) in try resolved(handle, root) }
      if prefix.last != UInt8(ascii: "/") { prefix.append(UInt8(ascii: "/")) }
      if real.starts(with: prefix) { return }
    }
    throw SlipwayError(
      .locationNotAllowed, "\(path) lies under none of the allowed roots", object: path,
      hint: roots.isEmpty ? "list its directory in file_roots" : "the allowed roots are \(roots.joined(separator: ", "))")
  }

  /// The kernel's own name for an open file, as bytes: paths need not be UTF-8.
  private static func resolved(_ number: Int32, _ path: String) throws(SlipwayError) -> [UInt8] {
    var buffer = [CChar](repeating: 0, count: 4096 + 1)
    let capacity = buffer.count
    let count = try checked(Attempt(verb: "resolve", path: path)) { readlink("/proc/self/fd/\(number)", &buffer, capacity) }
    guard count < capacity, buffer.first == CChar(UInt8(ascii: "/")) else {
      throw Attempt(verb: "resolve", path: path).failure(ENAMETOOLONG)
    }
    return buffer[..<count].map { UInt8(bitPattern: $0) }
  }
}
