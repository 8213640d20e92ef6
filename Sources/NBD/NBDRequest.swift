/// A request that was found to be in order: it lies within the export and is no longer than allowed.
struct NBDRequest: Equatable, Sendable {
  let command: Protocol.Command
  let flags: UInt16
  let cookie: UInt64
  let offset: Int64
  let length: Int
}
