internal import Configuration
internal import Files
internal import Foundation
internal import HTTPClient
internal import ImageStore
internal import Model
internal import Runtime

/// A copy of a base elsewhere: a file or URL, or a directory or URL beneath which it lies as in another host's store.
struct BaseCopy: Sendable {
  /// Where a copy may be read.
  enum Place: Sendable, Hashable {
    case path(String)
    case url(String)

    /// For sentences and records: without credentials.
    var shown: String {
      switch self {
      case .path(let path): path
      case .url(let url): Location.redacted(url)
      }
    }
  }

  /// The files that may be the base, the likeliest first.
  let places: [Place]
  /// What lies beside it as evidence, nil when there is none; not believed, only checked.
  let record: BaseRecord?

  /// The most that is read of something that says it is evidence.
  private static let recordLimit = 1 << 20

  /// Finds a copy of `name` at what an operator typed. Throws `source_not_found`, `location_not_allowed`, `store_refused` for evidence of a newer
  /// Slipway, `format_mismatch` for evidence about another base.
  static func find(_ name: BaseName, at text: String, agent: Agent, context: RequestContext) async throws -> BaseCopy {
    let places = try await candidates(name, text, agent)
    for place in places {
      for beside in evidence(of: place, name) {
        guard let bytes = try await read(beside, agent, context) else { continue }
        return BaseCopy(places: places, record: try judge(bytes, name, beside.shown))
      }
    }
    return BaseCopy(places: places, record: nil)
  }

  private static func candidates(_ name: BaseName, _ text: String, _ agent: Agent) async throws -> [Place] {
    if text.contains("://"), Location(url: text).scheme != "file" {
      guard let scheme = Location(url: text).scheme, scheme == "http" || scheme == "https" else {
        throw SlipwayError(
          .invalidURL, "\(Location.redacted(text)) is neither a path nor an HTTP URL", object: Location.redacted(text),
          hint: "give --from a file, a directory, or a URL that begins with http:// or https://")
      }
      let (path, query) = cut(text)
      guard path.hasSuffix("/") else { return [.url(text)] }
      return [.url(path + "bases/\(name)" + query), .url(path + "\(name)" + query)]
    }
    let path = text.hasPrefix("file:") ? Location(url: text).filePath : URL(fileURLWithPath: text).standardized.path
    guard let path else { throw SlipwayError(.invalidURL, "\(text) names no local file", object: text) }
    return try await agent.files.run {
      guard let status = try FileStatus.of(path) else {
        throw SlipwayError(.sourceNotFound, "there is nothing at \(path)", object: path, hint: "check the path given with --from")
      }
      return status.kind == .directory ? [.path("\(path)/bases/\(name)"), .path("\(path)/\(name)")] : [.path(path)]
    }
  }

  /// Where the evidence of a copy may lie: as in a store, or beside it.
  private static func evidence(of place: Place, _ name: BaseName) -> [Place] {
    func beside(_ path: String) -> [String] {
      guard let slash = path.lastIndex(of: "/") else { return [] }
      let directory = path[..<slash]
      let store = directory.hasSuffix("/bases") ? ["\(directory.dropLast(6))/meta/\(name).json"] : []
      return store + ["\(directory)/\(name).json", "\(path).json"]
    }
    switch place {
    case .path(let path): return beside(path).map { .path($0) }
    case .url(let url):
      let (path, query) = cut(url)
      return beside(path).map { .url($0 + query) }
    }
  }

  private static func cut(_ url: String) -> (path: String, query: String) {
    let end = url.firstIndex { $0 == "?" || $0 == "#" } ?? url.endIndex
    return (String(url[..<end]), String(url[end...]))
  }

  /// Nil when nothing is there.
  private static func read(_ place: Place, _ agent: Agent, _ context: RequestContext) async throws -> [UInt8]? {
    switch place {
    case .path(let path):
      let roots = agent.copyRoots
      return try await agent.files.run {
        do {
          let file = try File.open(path, under: roots)
          defer { try? file.close() }
          return try file.readAll(limit: recordLimit)
        } catch let error as SlipwayError where error.code == .sourceNotFound {
          return nil
        }
      }
    case .url(let url):
      let response: HTTPResponse
      do {
        response = try await agent.http.send(
          HTTPRequest(.get, url, deadline: context.deadline.capped(.seconds(60)), bodyLimit: recordLimit))
      } catch let error as HTTPError {
        if error.kind == .cancelled { throw CancellationError() }
        throw error.slipwayError(.sourceFailed)
      }
      // Who serves files may answer anything for one that is not there or not for us.
      return (200..<300).contains(response.status) ? response.body : nil
    }
  }

  /// Evidence counts only for what the base's own name proves of it: the name is the hash of digest, formats and owner.
  static func judge(_ bytes: [UInt8], _ name: BaseName, _ shown: String) throws(SlipwayError) -> BaseRecord? {
    struct Versioned: Decodable { let version: Int }
    let data = Data(bytes)
    guard let version = (try? JSONDecoder().decode(Versioned.self, from: data))?.version else { return nil }
    guard version <= BaseRecord.currentVersion else {
      throw SlipwayError(
        .storeRefused, "the evidence \(shown) has version \(version), and this Slipway knows versions up to \(BaseRecord.currentVersion)",
        object: shown, hint: "update Slipway")
    }
    guard let record = try? JSONDecoder().decode(BaseRecord.self, from: data) else { return nil }
    guard record.name == name else {
      throw SlipwayError(
        .formatMismatch,
        "the evidence \(shown) is about the base \(record.name), kept as \(record.identity.format.rawValue), and the disk needs \(name)",
        object: shown, hint: "nothing was brought; give --from a copy of \(name)")
    }
    return record
  }
}

extension Agent {
  /// Where copies of bases may lie; nil for anywhere.
  var copyRoots: [String]? { configuration.anyOperatorPath ? nil : configuration.fileRoots }
}
