internal import Foundation
public import Libvirt

/// The secret with which libvirt lets QEMU open disks in a Ceph pool. It has one usage name, and one uuid for it: a second is an error of libvirt's, so
/// what is there is reused, whoever made it (Nova does).
public struct CephSecret: Sendable, Hashable {
  /// What is known of its value.
  public enum Value: Sendable, Hashable {
    /// It has one. `isOurs` says whether it is the key that was given; nil when none was.
    case set(isOurs: Bool?)
    /// It has none, or keeps it to libvirt: that cannot be told apart.
    case hidden
  }

  /// The uuid, which a `<disk>` names.
  public var uuid: String
  /// What is known of its value.
  public var value: Value

  /// The secret of that usage name, nil when there is none. `key` (the bytes, not their base64) is compared with its value. Throws as the handle.
  public static func find(_ libvirt: LibvirtConnection, usage: String, key: [UInt8]? = nil) throws -> CephSecret? {
    guard let secret = try libvirt.secret(cephUsage: usage) else { return nil }
    guard let value = try secret.value() else { return CephSecret(uuid: secret.uuid, value: .hidden) }
    return CephSecret(uuid: secret.uuid, value: .set(isOurs: key.map { $0 == value }))
  }

  /// Makes the secret, with the key of `user`; one that is there is left as it is and answered. Throws as the handle.
  public static func create(_ libvirt: LibvirtConnection, usage: String, user: String, key: [UInt8]) throws -> CephSecret {
    if let found = try find(libvirt, usage: usage, key: key) { return found }
    let xml =
      "<secret ephemeral='no' private='no'><description>\(XMLText.attribute("cephx key of client.\(user), made by Slipway"))</description>"
      + "<usage type='ceph'><name>\(XMLText.attribute(usage))</name></usage></secret>"
    let made: LibvirtSecret
    do {
      made = try libvirt.define(secret: xml)
    } catch {
      // Another process was faster.
      guard let found = try find(libvirt, usage: usage, key: key) else { throw error }
      return found
    }
    do {
      try made.setValue(key)
    } catch {
      // Without a value it would only stand in the way of the next attempt.
      try? made.undefine()
      throw error
    }
    return CephSecret(uuid: made.uuid, value: .set(isOurs: true))
  }

  /// The usage names of all secrets for Ceph, sorted: what to set `libvirt.secret` to.
  public static func usages(_ libvirt: LibvirtConnection) throws -> [String] {
    try libvirt.secrets().filter(\.isCeph).map(\.usage).sorted()
  }

  /// The key of `user` in the text of a keyring, decoded; nil when it holds none. Format: sections `[client.NAME]` with `key = BASE64`.
  public static func key(of user: String, inKeyring text: String) -> [UInt8]? {
    var section = ""
    for line in text.split(whereSeparator: \.isNewline) {
      let line = line.trimmingCharacters(in: .whitespaces)
      if line.hasPrefix("["), let end = line.firstIndex(of: "]") {
        section = line[line.index(after: line.startIndex)..<end].trimmingCharacters(in: .whitespaces)
        continue
      }
      guard section == "client.\(user)", let equals = line.firstIndex(of: "=") else { continue }
      guard line[..<equals].trimmingCharacters(in: .whitespaces) == "key" else { continue }
      return Data(base64Encoded: line[line.index(after: equals)...].trimmingCharacters(in: .whitespaces)).map { Array($0) }
    }
    return nil
  }
}
