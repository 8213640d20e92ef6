/// The last bytes of a stream.
struct Tail: Sendable {
  /// How many are kept.
  let capacity: Int
  private var bytes: [UInt8] = []

  init(_ capacity: Int) { self.capacity = capacity }

  /// All there are, at most `capacity`.
  var last: [UInt8] { Array(bytes.suffix(capacity)) }
  /// What is held in memory.
  var buffered: Int { bytes.count }

  mutating func append(_ more: UnsafeRawBufferPointer) {
    if more.count >= capacity { bytes.removeAll(keepingCapacity: true) }
    bytes.append(contentsOf: more.suffix(capacity))
    trim()
  }

  mutating func append(zeros count: Int64) {
    if count >= capacity { bytes.removeAll(keepingCapacity: true) }
    bytes.append(contentsOf: repeatElement(0, count: Int(min(count, Int64(capacity)))))
    trim()
  }

  /// Not at every byte, since what stays is moved.
  private mutating func trim() {
    if bytes.count > capacity * 4 { bytes.removeFirst(bytes.count - capacity) }
  }
}
