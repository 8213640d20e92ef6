internal import Glibc

/// Text that libvirt allocated; freed here. nil for NULL.
func take(_ text: UnsafeMutablePointer<CChar>?) -> String? {
  guard let text else { return nil }
  defer { free(text) }
  return String(cString: text)
}

/// A UUID in a buffer that `fill` writes: libvirt's are 37 bytes of text.
func uuid(_ fill: (UnsafeMutablePointer<CChar>) -> Int32) -> String {
  var text = [CChar](repeating: 0, count: 64)
  guard text.withUnsafeMutableBufferPointer({ buffer in buffer.baseAddress.map(fill) ?? -1 }) == 0 else { return "" }
  return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// A list that libvirt allocated, as `virConnectListAll…` gives them: `count` pointers, each becomes the caller's. The array is freed here.
func take<Handle>(_ list: UnsafeMutablePointer<OpaquePointer?>?, count: Int32, _ make: (OpaquePointer) -> Handle) -> [Handle] {
  guard let list else { return [] }
  defer { free(list) }
  return (0..<Int(max(0, count))).compactMap { list[$0].map(make) }
}

/// Frees bytes that libvirt allocated, overwritten first.
func release(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int) {
  explicit_bzero(bytes, count)
  free(bytes)
}
