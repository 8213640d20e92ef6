import Foundation
import Testing

/// Every route into the store, on the services that it stands on.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct FetchTests {
  @Test(arguments: ["qcow2", "raw"]) func aRawImageIsExported(format: String) async throws {
    let image = try await Images.shared.raw()
    let host = try Host()
    let fetched = try await host.run("fetch", image.id, "--format", format).succeeded()
    let path = try #require(fetched["path"].text)
    #expect(fetched["route"].text == "export")
    #expect(fetched["outcome"].text == "fetched")
    #expect(fetched["format"].text == format)
    #expect(fetched["virtual_size"].int == 20 << 20)
    #expect(fetched["evidence"]["digest"].text == "matched")
    #expect(fetched["evidence"]["computed"] == .string("sha512:" + (image.document["os_hash_value"].text ?? "")))
    #expect((fetched["bytes"]["read"].int ?? .max) < 20 << 20, "holes are not read")
    try await Compare.guest(path, format, image.file, "raw")
    if format == "raw" { try await Compare.same(path, image.file) }
    #expect(host.stored("tmp").isEmpty)
    let hit = try await host.run("fetch", image.name, "--format", format).succeeded()
    #expect(hit["outcome"].text == "hit")
    #expect(hit["route"] == .null)
    #expect(hit["path"].text == path)
    #expect(hit["bytes"]["read"].int == 0)
    let shown = try await host.run("cache", "show", image.id).succeeded()
    #expect(shown["bases"].list.map { $0["path"].text } == [path])
    #expect(shown["bases"].list.first?["hits"].int ?? 0 >= 1)
  }

  @Test func aQcow2ImageIsKeptAsItIs() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host()
    let fetched = try await host.run("fetch", image.id).succeeded()
    #expect(fetched["route"].text == "export")
    #expect(fetched["virtual_size"].int == 24 << 20)
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test func aQcow2ImageBecomesRaw() async throws {
    let image = try await Images.shared.qcow2()
    let host = try Host()
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["virtual_size"].int == 24 << 20)
    try await Compare.guest(#require(fetched["path"].text), "raw", image.file, "qcow2")
    #expect(host.stored("bases").count == 1)
    #expect(host.stored("tmp").isEmpty)
  }

  @Test func aFileUnderAnAllowedRootIsReadDirectly() async throws {
    let image = try await Images.shared.local()
    let host = try Host { settings, _ in settings.roots = [try Stack.current().text("stores", "local", "path")] }
    let fetched = try await host.run("fetch", image.id).succeeded()
    #expect(fetched["route"].text == "file")
    #expect(fetched["evidence"]["digest"].text == "matched")
    try await Compare.guest(#require(fetched["path"].text), "qcow2", image.file, "raw")
  }

  @Test(arguments: ["root", "scheme"]) func aFileThatIsNotAllowedIsDownloaded(barred: String) async throws {
    let image = try await Images.shared.local()
    let host = try Host { settings, _ in
      if barred == "scheme" {
        settings.schemes = ["rbd"]
        settings.roots = [try Stack.current().text("stores", "local", "path")]
      }
    }
    let plan = try await host.run("plan", image.id, "--target", "qcow2").succeeded()
    #expect(plan["candidates"].list.first?["reason"].text == (barred == "root" ? "root_not_allowed" : "scheme_not_allowed"))
    #expect(plan["route"].text == "download")
    let fetched = try await host.run("fetch", image.id).succeeded()
    #expect(fetched["route"].text == "download")
    try await Compare.guest(#require(fetched["path"].text), "qcow2", image.file, "raw")
  }

  @Test func locationsAreTakenFromTheServicesOwnCallWhereImagesShowNone() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, _ in settings.cloud = "slipway-hidden" }
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == "export")
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test func withoutAnyLocationTheBytesAreDownloaded() async throws {
    let image = try await Images.shared.raw()
    let host = try Host { settings, scratch in settings.cloud = "demo-hidden" }
    let clouds = try host.clouds { clouds in clouds["demo-hidden"] = clouds["demo"]?.in(region: "RegionHidden") }
    let fetched = try await host.run("fetch", image.id, environment: ["OS_CLIENT_CONFIG_FILE": clouds]).succeeded()
    #expect(fetched["route"].text == "download")
    try await Compare.guest(#require(fetched["path"].text), "qcow2", image.file, "raw")
  }

  @Test func anImageIsExportedFromWhicheverClusterHasIt() async throws {
    let image = try await Images.shared.second()
    let host = try Host { settings, _ in
      settings.clusters.append(.init(name: "second", conf: try Stack.current().conf2))
    }
    let fetched = try await host.run("fetch", image.id, "--format", "raw").succeeded()
    #expect(fetched["route"].text == "export")
    #expect(fetched["evidence"]["digest"].text == "matched")
    try await Compare.same(#require(fetched["path"].text), image.file)
  }

  @Test func aClusterThatIsNotConfiguredIsUnknown() async throws {
    let image = try await Images.shared.second()
    let host = try Host()
    let plan = try await host.run("plan", image.id, "--target", "qcow2").succeeded()
    #expect(plan["candidates"].list.first?["reason"].text == "unknown_cluster")
    #expect(plan["route"].text == "download", "that is for good, so the image service may be asked")
  }
}
