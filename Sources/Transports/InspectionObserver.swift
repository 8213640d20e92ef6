public import ImageFormats
public import Model
internal import Runtime
public import Transfer

/// Judges the format of the stored bytes as they pass, and stops the transfer as soon as it is sure that they are refused.
public final class InspectionObserver: Observer {
  private let inspector: Locked<FormatInspector>

  /// An observer for bytes that are said to be `claimed`, nil where nobody says anything; `object` is the image, for messages.
  public init(claimed: DiskFormat?, object: String, policy: InspectionPolicy = InspectionPolicy()) {
    inspector = Locked(FormatInspector(claimed: claimed, object: object, policy: policy))
  }

  public func update(_ bytes: UnsafeRawBufferPointer) throws { try inspector.with { inspector in try inspector.update(bytes) } }
  public func zeros(_ count: Int64) throws { try inspector.with { inspector in try inspector.zeros(count) } }

  /// The verdict on all that was seen; once, after the transfer. Throws `format_mismatch` and `format_refused`.
  public func result() throws -> Inspection { try inspector.with { inspector in try inspector.finish() } }
}
