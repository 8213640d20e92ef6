internal import Model

/// One format's judge. It asks for one window of the file after the other and is handed each when it has passed, whole; so what it says cannot
/// depend on how the bytes were cut, and no more than a window of it is ever kept.
protocol FormatMachine: Sendable {
  /// What it looks for.
  var format: DiskFormat { get }
  /// The next bytes that it has to see: at most 64 KiB, none before those that it saw; nil when it wants no more before the end.
  var window: Range<Int64>? { get }
  /// Whether the bytes are of its format; nil while that is open.
  var isPresent: Bool? { get }
  /// What is known of it so far.
  var traits: FormatTraits { get }

  /// The bytes of the window, fewer where the file ends within it. Throws `format_refused`; nothing more is handed over then.
  mutating func take(_ bytes: [UInt8]) throws(SlipwayError)
  /// Every window that there is was handed over: the file's size, and its last bytes. Throws `format_refused`.
  mutating func finish(size: Int64, tail: [UInt8]) throws(SlipwayError)
}

/// What a machine knows of an image.
struct FormatTraits: Sendable {
  /// The size that a guest sees; nil while unknown, and for plain sectors, whose stored size it is.
  var virtualSize: Int64?
  /// Which kind of its format.
  var subformat: String?
  /// A qcow2's header.
  var header: Qcow2Header?
}

/// Windows and limits that several formats share.
enum Windows {
  /// The first sector: nearly every magic lies in it.
  static let sector: Range<Int64> = 0..<512
  /// The largest window.
  static let largest = 65536
  /// Bytes at a file's end that are kept: a VMDK's footer with its markers.
  static let tail = 1536
  /// Nothing can lie, or be, beyond this: sums of such numbers never overflow. (QEMU's own limit is below.)
  static let farthest: UInt64 = 1 << 62
}

extension SlipwayError {
  /// `format_refused` for a format whose parts contradict each other or the file.
  static func damaged(_ object: String, _ format: String, _ reason: String) -> SlipwayError {
    formatRefused(object, "is a damaged \(format): \(reason)", hint: "check the image with qemu-img info and upload it again")
  }

  /// `format_refused` for an image that takes a part of its bytes from another one.
  static func hasParent(_ object: String, _ format: String) -> SlipwayError {
    formatRefused(
      object, "is a \(format) that stands on another file (a backing file)",
      hint: "make it one file with qemu-img convert and upload it again")
  }
}
