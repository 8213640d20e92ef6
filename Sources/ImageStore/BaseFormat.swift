/// The formats in which bases are kept. The raw value is the ending of the file's name, which AppArmor's libvirt profile reads.
public enum BaseFormat: String, Sendable, Hashable, Codable, CaseIterable {
  case qcow2, raw
}
