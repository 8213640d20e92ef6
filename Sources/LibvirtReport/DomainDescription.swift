internal import Foundation
internal import FoundationXML
internal import Model

/// What a domain's XML says of files (https://libvirt.org/formatdomain.html): of every disk the source, its chain, the target of a copy and a data file; file
/// systems, non-volatile memory, kernels and firmware. The same elements in the XML of a snapshot and of a managed save count alike.
struct DomainDescription {
  /// A volume of a storage pool, whose path the pool knows.
  struct Volume: Hashable {
    var pool: String
    var name: String
    var format: String?
  }
  /// A file by its path.
  struct File: Hashable {
    var path: String
    var format: String?
  }

  private(set) var files: Set<File> = []
  private(set) var volumes: Set<Volume> = []

  /// Reads XML as libvirt writes it. Throws `libvirt_failed` when it is none. External entities are not looked up.
  init(_ xml: String, of domain: String) throws(SlipwayError) {
    let reader = Reader()
    try reader.read(xml, of: domain)
    files = reader.files
    volumes = reader.volumes
  }

  /// An element that has a source and a format of its own.
  private struct Layer {
    var format: String?
    var paths: [String] = []
    var pool: String?
    var volume: String?
  }

  private final class Reader: NSObject, DomainReader {
    private static let layered: Set<String> = ["disk", "backingStore", "mirror", "dataStore", "filesystem"]
    private static let named: Set<String> = ["kernel", "initrd", "dtb", "loader", "nvram", "table", "path"]
    private var elements: [String] = []
    private var layers: [Layer] = []
    private var text = ""
    var files: Set<File> = []
    var volumes: Set<Volume> = []
    private var hasBegun = false
    var isWhole: Bool { hasBegun && elements.isEmpty }

    private var parent: String? { elements.dropLast().last }

    func parser(
      _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?, attributes: [String: String] = [:]
    ) {
      elements.append(name)
      hasBegun = true
      text = ""
      if Self.layered.contains(name) {
        layers.append(Layer())
        // Old versions tell a copy's target in attributes.
        if name == "mirror", let path = attributes["file"] { layers[layers.count - 1].paths.append(path) }
        if name == "mirror" { layers[layers.count - 1].format = attributes["format"] }
        return
      }
      switch name {
      case "source": source(attributes)
      case "driver" where parent == "disk": layers[layers.count - 1].format = attributes["type"]
      case "driver" where parent == "filesystem": layers[layers.count - 1].format = attributes["format"]
      case "format" where parent.map(Self.layered.contains) == true: layers[layers.count - 1].format = attributes["type"]
      case "nvram": if let template = attributes["template"] { add(template, "raw") }
      case "qemu:arg": if let value = attributes["value"] { argument(value) }
      default: break
      }
    }

    private func source(_ attributes: [String: String]) {
      guard parent.map(Self.layered.contains) == true, !layers.isEmpty else { return }
      let last = layers.count - 1
      for key in ["file", "dev", "dir"] { if let path = attributes[key] { layers[last].paths.append(path) } }
      if let pool = attributes["pool"], let volume = attributes["volume"] { (layers[last].pool, layers[last].volume) = (pool, volume) }
    }

    /// What is handed through to QEMU names files in the middle of words.
    private func argument(_ value: String) {
      for part in value.split(whereSeparator: { $0 == "," || $0 == "=" || $0 == "\"" }) where part.hasPrefix("/") { add(String(part), nil) }
    }

    private func add(_ path: String, _ format: String?) {
      if path.hasPrefix("/") { files.insert(File(path: path, format: format)) }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }

    func parser(_ parser: XMLParser, didEndElement name: String, namespaceURI: String?, qualifiedName: String?) {
      if Self.layered.contains(name), let layer = layers.popLast() {
        for path in layer.paths { add(path, layer.format) }
        if let pool = layer.pool, let volume = layer.volume {
          volumes.insert(Volume(pool: pool, name: volume, format: layer.format))
        }
      } else if Self.named.contains(name) {
        add(text.trimmingCharacters(in: .whitespacesAndNewlines), "raw")
      }
      text = ""
      elements.removeLast()
    }
  }
}
