internal import ArgumentParser
internal import Model

/// The root command.
struct Slipway: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "slipway",
    abstract: "The image agent of a hypervisor: verified disks from Ceph and Glance, by the cheapest route that is safe.",
    discussion: """
      IMAGE is an id or a unique name of the image service; or a path with a '/' in it, or a URL (rbd://fsid/pool/image/snapshot, file://, \
      http(s)://), and then --disk-format says what lies there. 'slipway doctor' tells whether all is there that this host needs.

      Exit codes:
        0    done
        2    usage or configuration
        3    not found, not visible, or deleted
        4    refused: policy, format, digest, size
        5    unavailable, try again
        6    no space
        7    busy, in use, or a name with another request
        8    a batch with some failures
        130  cancelled
        1    anything else
      """,
    version: ProgramVersion.program,
    subcommands: [
      DoctorCommand.self, PlanCommand.self, FetchCommand.self, DiskCommand.self, BaseCommand.self, CacheCommand.self, PrewarmCommand.self,
      MaintenanceCommand.self, ServeCommand.self, ConfigCommand.self,
    ])
}
