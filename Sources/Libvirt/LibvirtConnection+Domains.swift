internal import CLibvirt
internal import Model

/// Which domains are meant; none is all. Groups are and-ed, words of one group or-ed (Implements `virConnectListAllDomainsFlags`).
public struct DomainFilter: OptionSet, Sendable, Hashable {
  public let rawValue: UInt32
  public init(rawValue: UInt32) { self.rawValue = rawValue }
  public static let active = Self(rawValue: 1 << 0)
  public static let inactive = Self(rawValue: 1 << 1)
  public static let persistent = Self(rawValue: 1 << 2)
  public static let transient = Self(rawValue: 1 << 3)
  public static let running = Self(rawValue: 1 << 4)
  public static let paused = Self(rawValue: 1 << 5)
  public static let shutOff = Self(rawValue: 1 << 6)
  public static let managedSave = Self(rawValue: 1 << 8)
  public static let withSnapshot = Self(rawValue: 1 << 12)
}

extension LibvirtConnection {
  /// The domains of the host (Implements `virConnectListAllDomains`).
  public func domains(_ filter: DomainFilter = []) throws -> [LibvirtDomain] {
    var list: UnsafeMutablePointer<OpaquePointer?>?
    let count = try check(
      virConnectListAllDomains(pointer, &list, filter.rawValue), "virConnectListAllDomains", doing: "list libvirt's domains",
      object: "libvirt")
    return take(list, count: count) { LibvirtDomain($0) }
  }

  /// The domain of that name, or of that UUID (Implements `virDomainLookupByName`, `virDomainLookupByUUIDString`). Throws `domain_not_found`.
  public func domain(_ text: String) throws -> LibvirtDomain {
    if let found = virDomainLookupByName(pointer, text) { return LibvirtDomain(found) }
    if lastErrorIs(VIR_ERR_NO_DOMAIN), let found = virDomainLookupByUUIDString(pointer, text) { return LibvirtDomain(found) }
    // A name that is no UUID is an argument that libvirt refuses.
    if lastErrorIs(VIR_ERR_NO_DOMAIN) || lastErrorIs(VIR_ERR_INVALID_ARG) {
      throw SlipwayError(.domainNotFound, "libvirt has no domain '\(text)'", object: text, hint: "see: virsh list --all")
    }
    throw SlipwayError.libvirt("virDomainLookupByName", doing: "look for domain '\(text)'", object: text)
  }

  /// Defines a domain, or changes its definition (Implements `virDomainDefineXML`).
  public func define(domain xml: String) throws -> LibvirtDomain {
    guard let made = virDomainDefineXML(pointer, xml) else {
      throw SlipwayError.libvirt("virDomainDefineXML", doing: "define a domain", object: "libvirt")
    }
    return LibvirtDomain(made)
  }

  /// Starts a domain that is not kept (Implements `virDomainCreateXML`).
  public func start(transient xml: String) throws -> LibvirtDomain {
    guard let made = virDomainCreateXML(pointer, xml, 0) else {
      throw SlipwayError.libvirt("virDomainCreateXML", doing: "start a domain", object: "libvirt")
    }
    return LibvirtDomain(made)
  }
}
