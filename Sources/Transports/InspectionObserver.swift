public import ImageFormats
internal import Runtime
public import Transfer

/// Judges the format of the stored bytes as they pass, and stops the transfer as soon as it is sure that they are refused.
public final class InspectionObserver: Observer {
  private let inspector: Locked<StreamInspector>

  /// An observer for bytes that are said to be `claimed`; `object` is the image, for messages.
  public init(claimed: ImageFormat, object: String) { inspector = Locked(StreamInspector(claimed: claimed, object: object)) }

  public func update(_ bytes: UnsafeRawBufferPointer) throws { try inspector.with { inspector in try inspector.update(bytes) } }
  public func zeros(_ count: Int64) throws { try inspector.with { inspector in try inspector.zeros(count) } }

  /// The verdict on all that was seen; once, after the transfer. Throws `format_mismatch` and `format_refused`.
  public func result() throws -> Inspection { try inspector.with { inspector in try inspector.finish() } }
}
