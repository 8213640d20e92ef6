public import Model
public import Runtime

/// Which images are wanted, where no id is.
public enum ImageSelection: Sendable, Hashable {
  /// Those with this tag, of any visibility that these credentials see.
  case tag(String)
  /// All public ones.
  case allPublic
}

extension GlanceClient {
  /// The active images of a selection, hidden ones left out, without locations, at most `limit`. Throws the shared errors.
  public func images(_ selection: ImageSelection, limit: Int = 10_000, context: RequestContext) async throws -> [ImageDescription] {
    let query =
      switch selection {
      case .tag(let tag): "status=active&os_hidden=false&tag=\(PercentEncoding.encode(tag))"
      case .allPublic: "status=active&os_hidden=false&visibility=public"
      }
    return try await list(query, atMost: limit, .ours, context).map { try $0.description() }.filter { !$0.hidden && $0.status == .active }
  }
}
