public import Model

/// A C library of the system that is loaded when it is first needed (dlopen(3)): most processes need one of them or none, and the dynamic loader takes
/// longer to bring all of them in than the rest of a short verb takes.
public struct LoadedLibrary: Sendable {
  /// Its name, as people call it.
  public let name: String
  /// The Debian package that it comes in.
  public let package: String
  private let failure: ErrorCode
  private let load: @Sendable (UnsafeMutablePointer<CChar>, Int) -> Bool

  /// `load` loads it, or writes the reason into a buffer of so many bytes and says false; `failure` is what its absence means.
  public init(
    _ name: String, package: String, failure: ErrorCode, load: @escaping @Sendable (UnsafeMutablePointer<CChar>, Int) -> Bool
  ) {
    self.name = name
    self.package = package
    self.failure = failure
    self.load = load
  }

  /// Sees to it that the library is loaded; at once when it is. Reads files and blocks: on an owned thread only. Throws the code of `init`; the next
  /// call tries again.
  public func require() throws(SlipwayError) {
    var why = [CChar](repeating: 0, count: 512)
    let isLoaded = why.withUnsafeMutableBufferPointer { buffer in buffer.baseAddress.map { load($0, buffer.count) } ?? false }
    guard !isLoaded else { return }
    let reason = String(decoding: why.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    throw SlipwayError(failure, "cannot load \(name): \(reason)", object: name, hint: "install its Debian package: apt install \(package)")
  }
}
