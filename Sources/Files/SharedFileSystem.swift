/// The file systems that several hosts may have mounted at once, by the magic numbers of statfs(2).
public enum SharedFileSystem {
  /// The name of the shared file system with this `f_type`, nil for one that belongs to one host. What FUSE and 9p bring may be shared (GlusterFS,
  /// virtiofs), so it counts as such.
  public static func name(ofType type: Int64) -> String? {
    // f_type is signed on some kernels and the numbers are 32 bits.
    switch UInt32(truncatingIfNeeded: type) {
    case 0x6969: "NFS"
    case 0x00C3_6400: "CephFS"
    case 0xFF53_4D42, 0xFE53_4D42, 0x517B: "SMB"
    case 0x0116_1970: "GFS2"
    case 0x7461_636F: "OCFS2"
    case 0x0BD0_0BD0: "Lustre"
    case 0x4750_4653: "GPFS"
    case 0x1983_0326: "BeeGFS"
    case 0x5346_414F, 0x6B41_4653: "AFS"
    case 0x6573_5546: "FUSE"
    case 0x0102_1997: "9p"
    default: nil
    }
  }
}
