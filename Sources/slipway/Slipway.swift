internal import ArgumentParser

/// The root command.
struct Slipway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slipway",
    abstract: "The image agent of a hypervisor: verified disks from Ceph and Glance, by the cheapest route that is safe.",
    discussion: """
      IMAGE is an image id, a unique name, a path with a '/' in it, or a URL (rbd://fsid/pool/image/snapshot, file://, http(s)://); a path or URL \
      needs --disk-format.

      Exit codes: 0 done, 2 usage or configuration, 3 not found, 4 refused, 5 unavailable (try again), 6 no space, 7 busy or in use, \
      8 a batch with failures, 130 cancelled, 1 anything else.
      """,
    version: "slipway 0.1.0",
    subcommands: [
      DoctorCommand.self, PlanCommand.self, FetchCommand.self, DiskCommand.self, CacheCommand.self, PrewarmCommand.self,
      MaintenanceCommand.self, ConfigCommand.self,
    ])
}
