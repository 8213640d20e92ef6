internal import Foundation
internal import ImageFormats

/// What the name of a backing file, as it stands in a header, means on this host. Follows QEMU's `path_has_protocol` and `json:` words.
enum BackingName {
  enum Meaning: Hashable {
    /// Local files. Each is one file, with the absolute paths at which it may lie, depending on the name by which the disk is opened.
    case files([[String]])
    /// Nothing local: a server's.
    case remote
    /// It cannot be told.
    case unknown(String)
  }

  /// Words before the first colon that never lead to a local file (QEMU's network drivers).
  private static let remote: Set<String> = [
    "nbd", "nbd+tcp", "nbd+unix", "nbds", "rbd", "http", "https", "ftp", "ftps", "ssh", "iscsi", "iser", "nfs", "gluster", "gluster+tcp",
    "gluster+unix", "gluster+rdma", "nvme",
  ]
  /// Words that are followed by a path.
  private static let local: Set<String> = ["file", "host_device", "host_cdrom"]

  /// The meaning of `reference` in a file that lies in the directories `folders` (one for each way in which it can be reached;
  /// asked only for relative names).
  static func meaning(of reference: BackingReference, in folders: () -> [String]) -> Meaning {
    guard let text = String(validating: reference.pathBytes, as: UTF8.self) else {
      return .unknown("the name of its backing file is not UTF-8")
    }
    return meaning(of: text, in: folders)
  }

  private static func meaning(of text: String, in folders: () -> [String]) -> Meaning {
    guard !text.utf8.contains(0) else { return .unknown("the name of its backing file holds a NUL") }
    if text.hasPrefix("json:") { return described(String(text.dropFirst(5)), in: folders) }
    let word = text.prefix { $0 != "/" && $0 != ":" }
    guard word.endIndex != text.endIndex, text[word.endIndex] == ":" else { return .files([paths(text, in: folders)]) }
    if local.contains(String(word)) {
      return .files([paths(String(text[text.index(after: word.endIndex)...]), in: folders)])
    }
    return remote.contains(String(word)) ? .remote : .unknown("its backing file is '\(text)', which may be any file")
  }

  /// A `json:` word: every file name in it counts.
  private static func described(_ json: String, in folders: () -> [String]) -> Meaning {
    guard let value = try? JSONSerialization.jsonObject(with: Data(json.utf8)) else {
      return .unknown("its backing file is described by JSON that cannot be read")
    }
    var names: [String] = []
    var drivers: [String] = []
    collect(value, key: "", &names, &drivers)
    var files: [[String]] = []
    for name in names {
      switch meaning(of: name, in: folders) {
      case .files(let found): files += found
      case .remote: break
      case .unknown(let reason): return .unknown(reason)
      }
    }
    if !files.isEmpty || !names.isEmpty || drivers.contains(where: remote.contains) { return .files(files) }
    return .unknown("its backing file is described by JSON that names no file")
  }

  private static func collect(_ value: Any, key: String, _ names: inout [String], _ drivers: inout [String]) {
    switch value {
    case let mapping as [String: Any]:
      // Sorted, so that the answer does not depend on a hash.
      for (key, value) in mapping.sorted(by: { $0.key < $1.key }) { collect(value, key: key, &names, &drivers) }
    case let list as [Any]:
      for value in list { collect(value, key: key, &names, &drivers) }
    case let text as String:
      let last = key.split(separator: ".").last
      if last == "filename" { names.append(text) }
      if last == "driver" { drivers.append(text) }
    default: break
    }
  }

  private static func paths(_ text: String, in folders: () -> [String]) -> [String] {
    text.hasPrefix("/") ? [text] : folders().map { $0 == "/" ? "/\(text)" : "\($0)/\(text)" }
  }
}
