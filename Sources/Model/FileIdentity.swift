/// Which file it is, under whatever name: what stat(2) calls `st_dev` and `st_ino`. Symbolic links and bind mounts lead to the same one.
public struct FileIdentity: Sendable, Hashable, Comparable, Codable {
  /// The device number of its file system.
  public let device: UInt64
  /// The inode number in it.
  public let inode: UInt64

  /// The file `inode` on `device`.
  public init(device: UInt64, inode: UInt64) {
    self.device = device
    self.inode = inode
  }

  public static func < (a: FileIdentity, b: FileIdentity) -> Bool { (a.device, a.inode) < (b.device, b.inode) }
}
