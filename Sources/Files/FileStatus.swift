internal import Glibc

/// What stat(2) says of a file.
public struct FileStatus: Sendable, Hashable {
  /// The kinds of files that we tell apart.
  public enum Kind: Sendable, Hashable {
    case regular, directory, symbolicLink, blockDevice, other
  }

  /// What it is.
  public let kind: Kind
  /// Apparent size in bytes; 0 for a block device (ask `File.size`).
  public let size: Int64
  /// Bytes that it occupies on its file system (512 times `st_blocks`).
  public let allocated: Int64
  /// The inode number, unique together with `device`.
  public let inode: UInt64
  /// The device number of the file system that it lies on.
  public let device: UInt64
  /// How many names it has.
  public let links: Int
  /// Permission bits, 0 to 0o7777.
  public let mode: UInt32
  /// The owner.
  public let uid: UInt32
  /// The owning group.
  public let gid: UInt32
  /// Last change of the content, nanoseconds since 1970.
  public let modified: Int64

  init(_ status: stat) {
    switch status.st_mode & S_IFMT {
    case S_IFREG: kind = .regular
    case S_IFDIR: kind = .directory
    case S_IFLNK: kind = .symbolicLink
    case S_IFBLK: kind = .blockDevice
    default: kind = .other
    }
    size = Int64(status.st_size)
    allocated = Int64(status.st_blocks) * 512
    inode = UInt64(status.st_ino)
    device = UInt64(status.st_dev)
    links = Int(status.st_nlink)
    mode = UInt32(status.st_mode & 0o7777)
    uid = status.st_uid
    gid = status.st_gid
    modified = Int64(status.st_mtim.tv_sec) * 1_000_000_000 + Int64(status.st_mtim.tv_nsec)
  }

  /// Whether both are the same file, under whatever names.
  public func isSameFile(as other: FileStatus) -> Bool { inode == other.inode && device == other.device }
}
