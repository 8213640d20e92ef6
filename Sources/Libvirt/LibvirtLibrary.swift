internal import CLibvirt
internal import Model
internal import Runtime

extension LoadedLibrary {
  /// libvirt's client library.
  static let libvirt = LoadedLibrary("libvirt", package: "libvirt0", failure: .libvirtUnavailable) { slipway_load_libvirt($0, $1) }
}
