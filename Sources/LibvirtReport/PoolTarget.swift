internal import Foundation
internal import FoundationXML

/// What a storage pool shows: its type and its target's path.
struct PoolTarget {
  let type: String
  let path: String

  /// Nil for what is no pool's XML, or has no target.
  init?(_ xml: String) {
    let reader = Reader()
    let parser = XMLParser(data: Data(xml.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = reader
    guard parser.parse(), let type = reader.type, let path = reader.path else { return nil }
    self.type = type
    self.path = path
  }

  private final class Reader: NSObject, XMLParserDelegate {
    var type: String?
    var path: String?
    private var elements: [String] = []
    private var text = ""

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String] = [:]
    ) {
      if elements.isEmpty, name == "pool" { type = attributes["type"] }
      elements.append(name)
      text = ""
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      if elements == ["pool", "target", "path"] { path = text.trimmingCharacters(in: .whitespacesAndNewlines) }
      elements.removeLast()
    }
  }
}
