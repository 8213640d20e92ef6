internal import Ceph
internal import Configuration
internal import Files
internal import Glibc
internal import ImageStore
internal import Libvirt
internal import LibvirtReport
internal import Model
internal import Runtime

/// What `doctor` asks of libvirt and of what keeps QEMU from a disk, each with the command that mends it.
extension Agent {
  func diagnoseLibvirt(_ context: RequestContext) async -> [Diagnosis] {
    guard let libvirt, let settings = configuration.libvirt else { return [] }
    let first: Diagnosis
    do {
      let version = try await libvirt.call("ask libvirt for its version", deadline: context.deadline) { try $0.version() }
      first = Diagnosis(name: "libvirt", status: .ok, detail: "version \(version) at \(settings.uri)", hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      let hint =
        error.code == .permissionDenied ? "usermod -aG libvirt USER, or run as root" : "systemctl start libvirtd, or set libvirt.uri"
      return [Diagnosis(name: "libvirt", status: .failed, detail: error.message, hint: hint)]
    }
    var found = [first, await diagnoseRights(libvirt, context), await diagnoseStorePool(libvirt, settings, context)]
    if let cluster = configuration.cluster(named: configuration.disks.cluster), configuration.disks.target == .rbd {
      found.append(await diagnoseSecret(libvirt, settings, cluster, context))
      found.append(await diagnoseBlockDriver())
      found += await diagnoseCaps(cluster, context)
    }
    return found
  }

  /// A socket for reading alone lists everything and changes nothing.
  private func diagnoseRights(_ libvirt: LibvirtClient, _ context: RequestContext) async -> Diagnosis {
    let name = "libvirt rights"
    do {
      // Only who may change something is shown what is secret in a description; asking for a volatile answer changes nothing.
      _ = try await libvirt.call("ask what QEMU can", deadline: context.deadline) { try $0.domainCapabilities() }
      return Diagnosis(name: name, status: .ok, detail: "domains and pools can be asked for and changed", hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(
        name: name, status: error.code == .permissionDenied ? .failed : .warning, detail: error.message,
        hint: "connect with write access: qemu:///system, as root or in the group libvirt; and see: virt-host-validate qemu")
    }
  }

  private func diagnoseStorePool(
    _ libvirt: LibvirtClient, _ settings: Configuration.Libvirt, _ context: RequestContext
  ) async -> Diagnosis {
    let name = "libvirt pool"
    do {
      let store = try await store(context)
      let pool = StorePool(name: settings.pool, path: store.basesPath)
      let found = try await libvirt.call("look for the storage pool", deadline: context.deadline) { libvirt in
        try pool.find(libvirt).map { (name: $0.name, isActive: try $0.isActive()) }
      }
      guard let found else {
        return Diagnosis(
          name: name, status: .ok, detail: "there is none over \(pool.path) yet; the first base defines '\(settings.pool)'", hint: nil)
      }
      guard found.isActive else {
        return Diagnosis(
          name: name, status: .warning, detail: "pool '\(found.name)' over \(pool.path) is stopped; the next base starts it",
          hint: "virsh pool-start \(found.name)")
      }
      let adopted = found.name == settings.pool ? "" : ", somebody else's, which is used"
      return Diagnosis(name: name, status: .ok, detail: "pool '\(found.name)' shows \(pool.path)\(adopted)", hint: nil)
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .warning, detail: error.message, hint: error.hint)
    }
  }

  private func diagnoseSecret(
    _ libvirt: LibvirtClient, _ settings: Configuration.Libvirt, _ cluster: Configuration.Cluster, _ context: RequestContext
  ) async -> Diagnosis {
    let (name, usage) = ("libvirt secret", settings.secret)
    let key: [UInt8]?
    if let connection = try? await clusters.connect(cluster.name, as: cluster.user, deadline: context.deadline) {
      key = try? await self.key(of: cluster.user, connection)
    } else {
      key = nil
    }
    do {
      let answer = try await libvirt.call("look for the secret '\(usage)'", deadline: context.deadline) { libvirt in
        (try CephSecret.find(libvirt, usage: usage, key: key), try CephSecret.usages(libvirt))
      }
      let setValue = "virsh secret-set-value UUID --file KEYFILE (ceph auth print-key client.\(cluster.user) > KEYFILE)"
      guard let secret = answer.0 else {
        let others = answer.1.map { "'\($0)'" }.joined(separator: ", ")
        if settings.createSecret {
          return Diagnosis(name: name, status: .ok, detail: "there is no '\(usage)' yet; the first disk makes it", hint: nil)
        }
        return Diagnosis(
          name: name, status: .failed,
          detail: "libvirt has no secret for Ceph with the usage name '\(usage)'" + (others.isEmpty ? "" : "; it has \(others)"),
          hint: others.isEmpty
            ? "set libvirt.create_secret: true, or define one: virsh secret-define FILE; \(setValue)"
            : "set libvirt.secret to the one that holds the key of client.\(cluster.user)")
      }
      switch secret.value {
      case .set(isOurs: true):
        return Diagnosis(name: name, status: .ok, detail: "'\(usage)' holds the key of client.\(cluster.user)", hint: nil)
      case .set(isOurs: nil): return Diagnosis(name: name, status: .ok, detail: "'\(usage)' is \(secret.uuid)", hint: nil)
      case .set(isOurs: false):
        return Diagnosis(
          name: name, status: .failed, detail: "'\(usage)' holds another key than that of client.\(cluster.user)",
          hint: setValue.replacing("UUID", with: secret.uuid))
      case .hidden:
        return Diagnosis(
          name: name, status: .ok,
          detail: "'\(usage)' is \(secret.uuid); it is private or has no value, and cannot be compared with the key", hint: nil)
      }
    } catch {
      let error = SlipwayError.wrap(error)
      return Diagnosis(name: name, status: .warning, detail: error.message, hint: error.hint)
    }
  }

  /// QEMU loads its drivers as modules where distributions build it so.
  private func diagnoseBlockDriver() async -> Diagnosis {
    let name = "QEMU's rbd driver"
    let folders = [
      "/usr/lib/x86_64-linux-gnu/qemu", "/usr/lib/aarch64-linux-gnu/qemu", "/usr/lib/qemu", "/usr/lib64/qemu", "/usr/lib64/qemu-kvm",
      "/usr/local/lib/qemu",
    ]
    let found = try? await files.run { () -> (modules: Bool, rbd: Bool) in
      var modules = false
      for folder in folders {
        guard let directory = try? Directory.following(folder) else { continue }
        defer { try? directory.close() }
        let names = (try? directory.names()) ?? []
        if names.contains("block-rbd.so") { return (true, true) }
        if names.contains(where: { $0.hasPrefix("block-") && $0.hasSuffix(".so") }) { modules = true }
      }
      return (modules, false)
    }
    switch found {
    case (_, true)?: return Diagnosis(name: name, status: .ok, detail: "it is installed", hint: nil)
    case (true, false)?:
      return Diagnosis(
        name: name, status: .failed, detail: "QEMU has block drivers as modules, and that for RBD is not among them",
        hint: "apt install qemu-block-extra (dnf install qemu-kvm-block-rbd)")
    default:
      return Diagnosis(
        name: name, status: .ok, detail: "QEMU has no drivers as modules here; whether RBD is built in is seen when a machine starts",
        hint: nil)
    }
  }

  /// A trap of the usual caps: librbd reads a snapshot with them, and QEMU, which registers a watch, does not. A clone works for both.
  private func diagnoseCaps(_ settings: Configuration.Cluster, _ context: RequestContext) async -> [Diagnosis] {
    var found: [Diagnosis] = []
    for pool in settings.imagePools ?? [] {
      let name = "QEMU and image pool \(pool)"
      guard let isWatchable = try? await canWatch(pool, settings, context) else { continue }
      found.append(
        isWatchable
          ? Diagnosis(name: name, status: .ok, detail: "client.\(settings.user) may open images there as QEMU opens them", hint: nil)
          : Diagnosis(
            name: name, status: .ok,
            detail:
              "client.\(settings.user) opens snapshots there by read-only librbd alone: QEMU and qemu-img boot from clones, not from image@snapshot",
            hint:
              "nothing to do for Slipway; who must boot a snapshot itself: ceph auth caps client.\(settings.user) osd '…, profile rbd pool=\(pool)' (which allows writing)"
          ))
    }
    return found
  }

  /// Whether the user may open an image for writing, which registers a watch; nil (by an error) where there is none to try.
  private func canWatch(_ name: String, _ settings: Configuration.Cluster, _ context: RequestContext) async throws -> Bool? {
    let cluster = try await clusters.connect(settings.name, as: settings.user, deadline: context.deadline)
    let pool = try await cluster.pool(name)
    do {
      guard let image = try await pool.images().first else {
        await pool.close()
        return nil
      }
      var isAllowed = true
      do {
        await (try pool.open(image, readOnly: false)).close()
      } catch let error as SlipwayError where error.code == .permissionDenied {
        isAllowed = false
      }
      await pool.close()
      return isAllowed
    } catch {
      await pool.close()
      throw error
    }
  }

  /// Whether bases get the protection that the configuration asks for.
  func diagnoseProtection(_ context: RequestContext) async -> [Diagnosis] {
    guard configuration.store.layout == .native, configuration.store.immutable != .off else { return [] }
    let name = "immutable bases"
    if configuration.store.immutability == .off {
      return [
        Diagnosis(
          name: name, status: .warning, detail: "bases stay changeable, since SELinux must label them for each machine",
          hint: "set store.immutable: on if your policy labels the store (semanage fcontext -a -t virt_content_t), or off to say no more")
      ]
    }
    guard let store = try? await store(context) else { return [] }
    switch try? await store.tryImmutable() {
    case .works?:
      return [Diagnosis(name: name, status: .ok, detail: "the file system of \(store.path) has the flag, and we may set it", hint: nil)]
    case .unsupported?:
      return [
        Diagnosis(
          name: name, status: .warning,
          detail: "the file system of \(store.path) has no immutable flag: libvirt's QEMU user becomes the owner of bases",
          hint: "use ext4, xfs or btrfs for store.path, or set store.immutable: off")
      ]
    case .denied?:
      return [
        Diagnosis(
          name: name, status: .warning, detail: "this process may not make files immutable",
          hint: "run as root, or give the daemon CAP_LINUX_IMMUTABLE, CAP_CHOWN, CAP_FOWNER, CAP_LEASE and CAP_DAC_READ_SEARCH")
      ]
    case nil: return []
    }
  }

  /// Where AppArmor confines libvirt's helper, it must be let read the store: it looks into every file of a chain.
  func diagnoseAppArmor(_ context: RequestContext) async -> [Diagnosis] {
    guard libvirt != nil else { return [] }
    let paths = [(try? await store(context))?.basesPath, configuration.disks.path].compactMap { $0 }
    let missing = try? await files.run { try AppArmor.missing(paths) }
    guard let missing = missing ?? nil else { return [] }
    let name = "AppArmor"
    guard !missing.isEmpty else {
      return [Diagnosis(name: name, status: .ok, detail: "libvirt's helper may read the store and the disks", hint: nil)]
    }
    return [
      Diagnosis(
        name: name, status: .warning, detail: "libvirt's helper (virt-aa-helper) is not told of \(missing.joined(separator: " and "))",
        hint:
          "install etc/apparmor/slipway as \(AppArmor.helper), with these paths in it, and: apparmor_parser -r /etc/apparmor.d/usr.lib.libvirt.virt-aa-helper"
      )
    ]
  }
}

/// What AppArmor's configuration says of libvirt's helper.
enum AppArmor {
  /// Where an administrator adds to the helper's profile.
  static let helper = "/etc/apparmor.d/local/usr.lib.libvirt.virt-aa-helper"

  /// Those of `paths` that the helper's local rules do not name; nil where AppArmor is not in force.
  static func missing(
    _ paths: [String], enabled: String = "/sys/module/apparmor/parameters/enabled", rules: String = helper
  ) throws -> [String]? {
    guard let state = try? text(of: enabled), state.hasPrefix("Y") else { return nil }
    let lines = ((try? text(of: rules)) ?? "").split(separator: "\n").map { $0.drop { $0 == " " } }.filter { !$0.hasPrefix("#") }
    return paths.filter { path in !lines.contains { $0.hasPrefix("\(path)/") || $0.hasPrefix("\"\(path)/") } }
  }

  private static func text(of path: String) throws -> String {
    let file = try File.open(path, under: nil)
    defer { try? file.close() }
    return String(decoding: try file.readAll(limit: 1 << 20), as: UTF8.self)
  }
}
