import Model
import Testing

@testable import LibvirtReport

@Suite("What a domain's XML says of files") struct DomainDescriptionTests {
  private func files(_ devices: String, os: String = "", more: String = "") throws -> [String: String?] {
    let description = try DomainDescription(
      "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>d</name><os>\(os)</os><devices>\(devices)</devices>\(more)</domain>",
      of: "d")
    return Dictionary(description.files.map { ($0.path, $0.format) }) { one, _ in one }
  }

  @Test("A file, a block device and a directory are told with the driver's format, whatever the order of elements")
  func sources() throws {
    let found = try files(
      """
      <disk type='file'><source file='/a'/><driver name='qemu' type='qcow2'/><target dev='vda'/></disk>
      <disk type='block'><driver type='raw'/><source dev='/dev/b'/></disk>
      <disk type='dir'><driver type='fat'/><source dir='/c'/></disk>
      <disk type='file' device='cdrom'><driver type='raw'/><target dev='sda'/></disk>
      """)
    #expect(found == ["/a": "qcow2", "/dev/b": "raw", "/c": "fat"])
  }

  @Test("The whole chain of a running domain counts, each with its own format")
  func chain() throws {
    let found = try files(
      """
      <disk type='file'><driver type='qcow2'/><source file='/top'><reservations managed='no'><source type='unix' path='/r'/></reservations></source>
        <backingStore type='file' index='2'><format type='qcow2'/><source file='/mid'/>
          <backingStore type='file' index='3'><format type='raw'/><source file='/base'/><backingStore/></backingStore>
        </backingStore>
        <mirror type='file' file='/old' format='raw' job='copy'><format type='qcow2'/><source file='/copy'/><backingStore/></mirror>
      </disk>
      """)
    #expect(found == ["/top": "qcow2", "/mid": "qcow2", "/base": "raw", "/old": "qcow2", "/copy": "qcow2"])
  }

  @Test("A data file, file systems, memory, kernels and firmware count")
  func others() throws {
    let found = try files(
      """
      <disk type='file'><driver type='qcow2'/><source file='/d'><dataStore type='file'><format type='raw'/><source file='/data'/></dataStore></source></disk>
      <filesystem type='file'><driver type='nbd' format='qcow2'/><source file='/fs'/><target dir='/'/></filesystem>
      <memory model='nvdimm'><source><path>/mem</path></source></memory>
      <serial type='file'><source path='/serial'/></serial>
      """, os: "<kernel>/k</kernel><initrd> /i </initrd><loader type='pflash'>/l</loader><nvram template='/t'>/n</nvram>")
    #expect(
      found == [
        "/d": "qcow2", "/data": "raw", "/fs": "qcow2", "/mem": "raw", "/k": "raw", "/i": "raw", "/l": "raw", "/t": "raw", "/n": "raw",
      ])
  }

  @Test("Network disks name no file; volumes name their pool")
  func elsewhere() throws {
    let description = try DomainDescription(
      """
      <domain><devices><disk type='network'><driver type='raw'/><source protocol='rbd' name='vms/x'><host name='h' port='1'/></source></disk>
      <disk type='volume'><driver type='qcow2'/><source pool='p' volume='v'/></disk></devices></domain>
      """, of: "d")
    #expect(description.files.isEmpty)
    #expect(description.volumes == [DomainDescription.Volume(pool: "p", name: "v", format: "qcow2")])
  }

  @Test("Files in arguments that are handed through to QEMU count")
  func passthrough() throws {
    let more = "<qemu:commandline><qemu:arg value='-drive'/><qemu:arg value='if=none,file=/x.qcow2,id=a'/></qemu:commandline>"
    #expect(try files("", more: more) == ["/x.qcow2": nil])
  }

  @Test("Characters that XML escapes come back")
  func escaped() throws {
    #expect(try files("<disk type='file'><source file='/a&amp;b &lt;c&gt; &apos;ü'/></disk>") == ["/a&b <c> 'ü": nil])
  }

  @Test("What is no XML is an error that names the domain")
  func broken() {
    #expect(throws: SlipwayError.self) { try DomainDescription("<domain><devices>", of: "web") }
    do { _ = try DomainDescription("nonsense", of: "web") } catch { #expect(error.code == .libvirtFailed && error.object == "web") }
  }

  @Test("A pool tells where its volumes lie, by its type")
  func pools() throws {
    let dir = try #require(PoolPlace("<pool type='dir'><name>p</name><source/><target><path>/p</path></target></pool>"))
    #expect(dir.path(of: "v") == "/p/v" && !dir.isRemote)
    let rbd = try #require(PoolPlace("<pool type='rbd'><name>p</name><source><name>vms</name></source></pool>"))
    #expect(rbd.path(of: "v") == nil && rbd.isRemote)
    let iscsi = try #require(PoolPlace("<pool type='iscsi'><name>p</name><target><path>/dev/disk/by-path</path></target></pool>"))
    #expect(iscsi.path(of: "unit:0:0:1") == nil && !iscsi.isRemote)
  }
}
