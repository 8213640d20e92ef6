import LibvirtReport
import Testing

@Suite struct MonitorAddressTests {
  private func monitors(_ text: String) -> [String] {
    MonitorAddress.monitors(in: text).map { "\($0.host)|\($0.port.map { "\($0)" } ?? "-")" }
  }

  @Test func ofAVectorTheV1AddressCounts() {
    #expect(
      monitors("[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0],[v2:10.0.0.2:3300/0,v1:10.0.0.2:6789/0]") == ["10.0.0.1|6789", "10.0.0.2|6789"])
    #expect(monitors("[v1:127.0.0.1:17001,v2:127.0.0.1:17000]") == ["127.0.0.1|17001"])
  }

  @Test func aMonitorWithoutV1KeepsItsPort() {
    #expect(monitors("[v2:10.0.0.1:3300/0] v2:10.0.0.2:3300/0") == ["10.0.0.1|3300", "10.0.0.2|3300"])
  }

  @Test func ipv6LosesItsBrackets() {
    #expect(
      monitors("[v2:[fd00::1]:3300/0,v1:[fd00::1]:6789/0],[fd00::2]:6789,[fd00::3],fd00::4") == [
        "fd00::1|6789", "fd00::2|6789", "fd00::3|-", "fd00::4|-",
      ])
  }

  @Test func plainAddressesAndNamesSeparatedByAnythingAreTaken() {
    #expect(
      monitors("10.0.0.1:6789, 10.0.0.2;mon3.example\tmon4.example:3300 v1:10.0.0.5:6790/7") == [
        "10.0.0.1|6789", "10.0.0.2|-", "mon3.example|-", "mon4.example|3300", "10.0.0.5|6790",
      ])
  }

  @Test func eachIsNamedOnce() { #expect(monitors("a,b,a") == ["a|-", "b|-"]) }

  @Test(arguments: ["", "  ,; ", "[", "[v2:", "[]", "[v1:]", ":6789", "v1:", "[v1:,v2:]", "[[", "[fd00::1"])
  func whatIsNoAddressIsLeftOut(text: String) { #expect(monitors(text) == []) }

  @Test func portZeroIsNone() { #expect(monitors("10.0.0.1:0,10.0.0.2:99999") == ["10.0.0.1|-", "10.0.0.2|-"]) }
}
