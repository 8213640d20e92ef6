import FaultServer
import HTTPClient
import Runtime

/// A client with short limits.
func makeClient(_ change: (inout HTTPClient.Settings) -> Void = { _ in }) -> HTTPClient {
  var settings = HTTPClient.Settings()
  settings.connectTimeout = .seconds(5)
  settings.stallTimeout = .seconds(10)
  change(&settings)
  return HTTPClient(settings: settings)
}

/// The kind of the error that `body` throws, nil when it throws none of ours.
func failure<T>(_ body: () async throws -> T) async -> HTTPError? {
  do {
    _ = try await body()
    return nil
  } catch {
    return error as? HTTPError
  }
}

/// Reads to the end; a digest-like sum and the count.
func drain(_ stream: BodyStream, piece: Int = 100_000) async throws -> (count: Int, sum: UInt64) {
  let buffer = Buffer(capacity: piece)
  var count = 0
  var sum: UInt64 = 0
  while true {
    let got = try await stream.next(into: buffer, count: piece)
    if got == 0 { return (count, sum) }
    for index in 0..<got { sum = sum &* 31 &+ UInt64(buffer.memory[index]) }
    count += got
  }
}
