import Configuration
import Model
import OpenStack
import Testing

@testable import Agent

/// Whether a disk is uploaded by clone, and why not.
@Suite struct UploadPlanTests {
  static let fsid = FSID("b7c9ad4e-0d8f-4f0a-9d9b-1b8f2a6f8f11")

  private func cluster(_ user: String? = "upload") throws -> Configuration.Cluster {
    let text = "clusters:\n  - name: main\n    upload_user: \(user ?? "null")\n    image_pools: [images]\n"
    let loaded = try LoadedConfiguration.load(
      file: "/c.yaml",
      system: .init(environment: [:], home: "/", read: { $0 == "/c.yaml" ? Array(text.utf8) : nil }, isReadable: { $0 == "/c.yaml" }))
    return try #require(loaded.configuration.clusters.first)
  }

  private func store(
    _ id: String = "ceph", type: String? = "rbd", pool: String? = "images", fsid: FSID? = Self.fsid, isDefault: Bool = true,
    isReadOnly: Bool = false
  ) -> GlanceStore {
    GlanceStore(id: id, type: type, isDefault: isDefault, isReadOnly: isReadOnly, pool: pool, fsid: fsid)
  }

  private func decide(
    _ stores: [GlanceStore]?, format: UploadFormat = .raw, wanted: String? = nil, user: String? = "upload", isEnabled: Bool = true
  ) throws -> UploadPlan {
    try UploadPlan.decide(
      format, wanted: wanted, stores: stores, cluster: try cluster(user), fsid: try #require(Self.fsid), isEnabled: isEnabled)
  }

  @Test func theDefaultStoreInOurClusterTakesAClone() throws {
    let plan = try decide([store("local", type: "file", pool: nil, fsid: nil, isDefault: false), store()])
    #expect(plan.reason == .ok && plan.pool == "images" && plan.store?.id == "ceph")
  }

  @Test func anOlderServiceThatTellsNoClusterIsTried() throws {
    #expect(try decide([store(fsid: nil)]).reason == .ok)
    #expect(try decide([store(type: nil, fsid: nil)]).reason == .ok)
  }

  @Test func eachLackHasItsReason() throws {
    let other = FSID("00000000-0000-0000-0000-000000000001")
    #expect(try decide([store()], isEnabled: false).reason == .cloneUploadOff)
    #expect(try decide([store()], format: .qcow2).reason == .notRaw)
    #expect(try decide([store()], user: nil).reason == .noUploadUser)
    #expect(try decide(nil).reason == .storeUnknown)
    #expect(try decide([store(pool: nil)]).reason == .storeUnknown)
    #expect(try decide([store(isDefault: false), store("b", isDefault: false)]).reason == .storeUnknown)
    #expect(try decide([store(type: "file", pool: nil)]).reason == .storeNotRBD)
    #expect(try decide([store(isReadOnly: true)]).reason == .storeNotRBD)
    #expect(try decide([store(fsid: other)]).reason == .fsidMismatch)
    #expect(try decide([store(pool: "cold")]).reason == .poolNotAllowed)
  }

  @Test func aStoreThatIsNamedIsTakenWholeOrRefused() throws {
    let stores = [store(), store("ceph2", pool: "cold", isDefault: false)]
    #expect(try decide(stores, wanted: "ceph2").reason == .poolNotAllowed)
    let error = #expect(throws: SlipwayError.self) { try decide(stores, wanted: "cep") }
    #expect(error?.code == .configuration && error?.hint?.contains("ceph2") == true)
  }

  @Test func whatIsToBeUploadedIsADiskOrAnImageInAPool() throws {
    #expect(try UploadSource(parsing: "vm1") == .disk(DiskName("vm1")))
    #expect(try UploadSource(parsing: "volumes/volume-1") == .image(pool: "volumes", image: "volume-1"))
    for text in ["", "/x", "volumes/", "a/b/c", "a/b@snap"] {
      #expect(throws: SlipwayError.self) { try UploadSource(parsing: text) }
    }
  }

  @Test func scratchOfADeadProcessGoes() {
    let here = UploadScratch.name()
    #expect(!UploadScratch.isLeft(here))
    #expect(UploadScratch.isLeft(".slipway-upload-00000000-0000-0000-0000-000000000000-1-2-3"))
    #expect(!UploadScratch.isLeft("vm1.qcow2"))
    #expect(!UploadScratch.isLeft(".slipway-upload-odd"))
  }
}
