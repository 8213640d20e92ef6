internal import Ceph
public import Disks
internal import Libvirt
internal import LibvirtReport
public import Model
public import Runtime

/// A disk that was changed.
public struct DiskChange: Sendable {
  /// The disk, as it is now.
  public let info: DiskInfo
  /// Whether anything had to be done.
  public let isChanged: Bool
  /// Running domains that were told, by name.
  public let domains: [String]
}

extension Agent {
  /// Makes a disk of ours larger, and tells the running domains that have it. Where one runs, its QEMU does the work.
  ///
  /// Throws `size_too_small` for less than it has, `in_use` for a file that an unknown program has open, `disk_not_found`, and what libvirt throws.
  public func resizeDisk(_ name: DiskName, to size: ByteCount, context: RequestContext) async throws -> DiskChange {
    let info = try await disk(name, context: context)
    guard size >= info.size else { throw info.shrinks(to: size) }
    let running = try await running(info, context)
    if running.isEmpty {
      guard size > info.size else { return DiskChange(info: info, isChanged: false, domains: []) }
      if info.record.request.target == .rbd {
        let grown = try await withRBDDisks(context) { try await $0.grow(name, to: size) }
        return DiskChange(info: grown, isChanged: true, domains: [])
      }
      return DiskChange(info: try await fileDisks().grow(name, to: size, context: context), isChanged: true, domains: [])
    }
    let libvirt = try neededLibvirt("resize disk '\(name)'")
    // Of the same size they are told all the same: the one before may have died between the two.
    for (domain, device) in running {
      try await libvirt.call("resize disk '\(name)' of domain '\(domain)'", deadline: context.deadline) {
        try $0.domain(domain).resize(disk: device, to: size)
      }
    }
    return DiskChange(info: try await disk(name, context: context), isChanged: size > info.size, domains: running.map(\.domain))
  }

  /// Makes a disk of ours stand alone: a clone without its snapshot, an overlay without its base. A raw disk does already.
  ///
  /// Throws as `resizeDisk`, and `configuration` where an overlay of no running domain needs qemu-img and there is none.
  public func flattenDisk(_ name: DiskName, context: RequestContext) async throws -> DiskChange {
    let info = try await disk(name, context: context)
    switch info.record.request.target {
    case .raw: return DiskChange(info: info, isChanged: false, domains: [])
    case .rbd:
      // librbd copies beside a running machine.
      let isChanged = try await withRBDDisks(context) { try await $0.flatten(name, context: context) }
      return DiskChange(info: info, isChanged: isChanged, domains: [])
    case .qcow2:
      let disks = try await fileDisks()
      let running = try await running(info, context)
      guard !running.isEmpty else {
        let workers = files
        let isChanged = try await disks.flatten(name, context: context) { path in
          try await QemuImg.run(
            ["rebase", "-q", "-f", "qcow2", "-b", "", path], object: path, deadline: context.deadline, workers: workers)
        }
        return DiskChange(info: try await disks.show(name), isChanged: isChanged, domains: [])
      }
      guard try await disks.backing(of: info).first != nil else { return DiskChange(info: info, isChanged: false, domains: []) }
      for (domain, device) in running { try await pull(device, of: domain, info, context) }
      guard try await disks.backing(of: info).first == nil else {
        throw SlipwayError(
          .libvirtFailed, "disk \(info.path) still has its base after the copy that libvirt made", object: info.path,
          hint: "see what libvirt logged, and try again")
      }
      try await disks.noteFlattened(name, context: context)
      return DiskChange(info: try await disks.show(name), isChanged: true, domains: running.map(\.domain))
    }
  }

  /// Has a running domain's QEMU copy what a disk has from its base, and waits for the end. Cancelled, it goes on where it was at the next request.
  private func pull(_ device: String, of domain: String, _ info: DiskInfo, _ context: RequestContext) async throws {
    let libvirt = try neededLibvirt("flatten disk '\(info.record.name)'")
    let doing = "flatten disk '\(info.record.name)' of domain '\(domain)'"
    try await libvirt.call(doing, deadline: context.deadline) { try $0.domain(domain).pull(disk: device) }
    do {
      while true {
        let job = try await libvirt.call(doing, deadline: context.deadline) { libvirt -> Progress? in
          guard let job = try libvirt.domain(domain).blockJob(disk: device) else { return nil }
          return Progress(phase: .transferring, position: Int64(clamping: job.done), total: Int64(clamping: job.total))
        }
        guard let job else { return }
        context.progress(job)
        try context.deadline.check(doing)
        try await Task.sleep(for: .milliseconds(100))
      }
    } catch {
      _ = await Task { try? await libvirt.call(doing, timeout: .seconds(5)) { try $0.domain(domain).abortBlockJob(disk: device) } }.value
      throw error
    }
  }

  /// Running domains with the disk, each with its device.
  private func running(_ info: DiskInfo, _ context: RequestContext) async throws -> [(domain: String, device: String)] {
    let source = Self.domainSource(of: info)
    return try await domains(using: info, context).compactMap { view in
      view.running.first { $0.source == source }.map { (view.name, $0.device) }
    }
  }
}
