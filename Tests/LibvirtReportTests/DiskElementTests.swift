import LibvirtReport
import Testing

@Suite struct DiskElementTests {
  private let rbd = DiskElement.RBD(
    pool: "vms", image: "vm1", monitors: [MonitorAddress(host: "10.0.0.1", port: 6789), MonitorAddress(host: "fd00::2", port: nil)],
    conf: "/etc/ceph/ceph.conf", user: "slipway", secret: .uuid("11111111-2222-3333-4444-555555555555"))

  @Test func aDiskInAPool() {
    #expect(
      DiskElement(source: .rbd(rbd), cache: .none).xml == """
        <disk type='network' device='disk'>
          <driver name='qemu' type='raw' cache='none'/>
          <auth username='slipway'>
            <secret type='ceph' uuid='11111111-2222-3333-4444-555555555555'/>
          </auth>
          <source protocol='rbd' name='vms/vm1'>
            <host name='10.0.0.1' port='6789'/>
            <host name='fd00::2'/>
          </source>
          <target dev='vda' bus='virtio'/>
        </disk>
        """)
  }

  @Test func aDiskInAPoolOfWhichLibvirtWasNotAsked() {
    var rbd = rbd
    rbd.monitors = []
    rbd.secret = .usage("client.slipway secret")
    let choices = DiskElement.Choices(discard: .unmap, detectZeroes: .unmap, device: "sdb")
    #expect(
      DiskElement(source: .rbd(rbd), cache: .none, choices: choices).xml == """
        <disk type='network' device='disk'>
          <driver name='qemu' type='raw' cache='none' discard='unmap' detect_zeroes='unmap'/>
          <auth username='slipway'>
            <secret type='ceph' usage='client.slipway secret'/>
          </auth>
          <source protocol='rbd' name='vms/vm1'>
            <config file='/etc/ceph/ceph.conf'/>
          </source>
          <target dev='sdb' bus='scsi'/>
        </disk>
        """)
  }

  @Test func anOverlayWithItsWholeChain() {
    let element = DiskElement(
      source: .file(
        DiskElement.Layer(path: "/d/vm1.qcow2", format: "qcow2"),
        backing: [DiskElement.Layer(path: "/d/middle.qcow2", format: "qcow2"), DiskElement.Layer(path: "/s/base.raw", format: "raw")]),
      cache: .none)
    #expect(
      element.xml == """
        <disk type='file' device='disk'>
          <driver name='qemu' type='qcow2' cache='none'/>
          <source file='/d/vm1.qcow2'/>
          <backingStore type='file'>
            <format type='qcow2'/>
            <source file='/d/middle.qcow2'/>
            <backingStore type='file'>
              <format type='raw'/>
              <source file='/s/base.raw'/>
              <backingStore/>
            </backingStore>
          </backingStore>
          <target dev='vda' bus='virtio'/>
        </disk>
        """)
  }

  @Test func aRawDiskIsNotLookedInto() {
    let element = DiskElement(source: .file(DiskElement.Layer(path: "/d/vm1.raw", format: "raw"), backing: []), cache: .writeback)
    #expect(
      element.xml == """
        <disk type='file' device='disk'>
          <driver name='qemu' type='raw' cache='writeback'/>
          <source file='/d/vm1.raw'/>
          <backingStore/>
          <target dev='vda' bus='virtio'/>
        </disk>
        """)
  }

  @Test func whatXMLWouldObeyIsEscaped() {
    let element = DiskElement(
      source: .file(DiskElement.Layer(path: "/d/'><x a=\"b\">&\u{1}\n", format: "raw"), backing: []), cache: .none)
    #expect(element.xml.contains("<source file='/d/&apos;&gt;&lt;x a=&quot;b&quot;&gt;&amp;\u{FFFD}&#10;'/>"))
  }

  @Test(arguments: [("vda", "virtio"), ("vdaa", "virtio"), ("sdz", "scsi"), ("hdc", "ide")])
  func theDevicesNameTellsTheBus(device: String, bus: String) { #expect(DiskElement.Choices(device: device).bus == bus) }

  @Test(arguments: ["", "vd", "xvda", "vdA", "vd1", "nvme0n1", "vdaaaa", "fda"])
  func otherNamesAreNone(device: String) { #expect(DiskElement.Choices(device: device).bus == nil) }
}
