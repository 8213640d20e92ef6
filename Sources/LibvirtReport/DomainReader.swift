internal import Foundation
internal import FoundationXML
internal import Model

/// Reads a domain's XML, an element at a time.
protocol DomainReader: XMLParserDelegate {
  /// Whether the outermost element has ended.
  var isWhole: Bool { get }
}

extension DomainReader {
  /// Reads XML as libvirt writes it. Throws `libvirt_failed` when it is none. External entities are not looked up.
  func read(_ xml: String, of domain: String) throws(SlipwayError) {
    let parser = XMLParser(data: Data(xml.utf8))
    parser.shouldResolveExternalEntities = false
    parser.delegate = self
    // Foundation takes a text that ends early for whole.
    guard parser.parse(), isWhole else {
      throw SlipwayError(.libvirtFailed, "the description of domain '\(domain)' cannot be read as XML", object: domain)
    }
  }
}
