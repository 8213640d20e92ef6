import Libvirt
import LibvirtReport
import Model
import Testing

@Suite struct DomainDiskTests {
  private let xml = """
    <domain type='qemu'><name>vm</name>
      <metadata><x:disk xmlns:x='urn:x'><source file='/not/a/disk'/></x:disk></metadata>
      <devices>
        <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/d/a.qcow2' index='2'/>
          <backingStore type='file' index='3'><format type='raw'/><source file='/s/base.raw'/><backingStore/></backingStore>
          <mirror type='file' job='copy'><source file='/d/copy'/></mirror>
          <target dev='vda' bus='virtio'/></disk>
        <disk type='network' device='disk'><auth username='u'><secret type='ceph' uuid='1'/></auth>
          <source protocol='rbd' name='vms/b'><host name='h' port='6789'/></source><target dev='vdb' bus='virtio'/></disk>
        <disk type='block' device='disk'><source dev='/dev/sdx'/><target dev='sda'/></disk>
        <disk type='volume' device='disk'><source pool='p' volume='v'/><target dev='sdb'/></disk>
        <disk type='network' device='disk'><source protocol='nbd' name='x'/><target dev='sdc'/></disk>
        <disk type='file' device='cdrom'><target dev='hdc' bus='ide'/><readonly/></disk>
        <hostdev><source dev='/dev/y'/></hostdev>
      </devices></domain>
    """

  @Test func everyDiskIsFoundWithItsSourceAndNothingBeneathIt() throws {
    let expected: [DomainDisk] = [
      DomainDisk(device: "vda", source: .path("/d/a.qcow2"), format: "qcow2"), DomainDisk(device: "vdb", source: .rbd("vms/b")),
      DomainDisk(device: "sda", source: .path("/dev/sdx")), DomainDisk(device: "sdb", source: .volume(pool: "p", name: "v")),
      DomainDisk(device: "sdc", source: nil), DomainDisk(device: "hdc", source: nil),
    ]
    #expect(try DomainDisk.disks(in: xml, of: "vm") == expected)
  }

  @Test func whatIsNoXMLIsAnError() {
    let error = #expect(throws: SlipwayError.self) { try DomainDisk.disks(in: "<domain>", of: "vm") }
    #expect(error?.code == .libvirtFailed)
  }

  @Test func theNextFreeDeviceIsFree() {
    let disks = ["vda", "vdb", "vdd", "sda"].map { DomainDisk(device: $0, source: nil) }
    let view = DomainView(name: "vm", isActive: true, running: disks, defined: [DomainDisk(device: "vdc", source: nil)])
    #expect(view.freeDevice(like: "vda") == "vde")
    #expect(view.freeDevice(like: "sda") == "sdb")
    #expect(view.freeDevice(like: "hda") == "hda")
    let many = (0..<26).map { DomainDisk(device: "vd" + String(UnicodeScalar(UInt8(97 + $0))), source: nil) }
    #expect(DomainView(name: "vm", isActive: false, running: [], defined: many).freeDevice(like: "vda") == "vdaa")
  }

  @Test func domainsOfTheTestDriverAreToldWithTheirDisks() async throws {
    let client = LibvirtClient(LibvirtOptions(uri: "test:///default"))
    let name = "report-\(UInt32.random(in: 0..<UInt32.max))"
    let views = try await client.call("define and look") { libvirt in
      let domain = try libvirt.define(
        domain: """
          <domain type='test'><name>\(name)</name><memory>8192</memory><os><type>hvm</type></os><devices>
          <disk type='file' device='disk'><source file='/d/\(name)'/><target dev='vda'/></disk></devices></domain>
          """)
      let shutOff = try DomainView.all(libvirt).filter { $0.name == name }
      try domain.start()
      let running = try DomainView.all(libvirt).filter { $0.name == name }
      try domain.destroy()
      try domain.undefine()
      return shutOff + running
    }
    let disk = DomainDisk(device: "vda", source: .path("/d/\(name)"))
    #expect(
      views == [
        DomainView(name: name, isActive: false, running: [], defined: [disk]),
        DomainView(name: name, isActive: true, running: [disk], defined: [disk]),
      ])
    await client.close()
  }
}
