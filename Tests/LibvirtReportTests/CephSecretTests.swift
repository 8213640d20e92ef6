import LibvirtReport
import Testing

@Suite struct CephSecretTests {
  private let keyring = """
    [client.admin]
    \tkey = AAAA
    [client.slipway]
    \tcaps mon = "profile rbd"
    \tkey = AQIDBA==
    """

  @Test func theKeyIsThatOfTheUserAndDecoded() {
    #expect(CephSecret.key(of: "slipway", inKeyring: keyring) == [1, 2, 3, 4])
    #expect(CephSecret.key(of: "admin", inKeyring: keyring) == [0, 0, 0])
  }

  @Test func withoutOneThereIsNone() {
    #expect(CephSecret.key(of: "other", inKeyring: keyring) == nil)
    #expect(CephSecret.key(of: "x", inKeyring: "[client.x]\nkey = !!\n") == nil)
    #expect(CephSecret.key(of: "x", inKeyring: "") == nil)
  }
}
