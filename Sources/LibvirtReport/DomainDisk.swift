internal import Foundation
internal import FoundationXML
public import Model

/// A disk of a domain: the device, and where its bytes are. Its chain is not part of it.
public struct DomainDisk: Sendable, Hashable {
  /// Where the bytes are.
  public enum Source: Sendable, Hashable {
    /// A file or a block device, absolute.
    case path(String)
    /// An RBD image, `pool/image`.
    case rbd(String)
    /// A volume of a storage pool.
    case volume(pool: String, name: String)
  }

  /// The device's name in the guest: `vda`.
  public var device: String
  /// Where the bytes are; nil for an empty drive and for what is none of ours.
  public var source: Source?
  /// What it is opened as; nil where that is not said.
  public var format: String?

  /// A disk.
  public init(device: String, source: Source?, format: String? = nil) {
    self.device = device
    self.source = source
    self.format = format
  }

  /// The disks in a domain's XML, in order. Throws `libvirt_failed` when it is none.
  public static func disks(in xml: String, of domain: String) throws(SlipwayError) -> [DomainDisk] {
    let reader = Reader()
    try reader.read(xml, of: domain)
    return reader.disks
  }

  private final class Reader: NSObject, DomainReader {
    private static let place = ["domain", "devices", "disk"]
    private var elements: [String] = []
    private var current = DomainDisk(device: "", source: nil)
    var disks: [DomainDisk] = []
    var isWhole = false

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String] = [:]
    ) {
      if elements == Self.place {
        if name == "target" { current.device = attributes["dev"] ?? "" }
        if name == "source" { current.source = Self.source(attributes) }
        if name == "driver" { current.format = attributes["type"] }
      }
      elements.append(name)
      if elements == Self.place { current = DomainDisk(device: "", source: nil) }
    }

    private static func source(_ attributes: [String: String]) -> Source? {
      if let path = attributes["file"] ?? attributes["dev"] { return .path(path) }
      if attributes["protocol"] == "rbd", let name = attributes["name"] { return .rbd(name) }
      if let pool = attributes["pool"], let volume = attributes["volume"] { return .volume(pool: pool, name: volume) }
      return nil
    }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      if elements == Self.place { disks.append(current) }
      if elements == ["domain"] { isWhole = true }
      elements.removeLast()
    }
  }
}
