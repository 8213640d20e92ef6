import Foundation
import Runtime

/// A host with nova-compute's configuration and directories, whose cache the store is, and the path of Nova's instances.
func novaHost(_ conf: String = "") throws -> (host: Host, instances: String) {
  let place = Locked("")
  let host = try Host { settings, scratch in
    let instances = scratch.file("instances")
    place.with { $0 = instances }
    try FileManager.default.createDirectory(atPath: instances, withIntermediateDirectories: true)
    ServiceUser.give(instances)
    let file = scratch.file("nova.conf")
    try "[DEFAULT]\nstate_path = \(scratch.path)\ninstances_path = $state_path/instances\n\(conf)"
      .write(toFile: file, atomically: true, encoding: .utf8)
    settings.layout = "nova"
    settings.more.append("nova: { conf: \(file) }")
  }
  return (host, place.with { $0 })
}
