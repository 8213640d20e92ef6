internal import AgentAPI
public import ArgumentParser
public import LibvirtReport
internal import Model
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

  /// As the agent and the daemon take it.
  var wishes: ElementWishes {
    var wishes = ElementWishes()
    (wishes.always, wishes.device, wishes.discard, wishes.detectZeroes) = (xml, device, discard?.rawValue, detectZeroes?.rawValue)
    return wishes
  }
}

extension DiskListDocument.Leftover {
  /// For people.
  var sentence: String {
    switch kind {
    case "no_local_domain": "\(path) belongs to no domain of this host; it may run elsewhere"
    case "missing": "domain \(domain ?? "") lacks its disk \(path)"
    default: "\(path) stands on a base of the store and belongs to no domain of this host; Slipway did not make it"
    }
  }
}

extension DiskElement.Discard: ExpressibleByArgument {}
extension DiskElement.DetectZeroes: ExpressibleByArgument {}
extension DiskAttachment.Mode: ExpressibleByArgument {}
