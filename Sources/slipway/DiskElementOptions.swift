internal import Agent
public import ArgumentParser
internal import Disks
public import LibvirtReport
internal import Model
internal import Runtime
internal import Wire

/// How a disk is described to libvirt.
struct DiskElementOptions: ParsableArguments {
  @Flag(name: .long, help: "Print libvirt's <disk> element, also where this host has no libvirt.") var xml = false
  @Option(name: .long, help: ArgumentHelp("The device in the guest: vda (virtio), sda (scsi), hda (ide).", valueName: "device"))
  var device: String?
  @Option(name: .long, help: "What the guest's trims do: unmap or ignore (default: QEMU's).") var discard: DiskElement.Discard?
  @Option(name: .long, help: "What becomes of zeros that the guest writes: off, on or unmap (default: QEMU's).")
  var detectZeroes: DiskElement.DetectZeroes?

  /// As a value. Throws `usage` for a device of another kind.
  func choices() throws -> DiskElement.Choices {
    let choices = DiskElement.Choices(discard: discard, detectZeroes: detectZeroes, device: device ?? "vda")
    guard choices.bus != nil else {
      throw SlipwayError(
        .usage, "'\(choices.device)' is no device's name", object: choices.device, hint: "give one such as vda, sdb or hda")
    }
    return choices
  }

  /// The element of a disk: where there is a libvirt, or where it is asked for. A disk that is there is not failed by what cannot be said of it, unless that
  /// was asked for.
  func view(of info: DiskInfo, _ choices: DiskElement.Choices, _ session: Session) async throws -> SpokenView? {
    guard xml || session.agent.hasLibvirt else { return nil }
    do {
      let view = try await session.agent.libvirtView(of: info, choices: choices, context: session.context)
      return SpokenView(pool: view.pool, volume: view.volume, element: view.element)
    } catch {
      if xml { throw error }
      session.context.log(.warning, "libvirt is not told how to use disk \(info.path): \(error)")
      return nil
    }
  }
}

/// How libvirt finds a disk, as it is printed.
struct SpokenView: Sendable {
  var pool: String?
  var volume: String?
  var element: DiskElement
  var choices: DiskElement.Choices {
    get { element.choices }
    set { element.choices = newValue }
  }
  var xml: String { element.xml }
}

extension DiskDocument.LibvirtView {
  /// A view, and where the disk was attached.
  init(_ view: SpokenView, _ attachment: DiskAttachment?) {
    self.init(pool: view.pool, volume: view.volume, diskXML: view.xml, domain: attachment?.domain, device: attachment?.device)
  }
}

extension DiskUse.Leftover {
  /// For people.
  var sentence: String {
    switch kind {
    case .noLocalDomain: "\(path) belongs to no domain of this host; it may run elsewhere"
    case .missing: "domain \(domain ?? "") lacks its disk \(path)"
    case .foreignOverlay: "\(path) stands on a base of the store and belongs to no domain of this host; Slipway did not make it"
    }
  }
}

extension DiskElement.Discard: ExpressibleByArgument {}
extension DiskElement.DetectZeroes: ExpressibleByArgument {}
extension DiskAttachment.Mode: ExpressibleByArgument {}
