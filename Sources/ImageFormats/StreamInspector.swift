public import Model

/// Watches the stored bytes of an image go by and tells whether they are what they claim to be, and safe to open.
///
/// Keeps the first 64 KiB at most. Judges at 512 bytes, at 64 KiB and at the end, never elsewhere, so the verdict does not depend on how
/// the bytes were cut. After a refusal every call throws the same error.
///
/// Rules: a claim of qcow2 needs a version 2 or 3 header without backing file, external data file, encryption, unknown features (oslo.utils'
/// safety checks) or values that QEMU would not open; a claim of raw must not begin with another format's magic, as Nova has it.
public struct StreamInspector: Sendable {
  private let claimed: ImageFormat
  private let object: String
  private var head: [UInt8] = []
  private var total: Int64 = 0
  private var started = false
  private var header: Qcow2Header?
  private var refusal: SlipwayError?

  /// An inspector of `object` (what to call it in a sentence), whose bytes are claimed to be `claimed`.
  public init(claimed: ImageFormat, object: String) {
    self.claimed = claimed
    self.object = object
  }

  /// The next stored bytes. Throws `formatMismatch` or `formatRefused` as soon as the verdict is certain.
  public mutating func update(_ bytes: UnsafeRawBufferPointer) throws(SlipwayError) {
    try feed(Int64(bytes.count)) { head, consumed, count in
      head.append(contentsOf: bytes[consumed..<consumed + count])
    }
  }

  /// The next `count` stored bytes, 0 or more, are zeros. Throws as `update`.
  public mutating func zeros(_ count: Int64) throws(SlipwayError) {
    try feed(max(0, count)) { head, _, count in head.append(contentsOf: repeatElement(0, count: count)) }
  }

  /// All bytes were seen. Throws `formatMismatch` or `formatRefused`.
  public mutating func finish() throws(SlipwayError) -> Inspection {
    if let refusal { throw refusal }
    return try remembering { inspector throws(SlipwayError) in
      if !inspector.started { try inspector.judgeStart() }
      if inspector.total < Int64(Qcow2Header.window) { try inspector.judgeHead() }
      try inspector.header?.requireFits(fileSize: inspector.total, object: inspector.object)
      return Inspection(
        format: inspector.claimed, virtualSize: inspector.header?.virtualSize ?? inspector.total, storedSize: inspector.total,
        header: inspector.header)
    }
  }

  /// Takes `count` bytes; `append` adds those of them that the head still wants, checkpoint by checkpoint.
  private mutating func feed(_ count: Int64, _ append: (inout [UInt8], _ consumed: Int, _ count: Int) -> Void) throws(SlipwayError) {
    if let refusal { throw refusal }
    let window = Int64(Qcow2Header.window)
    var consumed: Int64 = 0
    while total < window, consumed < count {
      let checkpoint = started ? window : Int64(ContentSignature.window)
      let step = min(count - consumed, checkpoint - total)
      append(&head, Int(consumed), Int(step))
      consumed += step
      total += step
      if total == checkpoint {
        try remembering { inspector throws(SlipwayError) in
          if inspector.started { try inspector.judgeHead() } else { try inspector.judgeStart() }
        }
      }
    }
    let (sum, overflow) = total.addingReportingOverflow(count - consumed)
    total = overflow ? Int64.max : sum
  }

  private mutating func remembering<Value>(
    _ body: (inout StreamInspector) throws(SlipwayError) -> Value
  ) throws(SlipwayError) -> Value {
    do throws(SlipwayError) {
      return try body(&self)
    } catch {
      refusal = error
      head = []
      throw error
    }
  }

  /// With the first 512 bytes, or all there are.
  private mutating func judgeStart() throws(SlipwayError) {
    started = true
    let found = head.withUnsafeBytes(ContentSignature.detect)
    switch (claimed, found) {
    case (.raw, nil): return
    case (.raw, .some(let other)): throw mismatch(other.rawValue)
    case (.qcow2, .qcow2):
      let header = try Qcow2Header(parsing: head, object: object)
      try header.requireSelfContained(object: object)
      self.header = header
    case (.qcow2, nil): throw mismatch("raw")
    case (.qcow2, .some(let other)): throw mismatch(other.rawValue)
    }
  }

  /// With the first 64 KiB, or all there are; the bytes are not needed any more afterwards.
  private mutating func judgeHead() throws(SlipwayError) {
    defer { head = [] }
    if let header {
      try header.requireHarmlessExtensions(head, object: object)
      if head.withUnsafeBytes(ContentSignature.isISO) {
        throw SlipwayError(
          .formatMismatch, "\(object) is a qcow2 and an ISO 9660 image at once", object: object, hint: "upload an image of one format")
      }
    } else if head.withUnsafeBytes(ContentSignature.isDescriptor) {
      throw mismatch("vmdk")
    }
  }

  private func mismatch(_ found: String) -> SlipwayError {
    SlipwayError(
      .formatMismatch, "\(object) is claimed to be \(claimed.rawValue), but its content is \(found)", object: object,
      hint: "set the image's disk format to what it is, or convert it")
  }
}
