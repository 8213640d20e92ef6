internal import Foundation
internal import Model
internal import Runtime
public import Wire

/// The fetches and prewarmings that are under way, kept where a daemon that comes after this one finds them, however this one ended. The making of a
/// disk is never among them: who asked for it asks again.
public final class Journal: Sendable {
  /// One of them: exactly one of the requests is there.
  public struct Entry: Codable, Sendable, Hashable {
    /// The operation's id, which it keeps.
    public var id = ""
    /// The fetch.
    public var fetch: FetchRequestDocument?
    /// The prewarming.
    public var prewarm: PrewarmRequestDocument?

    init(fetch: FetchRequestDocument) {
      self.fetch = fetch
      // A deadline is the caller's, and has passed by then.
      self.fetch?.deadline = nil
    }

    init(prewarm: PrewarmRequestDocument) {
      self.prewarm = prewarm
      self.prewarm?.deadline = nil
    }
  }

  private struct Contents: Codable { var version = 1, entries: [Entry] }
  private struct State: Sendable {
    var entries: [String: Entry] = [:]
    var isWriting = false
    var isChanged = false
  }
  private let state = Locked(State())
  /// After this an operation is long enough to be worth a write: a hit costs none.
  static let patience = Duration.milliseconds(250)
  private let write: @Sendable ([UInt8]?) async throws -> Void

  /// A journal; `write` replaces what is kept, nil keeps nothing.
  public init(write: @escaping @Sendable ([UInt8]?) async throws -> Void) { self.write = write }

  /// What a daemon left; nothing when it cannot be read.
  public static func entries(_ bytes: [UInt8]?) -> [Entry] {
    guard let bytes, let contents = try? JSONDecoder().decode(Contents.self, from: Data(bytes)), contents.version == 1 else { return [] }
    return contents.entries.filter { ($0.fetch != nil) != ($0.prewarm != nil) }
  }

  /// Runs `body`, and keeps the entry while it runs. One that a daemon's end cuts off stays.
  func keeping<Value: Sendable>(
    _ entry: Entry, unless isEnding: @escaping @Sendable () -> Bool, _ body: () async throws -> Value
  ) async throws -> Value {
    let late = Task {
      try await Task.sleep(for: Self.patience)
      self.state.with { $0.entries[entry.id] = entry }
      await self.save()
    }
    do {
      let value = try await body()
      await forget(entry, late)
      return value
    } catch {
      late.cancel()
      if isEnding(), error is CancellationError || SlipwayError.wrap(error).code == .cancelled {
        state.with { $0.entries[entry.id] = entry }
        await save()
      } else {
        await forget(entry, late)
      }
      throw error
    }
  }

  private func forget(_ entry: Entry, _ late: Task<Void, any Error>) async {
    late.cancel()
    _ = await late.result
    if state.with({ $0.entries.removeValue(forKey: entry.id) }) != nil { await save() }
  }

  /// Writes what is there now; one at a time, and what changed meanwhile once more.
  private func save() async {
    let isMine = state.with { state -> Bool in
      state.isChanged = true
      defer { state.isWriting = true }
      return !state.isWriting
    }
    guard isMine else { return }
    while true {
      let entries = state.with { state -> [Entry]? in
        guard state.isChanged else {
          state.isWriting = false
          return nil
        }
        state.isChanged = false
        return state.entries.values.sorted { $0.id < $1.id }
      }
      guard let entries else { return }
      // What cannot be written costs the next daemon a fetch that nobody asked it for; the store tells of the reason elsewhere.
      try? await write(entries.isEmpty ? nil : Array(JSONEncoder().encode(Contents(entries: entries))))
    }
  }
}
