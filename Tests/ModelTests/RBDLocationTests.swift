import Model
import Testing

@Suite struct RBDLocationTests {
  @Test(arguments: [
    ("rbd://fsid/pool/image/snap", ["fsid", "pool", "image", "snap"]),
    ("rbd://%2F/%2F/%2F/%2F", ["/", "/", "/", "/"]),
    ("rbd://f/a%2Fb%20c/i/s", ["f", "a/b c", "i", "s"]),
    ("rbd://f/p/%zz/s", ["f", "p", "%zz", "s"]),
  ])
  func acceptsFourParts(_ url: String, _ parts: [String]) {
    let location = RBDLocation(parsing: url)
    #expect(location.map { [$0.fsid, $0.pool, $0.image, $0.snapshot] } == parts)
  }

  @Test(arguments: [
    "rbd://image", "rbd://image/extra", "rbd://image/", "rbd://fsid/pool/image/", "rbd://fsid/pool/image/snap/", "rbd://///", "rbd:///",
    "http://fsid/pool/image/snap", "RBD://fsid/pool/image/snap", "rbd://f/p/i/%FF", "rbd://f/p/i/a%00b", "",
  ])
  func refusesEverythingElse(_ url: String) { #expect(RBDLocation(parsing: url) == nil) }

  @Test func urlEncodesEachPart() {
    #expect(RBDLocation(fsid: "f", pool: "a/b c", image: "i", snapshot: "s").url == "rbd://f/a%2Fb%20c/i/s")
  }

  @Test func credentialsAndQueriesAreRedacted() {
    #expect(Location(url: "https://me:secret@host/x?sig=abc").description == "https://host/x?…")
    #expect(Location(url: "rbd://f/p/i/s").description == "rbd://f/p/i/s")
    // A combining mark makes one Character of two scalars.
    #expect(!Location(url: "https://me:secret@\u{301}host/x").description.contains("secret"))
    #expect(!Location(url: "https://host/x?\u{301}sig=abc").description.contains("abc"))
  }
}
