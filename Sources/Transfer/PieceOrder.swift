internal import Runtime

/// What an observer is given next.
enum Observed: Sendable {
  case bytes(Buffer, Int)
  case zeros(Int64)
}

/// Puts pieces that end in any order back into the order of the image: what observers may see next, and up to where all is written.
/// A value without I/O; it holds the pieces that are under way, and no more.
struct PieceOrder: Sendable {
  private struct Entry {
    let start: Int64
    var end: Int64
    var isData: Bool
    var buffer: Buffer?
    var isHere: Bool
    var isWritten: Bool
  }

  private var entries: [Entry] = []
  /// How many entries at the front are over and done with.
  private var gone = 0
  /// How many entries were dropped from the array for good: number of the first.
  private var base = 0
  /// Number of the next entry for observers.
  private var nextSeen = 0
  /// Number of the next entry whose write we wait for.
  private var nextWritten = 0
  /// Whether bytes are kept for observers.
  private let isObserved: Bool

  /// Up to where pieces are known.
  private(set) var end: Int64 = 0
  /// Everything below was written or is a hole.
  private(set) var frontier: Int64 = 0
  /// The pieces that are not over, for tests.
  var count: Int { entries.count - gone }

  init(isObserved: Bool) { self.isObserved = isObserved }

  /// The next piece is data up to `end`. Returns its number.
  mutating func expect(to end: Int64) -> Int {
    entries.append(Entry(start: self.end, end: end, isData: true, buffer: nil, isHere: false, isWritten: false))
    self.end = end
    return base + entries.count - 1
  }

  /// The next piece is a hole up to `end`; `see` is told what observers may see now.
  mutating func hole(to end: Int64, see: (Observed) -> Void) {
    let last = base + entries.count - 1
    if last >= nextSeen, last >= nextWritten, !entries[last - base].isData {
      // Still waiting behind a piece: one entry is enough, however long the hole becomes.
      entries[last - base].end = end
    } else {
      entries.append(Entry(start: self.end, end: end, isData: false, buffer: nil, isHere: true, isWritten: true))
    }
    self.end = end
    move(see)
  }

  /// The bytes of piece `number` are here.
  mutating func arrived(_ number: Int, _ buffer: Buffer, see: (Observed) -> Void) {
    if isObserved { entries[number - base].buffer = buffer }
    entries[number - base].isHere = true
    move(see)
  }

  /// Piece `number` was written.
  mutating func written(_ number: Int) {
    entries[number - base].isWritten = true
    move { _ in }
  }

  /// Lets go of all buffers, when the transfer has failed.
  mutating func drop() -> [Buffer] {
    let buffers = entries.compactMap(\.buffer)
    for index in entries.indices { entries[index].buffer = nil }
    return buffers
  }

  private mutating func move(_ see: (Observed) -> Void) {
    while nextSeen - base < entries.count, entries[nextSeen - base].isHere {
      let entry = entries[nextSeen - base]
      let length = entry.end - entry.start
      if !entry.isData {
        see(.zeros(length))
      } else if let buffer = entry.buffer {
        see(.bytes(buffer, Int(length)))
        entries[nextSeen - base].buffer = nil
      }
      nextSeen += 1
    }
    while nextWritten - base < entries.count, entries[nextWritten - base].isWritten {
      frontier = entries[nextWritten - base].end
      nextWritten += 1
    }
    gone = min(nextSeen, nextWritten) - base
    if gone == entries.count || gone > 64 {
      entries.removeFirst(gone)
      base += gone
      gone = 0
    }
  }
}
