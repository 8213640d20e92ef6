internal import Foundation
internal import FoundationXML

/// What a domain's metadata says, under our namespace, about its disks that Slipway made: image, base and evidence.
public struct DiskMetadata: Sendable, Hashable {
  /// The namespace's URI.
  public static let namespace = "urn:slipway:domain:1"
  /// The namespace's prefix.
  public static let key = "slipway"

  /// One disk's words, in the order in which they are written; absent ones are left out.
  public struct Entry: Sendable, Hashable {
    /// The disk's name.
    public var name: String
    /// Further words: `target`, `path`, `image`, `base`, `digest`, `verified`, `verdict`.
    public var words: [String: String]

    /// A disk's words.
    public init(name: String, words: [String: String]) {
      self.name = name
      self.words = words
    }
  }

  /// The disks, by name.
  public private(set) var entries: [Entry] = []

  /// Nothing.
  public init() {}

  /// What stands in an element that libvirt gave back; what cannot be read counts as nothing.
  public init(_ xml: String?) {
    guard let xml else { return }
    let reader = Reader()
    // libvirt may give the element back with its prefix and without the declaration.
    let parser = XMLParser(data: Data(xml.utf8))
    parser.shouldResolveExternalEntities = false
    parser.shouldProcessNamespaces = false
    parser.delegate = reader
    guard parser.parse() else { return }
    for entry in reader.entries { set(entry) }
  }

  /// Adds a disk, or replaces what is said of it.
  public mutating func set(_ entry: Entry) {
    remove(entry.name)
    entries.append(entry)
    entries.sort { $0.name < $1.name }
  }

  /// Takes a disk out.
  public mutating func remove(_ name: String) { entries.removeAll { $0.name == name } }

  /// The element for libvirt, which adds the namespace; nil when there is nothing to say.
  public var xml: String? {
    guard !entries.isEmpty else { return nil }
    let disks = entries.map { entry in
      "<disk" + XMLText.attributes([("name", entry.name)] + entry.words.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }) + "/>"
    }
    return "<disks>\(disks.joined())</disks>"
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var entries: [Entry] = []

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String] = [:]
    ) {
      guard name == "disk" || name.hasSuffix(":disk"), let own = attributes["name"] else { return }
      var words = attributes
      words["name"] = nil
      entries.append(Entry(name: own, words: words))
    }
  }
}
