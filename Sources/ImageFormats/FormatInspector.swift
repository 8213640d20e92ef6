public import Model

/// Watches the stored bytes of an image go by and tells what they are, whether that is what they are claimed to be, and whether it is safe to open.
///
/// One small machine per format sees the bytes side by side with the others. Each is handed whole windows of the file, and the verdict is looked at
/// only where a window ends, in the order of the file, so it is the same however the bytes were cut. At most a few windows of 64 KiB are held.
/// After a refusal every call throws the same error.
public struct FormatInspector: Sendable {
  private let claimed: DiskFormat?
  private let object: String
  private let policy: InspectionPolicy
  private var slots: [MachineSlot]
  private var tail = Tail(Windows.tail)
  private var total: Int64 = 0
  private var refusal: SlipwayError?

  /// An inspector of `object` (what to call it in a sentence), whose bytes are claimed to be `claimed`; nil where nobody claims anything, so that
  /// whatever single format is found is judged.
  public init(claimed: DiskFormat?, object: String, policy: InspectionPolicy = InspectionPolicy()) {
    self.claimed = claimed
    self.object = object
    self.policy = policy
    let machines: [any FormatMachine] = [
      RawMachine(), Qcow2Machine(object: object, policy: policy), VMDKMachine(object: object, policy: policy),
      VHDMachine(object: object, isClaimed: claimed == .vhd), VHDXMachine(object: object), VDIMachine(object: object),
      QEDMachine(object: object),
      LUKSMachine(object: object, policy: policy), ISOMachine(object: object),
    ]
    slots = machines.map(MachineSlot.init)
  }

  /// Bytes of the image that are held in memory now.
  public var bufferedBytes: Int { slots.reduce(tail.buffered) { $0 + $1.buffer.count } }

  /// The next stored bytes. Throws `format_mismatch` or `format_refused` as soon as the verdict is certain.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SlipwayError) {
    if let refusal { throw refusal }
    tail.append(bytes)
    try feed(Int64(bytes.count)) { buffer, range in
      buffer.append(contentsOf: UnsafeRawBufferPointer(rebasing: bytes[Int(range.lowerBound)..<Int(range.upperBound)]))
    }
  }

  /// The next `count` stored bytes, 0 or more, are zeros. Throws as `update`.
  public mutating func zeros(_ count: Int64) throws(SlipwayError) {
    if let refusal { throw refusal }
    tail.append(zeros: max(0, count))
    try feed(max(0, count)) { buffer, range in buffer.append(contentsOf: repeatElement(0, count: range.count)) }
  }

  /// All bytes were seen: what they are. Throws `format_mismatch` or `format_refused`.
  public mutating func finish() throws(SlipwayError) -> Inspection {
    if let refusal { throw refusal }
    for index in slots.indices { slots[index].finish(size: total, tail: tail.last) }
    return try remembering { inspector throws(SlipwayError) in
      try inspector.judge(isEnd: true)
      let inspection = try inspector.verdict()
      try inspector.requireSize(inspection.virtualSize)
      return inspection
    }
  }

  /// Takes `count` bytes, from one window's end to the next; `append` adds a range of them to a window.
  private mutating func feed(_ count: Int64, _ append: (inout [UInt8], Range<Int64>) -> Void) throws(SlipwayError) {
    let start = total
    let end = start.addingReportingOverflow(count).overflow ? Int64.max : start + count
    while total < end {
      let next = slots.compactMap(\.window?.upperBound).min() ?? end
      let stop = min(next, end)
      for index in slots.indices {
        guard let window = slots[index].window, window.lowerBound < stop else { continue }
        let from = max(window.lowerBound, total)
        append(&slots[index].buffer, from - start..<stop - start)
      }
      total = stop
      guard stop == next else { continue }
      var isNews = false
      for index in slots.indices where slots[index].window?.upperBound == stop {
        slots[index].deliver(at: stop, object: object)
        isNews = true
      }
      if isNews { try remembering { inspector throws(SlipwayError) in try inspector.judge(isEnd: false) } }
    }
  }

  private mutating func remembering<Value>(
    _ body: (inout FormatInspector) throws(SlipwayError) -> Value
  ) throws(SlipwayError) -> Value {
    do throws(SlipwayError) {
      return try body(&self)
    } catch {
      refusal = error
      for index in slots.indices { slots[index].stop() }
      throw error
    }
  }

  /// What is certain by now is thrown.
  private func judge(isEnd: Bool) throws(SlipwayError) {
    let found = slots.filter { $0.machine.isPresent == true }
    let boot = slots.lazy.compactMap { $0.machine as? RawMachine }.first?.boot ?? BootSector([])
    guard let claimed else {
      if isEnd { try judgeUnclaimed(found, boot) }
      return
    }
    let isThere = found.contains { $0.machine.format == claimed }
    let others = found.filter { $0.machine.format != claimed }
    if claimed == .raw, policy.allowsISOAsRaw, others.map(\.machine.format) == [.iso] { return try judgeSingle(.iso, boot) }
    if isThere, !others.isEmpty { throw several(found.map(\.machine.format.rawValue)) }
    if let other = others.first { throw mismatch(claimed, others.count > 1 ? several(others) : other.machine.format.rawValue) }
    if isThere {
      try judgeSingle(claimed, boot)
    } else if claimed == .raw {
      try judgeSectors(boot)
    } else if isEnd || slots.allSatisfy({ $0.machine.isPresent != nil || ($0.machine.format == .vhd && claimed != .vhd) }) {
      throw mismatch(claimed, boot.table.map { "raw with a partition table (\($0.rawValue))" } ?? "raw")
    }
  }

  /// Whatever is found, as long as it is one thing.
  private func judgeUnclaimed(_ found: [MachineSlot], _ boot: BootSector) throws(SlipwayError) {
    guard found.count < 2 else { throw several(found.map(\.machine.format.rawValue)) }
    if let one = found.first { try judgeSingle(one.machine.format, boot) } else { try judgeSectors(boot) }
  }

  /// A format that is there, alone: its own refusal, its size, and whether it is a disk with partitions, too.
  private func judgeSingle(_ format: DiskFormat, _ boot: BootSector) throws(SlipwayError) {
    guard let slot = slots.first(where: { $0.machine.format == format }) else { return }
    if let refusal = slot.refusal { throw refusal }
    try requireSize(slot.machine.traits.virtualSize ?? 0)
    let isAlsoDisk =
      switch format {
      // The same sectors: a bootable ISO, the inside of a fixed VHD.
      case .raw, .iso: false
      case .vhd: boot.hasSignature && slot.machine.traits.subformat != "fixed"
      // The place of the signature is random bytes in a header of LUKS 1.
      case .luks: boot.table != nil
      default: boot.hasSignature
      }
    if isAlsoDisk { throw several([format.rawValue, "a disk with a partition table"]) }
  }

  private func judgeSectors(_ boot: BootSector) throws(SlipwayError) {
    guard policy.checksPartitions, let reason = boot.refusal else { return }
    throw .formatRefused(
      object, "begins with a partition table that makes no sense: \(reason)", hint: "write its partition table again and upload it")
  }

  /// After everything was judged.
  private func verdict() throws(SlipwayError) -> Inspection {
    let slot = slots.first { $0.machine.isPresent == true }
    let format = slot?.machine.format ?? .raw
    let traits = slot?.machine.traits ?? FormatTraits()
    let table = slots.lazy.compactMap { $0.machine as? RawMachine }.first?.boot.table
    return Inspection(
      format: format, subformat: traits.subformat, partitions: format.isPlainSectors ? table : nil,
      virtualSize: traits.virtualSize ?? total,
      storedSize: total, header: traits.header)
  }

  private func requireSize(_ size: Int64) throws(SlipwayError) {
    guard let most = policy.maximumVirtualSize, size > most else { return }
    throw .formatRefused(
      object, "shows a guest \(size) bytes, more than the \(most) that the policy allows", hint: "ask the administrator for a larger limit")
  }

  private func several(_ slots: [MachineSlot]) -> String { slots.map(\.machine.format.rawValue).joined(separator: " and ") + " at once" }

  private func several(_ words: [String]) -> SlipwayError {
    SlipwayError(
      .formatMismatch, "\(object) is \(words.joined(separator: " and ")) at once", object: object, hint: "upload an image of one format")
  }

  private func mismatch(_ claimed: DiskFormat, _ found: String) -> SlipwayError {
    SlipwayError(
      .formatMismatch, "\(object) is claimed to be \(claimed.rawValue), but its content is \(found)", object: object,
      hint: "set the image's disk format to what it is, or convert it")
  }
}
