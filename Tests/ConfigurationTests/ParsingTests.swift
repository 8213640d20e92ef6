import Configuration
import Model
import Testing

@Suite struct ParsingTests {
  /// The example of the design, all keys at once, those of later versions included.
  static let everything = """
    clusters:
      - name: main
        conf: /etc/ceph/ceph.conf      # may carry the keyring
        fsid: null
        user: slipway
        image_user: null
        upload_user: null
        image_pools: [images]
        timeout: 30s
      - { name: other, fsid: 11111111-1111-1111-1111-11111111111A, image_user: reader, image_pools: [a, b], timeout: 2m }
    disks:   { target: raw, cluster: other, pool: vms, data_pool: null, path: /srv/disks/, roots: [/var/lib/nova/instances] }
    bases:   { cluster: main, pool: slipway-bases, max_bytes: 0, max_count: 0, tiers: [{ name: x, pool: y }] }
    store:   { path: /var/lib/slipway/images, layout: native, base_format: qcow2, immutable: on, shared: false }
    nova:    { conf: /etc/nova/nova.conf, instances_path: null, uid: 42436, gid: null, clean: false }
    clean:   { every: 40m, unused_for: 24h, min_age: 1h, max_bytes: 200G, min_free: 10%, max_count: 0 }
    scrub:   { every: 30d, rate: 50M }
    prewarm: { jobs: 2, rate: 0, sets: [{ name: golden, tag: golden, every: 1h, at_boot: true, keep: 2d }] }
    images:  { cloud: slipway, on_service_down: refuse }
    cinder:  { backends: { "host@ceph#volumes": { cluster: main, pool: volumes } } }
    allowed_direct_url_schemes: [rbd, file]
    file_roots: []
    on_not_cloneable: copy-to-store
    on_direct_failed: fallback
    enable_clone_optimization: true
    trust:   { digest: required, signature: if-present, clone: verify-signed, certificates: barbican, trusted: [], rules: [] }
    libvirt: { uri: "qemu:///system", pool: slipway, rbd_pool: null, secret: "client.slipway secret", create_secret: false }
    api:     { socket: /run/slipway/slipway.sock, group: slipway, tcp: null, metrics: null, allow_locations: false }
    limits:  { memory: 1.5G, transfers: 4, rate: 0 }
    log:     { level: info, format: auto }
    """

  @Test("every key of the design is read, with its type")
  func everyKey() throws {
    let configuration = try load(Self.everything).configuration
    let other = try #require(configuration.cluster(named: "other"))
    #expect(other.fsid == FSID("11111111-1111-1111-1111-11111111111a"))
    #expect(other.conf == "/etc/ceph/ceph.conf" && other.user == "slipway" && other.imageUser == "reader")
    #expect(other.imagePools == ["a", "b"] && other.timeout == .seconds(120))
    #expect(configuration.clusters.first?.imageUser == "slipway")
    #expect(configuration.disks.target == .raw && configuration.disks.path == "/srv/disks" && configuration.disks.dataPool == nil)
    #expect(configuration.store.immutable == .on)
    #expect(configuration.nova.uid == 42436 && configuration.nova.gid == nil)
    #expect(configuration.clean.minFree == .percent(10) && configuration.clean.maxBytes == .gib(200))
    #expect(configuration.clean.unusedFor == .seconds(86_400) && configuration.scrub.every == .seconds(30 * 86_400))
    #expect(configuration.prewarm.rate == nil && configuration.prewarm.sets.map(\.tag) == ["golden"])
    #expect(configuration.prewarm.sets.map(\.keep) == [.seconds(172_800)])
    #expect(configuration.cinderBackends["host@ceph#volumes"]?.pool == "volumes")
    #expect(configuration.onNotCloneable == .copyToStore && configuration.onDirectFailed == .fallback && configuration.enableCloneUpload)
    #expect(configuration.trust.defaults.digest == .required)
    #expect(configuration.limits.memory == .mib(1536) && configuration.limits.transfers == 4)
    #expect(!configuration.anyOperatorPath)
  }

  @Test("an empty file gives the defaults", arguments: ["", "# nothing\n", "store:\n", "{}"])
  func empty(_ text: String) throws {
    let configuration = try load(text).configuration
    #expect(configuration.store.path == "/var/lib/slipway/images")
    #expect(configuration.disks.target == .rbd && configuration.clusters.isEmpty)
    #expect(configuration.allowedDirectURLSchemes == ["rbd", "file"] && configuration.libvirt?.uri == "qemu:///system")
    #expect(configuration.images.cloud == "slipway")
  }

  @Test("every default of the table is a value of its key's type")
  func defaultsParse() throws {
    for setting in try load("").settings { #expect(setting.source == .default) }
    #expect(try load("").settings.count == KeyTable.keys.count)
  }

  @Test("no path stands twice in the table")
  func uniquePaths() {
    let paths = KeyTable.keys.flatMap { [$0.path] + $0.aliases }
    #expect(Set(paths).count == paths.count)
    let variables = KeyTable.keys.compactMap(\.environmentName)
    #expect(Set(variables).count == variables.count)
  }

  @Test("libvirt.uri none is no libvirt; an endpoint replaces the default cloud")
  func absences() throws {
    let configuration = try load("libvirt: { uri: none }\nimages: { endpoint: 'http://127.0.0.1:9292' }").configuration
    #expect(configuration.libvirt == nil)
    #expect(configuration.images.cloud == nil && configuration.images.endpoint == "http://127.0.0.1:9292")
  }

  @Test("keys of later versions are accepted, and said to be such when set")
  func laterKeys() throws {
    let warnings = try load("limits: { rate: 7M }\nstore: { path: /x }").warnings
    #expect(warnings.count == 1 && warnings[0].contains("'limits.rate'") && warnings[0].contains("\(standard):1"))
  }
}
