internal import Foundation
internal import FoundationXML

/// Where a storage pool lies: its type and the directory in which its volumes are.
struct PoolPlace {
  let type: String
  let target: String?

  /// Types whose volumes are files or devices in the target, by their names.
  private static let local: Set<String> = ["dir", "fs", "netfs", "logical", "disk", "zfs"]
  /// Types whose volumes are no files of this host.
  private static let remote: Set<String> = ["rbd", "sheepdog", "gluster", "iscsi-direct"]

  /// Reads a pool's XML; nil when it is none.
  init?(_ xml: String) {
    let reader = Reader()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.delegate = reader
    guard parser.parse(), let type = reader.type else { return nil }
    self.type = type
    target = reader.target
  }

  /// Whether its volumes are no files of this host.
  var isRemote: Bool { Self.remote.contains(type) }

  /// The path of a volume, where the pool's type tells it without asking.
  func path(of volume: String) -> String? {
    guard Self.local.contains(type), let target, target.hasPrefix("/") else { return nil }
    return "\(target)/\(volume)"
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var type: String?
    var target: String?
    private var elements: [String] = []
    private var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String] = [:]
    ) {
      if elements.isEmpty { type = attributes["type"] }
      elements.append(name)
      text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      if elements == ["pool", "target", "path"] { target = text.trimmingCharacters(in: .whitespacesAndNewlines) }
      elements.removeLast()
    }
  }
}
