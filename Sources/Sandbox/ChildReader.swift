internal import Glibc

/// What a child prints, read as it comes and cut to limits, so that neither it nor we wait for the other for ever.
struct ChildReader {
  private(set) var output: [UInt8] = []
  private var complaints: [UInt8] = []
  private let sources: [Int32]
  private let limits: [Int]
  private var isOpen = [true, true]

  init(output: Int32, complaints: Int32, outputLimit: Int, complaintLimit: Int) {
    sources = [output, complaints]
    limits = [outputLimit, complaintLimit]
  }

  /// Reads until the child behind `pidfd` has ended; false at the deadline.
  mutating func read(until pidfd: Int32, _ deadline: ContinuousClock.Instant) -> Bool {
    while true {
      let left = deadline - ContinuousClock.now
      guard left > .zero else { return false }
      let milliseconds = Int32(
        clamping: min(left.components.seconds, 3600) * 1000 + left.components.attoseconds / 1_000_000_000_000_000 + 1)
      // A source that has ended is left out: a descriptor below zero is.
      var entries = [pollfd(fd: pidfd, events: Int16(POLLIN), revents: 0)]
      for index in sources.indices { entries.append(pollfd(fd: isOpen[index] ? sources[index] : -1, events: Int16(POLLIN), revents: 0)) }
      let ready = poll(&entries, nfds_t(entries.count), milliseconds)
      if ready <= 0 { continue }
      for index in sources.indices where entries[index + 1].revents != 0 { isOpen[index] = take(index) }
      if entries[0].revents != 0 { return true }
    }
  }

  /// What is there still, without waiting, and no more than a pipe holds.
  mutating func drain() {
    for index in sources.indices {
      for _ in 0..<32 where isOpen[index] { isOpen[index] = take(index) }
    }
  }

  /// Reads some; false at the end.
  private mutating func take(_ index: Int) -> Bool {
    var bytes = [UInt8](repeating: 0, count: 16384)
    let count = Glibc.read(sources[index], &bytes, bytes.count)
    if count < 0 { return errno == EINTR || errno == EAGAIN }
    let kept = index == 0 ? output.count : complaints.count
    let more = bytes.prefix(max(0, min(count, limits[index] - kept)))
    if index == 0 { output += more } else { complaints += more }
    return count > 0
  }

  /// The first line of what it complained with: printable, at most 200 characters.
  var complaint: String {
    let line = complaints.split(whereSeparator: { $0 == 10 || $0 == 13 }).first ?? []
    return String(decoding: line.prefix(200).map { (32..<127).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
  }
}
