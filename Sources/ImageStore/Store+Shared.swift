internal import Files
internal import Model

extension Store {
  /// Tells the program that shares the directory that a base is used: it removes what nobody touched for so long. In our own layout nothing happens.
  /// Rule: what goes wrong is a warning, as it is in Nova where the file is another user's.
  func touch(_ name: BaseName) {
    guard layout.sharing != nil else { return }
    do throws(SlipwayError) {
      try bases.touch(name.text)
    } catch { warn("\(path(of: name)) looks unused: \(error)") }
  }

  /// Touches every pinned base, so that the other program keeps it too.
  func keepAlive() {
    guard layout.sharing != nil else { return }
    for text in (try? meta.names()) ?? [] {
      guard let name = layout.base(owning: text, endings: ["pin"]), (try? bases.status(of: name.text)) != nil, (try? pinNow(name)) != nil
      else { continue }
      touch(name)
    }
  }
}
