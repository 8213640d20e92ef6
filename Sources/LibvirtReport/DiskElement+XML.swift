extension DiskElement {
  /// The element as text, several lines, without a final line feed.
  public var xml: String {
    let type: String
    let format: String
    var lines: [String]
    switch source {
    case .rbd(let rbd):
      (type, format) = ("network", "raw")
      lines = Self.lines(rbd)
    case .file(let layer, let backing):
      (type, format) = ("file", layer.format)
      lines = ["<source" + XMLText.attributes([("file", layer.path)]) + "/>"] + Self.chain(backing[...])
    }
    let driver = XMLText.attributes([
      ("name", "qemu"), ("type", format), ("cache", cache.rawValue), ("discard", choices.discard?.rawValue),
      ("detect_zeroes", choices.detectZeroes?.rawValue),
    ])
    lines.insert("<driver\(driver)/>", at: 0)
    lines.append("<target" + XMLText.attributes([("dev", choices.device), ("bus", choices.bus)]) + "/>")
    return (["<disk type='\(type)' device='disk'>"] + lines.map { "  " + $0 } + ["</disk>"]).joined(separator: "\n")
  }

  private static func lines(_ rbd: RBD) -> [String] {
    let secret: (String, String?)
    switch rbd.secret {
    case .uuid(let uuid): secret = ("uuid", uuid)
    case .usage(let usage): secret = ("usage", usage)
    }
    var lines = [
      "<auth" + XMLText.attributes([("username", rbd.user)]) + ">",
      "  <secret" + XMLText.attributes([("type", "ceph"), secret]) + "/>",
      "</auth>",
    ]
    var inner = rbd.monitors.map { "<host" + XMLText.attributes([("name", $0.host), ("port", $0.port.map { "\($0)" })]) + "/>" }
    if inner.isEmpty, let conf = rbd.conf { inner.append("<config" + XMLText.attributes([("file", conf)]) + "/>") }
    let source = XMLText.attributes([("protocol", "rbd"), ("name", "\(rbd.pool)/\(rbd.image)")])
    if inner.isEmpty {
      lines.append("<source\(source)/>")
    } else {
      lines += ["<source\(source)>"] + inner.map { "  " + $0 } + ["</source>"]
    }
    return lines
  }

  /// The chain ends with an empty element: without it, libvirt would look into the last file for more, and a raw one's bytes are its guest's.
  private static func chain(_ backing: ArraySlice<Layer>) -> [String] {
    guard let layer = backing.first else { return ["<backingStore/>"] }
    let inner = [
      "<format" + XMLText.attributes([("type", layer.format)]) + "/>", "<source" + XMLText.attributes([("file", layer.path)]) + "/>",
    ]
    return ["<backingStore type='file'>"] + (inner + chain(backing.dropFirst())).map { "  " + $0 } + ["</backingStore>"]
  }
}
