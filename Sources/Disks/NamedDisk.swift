/// A file that somebody says is a disk, wherever it lies: what a domain of libvirt is defined with.
public struct NamedDisk: Sendable, Hashable {
  /// Its absolute path.
  public var path: String
  /// What it is opened as (`qcow2`, `raw`); nil where nobody says.
  public var format: String?
  /// Whose disk it is: the domain's name.
  public var domain: String

  /// The disk at `path` of `domain`.
  public init(path: String, format: String?, domain: String) {
    self.path = path
    self.format = format
    self.domain = domain
  }
}
