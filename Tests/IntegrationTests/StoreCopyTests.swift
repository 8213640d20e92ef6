import Foundation
import Testing

/// Images that the image service is asked to copy into the disks' cluster, and clones of the copies.
@Suite(.fewAtATime, .timeLimit(.minutes(30))) struct StoreCopyTests {
  private func host(_ store: String?) throws -> Host {
    try Host { settings, _ in
      settings.cloud = "admin"
      settings.more = ["on_not_cloneable: copy-to-store"]
      settings.imageKeys = store.map { "copy_store: \($0)" }
    }
  }

  @Test func anImageOfAnotherStoreIsCopiedOnceAndCloned() async throws {
    let image = try await Images.fresh("--store", "local")
    let host = try host("ceph")
    let disk = host.diskName()
    let plan = try await host.run("plan", image.id, "--target", "rbd").succeeded()
    #expect(plan["route"].text == "store_copy")
    let made = try await host.run("disk", "create", disk, "--image", image.id, "--target", "rbd").succeeded()
    #expect(made["route"].text == "store_copy")
    try await Compare.same(try await Compare.exported("vms/\(disk)", host.stack, to: host.scratch.file("out")), image.file)
    // From now on it lies in the cluster: a plain clone.
    let second = host.diskName()
    #expect(try await host.run("disk", "create", second, "--image", image.id, "--target", "rbd").succeeded()["route"].text == "clone")
    try await host.delete(disk)
    try await host.delete(second)
  }

  @Test func aStoreThatThereIsNotIsToldAsSuch() async throws {
    let image = try await Images.fresh("--store", "local")
    let host = try host("ceph-of-nobody")
    let error = try await host.run("disk", "create", host.diskName(), "--image", image.id, "--target", "rbd").failed(2, "configuration")
    #expect(error["message"].text?.contains("ceph-of-nobody") == true)
    let without = try self.host(nil)
    let plan = try await without.run("plan", image.id, "--target", "rbd")
    #expect(try plan.document()["candidates"].list.last?["reason"].text == "no_copy_store")
  }
}
