import Foundation
import ImageStore
import Testing

@testable import slipway

/// What `config import-nova` prints is a configuration of ours.
@Suite struct ConfigImportTests {
  @Test(
    "the result is right as it stands",
    arguments: [
      "[libvirt]\nimages_type = rbd\nimages_rbd_pool = vms\nrbd_user = nova\nrbd_connect_timeout = 10\nimages_rbd_glance_store_name = ceph\n",
      "[DEFAULT]\nstate_path = /var/lib/nova\n[libvirt]\nimages_type = qcow2\nconnection_uri = qemu:///system\n",
      "[glance]\nenable_rbd_download = true\nrbd_user = glance\nrbd_pool = images\nverify_glance_signatures = true\n"
        + "enable_certificate_validation = true\ndefault_trusted_certificate_ids = a,b\n[image_cache]\nprecache_concurrency = 2\n",
      "[libvirt]\nimages_type = lvm\n[workarounds]\nnever_download_image_if_on_rbd = true\n", "",
    ])
  func valid(nova: String) throws {
    let directory = FileManager.default.temporaryDirectory.appendingPathComponent("slipway-import-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: directory) }
    let file = directory.appendingPathComponent("nova.conf").path
    try nova.write(toFile: file, atomically: true, encoding: .utf8)
    let glance = directory.appendingPathComponent("glance-api.conf").path
    try "[DEFAULT]\nenabled_backends = a:rbd, b:rbd\n[b]\nrbd_store_ceph_conf = /etc/ceph/b.conf\n".write(
      toFile: glance, atomically: true, encoding: .utf8)
    for other in [nil, glance] {
      let yaml = try NovaImport.read(nova: file, glance: other).yaml
      #expect(try ConfigImportNova.problems(yaml) == [], "\(yaml)")
    }
  }

  @Test("what is wrong with a result is told")
  func wrong() throws {
    #expect(try ConfigImportNova.problems("prewarm:\n  jobs: 1000\n").count == 1)
  }
}
