public import Model
internal import Foundation

/// What IMAGE on a command line may be.
public enum ImageReference: Sendable, Hashable {
  /// An id of the image service.
  case id(ImageID)
  /// A name, which must be unique.
  case name(String)
  /// A location that an administrator on this machine typed.
  case location(Location)

  /// Reads IMAGE: a UUID is an id, text with `://` or a `/` a location (a plain path is made absolute), anything else a name.
  public init(parsing text: String) throws(SlipwayError) {
    guard !text.isEmpty, !text.contains("\0") else {
      throw SlipwayError(.usage, "no image is named", hint: "give an image id, a unique name, a path or a location URL")
    }
    if let id = ImageID(text) {
      self = .id(id)
    } else if text.contains("://") || text.hasPrefix("file:") {
      self = .location(Location(url: text))
    } else if text.contains("/") {
      self = .location(Location.file(try Self.absolute(text)))
    } else {
      self = .name(text)
    }
  }

  /// A path from the root. `..` stays: behind a symbolic link it is the kernel's to resolve.
  private static func absolute(_ text: String) throws(SlipwayError) -> String {
    if text.hasPrefix("/") { return text }
    let here = FileManager.default.currentDirectoryPath
    guard here.hasPrefix("/") else {
      throw SlipwayError(.usage, "the current directory is gone, so '\(text)' leads nowhere", object: text, hint: "give an absolute path")
    }
    var rest = Substring(text)
    while rest.hasPrefix("./") { rest = rest.dropFirst(2) }
    return here + "/" + rest
  }
}
