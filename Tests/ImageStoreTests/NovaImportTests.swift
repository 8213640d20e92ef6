import Foundation
import Model
import Testing

@testable import ImageStore

/// What nova.conf, and glance-api.conf, suggest for our own configuration.
@Suite struct NovaImportTests {
  private func read(_ nova: String, glance: String? = nil) throws -> NovaImport {
    var conf = NovaConf()
    try conf.read(nova, path: "nova.conf")
    var service = NovaConf()
    if let glance { try service.read(glance, path: "glance-api.conf") }
    return try NovaImport(conf, "nova.conf", glance: glance == nil ? nil : service, glance == nil ? nil : "glance-api.conf")
  }

  private func settings(_ found: NovaImport) -> [String: String] {
    Dictionary(found.taken.map { ($0.key, $0.setting) }) { $1 }
  }

  /// The result without remarks.
  private func lines(_ found: NovaImport) -> [String] {
    found.yaml.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
      String($0.replacing(#/ +# .*$/#, with: ""))
    }
  }

  @Test("a host with its disks in Ceph: pool, cluster, user, timeout")
  func rbd() throws {
    let found = try read(
      """
      [DEFAULT]
      instances_path = /srv/nova
      [libvirt]
      images_type = rbd
      images_rbd_pool = ephemeral
      images_rbd_ceph_conf = /etc/ceph/one.conf
      rbd_user = nova
      rbd_secret_uuid = 0c9e1f4d-6a5e-4bbd-9f0e-0d6b6d5b8f11
      rbd_connect_timeout = 5
      """)
    #expect(
      lines(found) == [
        "clusters:", "  - name: main", "    conf: \"/etc/ceph/one.conf\"", "    user: \"nova\"", "    timeout: 5s", "disks:",
        "  target: rbd",
        "  pool: \"ephemeral\"", "  roots: [\"/srv/nova\"]",
      ])
    #expect(found.left.contains { $0.option.hasSuffix("rbd_secret_uuid") && $0.why.contains("libvirt.secret") })
    #expect(found.taken.first { $0.key == "clusters[0].user" }?.option == "nova.conf [libvirt] rbd_user")
  }

  @Test("Nova's defaults of RBD are its own, not ours, and its administrator is not taken")
  func rbdDefaults() throws {
    let found = try read("[libvirt]\nimages_type = rbd\n")
    #expect(settings(found)["disks.pool"] == "\"rbd\"")
    #expect(!found.yaml.contains("user:") && found.left.contains { $0.option.hasSuffix("rbd_user") })
  }

  @Test(
    "a host with local disks shares Nova's cache", arguments: [("qcow2", "qcow2"), ("raw", "raw"), ("flat", "raw"), ("default", "qcow2")])
  func files(type: String, target: String) throws {
    let found = try read("[DEFAULT]\nstate_path = /var/lib/nova\n[libvirt]\nimages_type = \(type)\n")
    let settings = settings(found)
    #expect(settings["disks.target"] == target)
    #expect(settings["store.layout"] == "nova" && settings["store.path"] == "\"/var/lib/nova/instances/.slipway\"")
    #expect(found.yaml.contains("nova:\n  conf: \"nova.conf\""))
    #expect(found.left.contains { $0.why.contains("nova.clean") })
  }

  @Test("without copy-on-write files the default is raw")
  func noCows() throws {
    #expect(try settings(read("[DEFAULT]\nuse_cow_images = false\n"))["disks.target"] == "raw")
  }

  @Test("disks on logical volumes are left, with a word")
  func lvm() throws {
    let found = try read("[libvirt]\nimages_type = lvm\nimages_volume_group = vg\n")
    #expect(settings(found)["disks.target"] == nil && found.left.contains { $0.value == "lvm" })
  }

  @Test("the pools of every RBD store of the image service are read, by cluster")
  func glance() throws {
    let found = try read(
      "[libvirt]\nimages_type = rbd\nimages_rbd_ceph_conf = /etc/ceph/one.conf\nrbd_user = nova\n",
      glance: """
        [DEFAULT]
        enabled_backends = fast:rbd, slow:rbd, far:rbd, local:file, v:cinder
        show_multiple_locations = true
        [fast]
        rbd_store_pool = images
        rbd_store_ceph_conf = /etc/ceph/one.conf
        [slow]
        rbd_store_pool = images-hdd
        rbd_store_ceph_conf = /etc/ceph/one.conf
        [far]
        rbd_store_pool = images
        rbd_store_ceph_conf = /etc/ceph/two.conf
        [local]
        filesystem_store_datadir = /var/lib/glance/images
        """)
    let settings = settings(found)
    #expect(settings["clusters[0].image_pools"] == "[\"images\", \"images-hdd\"]")
    #expect(settings["clusters[1].conf"] == "\"/etc/ceph/two.conf\"" && settings["clusters[1].image_pools"] == "[\"images\"]")
    #expect(lines(found).contains("  - name: images"))
    #expect(found.left.contains { $0.value == "/var/lib/glance/images" && $0.why.contains("file_roots") })
    #expect(found.left.contains { $0.why.contains("cinder.backends") })
    #expect(!found.left.contains { $0.option.contains("show_") })
  }

  @Test("a service with one store, and locations that are not shown")
  func oldGlance() throws {
    let found = try read(
      "[libvirt]\nimages_type = rbd\nrbd_user = nova\n", glance: "[glance_store]\nstores = rbd,http\nrbd_store_pool = glance\n")
    #expect(settings(found)["clusters[0].image_pools"] == "[\"glance\"]")
    #expect(found.left.contains { $0.option.hasSuffix("show_multiple_locations") })
  }

  @Test("what nova-compute exports images with is our image_user where disks have a user of their own")
  func download() throws {
    let download = "[glance]\nenable_rbd_download = true\nrbd_user = glance\nrbd_pool = images\n"
    let both = try settings(read("[libvirt]\nimages_type = rbd\nrbd_user = nova\n" + download))
    #expect(both["clusters[0].user"] == "\"nova\"" && both["clusters[0].image_user"] == "\"glance\"")
    let alone = try settings(read("[libvirt]\nimages_type = qcow2\n" + download))
    #expect(alone["clusters[0].user"] == "\"glance\"" && alone["clusters[0].image_pools"] == "[\"images\"]")
  }

  @Test("demands of signatures are taken, trusted certificates only where Nova looks at them")
  func signatures() throws {
    let text = "[glance]\nverify_glance_signatures = true\ndefault_trusted_certificate_ids = a, b\n"
    #expect(try settings(read(text + "enable_certificate_validation = true\n"))["trust.trusted"] == "[\"a\", \"b\"]")
    let lax = try read(text)
    #expect(settings(lax)["trust.signature"] == "required" && settings(lax)["trust.trusted"] == nil)
    #expect(lax.left.contains { $0.why.contains("enable_certificate_validation") })
  }

  @Test("what may not be cloned: a copy in another store, or nothing")
  func notCloneable() throws {
    let copy = try read("[libvirt]\nimages_rbd_glance_store_name = ceph\n[workarounds]\nnever_download_image_if_on_rbd = true\n")
    #expect(settings(copy)["images.copy_store"] == "\"ceph\"" && settings(copy)["on_not_cloneable"] == "copy-to-store")
    #expect(lines(copy).first == "on_not_cloneable: copy-to-store", "a key of the top behind a section would be the section's")
    #expect(try settings(read("[workarounds]\nnever_download_image_if_on_rbd = true\n"))["on_not_cloneable"] == "fail")
  }

  @Test("cleaning and precaching go by Nova's numbers, libvirt by its address")
  func numbers() throws {
    let found = try settings(
      read(
        """
        [image_cache]
        remove_unused_original_minimum_age_seconds = 7200
        precache_concurrency = 3
        [libvirt]
        connection_uri = qemu:///system
        """))
    #expect(found["clean.unused_for"] == "7200s" && found["prewarm.jobs"] == "3" && found["libvirt.uri"] == "\"qemu:///system\"")
  }

  @Test("no credential is ever part of what is told")
  func secrets() throws {
    let found = try read(
      """
      [DEFAULT]
      transport_url = rabbit://openstack:hunter2@controller
      [keystone_authtoken]
      password = hunter2
      [service_user]
      password = hunter2
      [glance]
      password = hunter2
      [libvirt]
      images_type = rbd
      """)
    #expect(!"\(found) \(found.yaml)".contains("hunter2"))
    #expect(found.left.contains { $0.why.contains("clouds.yaml") })
  }

  @Test("a value with quotes stays one")
  func quoting() throws {
    #expect(try read("[DEFAULT]\ninstances_path = /srv/a \"b\"\\c: #d\n").yaml.contains(#"roots: ["/srv/a \"b\"\\c: #d"]"#))
  }

  @Test("a file that is not there is named")
  func missing() throws {
    let error = try #require(throws: SlipwayError.self) { _ = try NovaImport.read(nova: "/nonexistent/nova.conf", glance: nil) }
    #expect(error.code == .configuration && error.message.contains("/nonexistent/nova.conf"))
  }
}
