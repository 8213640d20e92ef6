internal import CCeph
internal import Model
internal import Runtime

extension LoadedLibrary {
  /// librbd, which brings librados.
  static let ceph = LoadedLibrary("librbd", package: "librbd1", failure: .clusterUnreachable) { slipway_load_ceph($0, $1) }
}
