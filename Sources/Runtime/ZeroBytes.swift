internal import CLinux

extension UnsafeRawBufferPointer {
  /// Whether all bytes are zero; fast, and faster where the first ones are not.
  public var isZero: Bool {
    guard let baseAddress else { return true }
    return slipway_is_zero(baseAddress, count)
  }
}
